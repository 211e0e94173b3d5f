"""What a single cell means, as people and spreadsheets write it.

Each function takes a clean cell and returns the value to store, or None where the cell holds no such value,
as an empty one does. They are more lenient than the API's own rules (``matching.values``), which what they
return still has to pass.
"""

from __future__ import annotations

import re
from datetime import date

from chartbridge.features.bulk.states import CODES
from chartbridge.features.facilities.address import MAX_TEXT
from chartbridge.matching import values

_WORD = re.compile(r"(['’]?)([^\s'’\-/.,;:&()\"]+)")
_NOT_DIGITS = re.compile(r"[^0-9]")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]{1,3}", re.IGNORECASE)
_ZIP = re.compile(r"([0-9]{3,})(?:-[0-9]*)?")
_GENDERS = {
    **dict.fromkeys(("m", "male"), "M"),
    **dict.fromkeys(("f", "female"), "F"),
    **dict.fromkeys(("o", "other", "un"), "O"),
    **dict.fromkeys(("u", "unk", "unknown"), "U"),
}


def title_case(text: str) -> str:
    """Words with a capital letter first, where the text is wholly in lower or upper case; else as it is.

    >>> title_case("MARY-ANN O'NEIL"), title_case("de la Cruz"), title_case("st john's")
    ("Mary-Ann O'Neil", 'de la Cruz', "St John's")
    """
    if text.islower() or text.isupper():
        return _WORD.sub(_capitalised, text)
    return text


def _capitalised(word: re.Match[str]) -> str:
    apostrophe, letters = word.groups()
    # "john's" has no second name in it, "o'neil" has.
    return apostrophe + (letters.lower() if apostrophe and len(letters) == 1 else letters.capitalize())


def city(cell: str) -> str:
    """Each word that is wholly in lower or upper case, in title case."""
    return " ".join(title_case(word) for word in cell.split())


def date_of_birth(cell: str, *, today: date) -> str | None:
    """`YYYY-MM-DD` of an ISO 8601 date, with or without a time, from 1900 to ``today``.

    A date without hyphens is refused, and so is one in the order of some country: which of two numbers is
    the month would be a guess.
    """
    if len(cell) < 10:
        return None
    if cell[10:11] == " ":  # databases write a space before the time
        cell = f"{cell[:10]}T{cell[11:]}"
    try:
        return values.date_of_birth(cell, today=today)
    except ValueError:
        return None


def gender(cell: str) -> str | None:
    """F, M, O or U."""
    return _GENDERS.get(cell.lower())


def ssn(cell: str) -> str | None:
    """Nine digits: the first nine that are there, with zeros before them where leading ones were lost."""
    digits = _digits(cell)
    return digits[:9].zfill(9) if len(digits) > 1 else None


def phone(cell: str) -> str | None:
    """The first ten digits after the country code 1."""
    digits = _digits(cell)
    if len(digits) > 10 and digits.startswith("1"):
        digits = digits[1:]
    return digits[:10] if len(digits) >= 10 else None


def email(cell: str) -> str | None:
    """Lower-case, without `mailto:`."""
    try:
        return values.email(cell.lower().removeprefix("mailto:").strip())
    except ValueError:
        return None


def drivers_license(cell: str) -> str | None:
    """Upper-case; none when a spreadsheet has rounded its digits away (`1.23457E+08`)."""
    return cell.upper() if 0 < len(cell) <= MAX_TEXT and not _SCIENTIFIC.fullmatch(cell) else None


def state(cell: str) -> str | None:
    """The code of a state, DC or a territory, out of its code or its English name."""
    return CODES.get(cell.replace(".", "").upper())


def zip_code(cell: str) -> str | None:
    """Five digits, with zeros before them where leading ones were lost; without the four of ZIP+4."""
    found = _ZIP.fullmatch(cell)
    code = found[1][:5].zfill(5) if found else ""
    return code if code and code not in values.REFUSED_ZIPS else None


def _digits(cell: str) -> str:
    """All digits in the cell; none when a spreadsheet has rounded them away (`1.23457E+08`)."""
    return "" if _SCIENTIFIC.fullmatch(cell) else _NOT_DIGITS.sub("", cell)
