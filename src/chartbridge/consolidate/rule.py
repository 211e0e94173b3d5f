"""What a rule is made of: the elements that it compares, and which of them are evidence.

Two resources of a type are the same when every facet of the rule is compatible, and all facets of at least
one line of evidence are told by both and shared. What has no complete line of evidence is the same only as
what says exactly the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from chartbridge.consolidate.concepts import Concept
from chartbridge.consolidate.moments import Moment, same_time
from chartbridge.fhir.references import Resource

Facts = tuple[Any, ...]


@dataclass(slots=True)
class Scope:
    """What reading a resource may need to know of others.

    held: all resources of the chart so far by `Type/id`. chronic: codes that some source marks as a chronic
    condition's. organizations: of each practitioner, `Organization/id`s. visits: of each condition, the
    encounters that name it as a diagnosis. episodes: the codes and names of conditions with the days on which
    a source lets them begin.
    """

    held: Mapping[str, Resource]
    chronic: frozenset[tuple[str, str]] = frozenset()
    organizations: dict[str, frozenset[str]] = field(default_factory=dict)
    visits: dict[str, frozenset[str]] = field(default_factory=dict)
    episodes: frozenset[tuple[Any, str]] = frozenset()


def equal(one: Any, other: Any) -> bool:
    """Two values that are told by both must be equal."""
    return bool(one == other)


def overlapping(one: frozenset[Any], other: frozenset[Any]) -> bool:
    """Two sets that are told by both must share something."""
    return not one.isdisjoint(other)


def anything(_one: Any, _other: Any) -> bool:
    """Whatever both tell, it is no contradiction."""
    return True


@dataclass(frozen=True, slots=True)
class Facet:
    """One element, or what several together tell, as it is compared.

    read: the value, hashable; None where the resource does not tell. compatible: whether two told values can
    be of one. shared: whether two compatible values count as evidence. required: told by one alone is a
    difference. tokens: labels of which two shared values have one in common, for the index.
    """

    name: str
    read: Callable[[Resource, Scope], Any]
    compatible: Callable[[Any, Any], bool] = equal
    shared: Callable[[Any, Any], bool] = anything
    required: bool = False
    tokens: Callable[[Any], Iterable[str]] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """How resources of one type are told apart.

    evidence: facets by name, each line enough by itself; the first of a line has tokens. when: the facet
    that holds the time. conflict: facets in which two statements that agree in all else contradict each
    other, and are linked. course: the facet that a newer source may move on (active to ended). unsaid: those,
    the most telling first, without which a statement still is of that among several which most documents
    tell. repeats: a document that says the same twice means two events, and undated ones are one only where
    they say exactly the same.
    """

    kind: str
    facets: tuple[Facet, ...]
    evidence: tuple[tuple[str, ...], ...]
    when: str | None = None
    conflict: tuple[str, ...] = ()
    course: str | None = None
    unsaid: tuple[str, ...] = ()
    repeats: bool = False
    lines: tuple[tuple[int, ...], ...] = field(init=False)
    conflicting: frozenset[int] = field(init=False)
    event: int | None = field(init=False)
    others: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        place = {facet.name: number for number, facet in enumerate(self.facets)}
        lines = tuple(tuple(place[name] for name in line) for line in self.evidence)
        object.__setattr__(self, "lines", lines)
        object.__setattr__(self, "conflicting", frozenset(place[name] for name in self.conflict))
        first = {line[0] for line in lines}
        others = (n for n, facet in enumerate(self.facets) if n not in first and facet.name != self.when)
        object.__setattr__(self, "others", tuple(others))
        timed = self.when is not None and any(place[self.when] in line for line in lines)
        object.__setattr__(self, "event", place[self.when] if timed and self.when is not None else None)

    def read(self, resource: Resource, scope: Scope) -> Facts:
        """The facts of a resource, one a facet."""
        return tuple(facet.read(resource, scope) for facet in self.facets)

    def place(self, name: str) -> int:
        """Where the facts have the facet of that name."""
        return next(number for number, facet in enumerate(self.facets) if facet.name == name)

    def told(self, facts: Facts) -> list[tuple[int, ...]]:
        """The lines of evidence that are told completely; of an undated event, but for its time."""
        event = None if self.repeats else self.event
        return [
            line for line in self.lines if all(facts[place] is not None or place == event for place in line)
        ]

    def said(self, facts: Facts) -> Facts:
        """The facts, of persons and places without identifiers where other evidence is enough: each document
        gives identifiers of its own, which contradict nothing."""
        place = next((n for n, facet in enumerate(self.facets) if facet.name == "identifier"), None)
        if self.when is not None or place is None or self.facets[place].compatible is not anything:
            return facts
        for line in self.lines:
            if place not in line and all(self._shared(number, facts, facts) for number in line):
                return (*facts[:place], None, *facts[place + 1 :])
        return facts

    def is_undated(self, facts: Facts) -> bool:
        """Whether the facts are an event's whose time nobody told, and have no other evidence."""
        event = self.event
        if event is None or self.repeats or facts[event] is not None:
            return False
        told = self.told(facts)
        return bool(told) and all(event in line for line in told)

    def agree(self, one: Facts, other: Facts, but: frozenset[int] = frozenset()) -> bool:
        """Whether two resources are the same, leaving the facets at the places `but` out of account."""
        if self.contradict(one, other, but):
            return False
        if self._both_undated(one, other):
            return self._equal_but_for_wording(one, other)
        return any(all(self._shared(place, one, other) for place in line) for line in self.lines)

    def contradict(self, one: Facts, other: Facts, but: frozenset[int] = frozenset()) -> bool:
        """Whether two resources cannot be the same, whatever a third one says."""
        for place, facet in enumerate(self.facets):
            mine, theirs = one[place], other[place]
            if place in but or mine == theirs:
                continue
            if mine is None or theirs is None:
                if facet.required:
                    return True
            elif not facet.compatible(mine, theirs):
                return True
        return False

    def by_words(self, one: Facts, other: Facts) -> bool:
        """Whether just one of the two is coded, so that only words can tell that they are the same."""
        return any(mine.is_coded != theirs.is_coded for mine, theirs in self._concepts(one, other))

    def share_no_code(self, one: Facts, other: Facts) -> bool:
        """Whether both are coded, and no code of theirs is the same."""
        return any(
            mine.is_coded and theirs.is_coded and mine.codes.isdisjoint(theirs.codes)
            for mine, theirs in self._concepts(one, other)
        )

    def _concepts(self, one: Facts, other: Facts) -> Iterator[tuple[Concept, Concept]]:
        for line in self.lines:
            mine, theirs = one[line[0]], other[line[0]]
            if isinstance(mine, Concept) and isinstance(theirs, Concept):
                yield mine, theirs

    def _both_undated(self, one: Facts, other: Facts) -> bool:
        event = self.event
        if event is None or one[event] is not None or other[event] is not None:
            return False
        return self.is_undated(one) or self.is_undated(other)

    def _equal_but_for_wording(self, one: Facts, other: Facts) -> bool:
        """Undated events are one only where everything that is compared is told by both, and equal."""
        first = {line[0] for line in self.lines}
        for place, facet in enumerate(self.facets):
            mine, theirs = one[place], other[place]
            if mine == theirs:
                continue
            if mine is None or theirs is None or place not in first or not facet.compatible(mine, theirs):
                return False
        return True

    def _shared(self, place: int, one: Facts, other: Facts) -> bool:
        mine, theirs = one[place], other[place]
        return mine is not None and theirs is not None and self.facets[place].shared(mine, theirs)

    def tokens(self, facts: Facts, told: list[tuple[int, ...]]) -> set[str]:
        """The labels under which the index files these facts, of which `told` are the lines of evidence."""
        found: set[str] = set()
        for line in told:
            read = self.facets[line[0]].tokens
            found.update((str(facts[line[0]]),) if read is None else read(facts[line[0]]))
        return found


def time_facet(name: str, read: Callable[[Resource, Scope], Moment | None]) -> Facet:
    """A facet that is a moment."""
    return Facet(name, read, same_time)
