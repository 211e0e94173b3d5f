"""How far two people agree, field by field, in words: what the rules, the weights and the reasons use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from rapidfuzz.distance import OSA, JaroWinkler

from chartbridge.matching.given_names import given_level
from chartbridge.matching.people import Person, Place

_GIVEN_ORDER = (
    "same",
    "swapped",
    "nickname",
    "sound",
    "typo",
    "other",
    "alike",
    "rhyme",
    "initial",
    "unlike",
)
_PLACE_ORDER = ("same", "building", "area", "unlike")
_ALIKE_FAMILY = 0.92
_ALIKE_STREET = 0.9
_GENERATION_YEARS = 10


@dataclass(frozen=True, slots=True)
class Agreement:
    """A level a field; ``absent`` where one side does not have it.

    given: same, swapped (given and family name changed places), nickname, sound (written otherwise), typo,
    other (the called name of one is a further name of the other), alike, rhyme (two names alike in letters),
    initial, unlike. middle: same, initial, unlike. family: same, part (of a double name), typo, unlike.
    birth: same, swapped (day and month), near (one digit, or two neighbours swapped), decade (near, but ten
    years or more apart), part (all that is known of an incomplete date), unlike. sex and generation: same,
    unlike. place: same, building, area, unlike. phone, email: same, unlike. ssn: same, near, end (the last
    four digits), unlike. licence: same, near, unlike (of one state).
    """

    given: str
    middle: str
    family: str
    birth: str
    sex: str
    generation: str
    place: str
    phone: str
    email: str
    ssn: str
    licence: str

    def reasons(self) -> tuple[str, ...]:
        """``field: level`` of every field that both sides have; no value of anybody's."""
        levels = ((name, getattr(self, name)) for name in self.__slots__)
        return tuple(f"{name}: {level}" for name, level in levels if level != "absent")


def agreement(one: Person, other: Person) -> Agreement:
    """How far two people agree; the order of the two makes no difference."""
    given, middle = _given(one, other)
    family = _family(one, other)
    if given == "unlike" and _is_swapped(one, other):
        given, family = "swapped", "same"
    return Agreement(
        given=given,
        middle=middle,
        family=family,
        birth=birth_level(one.day, other.day),
        sex=_equal(one.sex, other.sex),
        generation=_equal(one.generation, other.generation),
        place=_best((_place(a, b) for a, b in product(one.places, other.places)), _PLACE_ORDER),
        phone=_any_of(one.phones, other.phones),
        email=_any_of(one.emails, other.emails),
        ssn=_ssn(one, other),
        licence=_licence(one, other),
    )


def _given(one: Person, other: Person) -> tuple[str, str]:
    best = ("absent", "absent")
    rank = len(_GIVEN_ORDER)
    for mine, theirs in product(one.given, other.given):
        level = _called(mine, theirs)
        if _GIVEN_ORDER.index(level) < rank:
            rank, best = _GIVEN_ORDER.index(level), (level, _middle(mine, theirs, level))
    return best


