"""Family history: an organizer for each relative as FamilyMemberHistory."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, date, effective, identifiers
from chartbridge.ccda.demographics import display_name, human_names
from chartbridge.ccda.names import (
    ADMINISTRATIVE_GENDER_CODE,
    BIRTH_TIME,
    CODE,
    ID,
    NAME,
    RELATED_SUBJECT,
    SDTC_BIRTH_TIME,
    SDTC_DECEASED_IND,
    SDTC_DECEASED_TIME,
    STATUS_CODE,
    SUBJECT,
    TEXT,
    VALUE,
    Element,
)
from chartbridge.ccda.node import node_at
from chartbridge.ccda.registry import maps, part
from chartbridge.ccda.sections.common import Json, notes
from chartbridge.ccda.sections.problems import onset_age
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

SECTIONS = ("10157-6",)
GENDERS = {
    "M": ("male", "Male"),
    "F": ("female", "Female"),
    "UN": ("other", "Other"),
}
GENDER = "http://hl7.org/fhir/administrative-gender"
AGE_AT_DEATH = "39016-1"
UNKNOWN_RELATIVE = {"text": "Relative (not stated which)"}

part(t.FAMILY_HISTORY_DEATH, of="a family history observation")


@maps(t.FAMILY_HISTORY_ORGANIZER, sections=SECTIONS, elements=("organizer",), frames=True)
def family_member_history(st: Statement, ctx: Context) -> Json | None:
    """Family History Organizer as FamilyMemberHistory."""
    relative = node_at(st, SUBJECT, RELATED_SUBJECT)
    relationship = None if relative is None else codeable(relative.child(CODE), ctx)
    person = None if relative is None else relative.node(SUBJECT)
    findings = [s for s in st.related if s.tag == "observation"]
    deceased = False
    conditions: list[Json] = []
    at_death: Json = {}
    for finding in findings:
        if finding.code_value() == AGE_AT_DEATH and not finding.negated and not finding.planned:
            at_death = onset_age(finding, "deceased")
            finding.taken = bool(at_death)
            continue
        made, died = _condition(finding, ctx)
        if made is not None:
            conditions.append(made)
            finding.taken = True
        deceased = deceased or died
    if relationship is None and not conditions and not at_death:
        return None
    gender = None if person is None else _gender(person.child(ADMINISTRATIVE_GENDER_CODE))
    birth = None if person is None else date(person.child(BIRTH_TIME)) or date(person.child(SDTC_BIRTH_TIME))
    return ctx.add(
        "FamilyMemberHistory",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "completed" if st.code_value(STATUS_CODE) in ("completed", "") else "partial",
            "patient": ctx.patient,
            **_date(st, ctx),
            "name": display_name(next(iter(human_names(person.children(NAME))), None)) if person else None,
            "relationship": relationship or UNKNOWN_RELATIVE,
            "sex": gender,
            "bornDate": birth,
            **(at_death or _deceased(person.one if person else {}, deceased)),
            "note": notes(st, ctx),
            "condition": conditions,
        },
        st,
    )


@maps(
    t.FAMILY_HISTORY_OBSERVATION,
    sections=SECTIONS,
    elements=("observation",),
    of_another=(t.PROBLEM_OBSERVATION,),
    frames=True,
)
def lone_family_history(st: Statement, ctx: Context) -> Json | None:
    """A family history observation without an organizer, or a problem of somebody else: a relative of
    whom only this is known."""
    relative = st.another
    relationship = None if relative is None else codeable(relative.child(CODE), ctx)
    made, died = _condition(st, ctx)
    if made is None:
        return None
    return ctx.add(
        "FamilyMemberHistory",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "entered-in-error" if st.nullified else "partial",
            "patient": ctx.patient,
            "relationship": relationship or UNKNOWN_RELATIVE,
            "deceasedBoolean": died or None,
            "condition": [made],
        },
        st,
    )


def _date(st: Statement, ctx: Context) -> Json:
    moment = effective(st, ctx).start
    return {"date": moment} if moment else {}


def _gender(el: Element | None) -> Json | None:
    code = None if el is None else el.get("code")
    known = GENDERS.get(code or "")
    return None if known is None else {"coding": [{"system": GENDER, "code": known[0], "display": known[1]}]}


def _deceased(person: dict[str, Element], died: bool) -> Json:
    on = date(person.get(SDTC_DECEASED_TIME))
    if on:
        return {"deceasedDate": on}
    flag = person.get(SDTC_DECEASED_IND)
    said = None if flag is None else flag.get("value")
    if died or said == "true":
        return {"deceasedBoolean": True}
    return {"deceasedBoolean": False} if said == "false" else {}


def _condition(st: Statement, ctx: Context) -> tuple[Json | None, bool]:
    """One finding, and whether the relative died (of it); nothing of what is only planned."""
    if st.planned:
        st.reason = "planned, and about another person"
        return None, False
    code = codeable(st.child(VALUE), ctx)
    if code is None:
        text = ctx.text(st.child(TEXT))
        code = {"text": text} if text else None
    death = st.take(t.FAMILY_HISTORY_DEATH)
    died = death is not None and not death.negated
    if code is None:
        return None, died
    remarks = notes(st, ctx)
    if st.denied:
        words = code.get("text") or next((c.get("display") or c["code"] for c in code["coding"]), "")
        code = {"text": f"No history of: {words}"}
        remarks.insert(0, {"text": "Negated in the source (negationInd)"})
    age = st.take(t.AGE_OBSERVATION)
    onset = effective(st, ctx)
    began = {} if age is None else onset_age(age)
    if onset.start is not None:
        if began:
            remarks.append({"text": f"Date: {onset.start}"})
        else:
            began = {"onsetString": onset.start}
    if onset.high is not None:
        remarks.append({"text": f"Ended: {onset.high}"})
    return (
        drop(
            {
                "code": code,
                "contributedToDeath": True
                if died and death is not None and death.type_code == "CAUS"
                else None,
                **began,
                "note": remarks,
            }
        ),
        died,
    )
