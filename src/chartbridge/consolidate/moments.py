"""Dates with their precision.

A date is compatible with a more precise one that lies in it: `2012` with `2012-03-05`. Two times are the same
where they are the same instant, whatever their zones. A date and a time compare by the day at the time's own
place; midnight there is how many systems spell a day, so it is compared as a day too.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from chartbridge.fhir.references import Resource

_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(NamedTuple):
    """day: year, year and month, or day as the source wrote it. instant: microseconds since 1970 UTC, None
    for a date. exact: whether the time says more than the day."""

    day: str
    instant: int | None = None
    exact: bool = False


def moment(text: Any) -> Moment | None:
    """What a FHIR date, dateTime or instant says; None for what is none."""
    return _moment(text) if isinstance(text, str) else None


@lru_cache(maxsize=65536)
def _moment(text: str) -> Moment | None:
    if _DATE.fullmatch(text):
        return Moment(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    day = text[:10]
    midnight = at.hour == at.minute == at.second == at.microsecond == 0
    if at.tzinfo is None:
        return Moment(day)
    try:
        instant = (at - _EPOCH) // _MICROSECOND
    except OverflowError:
        return Moment(day)
    return Moment(day, instant, not midnight)


def same_time(one: Moment, other: Moment) -> bool:
    """Whether two moments can be one."""
    if one.instant is not None and one.instant == other.instant:
        return True
    if one.exact and other.exact:
        return False
    return one.day.startswith(other.day) or other.day.startswith(one.day)


def day_of(given: Moment | None) -> Moment | None:
    """The day of a moment, without its time."""
    return None if given is None else Moment(given.day)


def finer(one: str, other: str) -> str:
    """Of two texts of compatible dates the more precise; the first where they are alike."""
    mine, theirs = moment(one), moment(other)
    if mine is None or theirs is None:
        return one
    return other if (theirs.exact, len(theirs.day)) > (mine.exact, len(mine.day)) else one


def compatible_texts(one: str, other: str) -> bool:
    """Whether both texts are dates, and can be one."""
    mine, theirs = moment(one), moment(other)
    return mine is not None and theirs is not None and same_time(mine, theirs)


def start_of(resource: Resource, *names: str) -> Moment | None:
    """The first start among dateTime and Period elements of these names."""
    for name in names:
        value = resource.get(name)
        found = moment(value.get("start") if isinstance(value, dict) else value)
        if found is not None:
            return found
    return None


def end_of(resource: Resource, *names: str) -> Moment | None:
    """The first end among Period elements of these names."""
    for name in names:
        value = resource.get(name)
        if isinstance(value, dict) and (found := moment(value.get("end"))) is not None:
            return found
    return None


def buckets(given: Moment | None) -> list[str]:
    """The labels under which a moment is filed."""
    if given is None:
        return [""]
    if given.exact:
        return [f"@{given.instant}"]
    return [given.day] if given.instant is None else [given.day, f"@{given.instant}"]


def wider_buckets(given: Moment | None) -> list[str]:
    """The labels under which everything that can be the same moment, and is no more precise, is filed."""
    if given is None:
        return [""]
    parts = [given.day[:length] for length in (10, 7, 4) if length <= len(given.day)]
    if given.instant is not None:
        parts.append(f"@{given.instant}")
    return [*parts, ""]
