"""When a schedule's occasions are (contract, real-time notifications 10a): pure functions of the calendar.

An occasion is an instant: a day of UTC at the hour that the operator set. ``daily``: each day; ``weekly``:
each Saturday; ``biweekly``: the first, third and fifth Saturday of a month; ``monthly``: the last Saturday of
a month, with which its last weekend begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args

Frequency = Literal["daily", "weekly", "biweekly", "monthly"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)

_SATURDAY = 5
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_LONGEST = timedelta(days=36)
"""Longer than any schedule pauses: from the last Saturday of one month to that of the next."""


def occasions(frequency: Frequency, after: datetime, until: datetime, hour: int) -> Iterator[datetime]:
    """Those later than ``after`` and not later than ``until``, in order. ``hour``: 0 to 23, of UTC."""
    day = after.astimezone(UTC).date()
    last = until.astimezone(UTC).date()
    while day <= last:
        if _is_day_of(frequency, day):
            occasion = datetime.combine(day, time(hour), UTC)
            if after < occasion <= until:
                yield occasion
        day += _DAY


def latest(frequency: Frequency, after: datetime, until: datetime, hour: int) -> datetime | None:
    """The last of them: of several that were missed it is the one to catch up on."""
    begin = max(after, until - _LONGEST)
    return max(occasions(frequency, begin, until, hour), default=None)


def following(frequency: Frequency, after: datetime, hour: int) -> datetime:
    """The first occasion later than ``after``."""
    return next(occasions(frequency, after, after + _LONGEST, hour))


def _is_day_of(frequency: Frequency, day: date) -> bool:
    if frequency == "daily":
        return True
    if day.weekday() != _SATURDAY:
        return False
    if frequency == "biweekly":
        return (day.day - 1) // 7 % 2 == 0
    return frequency == "weekly" or (day + _WEEK).month != day.month
