"""Amounts that are open, or of which a part is no number, are told whole in words and never as another amount."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

from typing import Any

import pytest

from chartbridge.ccda import Conversion
from tests.ccda.builders import (
    LOINC,
    code,
    converted,
    immunization,
    medication,
    observation,
    related,
    section,
    template,
    the,
)


def issues(conversion: Conversion) -> list[str]:
    """What the report says could not be told as it stands."""
    return [one for account in conversion.report.statements for one in account.issues]


def result(said: str, inner: str = "") -> Conversion:
    """A result with this value."""
    entry = observation(template(".4.2"), code("code", "718-7", LOINC, "Hemoglobin"), said, inner)
    return converted(section("30954-2", entry))


AMOUNTS = [
    ('value="&lt;5" unit="mg"', "", "<5 mg"),
    ('value="1-2" unit="mg"', "", "1-2 mg"),
    ("", '<low value="1" unit="mg"/><high value="abc"/>', "low 1 mg, high abc"),
    ("", '<low value=">1" unit="mg"/><high value="2" unit="mg"/>', "low >1 mg, high 2 mg"),
    ("", '<low value="1" unit="mg" inclusive="false"/><high value="2" unit="mg"/>', "low 1 mg (not included), high 2 mg"),
    ("", '<low value="1" unit="mg"/><width value="2" unit="mg"/>', "low 1 mg, width 2 mg"),
    ("", '<translation value="&lt;5" unit="mg"/>', "<5 mg"),
]  # fmt: skip


@pytest.mark.parametrize(("attributes", "inner", "said"), AMOUNTS)
@pytest.mark.parametrize(("tag", "name"), [("doseQuantity", "Dose"), ("rateQuantity", "Rate")])
def test_a_dose_that_is_no_closed_number_is_kept_as_text(
    tag: str, name: str, attributes: str, inner: str, said: str
) -> None:
    conversion = converted(section("10160-0", medication(f"<{tag} {attributes}>{inner}</{tag}>")))
    assert the(conversion, "MedicationStatement")["dosage"] == [{"text": f"{name} in the source: {said}"}]
    assert any("kept as text" in one for one in issues(conversion))


@pytest.mark.parametrize(
    ("attributes", "inner", "told"),
    [
        ('value="5"', "", {"doseQuantity": {"value": 5}}),
        ("", '<low value="5"/><high value="5"/>', {"doseQuantity": {"value": 5}}),
        ("", '<low value=">=1"/><high value="&lt;=2"/>', {"doseRange": {"low": {"value": 1}, "high": {"value": 2}}}),
        ("", '<low value="1"/><high nullFlavor="PINF"/>', {"doseRange": {"low": {"value": 1}}}),
    ],
)  # fmt: skip
def test_a_closed_dose_is_a_number_or_a_range(attributes: str, inner: str, told: dict[str, Any]) -> None:
    conversion = converted(
        section("10160-0", medication(f"<doseQuantity {attributes}>{inner}</doseQuantity>"))
    )
    assert the(conversion, "MedicationStatement")["dosage"] == [{"doseAndRate": [told]}]
    assert issues(conversion) == []


NULL_MOST = '<maxDoseQuantity nullFlavor="UNK"><numerator nullFlavor="UNK"/><denominator nullFlavor="UNK"/></maxDoseQuantity>'


def most(numerator: str, denominator: str = "") -> str:
    """A maximum dose."""
    return f'<maxDoseQuantity><numerator value="{numerator}" unit="g"/>{denominator}</maxDoseQuantity>'


def test_the_maximum_dose_behind_a_null_one_is_kept() -> None:
    inner = NULL_MOST + most("4", '<denominator value="24" unit="h"/>')
    made = the(converted(section("10160-0", medication(inner))), "MedicationStatement")
    ratio = made["dosage"][0]["maxDosePerPeriod"]
    assert (ratio["numerator"]["value"], ratio["denominator"]["value"]) == (4, 24)


@pytest.mark.parametrize(
    ("inner", "said"),
    [(most("4"), "4 g"), (most("4", '<denominator value="a day"/>'), "4 g per a day")],
)
def test_a_maximum_dose_of_no_known_period_is_kept_as_text(inner: str, said: str) -> None:
    conversion = converted(section("10160-0", medication(inner)))
    assert the(conversion, "MedicationStatement")["dosage"] == [
        {"text": f"Maximum dose in the source: {said}"}
    ]
    assert any("kept as text" in one for one in issues(conversion))


@pytest.mark.parametrize(
    ("attributes", "inner", "said"), [*AMOUNTS, ("", '<low value="1"/><high value="2"/>', "low 1, high 2")]
)
def test_the_dose_of_a_vaccine_is_one_number_or_a_note(attributes: str, inner: str, said: str) -> None:
    conversion = converted(
        section("11369-6", immunization(f"<doseQuantity {attributes}>{inner}</doseQuantity>"))
    )
    made = the(conversion, "Immunization")
    assert "doseQuantity" not in made
    assert made["note"] == [{"text": f"Dose in the source: {said}"}]
    assert any("kept as text" in one for one in issues(conversion))


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ('<low value="1"/><high value="1:40"/>', "low 1, high 1:40"),
        ('<low value="1"/><width value="2"/>', "low 1, width 2"),
        ('<low value=">5"/><high value="&lt;7"/>', "low >5, high <7"),
        ('<low value="5"/><high value="7" inclusive="false"/>', "low 5, high 7 (not included)"),
        ('<high value=">7"/>', "high >7"),
    ],
)
def test_a_value_of_which_a_range_would_tell_a_part_is_a_string(inner: str, said: str) -> None:
    conversion = result(f'<value xsi:type="IVL_PQ">{inner}</value>')
    made = the(conversion, "Observation")
    assert {name: one for name, one in made.items() if name.startswith("value")} == {"valueString": said}
    assert any("kept as text" in one for one in issues(conversion))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ('<value xsi:type="IVL_PQ"><low value=">5"/></value>', "low >5"),
        ('<value xsi:type="IVL_PQ"><low value="5"/><high value="abc"/></value>', "low 5, high abc"),
        ('<value xsi:type="PQ" value="&lt;5" unit="mg"/>', "<5 mg"),
    ],
)
def test_an_open_limit_of_a_reference_range_is_kept_as_text(limits: str, said: str) -> None:
    ranged = f"<referenceRange><observationRange>{limits}</observationRange></referenceRange>"
    [made] = the(result('<value xsi:type="PQ" value="6"/>', ranged), "Observation")["referenceRange"]
    assert made == {"text": said}


@pytest.mark.parametrize(
    ("attributes", "mood", "status"),
    [('negationInd="true"', "EVN", "completed"), ('nullFlavor="NI"', "EVN", "completed"), ("", "RSK", "completed"), ("", "EVN", "cancelled")],
)  # fmt: skip
def test_a_reaction_that_did_not_happen_is_none_of_the_vaccine(
    attributes: str, mood: str, status: str
) -> None:
    hives = (
        f'<observation classCode="OBS" moodCode="{mood}" {attributes}>{template(".4.9")}<code code="ASSERTION" codeSystem="2.16.840.1.113883.5.4"/>'
        f'<statusCode code="{status}"/><value xsi:type="CD" code="247472004" codeSystem="2.16.840.1.113883.6.96" displayName="Hives"/></observation>'
    )
    made = the(converted(section("11369-6", immunization(related(hives, "CAUS")))), "Immunization")
    assert "reaction" not in made
