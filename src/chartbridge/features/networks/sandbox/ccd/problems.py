"""Problem Section and the Problem Observation that other sections reuse."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import (
    CONCERN,
    PROBLEM,
    PROBLEM_LOINC,
    problem_codes,
)
from chartbridge.features.networks.sandbox.ccd.people import author
from chartbridge.features.networks.sandbox.ccd.xml import (
    Cell,
    Element,
    Row,
    coded,
    el,
    interval,
    section,
    shown,
    status,
    table,
    templates,
    text,
    value,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona


def problems(persona: Persona) -> Element:
    """Problem Section (entries required): active, resolved and negated problems."""
    entries = persona.each("problem")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.5.1", "2015-08-01"),
        "11450-4",
        "Problem list",
        "Problems",
        [
            table(
                ("Problem", "Status", "Onset", "Resolved", "Comment"),
                [_problem_row(persona, problem) for problem in entries],
            )
        ],
        [_problem(persona, problem) for problem in entries],
    )


def _problem_row(persona: Persona, problem: Facts) -> Row:
    anchor = f"problem-{problem['key']}"
    display = persona.look_up("problem", problem["code"])["display"]
    if problem.get("negated"):
        words, state = f"No history of: {display}", "Denied"
    else:
        words, state = display, "Resolved" if "resolved" in problem else "Active"
    return Row(
        anchor,
        (
            Cell(f"{anchor}-name", words),
            state,
            shown(problem.get("onset")),
            shown(problem.get("resolved")),
            problem.get("comment", ""),
        ),
    )


def _problem(persona: Persona, problem: Facts) -> Element:
    anchor = f"problem-{problem['key']}"
    resolved = problem.get("resolved")
    clinician = persona.clinician(problem.get("clinician"))
    return el(
        "act",
        {"classCode": "ACT", "moodCode": "EVN"},
        templates("2.16.840.1.113883.10.20.22.4.3", "2015-08-01"),
        el("id", {"root": persona.id("problem-concern", problem["key"])}),
        coded("code", CONCERN),
        text(anchor),
        status("completed" if resolved else "active"),
        interval(problem["recorded"], resolved),
        author(persona, problem["recorded"], clinician),
        el(
            "entryRelationship",
            {"typeCode": "SUBJ"},
            problem_observation(
                persona,
                problem["code"],
                identifier=persona.id("problem", problem["key"]),
                anchor=anchor,
                name_anchor=f"{anchor}-name",
                onset=problem.get("onset"),
                resolved=resolved,
                negated=bool(problem.get("negated")),
                by=author(persona, problem["recorded"], clinician),
            ),
        ),
    )


def problem_observation(
    persona: Persona,
    code_key: str,
    *,
    identifier: str,
    anchor: str,
    name_anchor: str | None = None,
    onset: object = None,
    resolved: object = None,
    negated: bool = False,
    by: Element | None = None,
) -> Element:
    """Problem Observation (templateId …22.4.4)."""
    code, translations = problem_codes(persona.look_up("problem", code_key))
    return el(
        "observation",
        {"classCode": "OBS", "moodCode": "EVN"} | ({"negationInd": "true"} if negated else {}),
        templates("2.16.840.1.113883.10.20.22.4.4", "2015-08-01"),
        el("id", {"root": identifier}),
        coded("code", PROBLEM, also=(PROBLEM_LOINC,)),
        text(anchor),
        status("completed"),
        interval(onset, resolved),
        value(code, anchor=name_anchor, also=translations),
        by,
    )
