"""Results: Result Organizer as DiagnosticReport with its Observations; Result Observation as Observation."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, concept, effective, identifiers
from chartbridge.ccda.names import CODE, ID, STATUS_CODE
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json, code_or_text, notes
from chartbridge.ccda.sections.observation import (
    category,
    member_observations,
    observation,
    specimen,
)
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import instant

SECTIONS = ("30954-2", "11502-2", "18725-2", "18748-4", "34530-6")
DIAGNOSTIC_SERVICE = "http://terminology.hl7.org/CodeSystem/v2-0074"
LABORATORY = category("laboratory", "Laboratory")

REPORT_STATUS = {
    "completed": "final",
    "active": "registered",
    "held": "registered",
    "new": "registered",
    "suspended": "registered",
    "aborted": "cancelled",
    "cancelled": "cancelled",
    "nullified": "entered-in-error",
    "obsolete": "entered-in-error",
}


@maps(t.RESULT_ORGANIZER, sections=SECTIONS, elements=("organizer",), events_only=True)
def diagnostic_report(st: Statement, ctx: Context) -> Json | None:
    """Result Organizer as DiagnosticReport."""
    members = member_observations(st, ctx)
    code = code_or_text(st, ctx) or (members[0]["code"] if len(members) == 1 else None)
    moment = effective(st, ctx)
    if code is None and not members:
        return None
    author, authored = ctx.actors.author(st, st.path)
    return ctx.add(
        "DiagnosticReport",
        {
            "identifier": identifiers(st.children(ID)),
            "status": REPORT_STATUS.get(st.code_value(STATUS_CODE), "unknown"),
            "category": [concept(DIAGNOSTIC_SERVICE, "LAB", "Laboratory")],
            "code": code or {"text": st.section.title or "Results"},
            "subject": ctx.patient,
            **moment.choice("effective"),
            "issued": instant(authored),
            "performer": ctx.actors.performer_references(st, st.path) or [author],
            "specimen": [specimen(st, ctx)],
            "result": [ctx.ref(one) for one in members],
            "conclusion": " ".join(note["text"] for note in notes(st, ctx)) or None,
        },
        st,
    )


@maps(t.RESULT_OBSERVATION, sections=SECTIONS, elements=("observation",), events_only=True)
def result(st: Statement, ctx: Context) -> Json | None:
    """Result Observation as a laboratory Observation."""
    return observation(st, ctx, LABORATORY)


@maps(t.SPECIMEN_COLLECTION)
def specimen_collection(st: Statement, ctx: Context) -> Json | None:
    """Specimen Collection Procedure as Specimen."""
    kind = codeable(st.child(CODE), ctx)
    if kind is None:
        return None
    return ctx.add(
        "Specimen",
        {
            "identifier": identifiers(st.children(ID)),
            "subject": ctx.patient,
            "collection": effective(st, ctx).choice("collected") or None,
            "note": [{"text": f"Collected by: {kind.get('text') or kind['coding'][0].get('display', '')}"}],
        },
        st,
    )
