"""When the occasions of a schedule are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.features.monitoring import cadences
from chartbridge.features.monitoring.cadences import FREQUENCIES, Frequency

INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
SPANS = st.timedeltas(timedelta(0), timedelta(days=120))
HOURS = st.integers(0, 23)


def days(frequency: Frequency, month: int, year: int = 2026) -> list[int]:
    begin = datetime(year, month, 1, tzinfo=UTC)
    end = (begin + timedelta(days=32)).replace(day=1) - timedelta(seconds=1)
    return [one.day for one in cadences.occasions(frequency, begin - timedelta(seconds=1), end, 8)]


@pytest.mark.parametrize(
    ("frequency", "month", "expected"),
    [
        ("daily", 2, list(range(1, 29))),
        ("weekly", 8, [1, 8, 15, 22, 29]),
        ("biweekly", 8, [1, 15, 29]),
        ("biweekly", 9, [5, 19]),
        ("monthly", 8, [29]),
        ("monthly", 10, [31]),
        ("monthly", 9, [26]),
    ],
)
def test_a_months_occasions(frequency: Frequency, month: int, expected: list[int]) -> None:
    assert days(frequency, month) == expected


@given(st.sampled_from(FREQUENCIES), INSTANTS, SPANS, HOURS)
def test_occasions_lie_in_the_span_in_order_and_on_their_days(
    frequency: Frequency, after: datetime, span: timedelta, hour: int
) -> None:
    until = after + span
    found = list(cadences.occasions(frequency, after, until, hour))
    assert found == sorted(set(found))
    assert all(after < one <= until and one.tzinfo is UTC for one in found)
    assert all((one.hour, one.minute, one.second) == (hour, 0, 0) for one in found)
    if frequency != "daily":
        assert all(one.weekday() == 5 for one in found)
    assert cadences.latest(frequency, after, until, hour) == (found[-1] if found else None)


@given(st.sampled_from(FREQUENCIES), INSTANTS, SPANS, SPANS, HOURS)
def test_nothing_is_lost_or_doubled_where_a_span_is_cut(
    frequency: Frequency, after: datetime, first: timedelta, second: timedelta, hour: int
) -> None:
    cut, until = after + first, after + first + second
    parts = [
        *cadences.occasions(frequency, after, cut, hour),
        *cadences.occasions(frequency, cut, until, hour),
    ]
    assert parts == list(cadences.occasions(frequency, after, until, hour))


@given(st.sampled_from(FREQUENCIES), INSTANTS, HOURS)
def test_there_is_always_a_next_one_and_none_before_it(
    frequency: Frequency, after: datetime, hour: int
) -> None:
    following = cadences.following(frequency, after, hour)
    assert list(cadences.occasions(frequency, after, following, hour)) == [following]


@given(INSTANTS, SPANS, HOURS)
def test_rarer_schedules_are_parts_of_the_more_frequent(after: datetime, span: timedelta, hour: int) -> None:
    daily, weekly, biweekly, monthly = (
        set(cadences.occasions(frequency, after, after + span, hour)) for frequency in FREQUENCIES
    )
    assert biweekly <= weekly <= daily
    assert monthly <= weekly
