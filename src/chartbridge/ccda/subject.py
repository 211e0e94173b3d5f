"""Whom a document is about, read from its header alone: to be checked before anything else is read."""

from __future__ import annotations

from typing import Any

from chartbridge.ccda.datatypes import date, identifiers
from chartbridge.ccda.demographics import addresses, birth_name, contact_points, human_names
from chartbridge.ccda.document import parse
from chartbridge.ccda.names import (
    ADDR,
    ADMINISTRATIVE_GENDER_CODE,
    BIRTH_TIME,
    ID,
    NAME,
    PATIENT,
    PATIENT_ROLE,
    RECORD_TARGET,
    TELECOM,
    Element,
)
from chartbridge.ccda.node import Node
from chartbridge.ccda.patient import GENDERS
from chartbridge.fhir import drop

Json = dict[str, Any]


def subjects(xml: bytes) -> list[Json]:
    """The persons that a C-CDA document says it is about: a FHIR R4 Patient each, with demographics only.

    One a recordTarget; none where the header names nobody. Raises CcdaError as ``convert`` does.
    """
    made = [_subject(Node(el)) for el in Node(parse(xml)).children(RECORD_TARGET)]
    return [one for one in made if one is not None]


def _subject(target: Node) -> Json | None:
    role = target.node(PATIENT_ROLE)
    if role is None:
        return None
    person = role.node(PATIENT) or role
    names = person.children(NAME)
    born = [name for el in names if (name := birth_name(el)) is not None]
    fields = {
        "identifier": identifiers(role.children(ID)),
        "name": [*human_names(names), *born],
        "telecom": contact_points(role.children(TELECOM)),
        "gender": _gender(person.child(ADMINISTRATIVE_GENDER_CODE)),
        "birthDate": date(person.child(BIRTH_TIME)),
        "address": addresses(role.children(ADDR)),
    }
    return {"resourceType": "Patient", **(drop(fields) or {})}


def _gender(el: Element | None) -> str | None:
    return None if el is None else GENDERS.get((el.get("code") or "").strip().upper())
