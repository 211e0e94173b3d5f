"""Sections of measurements: results and vital signs."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import (
    CLUSTER,
    OBSERVATION,
    component,
    interpretation,
    snomed,
)
from chartbridge.features.networks.sandbox.ccd.people import author
from chartbridge.features.networks.sandbox.ccd.xml import (
    Cell,
    Code,
    Element,
    Row,
    coded,
    el,
    number,
    quantity,
    section,
    shown,
    status,
    table,
    templates,
    text,
    time,
    value,
)
from chartbridge.features.networks.sandbox.measures import (
    FLAG_DISPLAYS,
    Result,
    panel_key,
    results,
    vitals,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona

# Results -------------------------------------------------------------------------------------


def result_section(persona: Persona) -> Element:
    """Results Section (entries required): the panels that the practice holds."""
    labs = [lab for lab in persona.each("lab") if lab.get("in_chart", True)]
    return section(
        templates("2.16.840.1.113883.10.20.22.2.3.1", "2015-08-01"),
        "30954-2",
        "Relevant diagnostic tests and laboratory data",
        "Results",
        [
            table(
                ("Date", "Test", "Result", "Unit", "Reference range", "Flag"),
                [row for lab in labs for row in _result_rows(persona, lab)],
            )
        ],
        [_result_organizer(persona, lab) for lab in labs],
    )


def _result_rows(persona: Persona, lab: Facts) -> list[Row]:
    panel = f"panel-{panel_key(lab)}"
    heading = Row(
        panel,
        (
            shown(lab["drawn"]),
            Cell(f"{panel}-name", persona.look_up("panel", lab["panel"])["display"]),
            "",
            "",
            "",
            "",
        ),
    )
    return [heading, *(_result_row(lab, result) for result in results(persona, lab))]


def _result_row(lab: Facts, result: Result) -> Row:
    anchor = _result_anchor(lab, result)
    shown_value = result.value if isinstance(result.value, str) else number(result.value)
    return Row(
        anchor,
        (
            "",
            Cell(f"{anchor}-name", result.display),
            Cell(f"{anchor}-value", shown_value),
            result.unit or "",
            Cell(f"{anchor}-range", result.range_text),
            FLAG_DISPLAYS[result.flag] if result.flag else "",
        ),
    )


def _result_anchor(lab: Facts, result: Result) -> str:
    return f"result-{panel_key(lab)}-{result.key}"


def _result_organizer(persona: Persona, lab: Facts) -> Element:
    key = panel_key(lab)
    panel = persona.look_up("panel", lab["panel"])
    return el(
        "organizer",
        {"classCode": "BATTERY", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.1", "2015-08-01"),
        el("id", {"root": persona.id("panel", key)}),
        coded("code", Code("loinc", panel["loinc"], panel["display"]), anchor=f"panel-{key}-name"),
        status("completed"),
        el("effectiveTime", None, time(lab["drawn"], "low"), time(lab["drawn"], "high")),
        author(persona, lab["drawn"]),
        [component(_result_observation(persona, lab, result)) for result in results(persona, lab)],
    )


def _result_observation(persona: Persona, lab: Facts, result: Result) -> Element:
    anchor = _result_anchor(lab, result)
    return el(
        "observation",
        OBSERVATION,
        templates("2.16.840.1.113883.10.20.22.4.2", "2015-08-01"),
        el("id", {"root": persona.id("result", panel_key(lab), result.key)}),
        coded("code", Code("loinc", result.loinc, result.display), anchor=f"{anchor}-name"),
        text(anchor),
        status("completed"),
        time(lab["drawn"]),
        _result_value(persona, result, anchor),
        interpretation(result.flag) if result.flag else None,
        _reference_range(persona, result, anchor),
    )


def _result_value(persona: Persona, result: Result, anchor: str) -> Element:
    if isinstance(result.value, str):
        if result.presence:
            return value(snomed(persona.look_up("presence", result.value)), anchor=f"{anchor}-value")
        return el("value", {"xsi:type": "ST"}, result.value)
    return quantity(result.value, result.unit)


def _reference_range(persona: Persona, result: Result, anchor: str) -> Element | None:
    if not result.range_text:
        return None
    bounds = value(snomed(persona.look_up("presence", "Negative"))) if result.presence else None
    if result.low is not None or result.high is not None:
        bounds = el(
            "value",
            {"xsi:type": "IVL_PQ"},
            quantity(result.low, result.unit, "low", xsi=False) if result.low is not None else None,
            quantity(result.high, result.unit, "high", xsi=False) if result.high is not None else None,
        )
    return el(
        "referenceRange",
        None,
        el("observationRange", None, text(f"{anchor}-range"), bounds, interpretation("N")),
    )


# Vital signs ---------------------------------------------------------------------------------


def vital_signs(persona: Persona) -> Element:
    """Vital Signs Section (entries required)."""
    readings = persona.each("vitals")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.4.1", "2015-08-01"),
        "8716-3",
        "Vital signs",
        "Vital Signs",
        [
            table(
                ("Date", "Measurement", "Value", "Unit"),
                [
                    Row(
                        _vital_anchor(reading, vital.key),
                        (shown(reading["taken"]), vital.display, number(measured), vital.unit),
                    )
                    for reading in readings
                    for vital, measured in vitals(reading)
                ],
            )
        ],
        [_vitals_organizer(persona, reading) for reading in readings],
    )


def _vital_anchor(reading: Facts, key: str) -> str:
    return f"vital-{reading['taken']:%Y%m%d}-{key}"


def _vitals_organizer(persona: Persona, reading: Facts) -> Element:
    taken = reading["taken"]
    return el(
        "organizer",
        CLUSTER,
        templates("2.16.840.1.113883.10.20.22.4.26", "2015-08-01"),
        el("id", {"root": persona.id("vitals", taken)}),
        coded(
            "code",
            Code("snomed", "46680005", "Vital signs"),
            also=(Code("loinc", "74728-7", "Vital signs panel"),),
        ),
        status("completed"),
        el("effectiveTime", None, time(taken, "low"), time(taken, "high")),
        author(persona, taken),
        [
            component(
                el(
                    "observation",
                    OBSERVATION,
                    templates("2.16.840.1.113883.10.20.22.4.27", "2014-06-09"),
                    el("id", {"root": persona.id("vital", taken, vital.key)}),
                    coded("code", Code("loinc", vital.loinc, vital.display)),
                    text(_vital_anchor(reading, vital.key)),
                    status("completed"),
                    time(taken),
                    quantity(measured, vital.unit),
                )
            )
            for vital, measured in vitals(reading)
        ],
    )
