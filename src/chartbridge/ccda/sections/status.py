"""Functional, mental and cognitive status, assessment scales, nutrition: Observations, grouped as given."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.names import VALUE
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json, code_or_text
from chartbridge.ccda.sections.observation import (
    category,
    member_observations,
    observation,
    observation_fields,
    panel,
    value,
)
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

SURVEY = category("survey", "Survey")
EXAM = category("exam", "Exam")
FUNCTIONAL_SECTIONS = ("47420-5", "10190-7")


@maps(
    t.FUNCTIONAL_STATUS_ORGANIZER,
    t.MENTAL_STATUS_ORGANIZER,
    sections=FUNCTIONAL_SECTIONS,
    elements=("organizer",),
)
def status_panel(st: Statement, ctx: Context) -> Json | None:
    """Functional or Mental Status Organizer as an Observation that has its observations as members."""
    members = member_observations(st, ctx)
    made = panel(st, ctx, members, code_or_text(st, ctx), SURVEY)
    if made is None and members:
        ctx.absorb(st, *members)
    return made


@maps(
    t.FUNCTIONAL_STATUS_OBSERVATION,
    t.MENTAL_STATUS_OBSERVATION,
    t.SELF_CARE,
    t.SENSORY_STATUS,
    t.DISABILITY_STATUS,
    t.NUTRITIONAL_STATUS,
    t.NUTRITION_ASSESSMENT,
    sections=FUNCTIONAL_SECTIONS,
    elements=("observation",),
    events_only=True,
)
def status_observation(st: Statement, ctx: Context) -> Json | None:
    """A status observation as Observation of category survey."""
    return observation(st, ctx, SURVEY)


@maps(
    t.WOUND_OBSERVATION,
    sections=("29545-1", "10210-3", "8709-8"),
    elements=("observation",),
    events_only=True,
)
def finding(st: Statement, ctx: Context) -> Json | None:
    """Findings of the physical examination as Observation of category exam."""
    return observation(st, ctx, EXAM)


@maps(t.ASSESSMENT_SCALE)
def assessment_scale(st: Statement, ctx: Context) -> Json | None:
    """Assessment Scale Observation as Observation, its supporting observations as components."""
    fields = observation_fields(st, ctx, [SURVEY])
    if fields is None:
        return None
    for item in st.take_all(t.ASSESSMENT_SCALE_SUPPORTING):
        own = code_or_text(item, ctx)
        if own is not None:
            fields["component"].append(drop({"code": own, **(value(item.child(VALUE), ctx) or {})}))
    return ctx.add("Observation", fields, st)


@maps(t.ASSESSMENT_SCALE_SUPPORTING)
def assessment_item(st: Statement, ctx: Context) -> Json | None:
    """An item of an assessment that stands alone."""
    return observation(st, ctx, SURVEY)
