"""Allergies and intolerances: Allergy Concern Act and its observations as AllergyIntolerance.

Follows C-CDA on FHIR, allergies. "No known allergies" (a negated observation without a substance)
becomes the negated SNOMED CT concept; a negated observation with a substance becomes that substance
with verificationStatus ``refuted``.
"""

from __future__ import annotations

import re
from typing import Any

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import SNOMED
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import (
    absent_extension,
    codeable,
    concept,
    effective,
    identifiers,
    title,
    when,
)
from chartbridge.ccda.names import (
    CODE,
    EFFECTIVE_TIME,
    ID,
    NAME,
    ORIGINAL_TEXT,
    PARTICIPANT,
    PARTICIPANT_ROLE,
    PLAYING_ENTITY,
    STATUS_CODE,
    TEXT,
    VALUE,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.registry import about_another, maps, part
from chartbridge.ccda.sections.common import Json, frame, notes
from chartbridge.ccda.sections.concerns import add_concern_notes
from chartbridge.ccda.statement import Statement
from chartbridge.ccda.times import Interval
from chartbridge.fhir import drop

CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
SECTIONS = ("48765-2",)

CATEGORY = {
    "235719002": "food",
    "414285001": "food",
    "418471000": "food",
    "416098002": "medication",
    "419511003": "medication",
    "59037007": "medication",
    "232347008": "environment",
    "426232007": "environment",
    "FALG": "food",
    "FINT": "food",
    "FNAINT": "food",
    "DALG": "medication",
    "DINT": "medication",
    "DNAINT": "medication",
    "EALG": "environment",
    "EINT": "environment",
    "ENAINT": "environment",
}
TYPE = {
    "235719002": "intolerance",
    "59037007": "intolerance",
    "414285001": "allergy",
    "416098002": "allergy",
    "419199007": "allergy",
    "232347008": "allergy",
    "426232007": "allergy",
    "ALG": "allergy",
    "FALG": "allergy",
    "DALG": "allergy",
    "EALG": "allergy",
    "FINT": "intolerance",
    "DINT": "intolerance",
    "EINT": "intolerance",
    "FNAINT": "intolerance",
    "DNAINT": "intolerance",
    "ENAINT": "intolerance",
}
NO_KNOWN = {
    "414285001": ("429625007", "No known food allergy"),
    "416098002": ("409137002", "No known drug allergy"),
    "419511003": ("409137002", "No known drug allergy"),
    "419199007": ("716186003", "No known allergy"),
    "420134006": ("716186003", "No known allergy"),
    "418038007": ("716186003", "No known allergy"),
}
_NOTHING = re.compile(
    r"\s*(?:(?:no|nil)\b.*\b(?:known|allerg)|none\s*(?:known)?\s*$|nkd?a\s*$)", re.IGNORECASE
)
"""What a 'substance' says that is none: with a negation it says so twice, and means it once."""
NO_KNOWN_CODES = frozenset(("716186003", "409137002", "429625007", "428607008", "428197003", "160244002"))
_ANY_SUBSTANCE = frozenset(("105590001", "410942007", "373873005", "763158003", "255620007", "762766007"))
"""Substance, drug, medicinal product, food: what is beside a 'no known allergy' names no allergen."""
STATUS = {
    "55561003": "active",
    "73425007": "inactive",
    "413322009": "resolved",
    "active": "active",
    "inactive": "inactive",
    "resolved": "resolved",
}
CONCERN_STATUS = {"active": "active", "completed": "inactive", "suspended": "inactive", "aborted": "inactive"}
SEVERITY = {
    "255604002": "mild",
    "371923003": "mild",
    "6736007": "moderate",
    "371924009": "moderate",
    "24484000": "severe",
    "399166001": "severe",
    "L": "mild",
    "M": "moderate",
    "H": "severe",
}
CRITICALITY = {"CRITH": "high", "CRITL": "low", "CRITU": "unable-to-assess"}

part(
    t.ALLERGY_STATUS,
    t.REACTION_OBSERVATION,
    t.CRITICALITY_OBSERVATION,
    t.SEVERITY_OBSERVATION,
    of="an allergy",
)


@maps(t.ALLERGY_CONCERN_ACT, sections=SECTIONS, elements=("act",))
def allergy_concern(st: Statement, ctx: Context) -> Json | None:
    """Allergy Concern Act: its observations are the allergies."""
    content = [
        child
        for child in st.related
        if child.tag == "observation" and child.template in (t.ALLERGY_OBSERVATION, "")
    ]
    return frame(st, ctx, content)


@maps(
    t.ALLERGY_OBSERVATION, sections=SECTIONS, elements=("observation",), events_only=True, entries_only=True
)
def allergy_intolerance(st: Statement, ctx: Context) -> Json | None:
    """Allergy - Intolerance Observation as AllergyIntolerance."""
    value = codeable(st.child(VALUE), ctx)
    kinds = [one["code"] for one in value.get("coding", ())] if value else []
    substance = _substance(st, ctx)
    none_known = any(kind in NO_KNOWN_CODES for kind in kinds)
    named = substance is not None and not _names_none(substance, st.denied, none_known)
    contradicted = none_known and named
    if contradicted:
        ctx.issue("says that no allergy is known, and names an allergen: the allergen is kept")
    if named:
        code = substance
    elif none_known:
        code = value
    elif substance is not None:
        code = {**_no_known(kinds, None), **substance}
    else:
        code = _no_known(kinds, value) if st.denied else None
    if code is None:
        code = _text_only(st, ctx) or (value if not st.denied else None)
    if code is None:
        return None
    reactions, severities = _reactions(st, ctx)
    author, recorded = ctx.actors.author(st, st.path)
    onset = effective(st, ctx)
    made = ctx.add(
        "AllergyIntolerance",
        {
            "identifier": identifiers(st.children(ID)),
            **_statuses(st, onset.high is not None, st.denied and named, contradicted),
            "type": next((TYPE[kind] for kind in kinds if kind in TYPE), None),
            "category": [next((CATEGORY[kind] for kind in kinds if kind in CATEGORY), None)],
            "criticality": _criticality(st),
            "code": code,
            "patient": ctx.patient,
            **_onset(onset.choice("onset")),
            "recordedDate": recorded,
            "recorder": author,
            "note": notes(st, ctx)
            + severities
            + _ended(onset)
            + ([{"text": f"The source also says: {title(value)}"}] if contradicted else []),
            "reaction": reactions,
        },
        st,
    )
    return add_concern_notes(made, st, ctx)


def _onset(choice: dict[str, Any]) -> dict[str, Any]:
    """A period that only begins is an onset at that time; how it ended is the clinical status."""
    period = choice.get("onsetPeriod")
    if period and "start" in period:
        return {"onsetDateTime": period["start"]}
    return {} if period else choice


def _ended(onset: Interval) -> list[Json]:
    """When the allergy ended, as a note: R4 has only the status for it."""
    return [] if onset.high is None else [{"text": f"Ended: {onset.high}"}]


def _substance(st: Statement, ctx: Context) -> Json | None:
    """The consumable: code, or else its name or original text."""
    for el in st.children(PARTICIPANT):
        if el.get("typeCode") not in ("CSM", None):
            continue
        entity = node_at(Node(el), PARTICIPANT_ROLE, PLAYING_ENTITY)
        if entity is None:
            continue
        found = codeable(entity.child(CODE), ctx)
        name = ctx.text(entity.child(NAME))
        if found is None and name is not None:
            found = {"text": name}
        if found is not None:
            return found
    return None


def _names_none(substance: Json, denied: bool, none_known: bool) -> bool:
    """Whether a substance says that there is none; its words alone can, where the statement says so too."""
    codings = substance.get("coding")
    if codings:
        none = NO_KNOWN_CODES | _ANY_SUBSTANCE if none_known else NO_KNOWN_CODES
        return all(one["code"] in none for one in codings)
    return (denied or none_known) and _NOTHING.match(substance["text"]) is not None


def _no_known(kinds: list[str], value: Json | None) -> Json:
    for kind in kinds:
        if kind in NO_KNOWN:
            return concept(SNOMED, *NO_KNOWN[kind])
    said = next((one.get("display") for one in (value or {}).get("coding", ()) if one.get("display")), None)
    if said is not None:
        return {"text": f"No known {said[0].lower()}{said[1:]}"}
    return concept(SNOMED, "716186003", "No known allergy")


def _text_only(st: Statement, ctx: Context) -> Json | None:
    value = st.node(VALUE)
    text = ctx.text(st.child(TEXT)) or (ctx.text(value.child(ORIGINAL_TEXT)) if value is not None else None)
    return {"text": text} if text else None


def _statuses(st: Statement, ended: bool, refuted: bool, contradicted: bool) -> Json:
    """clinicalStatus and verificationStatus; what was entered in error has no clinical status (ait-2)."""
    clinical = _clinical_status(st, ended)
    if st.nullified:
        return {"verificationStatus": concept(VERIFICATION, "entered-in-error")}
    return {
        "clinicalStatus": concept(CLINICAL, "inactive")
        if refuted
        else {"extension": absent_extension()}
        if clinical is None
        else concept(CLINICAL, clinical),
        "verificationStatus": concept(
            VERIFICATION, "refuted" if refuted else "unconfirmed" if contradicted else "confirmed"
        ),
    }


def _clinical_status(st: Statement, ended: bool) -> str | None:
    """As said, or as the concern is; R4 asks for one, so an allergy without any statusCode is active."""
    status = st.take(t.ALLERGY_STATUS, t.PROBLEM_STATUS) or st.take_coded("33999-4")
    if status is not None:
        said = status.code_value(VALUE)
        if said in STATUS:
            return STATUS[said]
    if ended:
        return "resolved"
    concern = st.parent.code_value(STATUS_CODE) if st.parent is not None else ""
    return CONCERN_STATUS.get(concern) if concern else "active"


def _criticality(st: Statement) -> str | None:
    criticality = st.take(t.CRITICALITY_OBSERVATION)
    return None if criticality is None else CRITICALITY.get(criticality.code_value(VALUE))


def _severity(st: Statement) -> tuple[str | None, Statement | None]:
    severity = st.take(t.SEVERITY_OBSERVATION)
    return (None, None) if severity is None else (SEVERITY.get(severity.code_value(VALUE)), severity)


def _reactions(st: Statement, ctx: Context) -> tuple[list[Json], list[Json]]:
    """Reactions, and severities of the allergy itself: those go to reactions without their own."""
    overall, severity = _severity(st)
    made: list[Json] = []
    for reaction in st.related:
        if reaction.taken or not (
            reaction.template == t.REACTION_OBSERVATION
            or (reaction.tag == "observation" and reaction.type_code == "MFST" and not reaction.template)
        ):
            continue
        manifestation = codeable(reaction.child(VALUE), ctx)
        text = ctx.text(reaction.child(TEXT))
        if manifestation is None and text is not None:
            manifestation = {"text": text}
        if manifestation is None or reaction.planned or not reaction.is_asserted or about_another(reaction):
            continue
        reaction.taken = True
        own, _ = _severity(reaction)
        made.append(
            drop(
                {
                    "manifestation": [manifestation],
                    "description": text if text != manifestation.get("text") else None,
                    "onset": when(reaction.child(EFFECTIVE_TIME), ctx).start,
                    "severity": own or overall,
                    "note": notes(reaction, ctx),
                }
            )
            or {}
        )
    if severity is not None and (not made or any(one.get("severity") != overall for one in made)):
        said = codeable(severity.child(VALUE), ctx)
        words = said and (said.get("text") or next((c.get("display") for c in said.get("coding", ())), None))
        return made, [{"text": f"Severity: {words}"}] if words else []
    return made, []
