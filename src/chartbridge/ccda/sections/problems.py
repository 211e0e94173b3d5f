"""Problems: Problem Concern Act and Problem Observation as Condition; also diagnoses and findings.

Follows C-CDA on FHIR, problems. A negated problem is a Condition with verificationStatus ``refuted``;
"no known problems" is the SNOMED CT concept for it.
"""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import SNOMED, UCUM
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import (
    codeable,
    codeables,
    concept,
    date_time,
    effective,
    identifiers,
    number,
    title,
)
from chartbridge.ccda.names import (
    CODE,
    EFFECTIVE_TIME,
    ID,
    STATUS_CODE,
    TARGET_SITE_CODE,
    TEXT,
    VALUE,
)
from chartbridge.ccda.registry import maps, part
from chartbridge.ccda.sections.common import Json, frame, notes
from chartbridge.ccda.sections.concerns import HEALTH_CONCERNS, NAMES_NOTHING, concern_notes
from chartbridge.ccda.sections.observation import observation
from chartbridge.ccda.statement import Statement

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
US_CORE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"

SECTIONS = (
    "11450-4",
    "11348-0",
    "10154-3",
    "46241-6",
    "46239-0",
    "11535-2",
    "29299-5",
    "10219-4",
    "10218-6",
    "59769-0",
    "42347-5",
    "55109-3",
)

PROBLEM_LIST = concept(CATEGORY, "problem-list-item", "Problem List Item")
ENCOUNTER_DIAGNOSIS = concept(CATEGORY, "encounter-diagnosis", "Encounter Diagnosis")
HEALTH_CONCERN = concept(US_CORE_CATEGORY, "health-concern", "Health Concern")
_DIAGNOSIS_SECTIONS = frozenset(
    ("46240-8", "46241-6", "11535-2", "29299-5", "10219-4", "10218-6", "59769-0", "42347-5")
)
_CONCERN_SECTIONS = frozenset(("75310-3",))
_DIAGNOSIS_ACTS = frozenset(
    (
        t.ENCOUNTER_DIAGNOSIS,
        t.HOSPITAL_ADMISSION_DIAGNOSIS,
        t.HOSPITAL_DISCHARGE_DIAGNOSIS,
        t.PREOPERATIVE_DIAGNOSIS,
        t.POSTPROCEDURE_DIAGNOSIS,
    )
)

STATUS = {
    "55561003": "active",
    "73425007": "inactive",
    "413322009": "resolved",
    "246455001": "recurrence",
    "263855007": "relapse",
    "277022003": "remission",
    "active": "active",
    "inactive": "inactive",
    "resolved": "resolved",
}
CONCERN_STATUS = {"active": "active", "completed": "inactive", "suspended": "inactive", "aborted": "inactive"}
STILL_THERE = frozenset(("active", "recurrence", "relapse"))
PROBLEM_CODES = frozenset(("55607006", "64572001", "404684003", "409586006"))
"""Disease, condition, finding: with a negation and no more, they mean 'no known problems'."""

part(
    t.PROBLEM_STATUS,
    t.HEALTH_STATUS,
    t.AGE_OBSERVATION,
    t.DATE_OF_DIAGNOSIS,
    t.PRIORITY_PREFERENCE,
    of="a problem",
)


@maps(t.PROBLEM_CONCERN_ACT, sections=SECTIONS, elements=("act",), frames=True)
@maps(
    t.ENCOUNTER_DIAGNOSIS,
    t.HOSPITAL_ADMISSION_DIAGNOSIS,
    t.HOSPITAL_DISCHARGE_DIAGNOSIS,
    t.PREOPERATIVE_DIAGNOSIS,
    t.POSTPROCEDURE_DIAGNOSIS,
)
def problem_concern(st: Statement, ctx: Context) -> Json | None:
    """Problem Concern Act and the diagnosis acts: their observations are the conditions."""
    content = [
        child
        for child in st.related
        if child.tag == "observation" and child.template in (t.PROBLEM_OBSERVATION, t.INDICATION, "")
    ]
    return frame(st, ctx, content)


@maps(
    t.PROBLEM_OBSERVATION,
    t.COGNITIVE_STATUS_PROBLEM,
    t.FUNCTIONAL_STATUS_PROBLEM,
    sections=SECTIONS,
    elements=("observation",),
    events_only=True,
    entries_only=True,
)
def condition(st: Statement, ctx: Context) -> Json | None:
    """Problem Observation as Condition."""
    code = problem_code(st, ctx)
    if code is None:
        return None
    onset = effective(st, ctx)
    clinical, abatement = _clinical_status(st, onset.high, onset.high_null)
    mistaken = st.nullified
    refuted = st.denied and not _is_no_known(code)
    author, recorded = ctx.actors.author(st, st.path)
    if author is None and recorded is None and st.parent is not None:
        author, recorded = ctx.actors.author(st.parent, st.parent.path)
    age = st.take(t.AGE_OBSERVATION)
    at_age = {} if age is None else onset_age(age)
    remarks = notes(st, ctx) + ended(abatement, mistaken)
    remarks += _age_note(at_age) if onset.start is not None else []
    return ctx.add(
        "Condition",
        {
            "identifier": identifiers(st.children(ID)),
            **statuses("inactive" if refuted else clinical, refuted, mistaken),
            "category": [category(st), *_kind(st, ctx)],
            "severity": _severity(st, ctx),
            "code": code,
            "bodySite": codeables(st.children(TARGET_SITE_CODE), ctx),
            "subject": ctx.patient,
            "onsetDateTime": onset.start,
            **(at_age if onset.start is None else {}),
            "abatementDateTime": abatement if not onset.reversed and not mistaken else None,
            "recordedDate": recorded or _diagnosed(st, ctx),
            "recorder": author,
            "note": remarks + concern_notes(st, ctx, code, remarks),
        },
        st,
    )


