"""Facts as one paragraph: which of them, in which order, in which sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chartbridge.summary.brief.facts import Brief, Fact, Kind, Sentence
from chartbridge.summary.brief.statements import shown

GOOD_WORDS, MAX_WORDS = 180, 250


@dataclass(frozen=True, slots=True)
class _Told:
    """How many facts of a kind are named, with ever less room."""

    before: str
    most: tuple[int, int, int]
    is_counted: bool = False
    """Whether it says how many are not named."""
    before_one: str = ""


_LISTS: dict[Kind, _Told] = {
    "chronic": _Told("Active chronic problems are", (10, 8, 6), True, "The one active chronic problem is"),
    "problem": _Told("Active problems are", (10, 8, 6), True, "The one active problem is"),
    "allergy": _Told(
        "Known allergies and intolerances are", (12, 10, 6), True, "The one known allergy or intolerance is"
    ),
    "past-allergy": _Told(
        "Allergies that are no longer active are", (4, 3, 2), True, "An allergy that is no longer active is"
    ),
    "conflict": _Told("The sources contradict each other about", (6, 4, 3), True),
    "do-not-give": _Told("Orders say not to give", (6, 4, 3), True),
    "encounter": _Told("The latest encounter:", (1, 1, 1)),
    "admission": _Told("The latest admission or emergency visit:", (1, 1, 1)),
    "result": _Told(
        "Recent results marked as abnormal are", (5, 3, 2), True, "A recent result marked as abnormal is"
    ),
    "procedure": _Told("Recent procedures are", (2, 1, 1), False, "A recent procedure is"),
    "immunization": _Told("The latest immunizations are", (2, 1, 1), False, "The latest immunization is"),
    "smoking": _Told("Smoking status:", (1, 1, 1)),
}
_ORDER: tuple[Kind, ...] = (
    "person", "chronic", "problem", "allergy", "past-allergy", "no-allergy", "no-allergy-stated", "conflict",
    "do-not-give", "medication", "encounter", "admission", "result", "procedure", "immunization", "smoking",
)  # fmt: skip
_LEAST_NEEDED: tuple[Kind, ...] = (
    "immunization", "procedure", "smoking", "admission", "past-allergy", "encounter", "result", "problem",
)  # fmt: skip


def tell(facts: Sequence[Fact], latest: str) -> Brief:
    """The paragraph of the facts: about 180 words at most where that can be, never more than 250.

    What there is no room for is counted, and allergies are the last to be shortened. Without any fact but
    the person and that allergies are not stated there is nothing to tell.
    """
    if not any(fact.kind not in ("person", "no-allergy-stated") for fact in facts):
        return Brief(())
    brief = Brief(())
    for room in (0, 1, 2):
        brief = _told(facts, latest, room, frozenset())
        if _words(brief) <= GOOD_WORDS:
            return brief
    left_out: set[Kind] = set()
    for kind in _LEAST_NEEDED:
        if _words(brief) <= MAX_WORDS:
            return brief
        left_out.add(kind)
        brief = _told(facts, latest, 2, frozenset(left_out))
    while _words(brief) > MAX_WORDS:
        brief = Brief(brief.sentences[:-1])
    return brief


def _words(brief: Brief) -> int:
    return len(brief.text.split())


def _told(facts: Sequence[Fact], latest: str, room: int, left_out: frozenset[Kind]) -> Brief:
    sentences: list[Sentence] = []
    for kind in _ORDER:
        held = [fact for fact in facts if fact.kind == kind]
        if held and kind not in left_out:
            wording = _OTHERS.get(kind)
            if kind == "problem" and sentences[1:]:
                wording = _other_problems
            sentences.append(wording(held, latest, room) if wording else _list(_LISTS[kind], held, room))
    return Brief(tuple(sentences))


def _list(told: _Told, held: Sequence[Fact], room: int) -> Sentence:
    named = held[: told.most[room]]
    left = len(held) - len(named)
    texts = [_text(fact, room) for fact in named]
    parts = texts + ([f"and {left} more"] if left and told.is_counted else [])
    before = told.before_one if len(parts) == 1 and told.before_one else told.before
    return _sentence(f"{before} {'; '.join(parts)}.", named)


def _text(fact: Fact, room: int) -> str:
    return fact.short if room and fact.short else fact.text


def _sentence(text: str, facts: Sequence[Fact]) -> Sentence:
    return Sentence(text, tuple(sorted({name for fact in facts for name in fact.references})))


def _person(held: Sequence[Fact], latest: str, _room: int) -> Sentence:
    as_of = f", as of its latest entry on {shown(latest)}" if latest else ""
    return _sentence(f"This is the chart of a {held[0].text}{as_of}.", held)


def _medications(held: Sequence[Fact], _latest: str, room: int) -> Sentence:
    most = (8, 6, 5)[room]
    if len(held) == 1:
        return _sentence(f"The one current medication is {held[0].text}.", held)
    named = held[:most]
    these = "; ".join(_text(fact, room) for fact in named)
    among = ":" if len(held) <= most else ", among them"
    return _sentence(f"There are {len(held)} current medications{among} {these}.", held)


def _other_problems(held: Sequence[Fact], _latest: str, room: int) -> Sentence:
    return _list(
        replace(
            _LISTS["problem"], before="Other active problems are", before_one="Another active problem is"
        ),
        held,
        room,
    )


def _no_allergy(held: Sequence[Fact], _latest: str, _room: int) -> Sentence:
    return _sentence(f"Of allergies the chart states: {'; '.join(fact.text for fact in held)}.", held)


def _no_allergy_stated(held: Sequence[Fact], _latest: str, _room: int) -> Sentence:
    return _sentence("No active allergy is stated, nor that there is none.", held)


_OTHERS: dict[Kind, Callable[[Sequence[Fact], str, int], Sentence]] = {
    "person": _person,
    "medication": _medications,
    "no-allergy": _no_allergy,
    "no-allergy-stated": _no_allergy_stated,
}
