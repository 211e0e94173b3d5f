"""Times and doses of medications, what they are given in, and what the pharmacy hands out."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

from typing import Any

import pytest

from tests.ccda.builders import RXNORM, code, converted, medication, of_type, related, section, template, the


def dosages(times: str, inner: str = "") -> list[dict[str, Any]]:
    """The dosage of a medication with these times."""
    made = the(converted(section("10160-0", medication(inner, times=times))), "MedicationStatement")
    found: list[dict[str, Any]] = made.get("dosage", [])
    return found


def pivl(inner: str, attributes: str = "") -> str:
    """A periodic time."""
    return f'<effectiveTime xsi:type="PIVL_TS" {attributes}>{inner}</effectiveTime>'


def at(hour: str, period: str = '<period value="1" unit="d"/>', attributes: str = "") -> str:
    """Once a period, at an hour of the day."""
    return pivl(f'<phase><low value="20240105{hour}"/></phase>{period}', attributes)


@pytest.mark.parametrize("period", ['<period value="1" unit="d"/>', '<period value="24" unit="h"/>'])
def test_a_daily_time_with_an_hour_is_a_time_of_day(period: str) -> None:
    [made] = dosages(at("0830", period))
    assert made["timing"]["repeat"]["timeOfDay"] == ["08:30:00"]
    assert made["timing"]["repeat"]["frequency"] == 1


def test_two_daily_times_are_twice_a_day_at_those_hours() -> None:
    [made] = dosages(at("2000") + at("0800"))
    assert made["timing"]["repeat"] == {
        "frequency": 2, "period": 1, "periodUnit": "d", "timeOfDay": ["08:00:00", "20:00:00"],
    }  # fmt: skip


def test_two_daily_times_that_only_hold_together_are_kept_as_text() -> None:
    [made] = dosages(at("0800") + at("2000", '<period value="2" unit="d"/>', 'operator="A"'))
    assert list(made) == ["text"]


def test_the_hour_of_what_is_not_daily_is_no_time_of_day() -> None:
    [made] = dosages(at("0800", '<period value="1" unit="wk"/>'))
    assert "timeOfDay" not in made["timing"]["repeat"]


def test_how_long_each_time_takes_is_the_duration() -> None:
    times = pivl(
        '<phase><low value="202401050800-0500"/><width value="30" unit="min"/></phase><period value="8" unit="h"/>'
    )
    repeat = dosages(times)[0]["timing"]["repeat"]
    assert (repeat["duration"], repeat["durationUnit"]) == (30, "min")


@pytest.mark.parametrize(
    ("period", "said"),
    [('value="12" unit="h"', "BID"), ('value="8" unit="h"', "TID"), ('value="6" unit="h"', "QID"), ('value="1" unit="d"', "QD"), ('value="5" unit="h"', None)],
)  # fmt: skip
def test_times_that_the_institution_chooses_have_their_usual_name(period: str, said: str | None) -> None:
    timing = dosages(pivl(f"<period {period}/>", 'institutionSpecified="true"'))[0]["timing"]
    assert (timing["code"]["coding"][0]["code"] if "code" in timing else None) == said
    fixed = dosages(pivl(f"<period {period}/>", 'institutionSpecified="false"'))[0]["timing"]
    assert "code" not in fixed


@pytest.mark.parametrize(
    ("event", "offset", "expected"),
    [("ACM", '<low value="-30" unit="min"/>', 30), ("PCM", '<low value="1" unit="h"/>', 60), ("HS", '<low value="10" unit="min"/>', 10)],
)  # fmt: skip
def test_an_offset_from_an_event_is_in_minutes(event: str, offset: str, expected: int) -> None:
    times = (
        f'<effectiveTime xsi:type="EIVL_TS"><event code="{event}"/><offset>{offset}</offset></effectiveTime>'
    )
    assert dosages(times)[0]["timing"]["repeat"] == {"when": [event], "offset": expected}


def test_before_going_to_bed_does_not_become_after() -> None:
    times = '<effectiveTime xsi:type="EIVL_TS"><event code="HS"/><offset><low value="-1" unit="h"/></offset></effectiveTime>'
    assert dosages(times) == [{"text": "Times in the source: 1 h before at HS"}]


def test_a_single_event_that_fhir_does_not_know_is_kept_as_text() -> None:
    times = '<effectiveTime xsi:type="EIVL_TS"><event code="NOON"/></effectiveTime>'
    assert dosages(times) == [{"text": "Times in the source: at NOON"}]


def test_all_of_several_preconditions_are_told() -> None:
    inner = "".join(
        f'<precondition typeCode="PRCN"><criterion><value xsi:type="CD" code="{one}" codeSystem="2.16.840.1.113883.6.96" displayName="{said}"/></criterion></precondition>'
        for one, said in (("25064002", "Headache"), ("386661006", "Fever"))
    )
    assert dosages("", inner)[0]["asNeededCodeableConcept"]["text"] == "Headache; Fever"


def test_what_a_drug_is_given_in_is_a_note() -> None:
    vehicle = (
        f'<participant typeCode="CSM"><participantRole classCode="MANU">{template(".4.24")}<playingEntity classCode="MMAT">'
        f"{code('code', '324049', RXNORM, 'Aerosol')}<name>Spray</name></playingEntity></participantRole></participant>"
    )
    made = the(converted(section("10160-0", medication(vehicle))), "MedicationStatement")
    assert made["note"] == [{"text": "Vehicle: Spray; Aerosol (324049)"}]


def test_a_supply_tells_for_how_long_it_is_meant_and_what_was_said_with_it() -> None:
    told = f'<act classCode="ACT" moodCode="INT">{template(".4.20")}{code("code", "409073007", "2.16.840.1.113883.6.96", "Education")}<text>Shake well</text></act>'
    supply = (
        f'<supply classCode="SPLY" moodCode="INT">{template(".4.17")}<statusCode code="active"/><expectedUseTime><width value="30" unit="d"/></expectedUseTime>'
        f"{related(told)}</supply>"
    )
    made = the(converted(section("10160-0", medication(related(supply, "REFR")))), "MedicationRequest")
    assert made["dispenseRequest"]["expectedSupplyDuration"]["value"] == 30
    assert made["dosageInstruction"][0]["patientInstruction"] == "Education: Shake well"


@pytest.mark.parametrize("hour", ["0000", "000000-0500", "143012-0500", ""])
def test_a_date_and_a_moment_of_entry_are_no_time_of_day(hour: str) -> None:
    [made] = dosages(at(hour))
    assert "timeOfDay" not in made["timing"]["repeat"]


# what FHIR Timing has no element for


def eivl(event: str, offset: str = "", attributes: str = "") -> str:
    """A time at an event of the day."""
    return f'<effectiveTime xsi:type="EIVL_TS" {attributes}><event code="{event}"/>{offset}</effectiveTime>'


def span(low: str, high: str, attributes: str = "") -> str:
    """From a day to a day."""
    return f'<effectiveTime xsi:type="IVL_TS" {attributes}><low value="{low}"/><high value="{high}"/></effectiveTime>'


DAILY = pivl('<period value="1" unit="d"/>')
EXCLUDED = 'operator="E"'


@pytest.mark.parametrize(
    ("excluded", "said"),
    [
        (pivl('<period value="1" unit="wk"/>', EXCLUDED), "every 1 wk"),
        ('<effectiveTime value="20240109" operator="E"/>', "2024-01-09"),
        (span("20240110", "20240112", EXCLUDED), "from 2024-01-10 to 2024-01-12"),
        (eivl("HS", attributes=EXCLUDED), "at HS"),
    ],
)
def test_when_a_drug_is_not_to_be_taken_is_told_in_words_alone(excluded: str, said: str) -> None:
    conversion = converted(section("10160-0", medication(times=DAILY + excluded)))
    made = the(conversion, "MedicationStatement")
    assert made["dosage"] == [{"text": f"Times in the source: every 1 d, except {said}"}]
    assert "effectivePeriod" not in made
    assert "effectiveDateTime" not in made
    assert any(
        "times of administration" in one for account in conversion.report.statements for one in account.issues
    )


def test_an_exclusion_leaves_no_point_in_time_in_structure() -> None:
    times = (
        span("20240101", "20240131")
        + '<effectiveTime value="20240105"/><effectiveTime value="20240109" operator="E"/>'
    )
    made = the(converted(section("10160-0", medication(times=times))), "MedicationStatement")
    assert made["dosage"] == [{"text": "Times in the source: 2024-01-05, except 2024-01-09"}]
    assert made["effectivePeriod"] == {"start": "2024-01-01", "end": "2024-01-31"}


@pytest.mark.parametrize("operator", ["", 'operator="I"'])
def test_a_period_and_an_event_are_one_rule_only_where_they_intersect(operator: str) -> None:
    every = pivl('<period value="2" unit="d"/>')
    [both] = dosages(every + eivl("HS", attributes='operator="A"'))
    assert both["timing"]["repeat"] == {"frequency": 1, "period": 2, "periodUnit": "d", "when": ["HS"]}
    assert dosages(every + eivl("HS", attributes=operator)) == [
        {"text": "Times in the source: every 2 d, at HS"}
    ]


def test_events_side_by_side_may_be_narrowed_by_a_period() -> None:
    [made] = dosages(eivl("CM") + eivl("CV") + pivl('<period value="2" unit="d"/>', 'operator="A"'))
    assert made["timing"]["repeat"] == {"frequency": 1, "period": 2, "periodUnit": "d", "when": ["CM", "CV"]}


def test_how_long_one_time_takes_is_not_how_long_the_drug_is_taken() -> None:
    phase = '<phase><low value="202401050800-0500"/><high value="202401050810-0500"/></phase>'
    times = pivl(phase + '<period value="1" unit="d"/>') + span("20240101", "20240331", 'operator="A"')
    made = the(converted(section("10160-0", medication(times=times))), "MedicationStatement")
    assert made["effectivePeriod"] == {"start": "2024-01-01", "end": "2024-03-31"}
    repeat = made["dosage"][0]["timing"]["repeat"]
    assert (repeat["timeOfDay"], repeat["duration"], repeat["durationUnit"]) == (["08:00:00"], 10, "min")


def test_a_phase_tells_only_when_the_drug_was_begun() -> None:
    times = pivl('<phase><low value="202401"/><high value="202402"/></phase><period value="1" unit="a"/>')
    made = the(converted(section("10160-0", medication(times=times))), "MedicationStatement")
    assert made["effectivePeriod"] == {"start": "2024-01"}
    assert made["dosage"][0]["text"] == "Times in the source: phase from 2024-01 to 2024-02"


def test_a_second_interval_is_kept_in_words() -> None:
    conversion = converted(
        section("10160-0", medication(times=span("202401", "202402") + span("202405", "202406")))
    )
    made = the(conversion, "MedicationStatement")
    assert made["effectivePeriod"] == {"start": "2024-01", "end": "2024-02"}
    assert made["dosage"] == [{"text": "Times in the source: from 2024-05 to 2024-06"}]


def test_an_interval_after_a_point_in_time_is_the_span() -> None:
    times = '<effectiveTime value="20240105"/>' + span("202401", "202402")
    made = the(converted(section("10160-0", medication(times=times))), "MedicationStatement")
    assert made["effectivePeriod"] == {"start": "2024-01", "end": "2024-02"}
    assert made["dosage"] == [{"timing": {"event": ["2024-01-05"]}}]


def test_how_long_a_drug_is_taken_is_kept_where_it_is_a_length() -> None:
    times = (
        '<effectiveTime xsi:type="IVL_TS"><low value="20240105"/><width value="10" unit="d"/></effectiveTime>'
    )
    assert dosages(times) == [{"text": "Times in the source: for 10 d"}]


@pytest.mark.parametrize(
    "inner", ['<low value="4" unit="h"/><high value="abc" unit="h"/>', '<low value="12" unit="h"/><high value="1" unit="d"/>']
)  # fmt: skip
def test_a_period_of_which_a_part_cannot_be_told_is_kept_as_text(inner: str) -> None:
    [made] = dosages(pivl(f"<period>{inner}</period>"))
    assert list(made) == ["text"]
    assert made["text"].startswith("Times in the source: every ")


@pytest.mark.parametrize(
    ("event", "offset", "said"),
    [
        ("ACM", '<low value="30" unit="min"/>', "30 min after at ACM"),
        ("ACM", '<low value="-60" unit="min"/><high value="-30" unit="min"/>', "at ACM (offset low -60 min, high -30 min)"),
        ("PCM", '<high value="1" unit="h"/>', "at PCM (offset high 1 h)"),
        ("HS", '<low value="2" unit="moons"/>', "2 moons after at HS"),
    ],
)  # fmt: skip
def test_an_offset_that_fhir_would_turn_around_or_cut_short_is_kept_as_text(
    event: str, offset: str, said: str
) -> None:
    assert dosages(eivl(event, f"<offset>{offset}</offset>")) == [{"text": f"Times in the source: {said}"}]


def test_an_offset_with_a_width_says_how_long_each_time_takes() -> None:
    [made] = dosages(eivl("ACM", '<offset><low value="-1" unit="h"/><width value="10" unit="min"/></offset>'))
    assert made["timing"]["repeat"] == {"when": ["ACM"], "offset": 60, "duration": 10, "durationUnit": "min"}


@pytest.mark.parametrize(
    ("times", "counted", "text"),
    [(DAILY, 10, None), (DAILY + pivl('<period value="1" unit="wk"/>'), None, "Repeat number in the source: 10")],
)  # fmt: skip
def test_how_often_in_all_is_the_count_of_one_rule_alone(
    times: str, counted: int | None, text: str | None
) -> None:
    entry = medication(times=times + '<repeatNumber value="10"/>', mood="INT")
    made = the(converted(section("10160-0", entry)), "MedicationRequest")["dosageInstruction"]
    assert [one["timing"]["repeat"].get("count") for one in made] == [counted] * len(made)
    assert [one.get("text") for one in made] == [text] * len(made)


# when needed, and what was said


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ('<criterion><value xsi:type="CD" nullFlavor="NI"/></criterion>', {"asNeededBoolean": True}),
        ("", {"asNeededBoolean": True}),
        ('<criterion><value xsi:type="ST">in pain</value></criterion>', {"asNeededCodeableConcept": {"text": "in pain"}}),
        ('<criterion><value xsi:type="IVL_PQ"><low value="38" unit="Cel"/></value></criterion>', {"asNeededCodeableConcept": {"text": "low 38 Cel"}}),
    ],
)  # fmt: skip
def test_a_drug_with_a_precondition_is_taken_when_needed(inner: str, expected: dict[str, Any]) -> None:
    [made] = dosages(DAILY, f'<precondition typeCode="PRCN">{inner}</precondition>')
    assert {name: one for name, one in made.items() if name.startswith("asNeeded")} == expected


def test_a_null_precondition_says_nothing() -> None:
    [made] = dosages(DAILY, '<precondition typeCode="PRCN" nullFlavor="NI"/>')
    assert list(made) == ["timing"]


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ('negationInd="true"', "completed"),
        ("", "nullified"),
        ("", "cancelled"),
        ('nullFlavor="NI"', "completed"),
    ],
)
def test_an_instruction_that_does_not_hold_is_told_to_no_patient(attributes: str, status: str) -> None:
    told = f'<act classCode="ACT" moodCode="INT" {attributes}>{template(".4.20")}<statusCode code="{status}"/><text>Take with food</text></act>'
    supply = f'<supply classCode="SPLY" moodCode="INT">{template(".4.17")}<statusCode code="active"/><quantity value="30"/>{related(told)}</supply>'
    conversion = converted(section("10160-0", medication(related(told) + related(supply, "REFR"))))
    for one in of_type(conversion, "MedicationStatement") + of_type(conversion, "MedicationRequest"):
        assert "patientInstruction" not in str(one)
