"""Vital signs: the organizer as a panel, each sign as Observation, blood pressure as one with components."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import LOINC
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import concept
from chartbridge.ccda.registry import about_another, maps
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.sections.observation import (
    category,
    member_observations,
    observation,
    observation_fields,
    panel,
)
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

SECTIONS = ("8716-3",)
VITAL_SIGNS = category("vital-signs", "Vital Signs")
PANEL = concept(
    LOINC, "85353-1", "Vital signs, weight, height, head circumference, oxygen saturation and BMI panel"
)
BLOOD_PRESSURE = concept(LOINC, "85354-9", "Blood pressure panel with all children optional")
SYSTOLIC = "8480-6"
DIASTOLIC = "8462-4"


@maps(t.VITAL_SIGNS_ORGANIZER, sections=SECTIONS, elements=("organizer",), events_only=True)
def vital_signs_panel(st: Statement, ctx: Context) -> Json | None:
    """Vital Signs Organizer as a panel; its systolic and diastolic become one blood pressure."""
    pressure = _blood_pressure(st, ctx)
    members = ([pressure] if pressure is not None else []) + member_observations(st, ctx)
    return panel(st, ctx, members, PANEL, VITAL_SIGNS)


@maps(t.VITAL_SIGN_OBSERVATION, sections=SECTIONS, elements=("observation",), events_only=True)
def vital_sign(st: Statement, ctx: Context) -> Json | None:
    """Vital Sign Observation as Observation."""
    return observation(st, ctx, VITAL_SIGNS)


def _blood_pressure(st: Statement, ctx: Context) -> Json | None:
    """One blood pressure of the only systolic and the only diastolic that an organizer holds.

    With several of either it cannot be told which belong together, and each stays on its own.
    """
    systolic = [child for child in st.related if child.code_value() == SYSTOLIC]
    diastolic = [child for child in st.related if child.code_value() == DIASTOLIC]
    if any(one.planned or about_another(one) for one in (*systolic, *diastolic)):
        return None
    if len(systolic) != 1 or len(diastolic) != 1 or systolic[0].negated or diastolic[0].negated:
        return None
    upper = observation_fields(systolic[0], ctx, [VITAL_SIGNS])
    lower = observation_fields(diastolic[0], ctx, [VITAL_SIGNS])
    if upper is None or lower is None or upper["status"] != lower["status"] or _time(upper) != _time(lower):
        return None
    systolic[0].taken = diastolic[0].taken = True
    made = ctx.add(
        "Observation",
        {
            "identifier": upper["identifier"]
            + [one for one in lower["identifier"] if one not in upper["identifier"]],
            "status": upper["status"],
            "category": upper["category"],
            "code": BLOOD_PRESSURE,
            "subject": ctx.patient,
            **_time(upper),
            "issued": upper["issued"],
            "performer": upper["performer"],
            "note": upper["note"] + [one for one in lower["note"] if one not in upper["note"]],
            "bodySite": upper["bodySite"],
            "method": upper["method"],
            "component": [_component(upper), _component(lower)],
        },
        systolic[0],
    )
    diastolic[0].outcome = systolic[0].outcome
    ctx.belongs(f"Observation/{made['id']}", diastolic[0])
    return made


def _time(fields: Json) -> Json:
    return {key: fields[key] for key in ("effectiveDateTime", "effectivePeriod") if key in fields}


def _component(fields: Json) -> Json | None:
    kept = ("code", "dataAbsentReason", "interpretation", "referenceRange")
    return drop({key: one for key, one in fields.items() if key in kept or key.startswith("value")})
