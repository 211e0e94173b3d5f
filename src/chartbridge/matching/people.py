"""A person made ready to be compared: every value normalised, place holders left out.

In: a patient in the API's shape (firstName, lastName, dob, genderAtBirth, address, contact,
personalIdentifiers), every part optional, and beside it what networks may know: ``suffix``,
``otherNames`` (earlier or other names, each with firstName and lastName). What comes from networks is
bounded: at most 20 entries of a kind, 200 characters of each text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chartbridge.matching import absent

MAX_ENTRIES = 20
MAX_TEXT = 200
_SUFFIXES = {
    "jr": "2", "junior": "2", "ii": "2", "2nd": "2", "sr": "1", "senior": "1", "i": "1", "1st": "1",
    "iii": "3", "3rd": "3", "iv": "4", "4th": "4",
}  # fmt: skip
"""Generation by suffix: a junior is often entered as II."""
_TITLES_TEXT = """
    mr mrs ms miss mx dr prof rev sir md do phd rn esq dds
"""
_TITLES = frozenset(_TITLES_TEXT.split())
_PARTICLES_TEXT = """
    de la las los del da das do dos di du el al bin ibn van von der den ter st san
"""
_PARTICLES = frozenset(_PARTICLES_TEXT.split())
_STREET_WORDS = {
    "street": "st", "avenue": "ave", "av": "ave", "road": "rd", "drive": "dr", "lane": "ln", "court": "ct",
    "boulevard": "blvd", "place": "pl", "terrace": "ter", "circle": "cir", "highway": "hwy",
    "parkway": "pkwy", "square": "sq", "trail": "trl", "north": "n", "south": "s", "east": "e", "west": "w",
    "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw", "saint": "st",
    "mount": "mt", "fort": "ft", "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th",
}  # fmt: skip
_UNIT = re.compile(r"\b(?:apartment|apt|unit|suite|ste|room|rm|lot|trlr|floor|fl|no)\b\s*([a-z0-9]+)")
_NUMBER = re.compile(r"\d+[a-z]?")
_ISO_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:\D.*)?", re.ASCII)
_PART_OF_DAY = re.compile(r"(\d{4})(?:-(\d\d))?", re.ASCII)
_NOT_DIGITS = re.compile(r"[^0-9]")
_NOT_ALNUM = re.compile(r"[^A-Z0-9]")
_MASKED_SSN = re.compile(r"[Xx*#•\-\s]*(\d{4})")
_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F"}


@dataclass(frozen=True, slots=True)
class Place:
    """A home: house number, street without it, unit, ZIP (five digits), city, state; empty where unknown."""

    number: str
    street: str
    unit: str
    zip_code: str
    city: str
    state: str


@dataclass(frozen=True, slots=True)
class Person:
    """What of a person is compared; an empty value is an absent one.

    ``given``: given names in order, for each name that the person has or had. ``families``: family names,
    each as its words. ``day``: date of birth as ``YYYY-MM-DD``, or a part of it. ``generation``: of a
    suffix, 1 to 4.
    """

    given: tuple[tuple[str, ...], ...]
    families: tuple[tuple[str, ...], ...]
    generation: str
    day: str
    sex: str
    places: tuple[Place, ...]
    phones: frozenset[str]
    emails: frozenset[str]
    ssns: frozenset[str]
    ssn_ends: frozenset[str]
    licences: frozenset[tuple[str, str]]


def person(patient: Mapping[str, Any]) -> Person:
    """The patient, ready to be compared. What has an unexpected type counts as absent."""
    names = [
        (_text(n.get("firstName")), _text(n.get("lastName")))
        for n in (patient, *_many(patient, "otherNames"))
    ]
    given = [_given(first) for first, _ in names]
    families = [_family(last) for _, last in names]
    suffixes = [_generation(f"{_text(patient.get('suffix'))} {last} {first}") for first, last in names]
    contacts = _many(patient, "contact")
    identifiers = _many(patient, "personalIdentifiers")
    ssns = [_text(held.get("value")) for held in identifiers if held.get("type") == "ssn"]
    return Person(
        given=_distinct(given),
        families=_distinct(families),
        generation=next((suffix for suffix in suffixes if suffix), ""),
        day=day_of_birth(patient.get("dob")),
        sex=_SEXES.get(_text(patient.get("genderAtBirth")).strip().lower(), ""),
        places=tuple(place for held in _many(patient, "address") if (place := _place(held))),
        phones=frozenset(phone for held in contacts if (phone := _phone(held.get("phone")))),
        emails=frozenset(email for held in contacts if (email := _email(held.get("email")))),
        ssns=frozenset(number for value in ssns if (number := _ssn(value))),
        ssn_ends=frozenset(end for value in ssns if (end := _ssn_end(value))),
        licences=frozenset(
            licence
            for held in identifiers
            if held.get("type") == "driversLicense" and (licence := _licence(held))
        ),
    )


def words(value: str) -> list[str]:
    """Lower-case words of letters and digits: accents gone, apostrophes and full stops joined."""
    plain = unicodedata.normalize("NFKD", value).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = re.sub(r"['’`.]", "", plain)
    return re.findall(r"[^\W_]+", plain)


def day_of_birth(value: object) -> str:
    """``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY`` out of a date; empty for none and for a place holder."""
    text = _text(value).strip()
    if whole := _ISO_DAY.fullmatch(text):
        day = "-".join(whole.groups())
        return "" if absent.is_placeholder_day(day) else day
    if part := _PART_OF_DAY.fullmatch(text):
        is_real = not absent.is_placeholder_day(f"{part[1]}-{part[2] or '06'}-15")
        return "-".join(p for p in part.groups() if p) if is_real else ""
    return ""


def _given(value: str) -> tuple[str, ...]:
    return tuple(
        word
        for word in words(value)
        if word not in _TITLES and not _is_suffix(word) and not absent.is_placeholder_name(word)
    )


def _family(value: str) -> tuple[str, ...]:
    """The words of a family name; one with a particle before it is one word (dela Cruz, Mc Donald)."""
    made: list[str] = []
    prefix = ""
    for word in words(value):
        if word in _TITLES - _PARTICLES or (made and _is_suffix(word)) or absent.is_placeholder_name(word):
            continue
        if word in _PARTICLES or word in ("mc", "mac", "o"):
            prefix += word
            continue
        made.append(prefix + word)
        prefix = ""
    return tuple(made or ([prefix] if prefix else []))


def _is_suffix(word: str) -> bool:
    return word in _SUFFIXES and word != "i"


def _generation(value: str) -> str:
    return next((_SUFFIXES[word] for word in words(value)[:12] if _is_suffix(word)), "")


def _place(held: Mapping[str, Any]) -> Place | None:
    line = " ".join(words(f"{_text(held.get('addressLine1'))} {_text(held.get('addressLine2'))}"))
    if absent.is_placeholder_street(line):
        return None
    unit = _UNIT.search(line)
    rest = [_STREET_WORDS.get(word, word) for word in (line[: unit.start()] if unit else line).split()]
    has_number = bool(rest) and _NUMBER.fullmatch(rest[0]) is not None
    zip_code = _NOT_DIGITS.sub("", _text(held.get("zip")))[:5]
    return Place(
        number=rest[0] if has_number else "",
        street=" ".join(rest[1:] if has_number else rest),
        unit=unit[1] if unit else "",
        zip_code="" if len(zip_code) != 5 or absent.is_placeholder_zip(zip_code) else zip_code,
        city="".join(words(_text(held.get("city")))),
        state=_text(held.get("state")).strip().upper(),
    )


def _phone(value: object) -> str:
    digits = _NOT_DIGITS.sub("", _text(value))
    digits = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
    return "" if absent.is_placeholder_phone(digits) else digits


def _email(value: object) -> str:
    address = _text(value).strip().lower().removeprefix("mailto:")
    return "" if absent.is_placeholder_email(address) else address


def _ssn(value: str) -> str:
    digits = _NOT_DIGITS.sub("", value)
    return "" if absent.is_placeholder_ssn(digits) else digits


def _ssn_end(value: str) -> str:
    """The last four digits, of a whole number or of one that is masked."""
    if whole := _ssn(value):
        return whole[5:]
    masked = _MASKED_SSN.fullmatch(value.strip())
    return masked[1] if masked and len(set(masked[1])) > 1 else ""


def _licence(held: Mapping[str, Any]) -> tuple[str, str] | None:
    value = _NOT_ALNUM.sub("", _text(held.get("value")).upper())
    if absent.is_placeholder_licence(value):
        return None
    return _text(held.get("state")).strip().upper(), value


def _many(patient: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    held = patient.get(name)
    entries: Iterable[Any] = (
        [held] if isinstance(held, Mapping) else held if isinstance(held, list | tuple) else ()
    )
    return [entry for entry in list(entries)[:MAX_ENTRIES] if isinstance(entry, Mapping)]


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def _distinct(values: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(value for value in values if value))
