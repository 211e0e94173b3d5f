"""Mental and Functional Status Sections: questionnaires and findings."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.concepts import (
    OBSERVATION,
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
    interval,
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
    total,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona


def mental_status(persona: Persona) -> Element | None:
    """Mental Status Section: questionnaires with each answer, and findings of cognition."""
    assessments = persona.each("assessment")
    findings = persona.each("cognition")
    if not assessments and not findings:
        return None
    narrative = []
    if assessments:
        narrative.append(
            table(
                ("Date", "Question", "Answer", "Score"),
                [row for assessment in assessments for row in _assessment_rows(persona, assessment)],
            )
        )
    if findings:
        narrative.append(
            table(
                ("Finding", "Since"),
                [
                    Row(
                        f"cognition-{finding['key']}",
                        (persona.look_up("cognition", finding["key"])["display"], shown(finding["since"])),
                    )
                    for finding in findings
                ],
            )
        )
    return section(
        templates("2.16.840.1.113883.10.20.22.2.56", "2015-08-01"),
        "10190-7",
        "Mental status",
        "Mental Status",
        narrative,
        [_assessment(persona, assessment) for assessment in assessments]
        + [_cognition(persona, finding) for finding in findings],
    )


def _assessment_anchor(assessment: Facts) -> str:
    return f"{assessment['scale']}-{stamp_day(assessment)}"


def stamp_day(assessment: Facts) -> str:
    return str(assessment["date"]).replace("-", "")


def _assessment_rows(persona: Persona, assessment: Facts) -> list[Row]:
    scale = persona.look_up("scale", assessment["scale"])
    anchor = _assessment_anchor(assessment)
    heading = Row(
        anchor,
        (
            shown(assessment["date"]),
            Cell(f"{anchor}-name", scale["display"]),
            "Total score",
            Cell(f"{anchor}-total", str(total(assessment))),
        ),
    )
    return [
        heading,
        *(
            Row(
                f"{anchor}-{index}",
                ("", item["display"], persona.look_up("answer", str(score))["display"], str(score)),
            )
            for index, (item, score) in enumerate(
                zip(scale["items"], assessment["answers"], strict=True), start=1
            )
        ),
    ]


def _assessment(persona: Persona, assessment: Facts) -> Element:
    """Assessment Scale Observation (templateId …22.4.69) with one supporting observation an item."""
    scale = persona.look_up("scale", assessment["scale"])
    anchor = _assessment_anchor(assessment)
    score = total(assessment)
    answers = enumerate(zip(scale["items"], assessment["answers"], strict=True), start=1)
    return el(
        "observation",
        OBSERVATION,
        templates("2.16.840.1.113883.10.20.22.4.69"),
        el("id", {"root": persona.id("assessment", anchor)}),
        coded("code", Code("loinc", scale["loinc"], scale["display"]), anchor=f"{anchor}-name"),
        text(anchor),
        status("completed"),
        time(assessment["date"]),
        el("value", {"xsi:type": "INT", "value": str(score)}),
        interpretation("H" if score > scale["normal_high"] else "N"),
        author(persona, assessment["date"], persona.clinician(assessment.get("clinician"))),
        _supporting(
            persona.id("assessment", anchor, "total"),
            Code("loinc", scale["total"], f"{scale['display']}, total score"),
            f"{anchor}-total",
            assessment,
            el("value", {"xsi:type": "INT", "value": str(score)}),
        ),
        [
            _supporting(
                persona.id("assessment", anchor, index),
                Code("loinc", item["loinc"], item["display"]),
                f"{anchor}-{index}",
                assessment,
                value(_answer(persona, answer)),
            )
            for index, (item, answer) in answers
        ],
    )


def _answer(persona: Persona, score: int) -> Code:
    entry = persona.look_up("answer", str(score))
    return Code("loinc", entry["code"], entry["display"])


def _supporting(identifier: str, code: Code, anchor: str, assessment: Facts, *values: Element) -> Element:
    return el(
        "entryRelationship",
        {"typeCode": "COMP"},
        el(
            "observation",
            OBSERVATION,
            templates("2.16.840.1.113883.10.20.22.4.86"),
            el("id", {"root": identifier}),
            coded("code", code),
            text(anchor),
            status("completed"),
            time(assessment["date"]),
            values,
        ),
    )


def _cognition(persona: Persona, finding: Facts) -> Element:
    return el(
        "observation",
        OBSERVATION,
        templates("2.16.840.1.113883.10.20.22.4.74", "2015-08-01"),
        el("id", {"root": persona.id("cognition", finding["key"])}),
        coded(
            "code",
            Code("snomed", "373930000", "Cognitive function finding"),
            also=(Code("loinc", "75275-8", "Cognitive function"),),
        ),
        text(f"cognition-{finding['key']}"),
        status("completed"),
        interval(finding["since"]),
        value(snomed(persona.look_up("cognition", finding["key"]))),
        author(persona, finding["since"]),
    )


def functional_status(persona: Persona) -> Element:
    """Functional Status Section."""
    findings = persona.each("functional")
    return section(
        templates("2.16.840.1.113883.10.20.22.2.14", "2014-06-09"),
        "47420-5",
        "Functional status assessment",
        "Functional Status",
        [
            table(
                ("Finding", "Date", "Comment"),
                [
                    Row(
                        f"functional-{finding['key']}",
                        (
                            persona.look_up("functional", finding["key"])["display"],
                            shown(finding["date"]),
                            finding.get("comment", ""),
                        ),
                    )
                    for finding in findings
                ],
            )
        ],
        [_functional(persona, finding) for finding in findings],
    )


def _functional(persona: Persona, finding: Facts) -> Element:
    return el(
        "observation",
        OBSERVATION,
        templates("2.16.840.1.113883.10.20.22.4.67", "2014-06-09"),
        el("id", {"root": persona.id("functional", finding["key"])}),
        coded("code", Code("loinc", "54522-8", "Functional status")),
        text(f"functional-{finding['key']}"),
        status("completed"),
        time(finding["date"]),
        value(snomed(persona.look_up("functional", finding["key"]))),
        author(persona, finding["date"]),
    )
