"""Whether a language model's answer says nothing that the facts do not.

Nothing is believed for being likely. Each word must be a word of the facts or one of those that say nothing
by themselves; each number, with its unit, and each date, however it is written, must belong to a fact that
the clause is about; a negation needs a fact that is one, and a fact that is one needs a negation; an allergy
must be called one. What cannot be told to be right is refused: the brief by rules stands in for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from chartbridge.summary.brief.facts import Brief, Fact, Sentence
from chartbridge.summary.brief.known import Known, Segment, known, segments, sentences
from chartbridge.summary.brief.prompt import LABELS, MUST_BE_TOLD
from chartbridge.summary.brief.vocabulary import NEGATIONS, PLAIN_NEGATIONS, PLAIN_STEMS, listed
from chartbridge.summary.brief.wording import MAX_WORDS

MIN_WORDS, MAX_CHARACTERS = 10, 3_000
_MARKUP = re.compile(r"[\n\r\t*#`_|{}\\\x00-\x1f\x7f]|<\s*[a-z/!]|\]\s*\(|https?:|www\.|://|@", re.IGNORECASE)
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_ALLERGIC = frozenset({"allergy", "allergic", "intolerance"})
_TAKEN = frozenset(
    listed("medication medicine drug take takes taking prescribed receive received receiving given")
)
_CONTRADICT = frozenset({"contradict", "contradictory", "disagree", "conflicting"})
_FLAGS = frozenset(
    listed(
        """high low critical critically significantly positive detected resistant indeterminate unconfirmed
    criticality chronic admission emergency hospital hospitalization inpatient"""
    )
)
_FEMALE = frozenset({"she", "her", "woman", "female", "girl"})
_MALE = frozenset({"he", "his", "him", "man", "male", "boy"})
_THINGS = frozenset(
    {"medication", "problem", "chronic", "procedure", "immunization", "result", "do-not-give"}
)
_CHRONIC_LIST = re.compile(r"\bchronic(?:ally)? (?:problem|condition|illness|diagnos)", re.IGNORECASE)


class RefusedAnswerError(Exception):
    """The answer is not used. ``reason`` is one of a few words and never holds a part of the answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the answer was refused: {reason}")
        self.reason = reason


def check(answer: str, facts: Sequence[Fact]) -> Brief:
    """The answer as a brief, each sentence with the references of the facts that it tells.

    ``facts`` are those that the model was given. Raises RefusedAnswerError.
    """
    text = answer.strip()
    if _MARKUP.search(text) or _UNSEEN.search(text):
        raise RefusedAnswerError("shape")
    if len(text) > MAX_CHARACTERS or not MIN_WORDS <= len(text.split()) <= MAX_WORDS or text[-1] not in ".!":
        raise RefusedAnswerError("length")
    held = [known(fact) for fact in facts]
    checker = _Checker(held)
    told = [checker.sentence(sentence) for sentence in sentences(text)]
    if any(one.fact.kind in MUST_BE_TOLD and one not in checker.told for one in held):
        raise RefusedAnswerError("left out")
    if any(one.fact.kind.startswith("no-allergy") for one in held) and not checker.says_allergy:
        raise RefusedAnswerError("left out")
    return Brief(tuple(told))


