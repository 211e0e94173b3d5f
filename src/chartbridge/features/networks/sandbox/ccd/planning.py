"""Sections that look ahead: plan, goals, concerns, assessment."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import (
    snomed,
)
from chartbridge.features.networks.sandbox.ccd.people import (
    author,
)
from chartbridge.features.networks.sandbox.ccd.problems import problem_observation
from chartbridge.features.networks.sandbox.ccd.xml import (
    Code,
    Element,
    Row,
    coded,
    el,
    interval,
    quantity,
    section,
    shown,
    status,
    table,
    template,
    templates,
    text,
    time,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona


def plan_of_treatment(persona: Persona) -> Element:
    """Plan of Treatment Section: planned visits, tests, procedures, and instructions."""
    planned = persona.each("plan")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.10", "2014-06-09"),
        "18776-5",
        "Plan of treatment",
        "Plan of Treatment",
        [
            table(
                ("Planned", "Date", "Details"),
                [
                    Row(
                        f"plan-{item['key']}",
                        (_planned_name(persona, item), shown(item["date"]), item["text"]),
                    )
                    for item in planned
                ],
            )
        ],
        [_planned(persona, item) for item in planned],
    )


def _planned_code(persona: Persona, item: Facts) -> Code:
    if item["kind"] == "test":
        entry = persona.look_up("panel", item["code"])
        return Code("loinc", entry["loinc"], entry["display"])
    return snomed(persona.look_up("encounter" if item["kind"] == "visit" else "procedure", item["code"]))


def _planned_name(persona: Persona, item: Facts) -> str:
    return _planned_code(persona, item).display


def _planned(persona: Persona, item: Facts) -> Element:
    """Planned Encounter, Observation or Procedure; Instruction for advice already given."""
    tag, class_code, mood, root, extension = {
        "visit": ("encounter", "ENC", "INT", "2.16.840.1.113883.10.20.22.4.40", "2014-06-09"),
        "test": ("observation", "OBS", "RQO", "2.16.840.1.113883.10.20.22.4.44", "2014-06-09"),
        "procedure": ("procedure", "PROC", "RQO", "2.16.840.1.113883.10.20.22.4.41", "2014-06-09"),
        "instruction": ("act", "ACT", "INT", "2.16.840.1.113883.10.20.22.4.20", "2014-06-09"),
    }[item["kind"]]
    instruction = item["kind"] == "instruction"
    return el(
        tag,
        {"classCode": class_code, "moodCode": mood},
        templates(root, extension),
        el("id", {"root": persona.id("plan", item["key"])}),
        coded("code", _planned_code(persona, item)),
        text(f"plan-{item['key']}"),
        status("completed" if instruction else "active"),
        None if instruction else time(item["date"]),
        author(persona, persona.written),
    )


def goals(persona: Persona) -> Element:
    """Goals Section: measurable targets."""
    entries = persona.each("goal")
    return section(
        [template("2.16.840.1.113883.10.20.22.2.60")],
        "61146-7",
        "Goals",
        "Goals",
        [
            table(
                ("Goal", "Set", "Target date"),
                [
                    Row(f"goal-{goal['key']}", (goal["text"], shown(goal["set"]), shown(goal["by"])))
                    for goal in entries
                ],
            )
        ],
        [
            el(
                "observation",
                {"classCode": "OBS", "moodCode": "GOL"},
                template("2.16.840.1.113883.10.20.22.4.121"),
                el("id", {"root": persona.id("goal", goal["key"])}),
                coded("code", Code("loinc", goal["loinc"], goal["measure"])),
                text(f"goal-{goal['key']}"),
                status("active"),
                interval(goal["set"], goal["by"]),
                quantity(goal["value"], goal.get("unit")) if "value" in goal else None,
                author(persona, goal["set"]),
            )
            for goal in entries
        ],
    )


def health_concerns(persona: Persona) -> Element:
    """Health Concerns Section: what patient and team worry about now."""
    entries = persona.each("concern")
    return section(
        [template("2.16.840.1.113883.10.20.22.2.58", "2015-08-01")],
        "75310-3",
        "Health concerns",
        "Health Concerns",
        [
            table(
                ("Concern", "Since"),
                [
                    Row(f"concern-{concern['code']}", (concern["text"], shown(concern["since"])))
                    for concern in entries
                ],
            )
        ],
        [
            el(
                "act",
                {"classCode": "ACT", "moodCode": "EVN"},
                template("2.16.840.1.113883.10.20.22.4.132", "2015-08-01"),
                el("id", {"root": persona.id("concern", concern["code"])}),
                coded("code", Code("loinc", "75310-3", "Health concern")),
                text(f"concern-{concern['code']}"),
                status("active"),
                interval(concern["since"]),
                author(persona, concern["since"]),
                el(
                    "entryRelationship",
                    {"typeCode": "REFR"},
                    problem_observation(
                        persona,
                        concern["code"],
                        identifier=persona.id("concern-problem", concern["code"]),
                        anchor=f"concern-{concern['code']}",
                        onset=concern["since"],
                    ),
                ),
            )
            for concern in entries
        ],
    )


def assessment(persona: Persona) -> Element:
    """Assessment Section: the clinician's summing up, narrative only."""
    return section(
        [template("2.16.840.1.113883.10.20.22.2.8")],
        "51848-0",
        "Assessment",
        "Assessment",
        [el("paragraph", None, words) for words in persona.facts["assessment_text"].strip().split("\n\n")],
    )
