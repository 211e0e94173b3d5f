"""Results: Result Organizer as DiagnosticReport with its Observations; Result Observation as Observation."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, concept, effective, identifiers
from chartbridge.ccda.names import (
    CODE,
    ID,
    PARTICIPANT,
    PARTICIPANT_ROLE,
    PLAYING_ENTITY,
    TARGET_SITE_CODE,
)
from chartbridge.ccda.node import node_at
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json, code_or_text, notes
from chartbridge.ccda.sections.observation import (
    STATUS,
    category,
    member_observations,
    observation_fields,
    or_absent,
    panel,
    sample,
    specimen,
)
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop, instant

SECTIONS = ("30954-2", "11502-2", "18725-2", "18748-4", "34530-6")
DIAGNOSTIC_SERVICE = "http://terminology.hl7.org/CodeSystem/v2-0074"
LABORATORY = category("laboratory", "Laboratory")
IMAGING = category("imaging", "Imaging")
LAB_SERVICE = concept(DIAGNOSTIC_SERVICE, "LAB", "Laboratory")
RADIOLOGY = concept(DIAGNOSTIC_SERVICE, "RAD", "Radiology")
IMAGING_SECTION = "18748-4"


@maps(t.RESULT_ORGANIZER, sections=SECTIONS, elements=("organizer",), events_only=True)
def diagnostic_report(st: Statement, ctx: Context) -> Json | None:
    """Result Organizer as DiagnosticReport; one within another as a panel that is a result of it."""
    if st.parent is not None and st.parent.tag == "organizer":
        members = member_observations(st, ctx)
        return panel(st, ctx, members, code_or_text(st, ctx), _kind(st))
    specimens = [specimen(st, ctx)]
    for child in st.related:
        if child.template == t.SPECIMEN_COLLECTION and not child.taken:
            specimens.append(ctx.ref(ctx.convert(child)))
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
            "status": STATUS.get(st.status, "unknown"),
            "category": [RADIOLOGY if st.section.code == IMAGING_SECTION else LAB_SERVICE],
            "code": code or {"text": st.section.title or "Results"},
            "subject": ctx.patient,
            **moment.choice("effective"),
            "issued": instant(authored),
            "performer": ctx.actors.performer_references(st, st.path) or [author],
            "specimen": specimens,
            "result": [ctx.ref(one) for one in members],
            "conclusion": " ".join(note["text"] for note in notes(st, ctx)) or None,
        },
        st,
    )


@maps(t.RESULT_OBSERVATION, sections=SECTIONS, elements=("observation",), events_only=True)
def result(st: Statement, ctx: Context) -> Json | None:
    """Result Observation as a laboratory Observation; of imaging in the section of imaging studies."""
    fields = observation_fields(st, ctx, [_kind(st)])
    return None if fields is None else ctx.add("Observation", or_absent(st, fields), st)


def _kind(st: Statement) -> Json:
    return IMAGING if st.section.code == IMAGING_SECTION else LABORATORY


@maps(t.SPECIMEN_COLLECTION)
def specimen_collection(st: Statement, ctx: Context) -> Json | None:
    """Specimen Collection Procedure as Specimen: what was taken, when, where from and by what procedure."""
    how = codeable(st.child(CODE), ctx)
    kind, ids = sample(node_at(st, PARTICIPANT, PARTICIPANT_ROLE), PLAYING_ENTITY, ctx)
    if how is None and kind is None and not ids:
        return None
    return ctx.add(
        "Specimen",
        {
            "identifier": identifiers(st.children(ID)) + ids,
            "type": kind,
            "subject": ctx.patient,
            "collection": drop(
                {
                    **effective(st, ctx).choice("collected"),
                    "method": how,
                    "bodySite": codeable(st.child(TARGET_SITE_CODE), ctx),
                }
            ),
            "note": notes(st, ctx),
        },
        st,
    )
