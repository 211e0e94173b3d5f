"""Days as releases write them, and as an operator gives them."""

from __future__ import annotations

import datetime
import re

from chartbridge.terminology.releases.files import Files
from chartbridge.terminology.releases.problems import ReleaseError


def given_date(text: str, files: Files, why: str) -> str:
    """A day as YYYY-MM-DD. Raises ReleaseError where there is none, with what to do."""
    if not text:
        raise ReleaseError(files.name, 0, f"{why}; say with --released YYYY-MM-DD when it was published")
    day = iso_day(text)
    if day is None:
        raise ReleaseError(files.name, 0, f"{text!r} is no day of the form YYYY-MM-DD")
    return day


def iso_day(text: str) -> str | None:
    """YYYY-MM-DD, YYYYMMDD, YYYY/MM/DD or M/D/YYYY as YYYY-MM-DD; None for what is no day."""
    found = re.fullmatch(r"(\d{4})([-/]?)(\d\d)\2(\d\d)", text)
    parts = (found[1], found[3], found[4]) if found else None
    if parts is None:
        american = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
        parts = (american[3], american[1], american[2]) if american else None
    if parts is None:
        return None
    try:
        return datetime.date(*(int(part) for part in parts)).isoformat()
    except ValueError:
        return None
