"""One code for two things: what a document itself tells apart by its words.

"No cognitive impairment" and "no functional impairment" of one day under one code, in one list of one
document, are two findings. Where a document does so, what any document says under that code on that day is
told apart by its words too: each statement belongs to the wording of which it has a word that the others
don't have. What has a word of none, or of several, is one with neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from chartbridge.consolidate.clusters import Node
from chartbridge.consolidate.concepts import Code, Concept, concept_of
from chartbridge.consolidate.moments import Moment
from chartbridge.consolidate.rule import Rule
from chartbridge.consolidate.sources import Origin
from chartbridge.consolidate.words import objects
from chartbridge.fhir.references import Resource

_KINDS = frozenset({"Condition", "Procedure", "ServiceRequest"})
_FILLING = frozenset({
    "a", "an", "and", "at", "disorder", "done", "finding", "for", "get", "of", "on", "or", "procedure",
    "situation", "the", "to",
})  # fmt: skip
_VAGUE = frozenset(["nos", "other", "unspecified"])
_DENIALS = frozenset(["denied", "denies", "negative", "never", "no", "none", "not", "without"])
_MOST = 50
"""The most statements of one list under one code and day that are compared with one another."""

Words = frozenset[str]
Place = tuple[Code, str, object]
"""A code, a day, and whether it is affirmed."""


def variants(rule: Rule, nodes: list[Node], resources: Mapping[str, Resource]) -> dict[str, str]:
    """For each resource, by `Type/id`, that must be told apart by its words: which of the wordings it has."""
    if rule.kind not in _KINDS or rule.when is None:
        return {}
    when = rule.place(rule.when)
    under: defaultdict[Place, list[tuple[str, Words]]] = defaultdict(list)
    listed: defaultdict[tuple[Place, Origin, str], set[Words]] = defaultdict(set)
    for node in nodes:
        resource, day = resources[node.keys[0]], node.facts[when]
        concept = concept_of(resource.get("code"))
        words = _words(concept)
        if concept is None or not words or not isinstance(day, Moment):
            continue
        for code in concept.own:
            place = (code, day.day, node.facts[0])
            under[place].append((node.keys[0], words))
            for origin in node.origins:
                listed[place, origin, _list(resource)].add(words)
    apart: defaultdict[Place, set[Words]] = defaultdict(set)
    for (place, _, _), told in listed.items():
        if 1 < len(told) <= _MOST:
            apart[place] |= {one for one in told if any(_differ(one, other) for other in told)}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for place, wordings in apart.items():
        for key, words in under[place] if wordings else ():
            found[key].add(f"{place[0][1]} {_wording_of(words, wordings)}")
    return {key: "; ".join(sorted(found[key])) for key in sorted(found)}


def _words(concept: Concept | None) -> Words:
    texts = concept.all_texts if concept is not None else frozenset[str]()
    return frozenset(word for text in texts for word in text.split()) - _FILLING - _VAGUE


def _list(resource: Resource) -> str:
    """The list in which a document has it: problems and diagnoses of visits may name one thing twice."""
    categories = (
        coding
        for category in objects(resource.get("category"))
        for coding in objects(category.get("coding"))
        if "category" in str(coding.get("system"))
    )
    return " ".join(sorted({str(coding.get("code")) for coding in categories}))


def _differ(one: Words, other: Words) -> bool:
    """Whether each has a word of its own, or one denies what the other says."""
    return bool(one - other and other - one) or not _DENIALS.isdisjoint(one ^ other)


def _wording_of(words: Words, wordings: set[Words]) -> str:
    if words in wordings:
        return " ".join(sorted(words))
    met = [
        wording
        for wording in wordings
        if words & wording.difference(*(other for other in wordings if other != wording))
    ]
    return " ".join(sorted(met[0])) if len(met) == 1 else ""
