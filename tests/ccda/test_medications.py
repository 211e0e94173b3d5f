"""Times and doses of medications, what they are given in, and what the pharmacy hands out."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

from typing import Any

import pytest

from tests.ccda.builders import RXNORM, code, converted, medication, related, section, template, the


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
