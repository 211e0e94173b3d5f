"""Results, vital signs, social history: what Observations are made of."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

from typing import Any

import pytest

from tests.ccda.builders import (
    LOINC,
    PATIENT_ID,
    SNOMED,
    code,
    codes,
    converted,
    observation,
    of_type,
    section,
    status_of,
    template,
    the,
    value,
)

PATIENT = {"reference": f"Patient/{PATIENT_ID}"}


def the_observation(entry: str, section_code: str = "30954-2") -> dict[str, Any]:
    """The Observation that a single entry becomes."""
    return the(converted(section(section_code, entry)), "Observation")


def result(said: str, inner: str = "", when: str = "20240105083000-0500") -> str:
    """A Result Observation of hemoglobin."""
    return observation(template(".4.2"), code("code", "718-7", LOINC, "Hemoglobin"), said, inner, when=when)


def test_a_result_organizer_is_a_report_of_its_observations() -> None:
    said = '<value xsi:type="PQ" value="13.2" unit="g/dL"/>'
    limits = (
        '<interpretationCode code="N" codeSystem="2.16.840.1.113883.5.83"/><referenceRange><observationRange>'
        '<value xsi:type="IVL_PQ"><low value="12.0" unit="g/dL"/><high value="15.5" unit="g/dL"/></value>'
        "</observationRange></referenceRange>"
    )
    entry = (
        f'<organizer classCode="BATTERY" moodCode="EVN">{template(".4.1")}{code("code", "57021-8", LOINC, "CBC")}'
        f'<statusCode code="completed"/><component>{result(said, limits)}</component></organizer>'
    )
    done = converted(section("30954-2", entry))
    report, made = the(done, "DiagnosticReport"), the(done, "Observation")
    assert report["result"] == [{"reference": f"Observation/{made['id']}"}]
    assert (report["status"], codes(report["category"][0])[0][1]) == ("final", "LAB")
    assert "effectiveDateTime" not in report, "the organizer has no time of its own, so it is given none"
    assert made["valueQuantity"] == {
        "value": 13.2,
        "unit": "g/dL",
        "system": "http://unitsofmeasure.org",
        "code": "g/dL",
    }
    assert made["effectiveDateTime"] == "2024-01-05T08:30:00-05:00"
    assert made["interpretation"][0]["coding"][0]["code"] == "N"
    assert (made["referenceRange"][0]["low"]["value"], made["referenceRange"][0]["high"]["value"]) == (
        12.0,
        15.5,
    )


@pytest.mark.parametrize(
    ("said", "name", "wanted"),
    [
        ('<value xsi:type="INT" value="7"/>', "valueInteger", 7),
        ('<value xsi:type="ST">Few bacteria</value>', "valueString", "Few bacteria"),
        ('<value xsi:type="BL" value="false"/>', "valueBoolean", False),
        ('<value xsi:type="REAL" value="1.5"/>', "valueQuantity", {"value": 1.5}),
        ('<value xsi:type="PQ" value="&lt;5"/>', "valueQuantity", {"value": 5, "comparator": "<"}),
        ('<value xsi:type="PQ" value="trace" unit="mg"/>', "valueString", "trace mg"),
        ('<value xsi:type="TS" value="202401"/>', "valueDateTime", "2024-01"),
        ('<value xsi:type="IVL_TS"><low value="2020"/><high value="2021"/></value>', "valuePeriod", {"start": "2020", "end": "2021"}),
        ('<value xsi:type="IVL_PQ"><high value="5"/></value>', "valueQuantity", {"value": 5, "comparator": "<="}),
        ('<value xsi:type="IVL_PQ"><low value="5" inclusive="false"/></value>', "valueQuantity", {"value": 5, "comparator": ">"}),
        ('<value xsi:type="IVL_PQ"><low value="1"/><high value="2"/></value>', "valueRange", {"low": {"value": 1}, "high": {"value": 2}}),
        ('<value xsi:type="RTO"><numerator value="1"/><denominator value="8"/></value>', "valueRatio", {"numerator": {"value": 1}, "denominator": {"value": 8}}),
    ],
)  # fmt: skip
def test_every_type_of_value_has_its_element(said: str, name: str, wanted: Any) -> None:
    made = the_observation(result(said))
    assert made[name] == wanted
    assert [key for key in made if key.startswith("value")] == [name]


@pytest.mark.parametrize(
    ("flavor", "reason"),
    [("UNK", "unknown"), ("MSK", "masked"), ("NASK", "not-asked"), ("NA", "not-applicable")],
)
def test_a_null_value_is_an_absent_reason_and_no_code(flavor: str, reason: str) -> None:
    made = the_observation(result(f'<value xsi:type="CD" nullFlavor="{flavor}"/>'))
    assert status_of(made["dataAbsentReason"]) == reason
    assert not [key for key in made if key.startswith("value")]


def test_a_null_flavor_in_the_guise_of_a_code_is_dropped() -> None:
    made = the_observation(result('<value xsi:type="CD" code="UNK" codeSystem="2.16.840.1.113883.5.1008"/>'))
    assert "valueCodeableConcept" not in made


def test_an_observation_that_is_null_as_a_whole_shows_no_finding() -> None:
    entry = observation(
        template("2.16.840.1.113883.10.20.15.3.8"),
        code("code", "ASSERTION", "2.16.840.1.113883.5.4"),
        value("77386006", SNOMED, "Pregnant"),
        attributes='nullFlavor="UNK"',
    )
    made = the_observation(entry, "29762-2")
    assert status_of(made["dataAbsentReason"]) == "unknown"
    assert "valueCodeableConcept" not in made
    assert made["note"] == [{"text": "Not known: Pregnant"}]


def vital_signs(*signs: tuple[str, str, str]) -> str:
    """A Vital Signs Organizer of (LOINC code, value, unit)."""
    parts = "".join(
        "<component>"
        + observation(
            template(".4.27"),
            code("code", loinc, LOINC),
            f'<value xsi:type="PQ" value="{amount}" unit="{unit}"/>',
        )
        + "</component>"
        for loinc, amount, unit in signs
    )
    return (
        f'<organizer classCode="CLUSTER" moodCode="EVN">{template(".4.26")}{code("code", "46680005", SNOMED)}'
        f'<statusCode code="completed"/><effectiveTime value="20240105"/>{parts}</organizer>'
    )


def test_blood_pressure_is_one_observation_with_two_components() -> None:
    entry = vital_signs(("8480-6", "132", "mm[Hg]"), ("8462-4", "86", "mm[Hg]"), ("8867-4", "71", "/min"))
    done = converted(section("8716-3", entry))
    made = {codes(one["code"])[0][1]: one for one in of_type(done, "Observation")}
    assert set(made) == {"85354-9", "8867-4", "85353-1"}
    assert [part["valueQuantity"]["value"] for part in made["85354-9"]["component"]] == [132, 86]
    assert len(made["85353-1"]["hasMember"]) == 2
    assert done.report.totals["not-converted"] == 0


def test_two_systolic_pressures_of_one_organizer_are_not_guessed_together() -> None:
    entry = vital_signs(("8480-6", "132", "mm[Hg]"), ("8480-6", "140", "mm[Hg]"), ("8462-4", "86", "mm[Hg]"))
    made = of_type(converted(section("8716-3", entry)), "Observation")
    assert sorted(codes(one["code"])[0][1] for one in made) == ["8462-4", "8480-6", "8480-6", "85353-1"]


def test_smoking_status_is_social_history() -> None:
    made = the_observation(
        observation(
            template(".4.78"), code("code", "72166-2", LOINC), value("8517006", SNOMED, "Former smoker")
        ),
        "29762-2",
    )
    assert codes(made["category"][0])[0][1] == "social-history"
    assert codes(made["valueCodeableConcept"]) == [("http://snomed.info/sct", "8517006")]
