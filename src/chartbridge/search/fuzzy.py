"""Finding resources by words in spite of typing errors.

Each word of a query must match a word of the resource: the same word, a longer one that begins with it
(from four letters), or one that differs by one typing error (four to seven letters) or two (eight and
more). Words with digits must be the same: codes, doses and days do not allow for errors. What is written
without blanks, such as ``2024-01-31`` or ``E11.9``, is looked for as it stands, a date also by its
beginning. A word that a resource lacks may stand in what it refers to, such as the place of an encounter, if
another stands in the resource itself. The better the match, the earlier the resource comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import OSA

from chartbridge.errors import BadRequestError
from chartbridge.search import resource_text
from chartbridge.search.filters import words

MAX_LENGTH = 1000
MAX_WORDS = 100
MIN_PREFIX = 4
EXACT, PREFIX = 1.0, 0.8
_BESIDE = 0.25
"""What counts of a match in a resource that is referred to."""
_TYPED = (0.0, 0.6, 0.4)
"""What a match with one or two typing errors counts."""


def query_words(text: str) -> tuple[tuple[str, ...], ...]:
    """The query's words; one written with digits and signs within stays together.

    Raises BadRequestError beyond the bounds.
    """
    if len(text) > MAX_LENGTH:
        raise BadRequestError(f"query must have at most {MAX_LENGTH} characters")
    found: list[tuple[str, ...]] = []
    for chunk in text.split():
        parts = words(chunk)
        if _has_digit(parts):
            found.append(parts)
        else:
            found += [(part,) for part in parts]
    if len(found) > MAX_WORDS:
        raise BadRequestError(f"query must have at most {MAX_WORDS} words")
    return tuple(dict.fromkeys(found))


def rank(resources: Sequence[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """The resources that the query finds, best first, equals in their order; none for a query without words.

    Raises BadRequestError for a query out of bounds.
    """
    query_words(text)  # what is out of bounds is refused before any work is done
    return [resources[number] for number in index(resources).rank(text)]


def allowed_errors(word: str) -> int:
    """How many typing errors a word may have."""
    if len(word) < MIN_PREFIX or _has_digit((word,)):
        return 0
    return 1 if len(word) < 8 else 2


def index(resources: Sequence[dict[str, Any]]) -> Index:
    """The index of a chart: the same for the same resources in the same order."""
    made = Index()
    places = {f"{one.get('resourceType')}/{one.get('id')}": number for number, one in enumerate(resources)}
    for number, resource in enumerate(resources):
        made.add(number, resource_text.texts(resource))
        found = {places.get(name) for name in resource_text.references(resource)}
        made.beside.append(sorted(found - {None, number}))  # type: ignore[arg-type]
    return made


@dataclass
class Index:
    """What is looked at to find the resources of a chart, each known by its number in it.

    numbers: the words of the chart, also those written together, and the rising numbers of what has each.
    beside: of each resource, the numbers of what it refers to.
    """

    numbers: dict[str, list[int]] = field(default_factory=dict)
    beside: list[list[int]] = field(default_factory=list)
    _terms: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, number: int, texts: Iterable[str]) -> None:
        for chunk in {chunk for text in texts for chunk in text.split()}:
            terms = self._terms.get(chunk)
            if terms is None:
                terms = self._terms[chunk] = _terms(chunk)
            for term in terms:
                held = self.numbers.get(term)
                if held is None:
                    self.numbers[term] = [number]
                elif held[-1] != number:
                    held.append(number)

    def rank(self, text: str) -> list[int]:
        """The numbers of what the query finds, best first, equals in their order; none for a query without
        words. Raises BadRequestError for a query out of bounds."""
        wanted = query_words(text)
        if not wanted:
            return []
        scores = _all_of([self.find(parts) for parts in wanted], self.beside)
        return sorted(scores, key=lambda number: (-scores[number], number))

    def find(self, parts: tuple[str, ...]) -> dict[int, float]:
        """How well each resource matches one word of the query."""
        if len(parts) > 1:
            return self._together(" ".join(parts))
        (word,) = parts
        found = dict.fromkeys(self.numbers.get(word, ()), EXACT)
        if _has_digit(parts):
            return self._together(word, found)
        if len(word) >= MIN_PREFIX:
            longer = [term for term in self.numbers if term.startswith(word) and " " not in term]
            self._note(found, longer, PREFIX)
        errors = allowed_errors(word)
        if errors:
            near = process.extract(
                word, self.numbers.keys(), scorer=OSA.distance, score_cutoff=errors, limit=None
            )
            for term, distance, _ in near:
                if distance and not _has_digit((term,)):
                    self._note(found, [term], _TYPED[int(distance)])
        return found

    def _together(self, joined: str, found: dict[int, float] | None = None) -> dict[int, float]:
        """What has the words as they stand, or as the beginning of what is written together."""
        found = dict.fromkeys(self.numbers.get(joined, ()), EXACT) if found is None else found
        self._note(found, [term for term in self.numbers if term.startswith(joined + " ")], PREFIX)
        return found

    def _note(self, found: dict[int, float], terms: Iterable[str], score: float) -> None:
        for term in terms:
            for number in self.numbers[term]:
                if found.get(number, 0.0) < score:
                    found[number] = score


def _all_of(matches: Sequence[dict[int, float]], beside: Sequence[list[int]]) -> dict[int, float]:
    """The sums of what has every word, in itself or, all but one, in what it refers to."""
    found: dict[int, float] = {}
    for number in set().union(*matches):
        total = 0.0
        for match in matches:
            score = match.get(number) or _BESIDE * max(
                (match.get(other, 0.0) for other in beside[number]), default=0.0
            )
            if not score:
                break
            total += score
        else:
            found[number] = total
    return found


def _terms(chunk: str) -> tuple[str, ...]:
    """The words of what is written without blanks, and all of it together where it has digits."""
    parts = words(chunk)
    return (*parts, " ".join(parts)) if len(parts) > 1 and _has_digit(parts) else parts


def _has_digit(parts: Iterable[str]) -> bool:
    return any(character.isdigit() for part in parts for character in part)
