"""Vital signs: the organizer as a panel, each sign as Observation.

Signs that US Core makes one of stand in one Observation: systolic and diastolic pressure (also their
averages), and oxygen saturation with the flow and concentration of oxygen that was breathed.
"""

from __future__ import annotations

from collections.abc import Sequence

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import LOINC
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, concept, effective
from chartbridge.ccda.names import CODE, METHOD_CODE, STATUS_CODE, TARGET_SITE_CODE
from chartbridge.ccda.registry import about_another, mapper_of, maps
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.sections.observation import (
    category,
    component,
    member_observations,
    observation_fields,
    or_absent,
    panel,
)
from chartbridge.ccda.statement import Statement

SECTIONS = ("8716-3",)
VITAL_SIGNS = category("vital-signs", "Vital Signs")
PANEL = concept(
    LOINC, "85353-1", "Vital signs, weight, height, head circumference, oxygen saturation and BMI panel"
)
BLOOD_PRESSURE = concept(LOINC, "85354-9", "Blood pressure panel with all children optional")
AVERAGE_PRESSURE = concept(LOINC, "96607-7", "Blood pressure panel mean systolic and mean diastolic")
PRESSURES = (("8480-6", "8462-4", BLOOD_PRESSURE), ("96608-5", "96609-3", AVERAGE_PRESSURE))
"""Systolic, diastolic, and the code of what they are together."""
SATURATION = {"code": "2708-6", "display": "Oxygen saturation in Arterial blood", "system": LOINC}
BY_PULSE = {
    "code": "59408-5",
    "display": "Oxygen saturation in Arterial blood by Pulse oximetry",
    "system": LOINC,
}
SATURATIONS = {
    "2708-6": (),
    "59408-5": (SATURATION,),
    "2710-2": (BY_PULSE, SATURATION),
}
"""Codes of oxygen saturation, and what each is as well: 2710-2 was withdrawn in favour of 59408-5."""
OXYGEN = (frozenset(("3151-8",)), frozenset(("3150-6", "3150-0")))
"""Flow and concentration of inhaled oxygen; HL7's own example has 3150-0 for 3150-6."""


@maps(
    t.VITAL_SIGNS_ORGANIZER,
    t.AVERAGE_BLOOD_PRESSURE_ORGANIZER,
    sections=SECTIONS,
    elements=("organizer",),
    events_only=True,
)
def vital_signs_panel(st: Statement, ctx: Context) -> Json | None:
    """Vital Signs Organizer as a panel of its signs; one that is a blood pressure is only that."""
    joined = [
        made
        for upper, lower, code in PRESSURES
        if (made := _blood_pressure(st, upper, lower, code, ctx)) is not None
    ]
    saturations = [child for child in st.related if child.code_value() in SATURATIONS]
    if len(saturations) == 1 and mapper_of(saturations[0]) is vital_sign:
        _give_oxygen(saturations[0], st, ctx)
        made = ctx.convert(saturations[0])
        joined += [] if made is None else [made]
    members = joined + member_observations(st, ctx)
    if st.template == t.AVERAGE_BLOOD_PRESSURE_ORGANIZER and len(members) == len(joined) == 1:
        ctx.absorb(st, *members)
        return members[0]
    return panel(st, ctx, members, _panel_code(st, ctx), VITAL_SIGNS)


def _panel_code(st: Statement, ctx: Context) -> Json:
    """US Core's code of the panel, and the organizer's own."""
    own = codeable(st.child(CODE), ctx) or {}
    codings = PANEL["coding"] + [one for one in own.get("coding", ()) if one["code"] != "85353-1"]
    return {**own, "coding": codings}


@maps(t.VITAL_SIGN_OBSERVATION, sections=SECTIONS, elements=("observation",), events_only=True)
def vital_sign(st: Statement, ctx: Context) -> Json | None:
    """Vital Sign Observation as Observation; an oxygen saturation with the oxygen that was given."""
    if st.code_value() in SATURATIONS:
        return _oximetry(st, ctx)
    fields = observation_fields(st, ctx, [VITAL_SIGNS])
    return None if fields is None else ctx.add("Observation", or_absent(st, fields), st)


