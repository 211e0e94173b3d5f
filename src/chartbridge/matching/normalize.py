"""The forms in which two patients' values are compared. Lenient, and never stored: storing is `values`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from chartbridge.matching.absent import is_placeholder_licence, is_placeholder_ssn

_NAME_SEPARATORS = re.compile(r"[\s,]+")
_NOT_DIGITS = re.compile(r"[^0-9]")
_NOT_LICENCE = re.compile(r"[^A-Z0-9]")

ComparedIdentifier = tuple[str, str, str]


class ComparedPerson(NamedTuple):
    """What of a patient is compared; an empty text is an absent value. Address and contact are the first
    ones.
    """

    dob: str
    gender_at_birth: str
    first_name: str
    last_name: str
    address_line_1: str
    address_line_2: str
    city: str
    state: str
    zip_code: str
    phone: str
    email: str
    identifiers: frozenset[ComparedIdentifier]


def person(patient: Mapping[str, Any]) -> ComparedPerson:
    """A patient in the API's shape, ready to be compared. `address` and `contact` may be one object or a
    list.
    """
    address = _first(patient.get("address"))
    contact = _first(patient.get("contact"))
    return ComparedPerson(
        dob=_trimmed(patient.get("dob")),
        gender_at_birth=_trimmed(patient.get("genderAtBirth")),
        first_name=name(patient.get("firstName")),
        last_name=name(patient.get("lastName")),
        address_line_1=plain(address.get("addressLine1")),
        address_line_2=plain(address.get("addressLine2")),
        city=plain(address.get("city")),
        state=plain(address.get("state")),
        zip_code=zip_code(address.get("zip")),
        phone=phone(contact.get("phone")),
        email=email(contact.get("email")),
        identifiers=frozenset(
            compared for held in patient.get("personalIdentifiers") or () if (compared := identifier(held))
        ),
    )


def name(value: object) -> str:
    """Lower-cased first of the names that a name field holds, split on spaces and commas."""
    return next((part for part in _NAME_SEPARATORS.split(plain(value)) if part), "")


def plain(value: object) -> str:
    """Trimmed and lower-cased."""
    return _trimmed(value).lower()


def zip_code(value: object) -> str:
    """The first five digits."""
    return _NOT_DIGITS.sub("", _trimmed(value))[:5]


def phone(value: object) -> str:
    """The digits, without the country code 1 of an eleven-digit number."""
    digits = _NOT_DIGITS.sub("", _trimmed(value))
    return digits[1:] if len(digits) == 11 and digits.startswith("1") else digits


def email(value: object) -> str:
    """Trimmed, lower-cased, without `mailto:`."""
    return plain(value).removeprefix("mailto:").strip()


def identifier(held: Mapping[str, Any]) -> ComparedIdentifier | None:
    """Type, value and, for a driver's licence, state; of a social security number the digits.

    None where the value is blank or a place holder: two patients who both have "000-00-0000" are not one.
    """
    kind, value = _trimmed(held.get("type")), _trimmed(held.get("value"))
    if kind == "ssn":
        digits = _NOT_DIGITS.sub("", value)
        return None if is_placeholder_ssn(digits) else (kind, digits, "")
    if is_placeholder_licence(_NOT_LICENCE.sub("", value.upper())):
        return None
    return kind, value, _trimmed(held.get("state")).upper()


def _trimmed(value: object) -> str:
    return "" if value is None else str(value).strip()


def _first(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    return value[0] if value else {}
