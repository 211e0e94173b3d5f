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


def oximetry(*signs: tuple[str, str, str]) -> dict[str, dict[str, Any]]:
    """Vital signs by their first code."""
    done = converted(section("8716-3", vital_signs(*signs)))
    assert done.report.totals["not-converted"] == 0
    return {codes(one["code"])[0][1]: one for one in of_type(done, "Observation")}


def test_oxygen_saturation_has_the_oxygen_that_was_given_as_components() -> None:
    made = oximetry(("3150-6", "28", "%"), ("59408-5", "94", "%"), ("3151-8", "2", "L/min"))
    assert set(made) == {"59408-5", "85353-1"}
    assert codes(made["59408-5"]["code"]) == [("http://loinc.org", "59408-5"), ("http://loinc.org", "2708-6")]
    assert made["59408-5"]["valueQuantity"]["value"] == 94
    given = {codes(one["code"])[0][1]: one["valueQuantity"]["value"] for one in made["59408-5"]["component"]}
    assert given == {"3151-8": 2, "3150-6": 28}
    assert made["85353-1"]["hasMember"] == [{"reference": f"Observation/{made['59408-5']['id']}"}]


def test_a_saturation_of_the_withdrawn_code_has_the_code_that_replaced_it() -> None:
    made = oximetry(("2710-2", "97", "%"))["2710-2"]
    assert [one for _, one in codes(made["code"])] == ["2710-2", "59408-5", "2708-6"]
    arterial = oximetry(("2708-6", "97", "%"))["2708-6"]
    assert [one for _, one in codes(arterial["code"])] == ["2708-6"], "how it was measured is not said"


def test_oxygen_is_not_guessed_to_belong_to_one_of_two_saturations() -> None:
    made = oximetry(("59408-5", "94", "%"), ("59408-5", "88", "%"), ("3150-6", "28", "%"))
    assert set(made) == {"59408-5", "3150-6", "85353-1"}
    assert "component" not in made["59408-5"]


def test_oxygen_of_another_time_stays_on_its_own() -> None:
    entry = vital_signs(("59408-5", "94", "%"), ("3150-6", "28", "%"))
    first, second, rest = entry.partition('<value xsi:type="PQ" value="28"')
    at, found, tail = first.rpartition('<effectiveTime value="20240105"/>')
    assert found
    done = converted(section("8716-3", f'{at}<effectiveTime value="20240106"/>{tail}{second}{rest}'))
    assert {codes(one["code"])[0][1] for one in of_type(done, "Observation")} == {
        "59408-5",
        "3150-6",
        "85353-1",
    }


def test_an_average_blood_pressure_is_one_observation_without_a_panel() -> None:
    parts = "".join(
        "<component>"
        + observation(
            template(".4.27"),
            code("code", loinc, LOINC),
            f'<value xsi:type="PQ" value="{said}" unit="mm[Hg]"/>',
        )
        + "</component>"
        for loinc, said in (("96608-5", "128"), ("96609-3", "79"))
    )
    entry = (
        f'<organizer classCode="BATTERY" moodCode="EVN">{template(".4.512")}{code("code", "96607-7", LOINC)}'
        f'<statusCode code="completed"/><effectiveTime value="20240105"/>{parts}</organizer>'
    )
    done = converted(section("8716-3", entry))
    made = the(done, "Observation")
    assert codes(made["code"]) == [("http://loinc.org", "96607-7")]
    assert [one["valueQuantity"]["value"] for one in made["component"]] == [128, 79]
    assert done.report.totals["absorbed"] == 1


def test_a_comment_on_one_of_two_pressures_that_cannot_be_joined_is_kept() -> None:
    comment = (
        f'<entryRelationship typeCode="SUBJ"><act classCode="ACT" moodCode="EVN">{template(".4.64")}'
        '<code code="48767-8"/><text>Left arm</text></act></entryRelationship>'
    )
    entry = vital_signs(("8480-6", "132", "mm[Hg]"), ("8462-4", "86", "mm[Hg]"))
    entry = entry.replace("</observation>", f"{comment}</observation>", 1)
    entry = entry.replace(
        '<statusCode code="completed"/><effectiveTime value="20240105"/><value',
        '<statusCode code="active"/><effectiveTime value="20240105"/><value',
        1,
    )
    made = {
        codes(one["code"])[0][1]: one for one in of_type(converted(section("8716-3", entry)), "Observation")
    }
    assert made["8480-6"]["note"] == [{"text": "Left arm"}]


def test_a_panel_within_a_report_is_a_result_of_it() -> None:
    inner = (
        f'<organizer classCode="BATTERY" moodCode="EVN">{template(".4.1")}{code("code", "24323-8", LOINC, "Metabolic")}'
        f'<statusCode code="completed"/><component>{result("")}</component></organizer>'
    )
    entry = (
        f'<organizer classCode="BATTERY" moodCode="EVN">{template(".4.1")}{code("code", "11502-2", LOINC, "Report")}'
        f'<statusCode code="completed"/><component>{inner}</component></organizer>'
    )
    done = converted(section("30954-2", entry))
    made = {codes(one["code"])[0][1]: one for one in of_type(done, "Observation")}
    assert the(done, "DiagnosticReport")["result"] == [{"reference": f"Observation/{made['24323-8']['id']}"}]
    assert made["24323-8"]["hasMember"] == [{"reference": f"Observation/{made['718-7']['id']}"}]


