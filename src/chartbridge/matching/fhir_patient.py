"""A FHIR R4 Patient in the API's shape, as ``linkage`` compares it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chartbridge.matching.people import MAX_ENTRIES

SSN = ("http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1")


def demographics(patient: Mapping[str, Any]) -> dict[str, Any]:
    """What of the Patient can be compared. Elements of unexpected types are left out.

    Driver's licences are left out: FHIR names their state by another code than the API does.
    """
    names = [name for name in map(_name, _list(patient, "name")) if name]
    return {
        **(names[0] if names else {}),
        "otherNames": names[1:],
        "dob": patient.get("birthDate"),
        "genderAtBirth": patient.get("gender"),
        "address": [_address(held) for held in _list(patient, "address")],
        "contact": [
            {"phone" if held.get("system") != "email" else "email": held.get("value")}
            for held in _list(patient, "telecom")
            if held.get("system") in ("phone", "sms", "email")
        ],
        "personalIdentifiers": [
            {"type": "ssn", "value": held.get("value")}
            for held in _list(patient, "identifier")
            if held.get("system") in SSN
        ],
    }


def _name(held: Mapping[str, Any]) -> dict[str, Any]:
    """A name; of one in a single text the last word is taken as the family name."""
    given, family, suffix = _words(held.get("given")), _words(held.get("family")), _words(held.get("suffix"))
    text = _words(held.get("text"))
    if not given and not family and text:
        given, _, family = text.replace(",", " ").strip().rpartition(" ")
        if "," in text:
            family, _, given = text.partition(",")
    made = {"firstName": given, "lastName": family, "suffix": suffix}
    return made if given or family else {}


def _address(held: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "addressLine1": _words(held.get("line")),
        "city": held.get("city"),
        "state": held.get("state"),
        "zip": held.get("postalCode"),
    }


def _words(value: object) -> str:
    if isinstance(value, str):
        return value
    return " ".join(v for v in value[:MAX_ENTRIES] if isinstance(v, str)) if isinstance(value, list) else ""


def _list(patient: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    held = patient.get(name)
    return [e for e in held[:MAX_ENTRIES] if isinstance(e, Mapping)] if isinstance(held, list) else []
