"""Dates in running text, in the spellings that are common in the United States and in ISO 8601."""

from __future__ import annotations

import re
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<d{0}>\d{{1,2}})(?:st|nd|rd|th)?"
_YEAR = r"(?P<y{0}>(?:18|19|20|21)\d\d)"
_FORMS = (
    rf"{_YEAR.format(1)}[-/.](?P<m1>\d{{1,2}})[-/.]{_DAY.format(1)}",
    rf"(?P<m2>\d{{1,2}})[-/.]{_DAY.format(2)}[-/.](?P<y2>\d{{4}}|\d\d)",
    rf"(?P<m3>{_NAMES})\s+{_DAY.format(3)},?\s+{_YEAR.format(3)}",
    rf"{_DAY.format(4)}\s+(?:of\s+)?(?P<m4>{_NAMES}),?\s+{_YEAR.format(4)}",
    rf"(?P<m5>{_NAMES})(?:\s+of)?,?\s+{_YEAR.format(5)}",
    rf"{_YEAR.format(6)}-(?P<m6>\d\d)",
    rf"(?P<m7>\d{{1,2}})/{_YEAR.format(7)}",
    rf"(?P<m8>{_NAMES})\s+{_DAY.format(8)}",
    rf"{_DAY.format(9)}\s+(?:of\s+)?(?P<m9>{_NAMES})",
    _YEAR.format(10),
)
_DATE = re.compile(rf"(?<![\w.,/-])(?:{'|'.join(_FORMS)})(?![\w/]|-\d|[.,]\d)", re.IGNORECASE)


class DateSaid(NamedTuple):
    """A date as far as it is said; None for what is not."""

    year: int | None
    month: int | None
    day: int | None

    def is_told_by(self, other: DateSaid) -> bool:
        """Whether a date that is as precise or more says the same."""
        return all(mine is None or mine == theirs for mine, theirs in zip(self, other, strict=True))


def take_out(text: str) -> tuple[str, list[DateSaid]]:
    """The text with a `\\x00` for each date, and the dates in their order. A year alone counts as a date."""
    found: list[DateSaid] = []

    def note(match: re.Match[str]) -> str:
        said = {name[0]: value for name, value in match.groupdict().items() if value is not None}
        found.append(DateSaid(_year(said.get("y")), _month(said.get("m")), _number(said.get("d"))))
        return "\x00"

    return _DATE.sub(note, text), found


def _year(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if len(text) == 4 else 2000 + int(text)


def _month(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if text.isdecimal() else _MONTHS.index(text[:3].casefold()) + 1


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
