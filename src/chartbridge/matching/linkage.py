"""Whether what a network answers is about our patient: the stronger rule, for linking (docs/matching.md).

In order: vetoes, which no likeness outweighs; rules, each a combination that is enough by itself; then the
sum of weights a field, in bits of evidence. What is neither clear is left to a person. A wrong link puts
another person's allergies into a chart, a missed one leaves a gap: so where only likeness within a
household speaks for it, nothing is linked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chartbridge.matching import common_names
from chartbridge.matching.agreement import Agreement, agreement
from chartbridge.matching.people import Person, person

Decision = Literal["link", "review", "refuse"]

LINK_BITS = 18.0
REVIEW_BITS = 12.0
_RULE_SCORE = 0.99
_VETO_SCORE = 0.01
_HOUSEHOLD_BITS = 9.0
"""At most so much for address, phone and email together: a household shares them."""

_WEIGHTS: dict[str, dict[str, float]] = {
    "given": {
        "same": 4.0, "swapped": 4.0, "nickname": 3.0, "sound": 3.0, "typo": 3.0, "other": 2.0,
        "alike": 1.5, "rhyme": -2.0, "initial": 1.0, "unlike": -6.0,
    },
    "middle": {"same": 1.9, "initial": 1.2, "unlike": -4.0},
    "family": {"same": 6.0, "part": 5.0, "typo": 4.0, "unlike": -4.0},
    "birth": {"same": 9.0, "swapped": 6.0, "near": 5.5, "part": 3.0, "decade": 4.0, "unlike": -9.0},
    "sex": {"same": 1.0, "unlike": -4.0},
    "generation": {"same": 1.0, "unlike": -9.0},
    "ssn": {"same": 14.0, "near": 9.0, "end": 7.0, "unlike": -12.0},
    "licence": {"same": 12.0, "near": 7.0, "unlike": -8.0},
}  # fmt: skip
_HOUSEHOLD: dict[str, dict[str, float]] = {
    "place": {"same": 6.0, "building": 2.0, "area": 1.0, "unlike": -0.5},
    "phone": {"same": 5.5, "unlike": -0.3},
    "email": {"same": 5.5, "unlike": -0.3},
}
_SURE_GIVEN = ("same", "swapped", "nickname", "sound", "typo")
_COMMON_GIVEN_BITS = 1.5
_COMMON_FAMILY_BITS = 2.0
_COMMON_BOTH_BITS = 0.5


@dataclass(frozen=True, slots=True)
class Linkage:
    """The outcome. ``score``: 0 to 1, from the evidence; comparable between links, no probability.

    ``reasons``: the rules and vetoes that spoke, then the level of each field; never a value of anybody's.
    """

    score: float
    decision: Decision
    reasons: tuple[str, ...]


def compare(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Linkage:
    """Whether a network's patient is ours: ``link``, ``review`` by a person, or ``refuse``.

    Both in the API's shape with every part optional (see ``people``). Deterministic and symmetric.
    """
    return judge(person(ours), person(theirs))


def judge(one: Person, other: Person) -> Linkage:
    """``compare`` for people who are made ready already."""
    found = agreement(one, other)
    vetoes = _vetoes(found)
    if vetoes:
        doubted = _has_personal_number(found) and len(vetoes) == 1
        decision: Decision = "review" if doubted else "refuse"
        return Linkage(_VETO_SCORE, decision, (*vetoes, *found.reasons()))
    rules = _rules(found)
    bits = _bits(found, one, other)
    score = round(1 / (1 + 2.0 ** (LINK_BITS - 7.0 - bits)), 4)
    if rules:
        return Linkage(max(score, _RULE_SCORE), "link", (*rules, *found.reasons()))
    if bits >= LINK_BITS:
        lacks = _lacks(found)
        return Linkage(score, "review" if lacks else "link", (*lacks, *found.reasons()))
    return Linkage(score, "review" if bits >= REVIEW_BITS else "refuse", found.reasons())


def contradictions(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, ...]:
    """What in a description that comes with a document or an answer cannot be of our patient.

    For what was found through a link: it may say little, and then nothing contradicts. Reasons as in
    ``Linkage``; empty when the two may be one person.
    """
    found = agreement(person(ours), person(theirs))
    is_born_alike = found.birth in ("same", "swapped", "near", "decade")
    is_numbered = _has_personal_number(found)
    told = [
        ("given names alike, of two people", found.given == "rhyme" and not is_numbered),
        ("date of birth unlike", found.birth == "unlike" and not is_numbered),
        ("family name unlike", found.family == "unlike" and not is_numbered and not is_born_alike),
        ("sex unlike", found.sex == "unlike" and found.given not in ("same", "swapped", "absent")),
    ]
    return (*_vetoes(found), *(f"contradiction: {what}" for what, holds in told if holds))


def _vetoes(found: Agreement) -> tuple[str, ...]:
    """Each holds alone: the two are two people, or one of the records is wrong."""
    told = [
        ("social security numbers unlike", found.ssn == "unlike"),
        ("generations unlike", found.generation == "unlike"),
        ("given names unlike", found.given == "unlike"),
        ("driver's licences of one state unlike", found.licence == "unlike"),
        (
            "sex and given name unlike",
            found.sex == "unlike" and found.given not in ("same", "swapped", "absent", "unlike"),
        ),
    ]
    return tuple(f"veto: {what}" for what, holds in told if holds)


def _rules(found: Agreement) -> tuple[str, ...]:
    """Combinations that are enough by themselves, whatever else is not known."""
    named = found.given in _SURE_GIVEN
    exactly = found.given in ("same", "swapped") and found.middle != "unlike"
    born = found.birth in ("same", "swapped", "near")
    told = [
        ("social security number, name and date of birth", found.ssn == "same" and named and born),
        ("driver's licence, name and date of birth", found.licence == "same" and named and born),
        (
            "name, date of birth and address",
            exactly and found.family == "same" and found.birth == "same" and found.place == "same",
        ),
        (
            "name, date of birth and phone or email",
            exactly
            and found.family == "same"
            and found.birth == "same"
            and "same" in (found.phone, found.email),
        ),
    ]
    return tuple(f"rule: {what}" for what, holds in told if holds and found.sex != "unlike")


def _lacks(found: Agreement) -> tuple[str, ...]:
    """What a link by weights needs beside its sum: that of it which is missing."""
    numbered = _has_personal_number(found)
    same_middle = found.middle in ("same", "initial")
    # Of father and son, who may share all else, one in thousands are born on one day of two decades.
    born = ("same", "swapped", "near", *(("decade",) if found.given == "same" else ()))
    sure_given = found.given in _SURE_GIVEN
    told = [
        ("a date of birth that agrees", found.birth not in born and not numbered),
        # What twins share is everything but this.
        ("a given name that agrees", not sure_given and not numbered and not same_middle),
        ("a date of birth that may be meant", found.birth == "unlike"),
        ("a given name that is one name", found.given == "rhyme" and not numbered),
        ("a given name", found.given in ("absent", "initial") and found.ssn != "same"),
        ("a family name that agrees", found.family in ("unlike", "absent") and found.birth != "same"),
        ("middle names that agree", found.middle == "unlike" and not numbered),
    ]
    return tuple(f"lacks: {what}" for what, holds in told if holds)


def _has_personal_number(found: Agreement) -> bool:
    """Whether they share a number that is one person's and no household's."""
    return found.ssn in ("same", "near") or found.licence in ("same", "near")


def _bits(found: Agreement, one: Person, other: Person) -> float:
    bits = sum(levels.get(getattr(found, field), 0.0) for field, levels in _WEIGHTS.items())
    shared = [levels.get(getattr(found, field), 0.0) for field, levels in _HOUSEHOLD.items()]
    bits += min(sum(shared), _HOUSEHOLD_BITS)
    # Agreeing on a name that many have says less.
    called = {names[0] for names in (*one.given, *other.given)}
    families = {"".join(names) for names in (*one.families, *other.families)}
    is_given_common = found.given in ("same", "nickname") and any(map(common_names.is_common_given, called))
    is_family_common = found.family == "same" and any(map(common_names.is_common_family, families))
    bits -= _COMMON_GIVEN_BITS * is_given_common + _COMMON_FAMILY_BITS * is_family_common
    bits -= _COMMON_BOTH_BITS * (is_given_common and is_family_common)
    return bits