def _blood_pressure(st: Statement, upper: str, lower: str, code: Json, ctx: Context) -> Json | None:
    """One blood pressure of the only systolic and the only diastolic that an organizer holds.

    With several of either it cannot be told which belong together, and each stays on its own.
    """
    systolic = [child for child in st.related if child.code_value() == upper]
    diastolic = [child for child in st.related if child.code_value() == lower]
    if len(systolic) != 1 or len(diastolic) != 1 or not _together([*systolic, *diastolic], ctx):
        return None
    first = observation_fields(systolic[0], ctx, [VITAL_SIGNS])
    second = observation_fields(diastolic[0], ctx, [VITAL_SIGNS])
    if first is None or second is None:
        return None
    whole = {name: one for name, one in first.items() if not _of_the_value(name)}
    whole["code"] = code
    whole["component"] = [component(first), component(second)]
    return _joined(whole, [(systolic[0], first), (diastolic[0], second)], ctx)


def _give_oxygen(saturation: Statement, st: Statement, ctx: Context) -> None:
    """Let the only saturation of an organizer hold the flow and the concentration that stand beside it."""
    for codes in OXYGEN:
        given = [one for one in (*saturation.related, *st.related) if one.code_value() in codes]
        if len(given) == 1 and given[0].parent is st and _together([saturation, *given], ctx):
            saturation.related += given


def _oximetry(st: Statement, ctx: Context) -> Json | None:
    """A saturation with US Core's codes, and with flow and concentration where it holds one of each."""
    fields = observation_fields(st, ctx, [VITAL_SIGNS])
    if fields is None:
        return None
    parts = [(st, fields)]
    for codes in OXYGEN:
        given = [one for one in st.related if one.code_value() in codes and not one.taken]
        if len(given) == 1 and _together([st, *given], ctx):
            made = observation_fields(given[0], ctx, [VITAL_SIGNS])
            if made is not None:
                parts.append((given[0], made))
    codings = fields["code"].get("coding", [])
    said = {one["code"] for one in codings}
    more = [one for one in SATURATIONS[st.code_value()] if one["code"] not in said]
    whole = {
        **fields,
        "code": {**fields["code"], "coding": codings + more},
        "component": fields["component"] + [component(one) for _, one in parts[1:]],
    }
    return _joined(whole, parts, ctx)


def _together(parts: Sequence[Statement], ctx: Context) -> bool:
    """Whether statements can be one: all of them hold of the patient, were done at the same time, and name
    no site or method but that of the first."""
    first = parts[0]
    moment = effective(first, ctx)
    for one in parts:
        if not one.is_asserted or one.denied or one.planned or one.tag != "observation":
            return False
        if about_another(one) or one.code_value(STATUS_CODE) != first.code_value(STATUS_CODE):
            return False
        if effective(one, ctx) != moment:
            return False
        for tag in (TARGET_SITE_CODE, METHOD_CODE):
            said = codeable(one.child(tag), ctx)
            if said is not None and said != codeable(first.child(tag), ctx):
                return False
    return True


def _joined(whole: Json, parts: list[tuple[Statement, Json]], ctx: Context) -> Json:
    """The one Observation of several statements: all of their identifiers and notes are its own."""
    for name in ("identifier", "note"):
        whole[name] = list(whole[name])
        for _, fields in parts[1:]:
            whole[name] += [one for one in fields[name] if one not in whole[name]]
    first = parts[0][0]
    made = ctx.add("Observation", whole, first)
    for st, _ in parts[1:]:
        st.taken = True
        st.outcome = first.outcome
        ctx.belongs(f"Observation/{made['id']}", st)
    first.taken = True
    return made


def _of_the_value(name: str) -> bool:
    return name.startswith("value") or name in ("dataAbsentReason", "interpretation", "referenceRange")