def _called(mine: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    """The called names, which come first; Mary Ann may be written as one name."""
    if mine[0] == theirs[0] or "".join(mine[:2]) == theirs[0] or "".join(theirs[:2]) == mine[0]:
        return "same"
    level = given_level(mine[0], theirs[0])
    if level in ("alike", "rhyme", "initial", "unlike"):
        further = (mine[0] in theirs[1:] and len(mine[0]) > 1) or (
            theirs[0] in mine[1:] and len(theirs[0]) > 1
        )
        return "other" if further else level
    return level


def _middle(mine: tuple[str, ...], theirs: tuple[str, ...], level: str) -> str:
    a, b = "".join(mine[1:]), "".join(theirs[1:])
    if not a or not b or level == "other":
        return "absent"
    if a == b:
        return "same" if len(a) > 1 else "initial"
    if len(mine[1]) == 1 or len(theirs[1]) == 1:
        return "initial" if a[0] == b[0] else "unlike"
    if given_level(mine[1], theirs[1]) == "unlike" and not set(mine[1:]) & set(theirs[1:]):
        return "unlike"
    return "initial"


def _family(one: Person, other: Person) -> str:
    levels = (_families(mine, theirs) for mine, theirs in product(one.families, other.families))
    return _best(levels, ("same", "part", "typo", "unlike"))


@lru_cache(maxsize=65_536)
def _families(mine: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    a, b = "".join(mine), "".join(theirs)
    if a == b or sorted(mine) == sorted(theirs):
        return "same"
    if {word for word in mine if len(word) > 2} & {word for word in theirs if len(word) > 2}:
        return "part"
    pairs = [(a, b), *product(mine, theirs)]
    return "typo" if any(_is_mistyped(x, y) for x, y in pairs) else "unlike"


def _is_mistyped(a: str, b: str) -> bool:
    shortest = min(len(a), len(b))
    if shortest < 4:
        return shortest == 3 and int(OSA.distance(a, b)) == 1
    return int(OSA.distance(a, b)) == 1 or float(JaroWinkler.similarity(a, b)) >= _ALIKE_FAMILY


def _is_swapped(one: Person, other: Person) -> bool:
    return any(
        "".join(my_given[:1]) == "".join(their_family) and "".join(my_family) == their_given[0]
        for (my_given, my_family), (their_given, their_family) in product(
            product(one.given, one.families), product(other.given, other.families)
        )
    )


def birth_level(one: str, other: str) -> str:
    """The level of two dates of birth, each ``YYYY-MM-DD``, a part of it, or empty (see Agreement)."""
    if not one or not other:
        return "absent"
    if min(len(one), len(other)) < 10:
        return "part" if one.startswith(other) or other.startswith(one) else "unlike"
    if one == other:
        return "same"
    if one[:4] == other[:4] and (one[5:7], one[8:]) == (other[8:], other[5:7]):
        return "swapped"
    a, b = one.replace("-", ""), other.replace("-", "")
    if int(OSA.distance(a, b)) == 1 and len(a) == len(b):
        return "decade" if abs(int(a[:4]) - int(b[:4])) >= _GENERATION_YEARS else "near"
    return "unlike"


def _place(one: Place, other: Place) -> str:
    is_near = (one.zip_code and one.zip_code == other.zip_code) or (
        one.city and (one.city, one.state) == (other.city, other.state)
    )
    alike = float(JaroWinkler.similarity(one.street, other.street)) >= _ALIKE_STREET
    if one.street and alike and one.number == other.number and is_near:
        return "building" if one.unit and other.unit and one.unit != other.unit else "same"
    return "area" if is_near else "unlike"


def _ssn(one: Person, other: Person) -> str:
    pairs = list(product(one.ssns, other.ssns))
    if any(a == b for a, b in pairs):
        return "same"
    if any(int(OSA.distance(a, b)) == 1 for a, b in pairs):
        return "near"
    if pairs:
        return "unlike"
    if not one.ssn_ends or not other.ssn_ends:
        return "absent"
    if one.ssn_ends & other.ssn_ends:
        return "end"
    slips = any(int(OSA.distance(a, b)) == 1 for a, b in product(one.ssn_ends, other.ssn_ends))
    return "absent" if slips else "unlike"


def _licence(one: Person, other: Person) -> str:
    pairs = [(a, b) for (s, a), (t, b) in product(one.licences, other.licences) if s == t]
    if not pairs:
        return "absent"
    if any(a == b for a, b in pairs):
        return "same"
    return "near" if any(int(OSA.distance(a, b)) == 1 for a, b in pairs) else "unlike"


def _equal(one: str, other: str) -> str:
    if not one or not other:
        return "absent"
    return "same" if one == other else "unlike"


def _any_of(one: frozenset[str], other: frozenset[str]) -> str:
    if not one or not other:
        return "absent"
    return "same" if one & other else "unlike"


def _best(levels: Iterable[str], order: tuple[str, ...]) -> str:
    ranks = [order.index(level) for level in levels]
    return order[min(ranks)] if ranks else "absent"
