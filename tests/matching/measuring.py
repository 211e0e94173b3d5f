"""Measuring the rule over a population: pairs as a network would answer them, and what becomes of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from chartbridge.matching.linkage import judge
from chartbridge.matching.people import Person, person
from tests.matching.generator import Population


@dataclass
class Measure:
    """Counts; a true pair that shares no block is missed too. ``wrong``: kind of household and reasons.

    ``missed`` and ``true_by_fault``: true pairs not linked, and all of them, by fault of the record.
    """

    records: int = 0
    pairs: int = 0
    true_pairs: int = 0
    right: int = 0
    reviews: int = 0
    wrong: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    missed: Counter[str] = field(default_factory=Counter)
    true_by_fault: Counter[str] = field(default_factory=Counter)
    refused_true: int = 0

    @property
    def links(self) -> int:
        return self.right + len(self.wrong)

    @property
    def precision(self) -> float:
        return self.right / self.links

    @property
    def recall(self) -> float:
        return self.right / self.true_pairs


def measure(people: Population) -> Measure:
    """Compare every pair that shares a family name, a date of birth, a phone number or a street address."""
    found = Measure(records=len(people.ours) + len(people.theirs), true_pairs=len(people.theirs))
    blocks: dict[str, list[int]] = defaultdict(list)
    ours = [person(record) for record in people.ours]
    for place, one in enumerate(ours):
        for key in keys(one):
            blocks[key].append(place)
    for number, other in enumerate(map(person, people.theirs)):
        faults = people.faults[number] or ("none",)
        found.true_by_fault.update(faults)
        candidates = sorted({place for key in keys(other) for place in blocks[key]})
        found.pairs += len(candidates)
        is_linked = False
        for place in candidates:
            linkage = judge(ours[place], other)
            is_same = people.who[place] == people.whose[number]
            found.reviews += linkage.decision == "review"
            found.refused_true += is_same and linkage.decision == "refuse"
            if linkage.decision == "link" and is_same:
                is_linked = True
            elif linkage.decision == "link":
                found.wrong.append((people.kinds[people.who[place]], linkage.reasons))
        found.right += is_linked
        if not is_linked:
            found.missed.update(faults)
    return found


def keys(one: Person) -> Iterator[str]:
    """The blocks that a record is in."""
    yield from (f"name {''.join(family)}" for family in one.families)
    if one.day:
        yield f"day {one.day}"
    yield from (f"phone {phone}" for phone in sorted(one.phones))
    yield from (
        f"place {place.number} {place.street} {place.zip_code}" for place in one.places if place.street
    )
