"""The abbreviations of dose timing, written out: several of them are taken for one another on paper."""

from __future__ import annotations

import re

_WRITTEN_OUT = {
    "QD": "once a day", "QDAY": "once a day", "Q1D": "once a day",
    "BID": "twice a day", "TID": "three times a day", "QID": "four times a day",
    "QOD": "every other day", "Q2D": "every other day", "QAM": "every morning", "QPM": "every evening",
    "AM": "in the morning", "PM": "in the afternoon or evening",
    "HS": "at bedtime", "QHS": "every day at bedtime", "BED": "at bedtime",
    "PHS": "after bedtime", "MORN": "in the morning", "AFT": "in the afternoon", "EVE": "in the evening",
    "NIGHT": "at night", "NOON": "at noon", "WAKE": "on waking",
    "MORN.early": "early in the morning", "MORN.late": "late in the morning",
    "AFT.early": "early in the afternoon", "AFT.late": "late in the afternoon",
    "EVE.early": "early in the evening", "EVE.late": "late in the evening",
    "AC": "before meals", "PC": "after meals", "C": "with meals",
    "ACM": "before breakfast", "ACD": "before lunch", "ACV": "before dinner",
    "CM": "with breakfast", "CD": "with lunch", "CV": "with dinner",
    "PCM": "after breakfast", "PCD": "after lunch", "PCV": "after dinner",
    "WK": "every week", "QWK": "every week", "MO": "every month", "PRN": "as needed",
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday",
    "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip
"""HL7 GTSAbbreviation, TimingEvent and DaysOfWeek, and what prescribers write besides. OD is not among them:
it stands for the right eye as well."""
_BY_LETTERS = {short.casefold(): words for short, words in _WRITTEN_OUT.items()}
_EVERY = re.compile(r"q(\d{1,3})(?:-(\d{1,3}))?(h|hr|hrs|d|min|wk)", re.IGNORECASE)
_UNIT = {"h": "hour", "hr": "hour", "hrs": "hour", "d": "day", "min": "minute", "wk": "week"}


def written_out(timing: str) -> str:
    """A code or text of a Timing in words, such as ``QID`` as "four times a day".

    Only a text that is nothing but an abbreviation is read; whatever else comes back as it is.
    """
    short = timing.strip().casefold()
    if known := _BY_LETTERS.get(short) or _BY_LETTERS.get(short.replace(".", "").replace(" ", "")):
        return known
    if match := _EVERY.fullmatch(short.replace(".", "").replace(" ", "")):
        first, last, unit = match.groups()
        most = last or first
        number = f"{first}–{last}" if last else first
        return f"every {_UNIT[unit]}" if most == "1" else f"every {number} {_UNIT[unit]}s"
    return timing