def statuses(clinical: str | None, refuted: bool, mistaken: bool) -> Json:
    """clinicalStatus and verificationStatus; what was entered in error has no clinical status (con-5)."""
    if mistaken:
        return {"verificationStatus": concept(VERIFICATION, "entered-in-error")}
    return {
        "clinicalStatus": None if clinical is None else concept(CLINICAL, clinical),
        "verificationStatus": concept(VERIFICATION, "refuted" if refuted else "confirmed"),
    }


def ended(abatement: str | None, mistaken: bool) -> list[Json]:
    """The end of what was entered in error, as a note: an abatement needs a clinical status (con-4)."""
    return [{"text": f"Ended: {abatement}"}] if mistaken and abatement is not None else []


def problem_code(st: Statement, ctx: Context) -> Json | None:
    """The value; without one, the statement's text; a denied 'problem', of which neither a further code
    nor any word tells which one, is 'no known problems'."""
    value = st.child(VALUE)
    code = codeable(value, ctx)
    if code is None and value is not None and value.text and value.text.strip():
        code = {"text": value.text.strip()}
    if code is None or (st.denied and "text" not in code and _codes(code) <= PROBLEM_CODES):
        text = ctx.text(st.child(TEXT))
        if text:
            code = {**(code or {}), "text": text}
    if st.denied and (code is None or _names_nothing(code)):
        return concept(SNOMED, "160245001", "No current problems or disability")
    return code


def _names_nothing(code: Json) -> bool:
    """Whether neither the codes nor the words tell which problem it is."""
    told = [code.get("text", ""), *(one.get("display", "") for one in code.get("coding", ()))]
    return _codes(code) <= PROBLEM_CODES and all(NAMES_NOTHING.fullmatch(words) for words in told)


def category(st: Statement) -> Json:
    """By the act or the section that the problem stands in; the problem list is the default."""
    parent = st.parent
    while parent is not None:
        if parent.template in _DIAGNOSIS_ACTS or parent.tag == "encounter":
            return ENCOUNTER_DIAGNOSIS
        if parent.template in HEALTH_CONCERNS:
            return HEALTH_CONCERN
        parent = parent.parent
    if st.section.code in _DIAGNOSIS_SECTIONS:
        return ENCOUNTER_DIAGNOSIS
    return HEALTH_CONCERN if st.section.code in _CONCERN_SECTIONS else PROBLEM_LIST


def _kind(st: Statement, ctx: Context) -> list[Json]:
    """The observation's code where it says more than 'problem' or 'assertion', as a further category."""
    code = codeable(st.child(CODE), ctx)
    if code is None or "coding" not in code:
        return []
    if _codes(code) & {"ASSERTION", "55607006", "64572001", "75326-9", "75323-6", "29308-4"}:
        return []
    return [code]


def _codes(value: Json) -> set[str]:
    return {one["code"] for one in value.get("coding", ())}


def _is_no_known(code: Json) -> bool:
    return "160245001" in _codes(code)


def _clinical_status(st: Statement, high: str | None, high_null: str | None) -> tuple[str | None, str | None]:
    """The clinical status and the abatement: C-CDA says an end date means resolved, so it wins (con-4).

    Only a Problem Concern Act's statusCode tells of the problem; that of a diagnosis act or a health
    concern tells of the act, and a code that says neither active nor over is no clinical status.
    """
    said = None
    status = st.take(t.PROBLEM_STATUS, t.ALLERGY_STATUS) or st.take_coded("33999-4")
    if status is not None:
        said = STATUS.get(status.code_value(VALUE))
    if high is not None:
        return (said if said is not None and said not in STILL_THERE else "resolved"), high
    if said is not None:
        return said, None
    if st.parent is None or st.parent.template != t.PROBLEM_CONCERN_ACT:
        return None, None
    concern = st.parent.code_value(STATUS_CODE)
    if concern == "completed" and high_null == "UNK":
        return "resolved", None
    return CONCERN_STATUS.get(concern), None


def _severity(st: Statement, ctx: Context) -> Json | None:
    severity = st.take(t.SEVERITY_OBSERVATION)
    return None if severity is None else codeable(severity.child(VALUE), ctx)


def onset_age(st: Statement, name: str = "onset") -> Json:
    """Age Observation as ``<name>Age``; without a unit of time it is no Age, and is told as a string."""
    value = st.child(VALUE)
    years = None if value is None else number(value.get("value"))
    if value is None or years is None or years < 0:
        return {}
    unit = value.get("unit")
    if unit not in ("a", "mo", "wk", "d", "h", "min"):
        return {f"{name}String": f"{years} {unit or ''}".strip()}
    return {f"{name}Age": {"value": years, "unit": unit, "system": UCUM, "code": unit}}


def _age_note(age: Json) -> list[Json]:
    """An age beside a date, which has the place: in a note."""
    made = []
    for said in age.values():
        words = said if isinstance(said, str) else f"{said['value']} {said['unit']}"
        made.append({"text": f"Age at onset: {words}"})
    return made


def _diagnosed(st: Statement, ctx: Context) -> str | None:
    diagnosed = st.take(t.DATE_OF_DIAGNOSIS)
    return None if diagnosed is None else date_time(diagnosed.child(EFFECTIVE_TIME), ctx)


@maps(t.HEALTH_STATUS, events_only=True)
def health_status(st: Statement, ctx: Context) -> Json | None:
    """Health Status Observation as Observation of its LOINC code."""
    value = codeable(st.child(VALUE), ctx)
    if value is None or title(value) is None:
        return None
    return observation(st, ctx)
