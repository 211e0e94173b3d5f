"""Social history: smoking, pregnancy, sex and gender, occupation and the rest, each as Observation."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import date_time
from chartbridge.ccda.names import VALUE
from chartbridge.ccda.registry import maps, part
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.sections.observation import category, observation, observation_fields
from chartbridge.ccda.statement import Statement

SECTIONS = ("29762-2",)
SOCIAL_HISTORY = category("social-history", "Social History")

part(t.ESTIMATED_DELIVERY_DATE, of="a pregnancy observation")


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
    sections=SECTIONS,
    elements=("observation",),
)
def social_history(st: Statement, ctx: Context) -> Json | None:
    """Social History Observation and its kin as Observation of category social-history."""
    return observation(st, ctx, SOCIAL_HISTORY)


@maps(t.PREGNANCY_OBSERVATION)
def pregnancy(st: Statement, ctx: Context) -> Json | None:
    """Pregnancy Observation, with the estimated date of delivery as component."""
    fields = observation_fields(st, ctx, [SOCIAL_HISTORY])
    if fields is None:
        return None
    for delivery in st.take_all(t.ESTIMATED_DELIVERY_DATE):
        expected = date_time(delivery.child(VALUE), ctx)
        own = observation_fields(delivery, ctx, [])
        if own is not None:
            time = {"valueDateTime": expected} if expected else {}
            fields["component"].append({"code": own["code"], **time})
    return ctx.add("Observation", fields, st)
