"""Rules for single demographic values, as the API accepts them.

Each function returns the value to store or raises ValueError whose text is the API's message, without the
`, on [path]` that the API appends. What values are compared by is `normalize`, not this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

_STATES_AND_DC = """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH
    OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC
"""
# Place holders that people type when they don't know the code.
_PLACE_HOLDER_ZIPS = "00000 10000 20000 30000 40000 50000 60000 70000 80000 90000 99999 12345 54321"

STATES = frozenset(_STATES_AND_DC.split())
TERRITORIES = frozenset({"AS", "GU", "PR", "VI"})
COUNTRY = "USA"
GENDERS = ("F", "M", "O", "U")
REFUSED_ZIPS = frozenset(_PLACE_HOLDER_ZIPS.split())

INVALID_INPUT = "Invalid input"
TOO_SHORT = "String must contain at least 1 character(s)"
ADDRESS_LINE_MISSING = "Address line must be specified"
CITY_MISSING = "City must be specified"
CONTACT_MISSING = "Either email or phone must be present"
ZIP_LENGTH = "Zip must be a string consisting of 5 numbers"
ZIP_REFUSED = "Invalid zip code"
PHONE_LENGTH = "Phone must be a string consisting of 10 numbers. For example: 1231231234"
EMAIL_INVALID = "Invalid email address"
DATE_INVALID = "Date must be a valid ISO 8601 date formatted YYYY-MM-DD. Example: 2023-03-15"
DATE_IN_FUTURE = "Date can't be in the future"
DATE_TOO_EARLY = "Date can't be before 1900"
NPI_LENGTH = "String must contain exactly 10 character(s)"
NPI_INVALID = "NPI is not valid"
PERIOD_ORDER = "Invalid date range: 'start' must be before 'end'"
PERIOD_EMPTY = "Either start or end must be present"

_NOT_DIGITS = re.compile(r"[^0-9]")
_ISO_DATE = re.compile(r"(\d{4}-\d\d-\d\d|\d{8})(T.+)?", re.ASCII)
_EMAIL = re.compile(
    r"(?!\+1)"
    r"(?=[^@]{1,64}@)(?=.{3,254}\Z)"
    # local part: atoms of ASCII atom characters or anything printable beyond Latin-1's controls
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a1-\U0010ffff]+"
    r"(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a1-\U0010ffff]+)*"
    r"@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])"
)


def required_text(value: object, message: str = TOO_SHORT) -> str:
    """A string, trimmed; blank is refused with `message`."""
    if not isinstance(value, str):
        raise ValueError(INVALID_INPUT)
    trimmed = value.strip()
    if not trimmed:
        raise ValueError(message)
    return trimmed


def optional_text(value: object) -> str | None:
    """A string, trimmed; None where it is absent or blank."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(INVALID_INPUT)
    return value.strip() or None


def address_state(value: object) -> str:
    """Upper-case code of a state, DC or a territory."""
    return _code(value, STATES | TERRITORIES)


def drivers_license_state(value: object) -> str:
    """Upper-case code of a state or DC; territories are refused."""
    return _code(value, STATES)


def country(value: object) -> str:
    """`USA`, also where nothing is given."""
    if value is None or value == COUNTRY:
        return COUNTRY
    raise ValueError(INVALID_INPUT)


def zip_code(value: object) -> str:
    """Five digits, out of a string or a number that holds just five."""
    digits = _digits(value)
    if len(digits) != 5:
        raise ValueError(ZIP_LENGTH)
    if digits in REFUSED_ZIPS:
        raise ValueError(ZIP_REFUSED)
    return digits


def phone(value: object) -> str:
    """Ten digits, out of a string or a number that holds ten, or eleven with the country code 1 first."""
    digits = _digits(value)
    if len(digits) == 11 and digits.startswith("1"):
        digits = digits[1:]
    if len(digits) != 10:
        raise ValueError(PHONE_LENGTH)
    return digits


def email(value: object) -> str:
    """The address as given. RFC 6531 dot-atom local part, ASCII domain with a top-level domain; no `+1`
    first.
    """
    if not isinstance(value, str):
        raise ValueError(INVALID_INPUT)
    if not _EMAIL.fullmatch(value) or any(character.isspace() for character in value):
        raise ValueError(EMAIL_INVALID)
    return value


def date_of_birth(value: object, *, today: date) -> str:
    """`YYYY-MM-DD` out of an ISO 8601 calendar date, with or without a time; from 1900 to `today`."""
    day = _past_day(value, today=today)
    if day.year < 1900:
        raise ValueError(DATE_TOO_EARLY)
    return day.isoformat()


def gender_at_birth(value: object) -> str:
    """One of F, M, O, U, exactly."""
    if isinstance(value, str) and value in GENDERS:
        return value
    raise ValueError(f"Invalid enum value. Expected 'F' | 'M' | 'O' | 'U', received '{value}'")


def npi(value: object) -> str:
    """A National Provider Identifier: ten digits, 1 or 2 first, Luhn check digit with the prefix 80840."""
    if not isinstance(value, str):
        raise ValueError(INVALID_INPUT)
    if len(value) != 10:
        raise ValueError(NPI_LENGTH)
    if not re.fullmatch(r"[12][0-9]{9}", value) or int(value[9]) != _npi_check_digit(value[:9]):
        raise ValueError(NPI_INVALID)
    return value


def period(value: Mapping[str, object], *, today: date) -> dict[str, str]:
    """A period of an identifier: start or end or both, trimmed; start neither in the future nor after end."""
    start_text, end_text = optional_text(value.get("start")), optional_text(value.get("end"))
    if start_text is None and end_text is None:
        raise ValueError(PERIOD_EMPTY)
    start = _past_day(start_text, today=today) if start_text is not None else None
    end = _iso_day(end_text) if end_text is not None else None
    if start is not None and end is not None and start > end:
        raise ValueError(PERIOD_ORDER)
    return {name: text for name, text in (("start", start_text), ("end", end_text)) if text is not None}


def _code(value: object, codes: frozenset[str]) -> str:
    code = value.strip().upper() if isinstance(value, str) else ""
    if code not in codes:
        raise ValueError(INVALID_INPUT)
    return code


def _digits(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(INVALID_INPUT)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _NOT_DIGITS.sub("", str(value))


def _iso_day(value: object) -> date:
    text = value.strip() if isinstance(value, str) else ""
    found = _ISO_DATE.fullmatch(text)
    if not found:
        raise ValueError(DATE_INVALID)
    try:
        if found[2]:
            datetime.fromisoformat(text)
        return date.fromisoformat(found[1])
    except ValueError:
        raise ValueError(DATE_INVALID) from None


def _past_day(value: object, *, today: date) -> date:
    day = _iso_day(value)
    if day > today:
        raise ValueError(DATE_IN_FUTURE)
    return day


def _npi_check_digit(nine: str) -> int:
    total = 24  # what the prefix 80840 adds
    for place, digit in enumerate(int(character) for character in nine):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return (10 - total % 10) % 10
