"""Social history: smoking, pregnancy, sex and gender, occupation and the rest, each as Observation."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.sections.observation import category, component, observation, observation_fields
from chartbridge.ccda.statement import Statement

SECTIONS = ("29762-2",)
SOCIAL_HISTORY = category("social-history", "Social History")


@maps(
    t.SOCIAL_HISTORY_OBSERVATION,
    t.SMOKING_STATUS,
    t.TOBACCO_USE,
    t.BIRTH_SEX,
    t.GENDER_IDENTITY,
    t.SEX_OBSERVATION,
    t.CARE_CHARACTERISTICS,
    t.CULTURAL_OBSERVATION,
    t.HOME_ENVIRONMENT,
    t.SEXUAL_ORIENTATION,
    t.OCCUPATION,
    t.INDUSTRY,
    t.TRIBAL_AFFILIATION,
    t.PREGNANCY_INTENTION,
    t.ESTIMATED_DELIVERY_DATE,
    sections=SECTIONS,
    elements=("observation",),
    events_only=True,
)
def social_history(st: Statement, ctx: Context) -> Json | None:
    """Social History Observation and its kin as Observation of category social-history."""
    return observation(st, ctx, SOCIAL_HISTORY)


@maps(t.PREGNANCY_OBSERVATION, events_only=True)
def pregnancy(st: Statement, ctx: Context) -> Json | None:
    """Pregnancy Observation, with the estimated date of delivery as component."""
    fields = observation_fields(st, ctx, [SOCIAL_HISTORY])
    if fields is None:
        return None
    for delivery in st.related:
        if (
            delivery.template == t.ESTIMATED_DELIVERY_DATE
            and not delivery.taken
            and not delivery.planned
            and delivery.is_asserted
        ):
            own = observation_fields(delivery, ctx, [])
            if own is not None:
                delivery.taken = True
                fields["component"].append(component(own))
    return ctx.add("Observation", fields, st)
