"""R4 ``date``, ``dateTime`` and ``instant`` as text: precision is what the text says, never filled."""

from __future__ import annotations

import re

_DATE_TIME = re.compile(
    r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])"
    r"(T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00)))?)?)?"
)


def is_date_time(text: str) -> bool:
    """Whether a text is an R4 dateTime (a date counts): a time must have seconds and an offset."""
    return _DATE_TIME.fullmatch(text) is not None and not text.startswith("0000")


def instant(text: str | None) -> str | None:
    """The text where it is precise enough for an R4 ``instant`` (a time, with offset), else ``None``."""
    return text if text is not None and "T" in text else None
