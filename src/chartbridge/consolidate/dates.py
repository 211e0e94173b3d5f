"""The days that a FHIR element speaks of, as spans of whole UTC days."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d))?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_MONTHS_PER_UNIT = {"a": 12, "year": 12, "yr": 12, "y": 12, "mo": 1, "month": 1}
_DAYS_PER_UNIT = {"wk": 7, "week": 7, "d": 1, "day": 1}
_HOURS_PER_UNIT = {"h": 1.0, "hour": 1.0, "hr": 1.0, "min": 1 / 60, "minute": 1 / 60}


class Span(NamedTuple):
    """First and last day, both inclusive."""

    first: date
    last: date


def day_span(text: str) -> Span | None:
    """The days of a FHIR date, dateTime or instant: one day, or the whole month or year of a partial date.

    A time without a zone counts as UTC. None where the text is no date, or the year is before 1900 or after
    2100.
    """
    text = text.strip()
    try:
        partial = _PARTIAL.fullmatch(text)
        if partial:
            year, month = int(partial[1]), partial[2]
            first = date(year, int(month or 1), 1)
            last_month = int(month or 12)
            span = Span(first, date(year, last_month, calendar.monthrange(year, last_month)[1]))
        elif _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            span = Span(day, day)
        elif _DATE_TIME.fullmatch(text):
            moment = datetime.fromisoformat(text)
            day = (moment.astimezone(UTC) if moment.tzinfo else moment).date()
            span = Span(day, day)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return span if span.first.year >= _FIRST_YEAR and span.last.year <= _LAST_YEAR else None


def spans(value: Any) -> list[Span]:
    """Every span of days in a date text, a Period, a Range or a list of them; nothing for what holds no
    usable date.

    A Period with both ends is the days from one to the other; one that lacks an end, or has it unusable, is
    the days of the end it has.
    """
    if isinstance(value, str):
        span = day_span(value)
        return [span] if span else []
    if isinstance(value, list):
        return [span for item in value for span in spans(item)]
    if isinstance(value, dict):
        low = [span for name in ("start", "low") for span in spans(value.get(name))]
        high = [span for name in ("end", "high") for span in spans(value.get(name))]
        if len(low) == len(high) == 1 and low[0].first <= high[0].last:
            return [Span(low[0].first, high[0].last)]
        return [*low, *high, *spans(value.get("value"))]
    return []


def age_span(age: Any, birth_date: date | None) -> Span | None:
    """The day on which the patient reached a FHIR Age; None without a birth date or an exact, known age."""
    if birth_date is None or not isinstance(age, dict) or "comparator" in age:
        return None
    value = age.get("value")
    unit = str(age.get("code") or age.get("unit") or "").strip().lower()
    unit = unit if unit in _MONTHS_PER_UNIT or unit in _DAYS_PER_UNIT else unit.removesuffix("s")
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        if unit in _MONTHS_PER_UNIT:
            day = _add_months(birth_date, int(value * _MONTHS_PER_UNIT[unit]))
        elif unit in _DAYS_PER_UNIT:
            day = birth_date + timedelta(days=int(value * _DAYS_PER_UNIT[unit]))
        elif unit in _HOURS_PER_UNIT:
            day = birth_date + timedelta(hours=value * _HOURS_PER_UNIT[unit])
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return Span(day, day) if _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
