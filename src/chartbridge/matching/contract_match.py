"""The rule by which creating, matching and bulk loading a patient find one who is already there.

Same date of birth and gender; then any shared personal identifier, or a mean Jaro-Winkler similarity of at
least 0.96 over names, address, phone and email. The rule is the wire contract's, and generous: people of
one household with like first names pass it. Linking what networks answer needs a stronger one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rapidfuzz.distance import JaroWinkler

from chartbridge.matching.normalize import ComparedPerson, person

THRESHOLD = 0.96
_PREFIX_WEIGHT = 0.1


def find_match(candidate: Mapping[str, Any], existing: Sequence[Mapping[str, Any]]) -> int | None:
    """Index of the patient in `existing`, oldest first, who is the same person as `candidate`; None if
    nobody is.

    Patients are in the API's shape: firstName, lastName, dob (`YYYY-MM-DD`), genderAtBirth, address, contact,
    personalIdentifiers. Of several matches the oldest, that is the first, wins.
    """
    wanted = person(candidate)
    return next((place for place, other in enumerate(existing) if is_match(wanted, person(other))), None)


def is_match(one: ComparedPerson, other: ComparedPerson) -> bool:
    """Whether two patients, made ready to compare, are the same person."""
    if not one.dob or (one.dob, one.gender_at_birth) != (other.dob, other.gender_at_birth):
        return False
    return bool(one.identifiers & other.identifiers) or similarity(one, other) >= THRESHOLD


def similarity(one: ComparedPerson, other: ComparedPerson) -> float:
    """Mean Jaro-Winkler similarity, 0 to 1; address line 2, phone and email count where both have them."""
    pairs = [
        (one.first_name, other.first_name),
        (one.last_name, other.last_name),
        (one.address_line_1, other.address_line_1),
        (one.city, other.city),
        (one.state, other.state),
        (one.zip_code, other.zip_code),
    ]
    optional = [
        (one.address_line_2, other.address_line_2),
        (one.phone, other.phone),
        (one.email, other.email),
    ]
    pairs += [(mine, theirs) for mine, theirs in optional if mine and theirs]
    return sum(_alike(mine, theirs) for mine, theirs in pairs) / len(pairs)


def _alike(mine: str, theirs: str) -> float:
    # Two absent values are no evidence of one person.
    if not mine or not theirs:
        return 0.0
    return float(JaroWinkler.similarity(mine, theirs, prefix_weight=_PREFIX_WEIGHT))
