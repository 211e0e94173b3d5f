from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.consolidate.filters import DATE_ELEMENTS, filter_resources, in_dates
from chartbridge.consolidate.resource_types import ACCEPTED_TYPES
from tests.consolidate.builders import resource

# The contract's table, written a second time: † is the ongoing rule, + elements looked at together.
TABLE = {
    "AllergyIntolerance": "onsetPeriod onsetRange lastOccurrence onsetString† onsetDateTime† onsetAge†"
    " reaction[].onset†",
    "Communication": "sent+received",
    "Composition": "event[].period",
    "Condition": "onsetPeriod onsetRange onsetString† onsetDateTime† onsetAge†"
    " abatementPeriod abatementRange abatementString abatementDateTime abatementAge",
    "Consent": "dateTime",
    "Coverage": "period",
    "DiagnosticReport": "effectiveDateTime+effectivePeriod",
    "DocumentReference": "context.period",
    "Encounter": "period location[].period",
    "Goal": "startDate target[].dueDate",
    "Immunization": "occurrenceDateTime occurrenceString reaction[].date",
    "MedicationAdministration": "effectivePeriod effectiveDateTime",
    "MedicationStatement": "effectivePeriod effectiveDateTime",
    "MedicationDispense": "whenHandedOver whenPrepared",
    "MedicationRequest": "authoredOn",
    "Observation": "effectivePeriod effectiveDateTime effectiveInstant issued",
    "Procedure": "performedPeriod performedRange performedDateTime performedString performedAge",
    "Provenance": "occurredPeriod occurredDateTime recorded",
    "RelatedPerson": "period",
}
STEPS = [(kind, place, step) for kind, steps in TABLE.items() for place, step in enumerate(steps.split())]
# An Age or a Range of quantities holds no date by itself.
DATED = [(kind, place, step) for kind, place, step in STEPS if "Age" not in step]

BIRTH = date(1970, 3, 10)
JANUARY, DECEMBER = date(2024, 1, 1), date(2024, 12, 31)


def kept(
    kind: str, date_from: date | None = JANUARY, date_to: date | None = DECEMBER, **elements: Any
) -> bool:
    return in_dates(resource(kind, "x", **elements), date_from=date_from, date_to=date_to, birth_date=BIRTH)


def put(elements: dict[str, Any], path: str, day: str) -> None:
    *outer, last = path.removesuffix("†").split(".")
    leaf: Any = (
        {"start": day} if last.lower().endswith("period") else {"low": day} if last.endswith("Range") else day
    )
    node = {last: leaf}
    for name in reversed(outer):
        node = {name.removesuffix("[]"): [node] if name.endswith("[]") else node}
    for name, value in node.items():
        held = elements.get(name)
        if isinstance(held, list):
            held[0].update(value[0])
        else:
            elements[name] = value


def test_the_table_is_the_contracts() -> None:
    spelled = {
        kind: " ".join("+".join(element.paths) + "†" * element.ongoing for element in elements)
        for kind, elements in DATE_ELEMENTS.items()
    }
    assert spelled == TABLE


@pytest.mark.parametrize(("kind", "place", "step"), DATED)
def test_each_element_decides_when_no_earlier_one_holds_a_date(kind: str, place: int, step: str) -> None:
    for path in step.split("+"):
        for day, expected in (
            ("2023-12-31", False),
            ("2024-01-01", True),
            ("2024-12-31", True),
            ("2025-01-01", step.endswith("†")),
        ):
            elements: dict[str, Any] = {}
            put(elements, path, day)
            assert kept(kind, **elements) is expected, (path, day)


@pytest.mark.parametrize(("kind", "place", "step"), DATED)
def test_an_element_gives_way_to_those_before_it(kind: str, place: int, step: str) -> None:
    earlier = [other for other in TABLE[kind].split()[:place] if "Age" not in other]
    for other in earlier:
        for first, second, expected in (
            ("2024-06-01", "2020-01-01", True),
            ("2020-01-01", "2024-06-01", False),
        ):
            elements: dict[str, Any] = {}
            put(elements, other.split("+")[0], first)
            put(elements, step.split("+", maxsplit=1)[0], second)
            assert kept(kind, **elements) is expected, (other, step)


@pytest.mark.parametrize(("kind", "place", "step"), [row for row in DATED if row[2].endswith("†")])
def test_an_ongoing_element_is_passed_over_without_a_lower_bound(kind: str, place: int, step: str) -> None:
    elements: dict[str, Any] = {}
    put(elements, step, "2030-01-01")
    assert kept(kind, None, DECEMBER, **elements)


def test_a_condition_passed_over_for_its_onset_is_judged_by_its_abatement() -> None:
    ended = {"onsetDateTime": "2020-01-01", "abatementDateTime": "2025-05-05"}
    assert not kept("Condition", None, DECEMBER, **ended)
    assert kept("Condition", None, date(2025, 5, 5), **ended)
    assert not kept("Condition", JANUARY, None, **ended)


@pytest.mark.parametrize("kind", sorted(ACCEPTED_TYPES - set(TABLE)))
def test_every_other_type_is_always_kept(kind: str) -> None:
    assert kept(kind, effectiveDateTime="1950-01-01", period={"start": "1950-01-01"}, date="1950-01-01")


@pytest.mark.parametrize(
    "unusable",
    ["", "1899-12-31", "2101-01-01", "0001-01-01", "childhood", "2024-02-30", "2024-13", "20240101", 5, None],
)
def test_an_unusable_date_is_passed_over(unusable: object) -> None:
    assert kept("Observation", effectiveDateTime=unusable)
    assert not kept("Observation", effectiveDateTime=unusable, issued="2020-01-01T00:00:00Z")


