"""The facts as an answer is compared with them: words, numbers, dates, and what each is known by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from chartbridge.summary.brief.dates_in_text import DateSaid, take_out
from chartbridge.summary.brief.facts import Fact
from chartbridge.summary.brief.prompt import line
from chartbridge.summary.brief.vocabulary import (
    NEGATIONS,
    NUMBER_WORDS,
    PLAIN_STEMS,
    TOKEN,
    listed,
    normal,
    number,
    stem,
)

_FORMS = frozenset(
    listed(
        """mg mcg ug g ml l unt unit mg/ml unt/ml mcg/ml hour oral tablet capsule solution injection
    injectable injector pen extended release delayed prefilled syringe hydrochloride suspension
    cream high low criticality type stage chronic disease disorder"""
    )
)
"""Words in names by which nothing is told apart."""


@dataclass(frozen=True, slots=True)
class Token:
    """A number (with what stands after it), or a word's stem, and where it stands in its text."""

    at: int
    word: str = ""
    number: Decimal | None = None
    unit: str = ""


def tokens(text: str) -> list[Token]:
    """The numbers and words of a text that is in its normal form and has no dates in it."""
    found: list[Token] = []
    matches = list(TOKEN.finditer(text))
    for place, match in enumerate(matches):
        value = number(match["number"]) if match["number"] else NUMBER_WORDS.get(match["word"])
        if value is None:
            found.append(Token(match.start(), stem(match["word"])))
            continue
        after = matches[place + 1] if place + 1 < len(matches) else None
        unit = ""
        if after is not None and after["word"] and not text[match.end() : after.start()].strip(" -"):
            unit = stem(after["word"])
        found.append(Token(match.start(), number=value, unit=unit))
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """One fact. ``name``: the stems that it is known by, without those that many share."""

    fact: Fact
    words: frozenset[str]
    numbers: frozenset[Decimal]
    measures: frozenset[tuple[Decimal, str]]
    dates: tuple[DateSaid, ...]
    name: frozenset[str]

    @property
    def is_negative(self) -> bool:
        return bool(self.words & NEGATIONS) or self.fact.kind == "conflict"

    @property
    def is_negative_by_name(self) -> bool:
        """Whether its own name, and not only what it is, has a negation."""
        return any(token.word in NEGATIONS for token in tokens(normal(self.fact.name)))


def known(fact: Fact) -> Known:
    """A fact as it is compared with."""
    text, dates = take_out(normal(line(fact)))
    found = tokens(text)
    return Known(
        fact,
        frozenset(part for token in found for part in (token.word, *token.word.split("/")) if part),
        frozenset(token.number for token in found if token.number is not None),
        frozenset((token.number, token.unit) for token in found if token.number is not None),
        tuple(dates),
        frozenset(_name(fact)),
    )


def _name(fact: Fact) -> Iterable[str]:
    if fact.kind == "person":
        return listed("year old aged female male woman man month")
    if fact.kind in ("no-allergy", "no-allergy-stated"):
        return ["allergy", "allergic"]
    if fact.kind == "count":
        return ["medication"] if fact.name == "medications" else ["entry"]
    said = fact.text if fact.kind in ("encounter", "admission") else fact.name
    stems = [token.word for token in tokens(take_out(normal(said))[0]) if token.word]
    told = [one for one in stems if one not in PLAIN_STEMS and one not in NEGATIONS and one not in _FORMS]
    return told or stems


_ENDS = re.compile(r"(?<=[.!?])\s+(?=\S)")
_BREAKS = re.compile(r"[;,:()]|\b(?:and|with|while|but)\b")


@dataclass(frozen=True, slots=True)
class Segment:
    """A clause of an answer, and the facts that it is best taken to be about."""

    tokens: tuple[Token, ...]
    dates: tuple[tuple[int, DateSaid], ...]
    about: tuple[Known, ...]
    first_name: int
    """Where the first word stands that names one of them."""

    @property
    def stems(self) -> frozenset[str]:
        return frozenset(token.word for token in self.tokens if token.word)


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph."""
    return _ENDS.split(text)


def segments(sentence: str, facts: Sequence[Known]) -> list[Segment]:
    """The clauses of a sentence."""
    bare, dates = take_out(normal(sentence))
    left = iter(dates)
    found, start = [], 0
    ends = [*((match.start(), match.end()) for match in _BREAKS.finditer(bare)), (len(bare), len(bare))]
    for end, after in ends:
        part = bare[start:end]
        said = [(match.start(), next(left)) for match in re.finditer("\x00", part)]
        held = tokens(part)
        about = _about(frozenset(token.word for token in held), facts)
        names = {stem_ for one in about for stem_ in one.name}
        first = min((token.at for token in held if token.word in names), default=-1)
        if held or said:
            found.append(Segment(tuple(held), tuple(said), about, first))
        start = after
    return found


def _about(stems: frozenset[str], facts: Sequence[Known]) -> tuple[Known, ...]:
    """The facts whose names the words fit best, equals all; those of counts only where no other fits."""
    for counts in (False, True):
        scored = [
            (len(stems & one.name) / len(stems | one.name), one)
            for one in facts
            if (one.fact.kind in ("count", "person")) is counts and stems & one.name
        ]
        if scored:
            best = max(score for score, _ in scored)
            return tuple(one for score, one in scored if score == best)
    return ()
