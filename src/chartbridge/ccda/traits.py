"""What the body says of the patient as a person: birth sex, gender identity and the like, for the Patient.

C-CDA has these as observations of the social history. The guide C-CDA on FHIR would have them as
extensions only; here they become extensions of the Patient and stay Observations, which have the time,
the author and the status.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, effective
from chartbridge.ccda.names import PARTICIPANT, STATUS_CODE, VALUE
from chartbridge.ccda.patient import CORE, US_CORE
from chartbridge.ccda.registry import FAMILY_HISTORY, about_another
from chartbridge.ccda.statement import Statement

Json = dict[str, Any]

BIRTH_SEXES = {
    "F": "F",
    "M": "M",
    "248152002": "F",
    "248153007": "M",
    "UNK": "UNK",
    "ASKU": "ASKU",
    "OTH": "OTH",
}
"""Values of a birth sex, by the code of AdministrativeGender, SNOMED CT or NullFlavor: US Core's code.

What is not here (undifferentiated, asked but declined) US Core has no code for: the Observation tells it.
"""
SEXES = {
    "F": "248152002",
    "M": "248153007",
    "248152002": "248152002",
    "248153007": "248153007",
    "184115007": "184115007",
    "asked-declined": "asked-declined",
    "UNK": "184115007",
}
"""Values of a sex, likewise: US Core's code, which is SNOMED CT's or "asked-declined"."""


def _birth_sex(value: Json) -> Json | None:
    return _code("us-core-birthsex", BIRTH_SEXES, value)


def _sex(value: Json) -> Json | None:
    return _code("us-core-sex", SEXES, value)


def _code(name: str, known: dict[str, str], value: Json) -> Json | None:
    for one in value.get("coding", ()):
        if one["code"] in known:
            return {"url": US_CORE + name, "valueCode": known[one["code"]]}
    return None


def _gender_identity(value: Json) -> Json:
    return {"url": US_CORE + "us-core-genderIdentity", "valueCodeableConcept": value}


def _tribe(value: Json) -> Json:
    parts = [{"url": "tribalAffiliation", "valueCodeableConcept": value}]
    return {"url": US_CORE + "us-core-tribal-affiliation", "extension": parts}


def _interpreter(value: Json) -> Json | None:
    if "coding" not in value:
        return None
    return {"url": US_CORE + "us-core-interpreter-needed", "valueCoding": value["coding"][0]}


def _pronouns(value: Json) -> Json:
    parts = [{"url": "value", "valueCodeableConcept": value}]
    return {"url": CORE + "individual-pronouns", "extension": parts}


Trait = Callable[[Json], Json | None]
TRAITS: dict[str, Trait] = {
    "76689-9": _birth_sex,
    "46098-0": _sex,
    "76691-5": _gender_identity,
    "95370-3": _tribe,
    "54588-9": _interpreter,
    "90778-2": _pronouns,
}
"""By the observation's LOINC code: what its value says of the Patient, as an extension."""
_BY_TEMPLATE: dict[str, Trait] = {
    t.BIRTH_SEX: _birth_sex,
    t.SEX_OBSERVATION: _sex,
    t.GENDER_IDENTITY: _gender_identity,
}
_SEVERAL = frozenset((_tribe,))
"""What a person may have more than one of at a time."""
_NULL_CODES: dict[Trait, tuple[str, ...]] = {
    _birth_sex: ("UNK", "ASKU", "OTH"),
    _sex: ("UNK",),
}
"""The nullFlavors that are codes of the extension's own value set."""
_VALID = frozenset(("", "completed", "active"))
_RETRACTED = frozenset(("nullified", "cancelled", "aborted"))
_OF_OTHERS = frozenset((FAMILY_HISTORY, "57075-4"))
"""Sections about relatives and about newborn children (LOINC)."""


def complete_patient(made: Json, ctx: Context) -> None:
    """Add to a Patient what observations of the body say of the person: US Core's birth sex, sex, gender
    identity, tribal affiliation and interpreter needed, and FHIR's pronouns.

    Only what holds of the patient counts: not what is negated, planned, nullified or cancelled (nor what
    stands within such a statement), nor what is about somebody else: a relative, a newborn child, or
    whom a participant of type SBJ names. Where several observations of a
    kind differ, the newest by effectiveTime wins, one without a time is older than any other, of the same
    time the first wins; and a known value wins over an unknown one. A person may have several tribal
    affiliations, so all of these are kept. The observations stay Observations as well.
    """
    newest: dict[Trait, tuple[bool, str, Json]] = {}
    several: list[Json] = []
    for st in ctx.statements:
        trait = _trait(st)
        if trait is None or not _holds(st):
            continue
        known, extension = _said(st, trait, ctx)
        if extension is None:
            continue
        if trait in _SEVERAL:
            if extension not in several:
                several.append(extension)
            continue
        moment = effective(st, ctx).start or ""
        before = newest.get(trait)
        if before is None or (known, moment) > before[:2]:
            newest[trait] = (known, moment, extension)
    made["extension"] += [newest[trait][2] for trait in TRAITS.values() if trait in newest] + several


def _trait(st: Statement) -> Trait | None:
    if st.tag != "observation":
        return None
    return _BY_TEMPLATE.get(st.template) or TRAITS.get(st.code_value())


def _holds(st: Statement) -> bool:
    """Whether an observation was made, is valid, and is about the patient."""
    if about_another(st) or st.section.code in _OF_OTHERS or st.code_value(STATUS_CODE) not in _VALID:
        return False
    holder: Statement | None = st
    while holder is not None:
        if (
            holder.negated
            or holder.planned
            or holder.code_value(STATUS_CODE) in _RETRACTED
            or holder.el.get("nullFlavor") is not None
            or any(el.get("typeCode") == "SBJ" for el in holder.children(PARTICIPANT))
        ):
            return False
        holder = holder.parent
    return True


def _said(st: Statement, trait: Trait, ctx: Context) -> tuple[bool, Json | None]:
    """Whether the value is known, and the extension that it gives."""
    el = st.child(VALUE)
    value = codeable(el, ctx)
    if value is not None:
        return True, trait(value)
    null_flavor = None if el is None else el.get("nullFlavor")
    if null_flavor not in _NULL_CODES.get(trait, ()):
        return False, None
    return False, trait({"coding": [{"code": null_flavor}]})
