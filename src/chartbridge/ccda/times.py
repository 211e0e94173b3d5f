"""HL7 timestamps and intervals (TS, IVL_TS) as FHIR dates: same precision, same offset, nothing filled in.

FHIR allows a time of day only with an offset. A timestamp that has a time and no offset is therefore
given to the day, and so is one that is precise to the hour. Seconds that are absent after minutes are
written as zero, as R4's dateTime prescribes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from chartbridge.ccda.names import CENTER, HIGH, LOW, WIDTH, Element

_TIMESTAMP = re.compile(
    r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?)?(?:[.,](\d+))?\s*(Z|[+-]\d\d:?\d\d|[+-]\d\d)?",
    re.ASCII,
)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@lru_cache(maxsize=8192)
def timestamp(text: str) -> str | None:
    """A TS value (``yyyyMMddHHmmss.f±zzzz``, any prefix of it) as R4 dateTime; ``None`` if unreadable."""
    text = text.strip()
    match = _TIMESTAMP.fullmatch(text) or _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if year == "0000":
        return None
    if month is None or month == "00":
        return year
    if not 1 <= int(month) <= 12:
        return None
    if day is None or day == "00":
        return f"{year}-{month}"
    if not 1 <= int(day) <= _days(int(year), int(month)):
        return None
    date = f"{year}-{month}-{day}"
    if minute is None or offset is None or hour > "23" or minute > "59":
        return date
    zone = _zone(offset)
    if zone is None:
        return date
    seconds = second if second is not None and second <= "60" else "00"
    return f"{date}T{hour}:{minute}:{seconds}{'.' + fraction if fraction else ''}{zone}"


def _days(year: int, month: int) -> int:
    if month == 2 and (year % 4 or (year % 100 == 0 and year % 400)):
        return 28
    return _MONTH_DAYS[month - 1]


def _zone(offset: str) -> str | None:
    if offset == "Z":
        return "Z"
    digits = offset[1:].replace(":", "")
    hours, minutes = digits[:2], digits[2:] or "00"
    if int(hours) * 60 + int(minutes) > 14 * 60 or int(minutes) > 59:
        return None
    return f"{offset[0]}{hours}:{minutes}"


class Interval:
    """What an effectiveTime says: a point, or a beginning and an end; each R4 dateTime text or ``None``.

    ``high_null`` is the nullFlavor of the end (``UNK`` means 'over, at an unknown time'); ``unreadable``
    says that some value was there and is no timestamp.
    """

    __slots__ = ("high", "high_null", "low", "point", "unreadable")

    def __init__(
        self,
        point: str | None = None,
        low: str | None = None,
        high: str | None = None,
        high_null: str | None = None,
        unreadable: bool = False,
    ) -> None:
        self.point = point
        self.low = low
        self.high = high
        self.high_null = high_null
        self.unreadable = unreadable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interval) and self._said() == other._said()

    def __hash__(self) -> int:
        return hash(self._said())

    def _said(self) -> tuple[str | None, str | None, str | None, str | None, bool]:
        return self.point, self.low, self.high, self.high_null, self.unreadable

    @property
    def start(self) -> str | None:
        """When it was, or when it began."""
        return self.point or self.low

    @property
    def period(self) -> dict[str, Any] | None:
        """As FHIR Period; a point has only a start.

        An end that lies before the start, or cannot be compared to it, is left out.
        """
        if self.point is not None:
            return {"start": self.point}
        made: dict[str, Any] = {}
        if self.low is not None:
            made["start"] = self.low
        if self.high is not None and not self.reversed and self.comparable:
            made["end"] = self.high
        return made or None

    @property
    def reversed(self) -> bool:
        """Whether the end lies before the beginning, as far as both are precise."""
        if self.low is None or self.high is None:
            return False
        shared = min(len(self.low), len(self.high), 10)
        if self.low[:shared] != self.high[:shared]:
            return self.low[:shared] > self.high[:shared]
        same_zone = len(self.low) > 19 and self.low[19:] == self.high[19:]
        return same_zone and self.low > self.high

    @property
    def comparable(self) -> bool:
        """Whether R4's rule that a period's start is not after its end can be decided.

        It cannot where one of them is a day and the other a time on that very day.
        """
        if self.low is None or self.high is None or len(self.low) == len(self.high):
            return True
        shared = min(len(self.low), len(self.high))
        return shared > 10 or self.low[:shared] != self.high[:shared]

    def choice(self, name: str) -> dict[str, Any]:
        """As the choice element ``<name>DateTime`` or ``<name>Period``, a dict of one member or none."""
        if self.point is not None:
            return {f"{name}DateTime": self.point}
        if self.low is not None and self.low == self.high:
            return {f"{name}DateTime": self.low}
        period = self.period
        return {f"{name}Period": period} if period is not None else {}


NOTHING = Interval()


def interval(el: Element | None) -> Interval:
    """TS or IVL_TS (value, low, high, center; a low with a width of days or hours is a low)."""
    if el is None:
        return NOTHING
    value = el.get("value")
    if value:
        point = timestamp(value)
        return Interval(point=point, unreadable=point is None)
    low = high = center = high_null = None
    unreadable = False
    for child in el:
        text = child.get("value")
        tag = child.tag
        if text:
            if tag == WIDTH:
                continue
            moment = timestamp(text)
            unreadable = unreadable or moment is None
            if tag == LOW:
                low = moment
            elif tag == HIGH:
                high = moment
            elif tag == CENTER:
                center = moment
        elif tag == HIGH:
            high_null = child.get("nullFlavor")
    return Interval(center, low, high, high_null, unreadable)