def test_a_specimen_tells_how_and_where_it_was_taken_and_the_report_refers_to_it() -> None:
    taken = (
        f'<procedure classCode="PROC" moodCode="EVN">{template(".4.415")}'
        f'{code("code", "17636008", SNOMED, "Specimen collection")}<effectiveTime value="20240104"/>'
        f'{code("targetSiteCode", "368208006", SNOMED, "Left arm")}<participant typeCode="PRD"><participantRole>'
        f"<playingEntity>{code('code', '119297000', SNOMED, 'Blood')}</playingEntity></participantRole></participant>"
        "</procedure>"
    )
    entry = (
        f'<organizer classCode="BATTERY" moodCode="EVN">{template(".4.1")}{code("code", "57021-8", LOINC, "CBC")}'
        f'<statusCode code="completed"/><component>{taken}</component><component>{result("")}</component></organizer>'
    )
    done = converted(section("30954-2", entry))
    made = the(done, "Specimen")
    assert status_of(made["type"]) == "119297000"
    assert made["collection"]["collectedDateTime"] == "2024-01-04"
    assert status_of(made["collection"]["bodySite"]) == "368208006"
    assert the(done, "DiagnosticReport")["specimen"] == [{"reference": f"Specimen/{made['id']}"}]


def test_what_stands_in_the_section_of_imaging_is_no_laboratory_result() -> None:
    entry = (
        f'<organizer classCode="BATTERY" moodCode="EVN">{template(".4.1")}{code("code", "36643-5", LOINC, "Chest X-ray")}'
        f'<statusCode code="completed"/><component>{result("")}</component></organizer>'
    )
    done = converted(section("18748-4", entry))
    assert codes(the(done, "DiagnosticReport")["category"][0])[0][1] == "RAD"
    assert codes(the(done, "Observation")["category"][0])[0][1] == "imaging"


def test_none_of_several_values_of_a_denied_result_is_shown_as_found() -> None:
    entry = result(value("A1", SNOMED, "Rods") + value("B2", SNOMED, "Cocci")).replace(
        'moodCode="EVN"', 'moodCode="EVN" negationInd="true"'
    )
    made = the_observation(entry)
    assert made["valueString"] == "Not present: Rods"
    assert [one.get("valueString") for one in made["component"]] == ["Not present: Cocci"]


@pytest.mark.parametrize("root", [".4.501", ".4.503", ".4.504", ".4.506", ".4.281"])
def test_what_is_told_of_a_persons_life_is_social_history_in_any_section(root: str) -> None:
    entry = observation(template(root), code("code", "76690-7", LOINC), value("20430005", SNOMED, "Said"))
    made = the_observation(entry, "34109-9")
    assert codes(made["category"][0])[0][1] == "social-history"


@pytest.mark.parametrize(
    ("root", "section_code"),
    [
        (".4.38", "29762-2"),
        (".4.78", "29762-2"),
        (".4.69", "47420-5"),
        (".4.86", "47420-5"),
        (".4.7", "48765-2"),
    ],
)
def test_what_is_only_asked_for_is_a_request_in_every_section(root: str, section_code: str) -> None:
    entry = observation(
        template(root), code("code", "72166-2", LOINC, "Asked"), value("8517006", SNOMED, "Answer")
    )
    done = converted(section(section_code, entry.replace('moodCode="EVN"', 'moodCode="RQO"')))
    assert not of_type(done, "Observation")
    assert not of_type(done, "AllergyIntolerance")
    assert the(done, "ServiceRequest")["intent"] == "order"


def test_an_estimated_date_of_delivery_is_a_component_of_the_pregnancy() -> None:
    delivery = observation(
        template("2.16.840.1.113883.10.20.15.3.1"),
        code("code", "11778-8", LOINC, "Delivery date"),
        '<value xsi:type="TS" value="20241105"/>',
    )
    entry = observation(
        template("2.16.840.1.113883.10.20.15.3.8"),
        code("code", "ASSERTION", "2.16.840.1.113883.5.4"),
        value("77386006", SNOMED, "Pregnant"),
        f'<entryRelationship typeCode="REFR">{delivery}</entryRelationship>',
    )
    [part] = the_observation(entry, "29762-2")["component"]
    assert (codes(part["code"])[0][1], part["valueDateTime"]) == ("11778-8", "2024-11-05")


def test_the_answers_of_a_scale_are_its_components_with_all_of_their_values() -> None:
    def item(loinc: str, when: str) -> str:
        made = observation(
            template(".4.86"), code("code", loinc, LOINC), '<value xsi:type="INT" value="1"/>' + value("LA6569-3", LOINC, "Several days"), when=when,
        )  # fmt: skip
        return f'<entryRelationship typeCode="COMP">{made}</entryRelationship>'

    entry = observation(
        template(".4.69"), code("code", "44249-1", LOINC, "PHQ-9"), '<value xsi:type="INT" value="2"/>',
        item("44250-9", "20240105") + item("44255-8", "20231201"),
    )  # fmt: skip
    done = converted(section("10190-7", entry))
    made = {codes(one["code"])[0][1]: one for one in of_type(done, "Observation")}
    parts = made["44249-1"]["component"]
    assert [codes(one["code"])[0][1] for one in parts] == ["44250-9", "44250-9"]
    assert parts[0]["valueInteger"] == 1
    assert codes(parts[1]["valueCodeableConcept"])[0][1] == "LA6569-3"
    assert made["44249-1"]["hasMember"] == [{"reference": f"Observation/{made['44255-8']['id']}"}], (
        "asked at another time"
    )
