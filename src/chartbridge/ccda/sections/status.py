"""Functional, mental and cognitive status, assessment scales, nutrition: Observations, grouped as given."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import effective
from chartbridge.ccda.registry import about_another, maps
from chartbridge.ccda.sections.common import Json, code_or_text
from chartbridge.ccda.sections.observation import (
    category,
    component,
    member_observations,
    observation,
    observation_fields,
    panel,
)
from chartbridge.ccda.statement import Statement
from chartbridge.ccda.times import NOTHING, Interval

SURVEY = category("survey", "Survey")
EXAM = category("exam", "Exam")
FUNCTIONAL_SECTIONS = ("47420-5", "10190-7")


@maps(
    t.FUNCTIONAL_STATUS_ORGANIZER,
    t.MENTAL_STATUS_ORGANIZER,
    sections=FUNCTIONAL_SECTIONS,
    elements=("organizer",),
    events_only=True,
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
    t.PRESSURE_ULCERS,
    t.HIGHEST_PRESSURE_ULCER_STAGE,
    t.WOUND_MEASUREMENT,
    t.WOUND_CHARACTERISTIC,
    sections=("29545-1", "10210-3", "8709-8"),
    elements=("observation",),
    events_only=True,
)
def finding(st: Statement, ctx: Context) -> Json | None:
    """Findings of the physical examination as Observation of category exam."""
    return observation(st, ctx, EXAM)


@maps(t.ASSESSMENT_SCALE, events_only=True)
def assessment_scale(st: Statement, ctx: Context) -> Json | None:
    """Assessment Scale Observation as Observation, its supporting observations as components; what a denied
    scale holds stays on its own."""
    fields = observation_fields(st, ctx, [SURVEY])
    if fields is None:
        return None
    moment = effective(st, ctx)
    for item in () if st.denied else st.related:
        if item.template == t.ASSESSMENT_SCALE_SUPPORTING and _same(item, moment, ctx):
            own = observation_fields(item, ctx, [])
            if own is not None:
                item.taken = True
                fields["component"] += [component(own), *own["component"]]
                fields["note"] = fields["note"] + own["note"]
    return ctx.add("Observation", fields, st)


def _same(item: Statement, moment: Interval, ctx: Context) -> bool:
    """Whether an item of a scale can be a component of it: it holds, of the patient, at no other time."""
    if item.taken or item.planned or not item.is_asserted or about_another(item):
        return False
    return effective(item, ctx) in (NOTHING, moment)


@maps(t.ASSESSMENT_SCALE_SUPPORTING, events_only=True)
def assessment_item(st: Statement, ctx: Context) -> Json | None:
    """An item of an assessment that stands alone."""
    return observation(st, ctx, SURVEY)