@pytest.mark.parametrize("edge", ["1900-01-01", "2100-12-31", "1900", "2100"])
def test_the_first_and_the_last_usable_year_are_usable(edge: str) -> None:
    assert not kept("Observation", effectiveDateTime=edge)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-12-31T23:30:00-05:00", True),
        ("2024-01-01T00:30:00+02:00", False),
        ("2024-12-31T23:59:59.999Z", True),
        ("2024-12-31T23:59:59-01:00", False),
        ("2024-12-31T23:59:59", True),
    ],
)
def test_days_are_days_in_utc(text: str, expected: bool) -> None:
    assert kept("Observation", effectiveDateTime=text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2024", True), ("2024-12", True), ("2023", False), ("2023-12", False), ("2025", False)],
)
def test_a_partial_date_is_in_range_when_any_of_its_days_is(text: str, expected: bool) -> None:
    assert kept("Observation", effectiveDateTime=text) is expected


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ({"start": "2023-06-01", "end": "2024-01-01"}, True),
        ({"start": "2024-12-31", "end": "2025-06-01"}, True),
        ({"start": "2023-01-01", "end": "2025-01-01"}, True),
        ({"start": "2022-01-01", "end": "2023-01-01"}, False),
        ({"start": "2025-01-01", "end": "2026-01-01"}, False),
        ({"start": "2023-01-01"}, False),
        ({"end": "2024-05-05"}, True),
        ({"start": "0001-01-01", "end": "2024-05-05"}, True),
        ({"start": "2026-01-01", "end": "2024-05-05"}, True),
        ({"start": "unknown"}, True),
    ],
)
def test_one_day_of_a_period_in_range_is_enough(period: dict[str, str], expected: bool) -> None:
    assert kept("Encounter", period=period) is expected


def test_one_date_of_a_list_in_range_is_enough() -> None:
    assert kept("Goal", target=[{"dueDate": "2020-01-01"}, {"dueDate": "2024-07-01"}])
    assert not kept("Goal", target=[{"dueDate": "2020-01-01"}, {"dueDate": "2026-07-01"}])


def test_sent_and_received_are_looked_at_together() -> None:
    assert kept("Communication", sent="2020-01-01T00:00:00Z", received="2024-01-01T00:00:00Z")
    assert kept("Communication", sent="2024-01-01T00:00:00Z", received="2026-01-01T00:00:00Z")
    assert not kept("Communication", sent="2020-01-01T00:00:00Z", received="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ({"value": 54, "unit": "years", "code": "a"}, True),
        ({"value": 53, "unit": "years"}, False),
        ({"value": 648, "code": "mo"}, True),
        ({"value": 54, "comparator": "<", "code": "a"}, True),
        ({"value": 3, "comparator": "<", "code": "a"}, True),
        ({"value": 3, "unit": "parsecs"}, True),
        ({"value": 9999999, "unit": "years"}, True),
        ({"value": 10, "code": "d"}, False),
        ({"value": 10, "code": "wk"}, False),
        ({"value": 10, "unit": "hours"}, False),
        ({"value": 10, "unit": "min"}, False),
        ({}, True),
    ],
)
def test_the_onset_age_of_an_allergy_is_counted_from_the_birth_date(
    age: dict[str, Any], expected: bool
) -> None:
    assert kept("AllergyIntolerance", onsetAge=age) is expected


def test_an_age_without_a_birth_date_is_passed_over() -> None:
    allergy = resource("AllergyIntolerance", "x", onsetAge={"value": 3, "code": "a"})
    assert in_dates(allergy, date_from=JANUARY, date_to=None, birth_date=None)


def test_the_onset_age_of_a_condition_is_no_date() -> None:
    assert kept("Condition", onsetAge={"value": 3, "code": "a"})
    assert kept("Condition", onsetRange={"low": {"value": 3}, "high": {"value": 5}})


def test_somebody_born_on_a_leap_day_comes_of_age_on_the_last_of_february() -> None:
    allergy = resource("AllergyIntolerance", "x", onsetAge={"value": 23, "code": "a"})
    for day, expected in ((date(2023, 2, 28), True), (date(2023, 3, 1), False)):
        assert in_dates(allergy, date_from=day, date_to=None, birth_date=date(2000, 2, 29)) is expected


def test_types_filter_first_and_without_bounds_every_date_is_kept() -> None:
    given_ = [resource("Observation", "a", effectiveDateTime="1950-01-01"), resource("Goal", "b")]
    assert filter_resources(given_, types=None, date_from=None, date_to=None, birth_date=None) == given_
    only_goals = filter_resources(
        given_, types=frozenset({"Goal"}), date_from=None, date_to=None, birth_date=None
    )
    assert only_goals == given_[1:]


days = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@given(day=days, low=days, high=days)
def test_an_observation_of_a_day_is_kept_exactly_when_the_day_lies_between_the_bounds(
    day: date, low: date, high: date
) -> None:
    assert kept("Observation", low, high, effectiveDateTime=day.isoformat()) is (low <= day <= high)


@given(day=days, low=days, wider=days)
def test_a_wider_range_keeps_whatever_a_narrower_one_keeps(day: date, low: date, wider: date) -> None:
    for kind, elements in DATE_ELEMENTS.items():
        for element in elements:
            held: dict[str, Any] = {}
            put(held, element.paths[0], day.isoformat())
            if kept(kind, low, None, **held):
                assert kept(kind, min(low, wider), None, **held)