class _Checker:
    """Checks sentence after sentence, and keeps which facts were told."""

    def __init__(self, facts: Sequence[Known]) -> None:
        self._facts = facts
        self._words = PLAIN_STEMS | PLAIN_NEGATIONS | {word for one in facts for word in one.words}
        self.told: list[Known] = []
        self.says_allergy = False

    def sentence(self, text: str) -> Sentence:
        """Raises RefusedAnswerError."""
        parts = segments(text, self._facts)
        stems = frozenset(stem for part in parts for stem in part.stems)
        self._vocabulary(parts)
        self._sex(stems)
        for number, part in enumerate(parts):
            self._numbers(parts, number, part)
            self._dates(parts, number, part, text)
            self._turns(parts, number, part)
        named = [one for one in self._facts if self._is_named(one, stems)]
        self._kinds(named, stems, text)
        self._negatives(named, stems)
        about = [*named, *(one for part in parts for one in part.about)]
        references = {name for one in about for name in one.fact.references}
        if not about:
            raise RefusedAnswerError("untraceable")
        self.told += named
        self.says_allergy |= bool(stems & _ALLERGIC)
        return Sentence(text, tuple(sorted(references)))

    def _vocabulary(self, parts: Sequence[Segment]) -> None:
        for part in parts:
            for token in part.tokens:
                if token.word and not (
                    token.word in self._words or all(one in self._words for one in token.word.split("/"))
                ):
                    raise RefusedAnswerError("word")

    def _sex(self, stems: frozenset[str]) -> None:
        (said,) = [one.words for one in self._facts if one.fact.kind == "person"] or [frozenset[str]()]
        if (stems & _FEMALE and "female" not in said) or (stems & _MALE and "male" not in said):
            raise RefusedAnswerError("sex")

    @staticmethod
    def _is_named(one: Known, stems: frozenset[str]) -> bool:
        """Whether a sentence has enough of a fact's name: all of what must be told, most of another."""
        needed = len(one.name) if one.fact.kind in MUST_BE_TOLD else max(1, round(0.6 * len(one.name)))
        if one.fact.kind in ("count", "person", "medication"):
            needed = 1
        return len(one.name & stems) >= needed

    @staticmethod
    def _holds(
        parts: Sequence[Segment], number: int, at: int, fits: Callable[[Known], bool], *, near: bool = False
    ) -> bool:
        """Whether what stands at a place fits the fact that it is said of: that of its clause, else of the
        nearest before; of what stands before any name, all facts that the sentence names after it."""
        part = parts[number]
        if part.about and (near or at > part.first_name or any(one.about for one in parts[:number])):
            return any(map(fits, part.about))
        before = next((one.about for one in reversed(parts[:number]) if one.about), None)
        if before is not None:
            return any(map(fits, before))
        after = [one for one in parts[number:] if one.about]
        told = [one for one in after if one.about[0].fact.kind not in ("person", "count")] or after
        fitting = [fact for one in told for fact in one.about if fits(fact)]
        return bool(fitting) and all(
            any(map(fits, one.about)) or any(one.stems - PLAIN_STEMS <= fact.words for fact in fitting)
            for one in told
        )

    def _numbers(self, parts: Sequence[Segment], number: int, part: Segment) -> None:
        for token in part.tokens:
            if (value := token.number) is None:
                continue
            unit = "" if token.unit in PLAIN_STEMS and token.unit not in {"year", "month"} else token.unit

            def fits(one: Known, value: object = value, unit: str = unit) -> bool:
                measures = {held for number, held in one.measures if number == value}
                return value in one.numbers and (not unit or unit in measures)

            counted = any(
                one.fact.kind == "count" and value in one.numbers and {"medication", "medicine"} & part.stems
                and token.unit in {"current", "active", "medication", "medicine"}
                for one in self._facts
            )  # fmt: skip
            if not counted and not self._holds(parts, number, token.at, fits, near=True):
                raise RefusedAnswerError("number")

    def _dates(self, parts: Sequence[Segment], number: int, part: Segment, text: str) -> None:
        for at, said in part.dates:
            latest = re.search(r"\bas of\b|\bentry\b", text, re.IGNORECASE) and any(
                one.fact.kind == "count" and any(map(said.is_told_by, one.dates)) for one in self._facts
            )

            def fits(one: Known, said: object = said) -> bool:
                return any(said.is_told_by(date) for date in one.dates)  # type: ignore[attr-defined]

            if not latest and not self._holds(parts, number, at, fits):
                raise RefusedAnswerError("date")

    def _turns(self, parts: Sequence[Segment], number: int, part: Segment) -> None:
        """Negations, and words that say how something is, fit what they are said of."""
        for token in part.tokens:
            word = token.word
            if word in NEGATIONS and not self._holds(parts, number, token.at, lambda one: one.is_negative):
                raise RefusedAnswerError("polarity")
            if word in _FLAGS and not self._holds(
                parts,
                number,
                token.at,
                lambda one, word=word: word in one.words,  # type: ignore[misc]
            ):
                raise RefusedAnswerError("kind")

    @staticmethod
    def _kinds(named: Sequence[Known], stems: frozenset[str], text: str) -> None:
        kinds = {kind: [one for one in named if one.fact.kind == kind] for kind in LABELS}
        elsewhere = {stem for one in named if "allergy" not in one.fact.kind for stem in one.name}
        for one in [*kinds["allergy"], *kinds["past-allergy"]]:
            if not stems & _ALLERGIC and not one.name <= elsewhere:
                raise RefusedAnswerError("kind")
        allergens = {stem for one in named if "allergy" in one.fact.kind for stem in one.words}
        things = [one for one in named if one.fact.kind in _THINGS]
        by_name = {stem for one in things for stem in one.words} & _ALLERGIC  # allergic rhinitis is a problem
        is_of_allergies = stems & _ALLERGIC and not by_name and not stems & _TAKEN
        if is_of_allergies and any(not one.name & allergens for one in things):
            raise RefusedAnswerError("kind")
        if kinds["conflict"] and not stems & _CONTRADICT:
            others = {stem for one in named if one.fact.kind != "conflict" for stem in one.name}
            if any(not one.name <= others for one in kinds["conflict"]):
                raise RefusedAnswerError("kind")
        if _CHRONIC_LIST.search(text) and any("chronic" not in one.words for one in kinds["problem"]):
            raise RefusedAnswerError("kind")

    @staticmethod
    def _negatives(named: Sequence[Known], stems: frozenset[str]) -> None:
        """What is no longer, is not to be given, or is called by a negation is not told without one."""
        for one in named:
            turned = one.fact.kind in ("past-allergy", "do-not-give") or one.is_negative_by_name
            others = {
                stem for other in named if other is not one and not other.is_negative for stem in other.name
            }
            if turned and not stems & NEGATIONS and not one.name <= others:
                raise RefusedAnswerError("polarity")
