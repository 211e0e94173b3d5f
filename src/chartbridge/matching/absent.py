"""Values that stand for "not known": they say nothing of a person, and must never make two people one.

Each function takes a value in its compared form (see ``people``) and tells whether it is a place holder.
Sources: the Social Security Administration's rules on numbers that are never issued, the North American
Numbering Plan, and what registration desks are known to type.
"""

from __future__ import annotations

from chartbridge.matching.values import REFUSED_ZIPS

_NAMES_TEXT = """
    unknown unk unkn unidentified anonymous noname none na nil null test testing tester testpatient xtest
    ztest zztest zzztest demo sample patient baby boy girl babyboy babygirl bb bg newborn nb infant neonate
    fetus male female twin triplet first last fname lname nfn nln lnu fnu tbd xx xxx xxxx zz zzz temp
    temporary deleted duplicate donotuse
"""
_NAMES = frozenset(_NAMES_TEXT.split())
_STREETS_TEXT = """
    unknown unk none na nil null homeless transient undomiciled nomad unhoused shelter tbd test xxx general
    generaldelivery noaddress nofixedaddress nofixedabode nopermanentaddress badaddress returnedmail
    undeliverable addressunknown unknownaddress donotmail
"""
_STREETS = frozenset(_STREETS_TEXT.split())
_EMAIL_NAMES_TEXT = """
    none na noemail nomail donotreply noreply unknown test declined refused no nobody noname
"""
_EMAIL_NAMES = frozenset(_EMAIL_NAMES_TEXT.split())
_ADVERTISED_SSNS = frozenset(
    {"078051120", "219099999", "457555462", "123456789", "987654321", "111223333", "123121234", "012345678"}
)
_DAYS = frozenset(
    {"1900-01-01", "1901-01-01", "1899-12-31", "1899-12-30", "1904-01-01", "1753-01-01", "1911-11-11"}
)
_OLDEST_YEAR = 1880
_NEWEST_YEAR = 2200


def is_placeholder_name(token: str) -> bool:
    """A single name, lower-case letters: ``unknown``, ``baby``, one letter repeated thrice or more."""
    return token in _NAMES or (len(token) > 2 and len(set(token)) == 1)


def is_placeholder_street(line: str) -> bool:
    """An address line of lower-case letters and digits with single spaces."""
    joined = line.replace(" ", "")
    return joined in _STREETS or len(set(joined)) < 2


def is_placeholder_zip(digits: str) -> bool:
    """Five digits that no place has."""
    return digits in REFUSED_ZIPS or len(set(digits)) == 1


def is_placeholder_phone(digits: str) -> bool:
    """Ten digits that no telephone has: area codes and exchanges begin with 2 to 9."""
    return (
        len(digits) != 10
        or digits[0] in "01"
        or digits[3] in "01"
        or len(set(digits)) == 1
        or len(set(digits[3:])) == 1
        or digits in ("2345678901", "9876543210")
    )


def is_placeholder_email(address: str) -> bool:
    """An address, lower-case, that nobody reads."""
    name, at, host = address.partition("@")
    return not at or "." not in host or not name or name.replace(".", "").replace("_", "") in _EMAIL_NAMES


def is_placeholder_ssn(digits: str) -> bool:
    """Nine digits that are never issued (area 000, 666 or from 900, group 00, serial 0000), or that stand
    in advertisements and manuals."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return (
        len(digits) != 9
        or area in ("000", "666")
        or area >= "900"
        or group == "00"
        or serial == "0000"
        or len(set(digits)) == 1
        or digits in _ADVERTISED_SSNS
    )


def is_placeholder_licence(value: str) -> bool:
    """A driver's licence number of letters and digits, upper-case."""
    return len(value) < 4 or len(set(value)) == 1 or value.lower() in _NAMES or value == "123456789"


def is_placeholder_day(day: str) -> bool:
    """A date of birth as ``YYYY-MM-DD`` that systems fill in, or of nobody who lives."""
    return day in _DAYS or not _OLDEST_YEAR <= int(day[:4]) <= _NEWEST_YEAR
