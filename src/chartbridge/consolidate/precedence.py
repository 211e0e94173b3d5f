"""Whose word counts for an element, where that is not the newest's.

When a condition began, its entry in a problem list tells; the diagnosis of a visit tells when the visit was.
How long a care team works together, the team itself tells; what a document's header calls the performers of
its service has the span of that service instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chartbridge.consolidate.moments import compatible_texts, finer
from chartbridge.consolidate.words import objects
from chartbridge.fhir.references import Resource

_RANKS = {"problem-list-item": 0, "health-concern": 1, "encounter-diagnosis": 3}
_UNCATEGORISED = 2


def _condition_rank(resource: Resource) -> int:
    codes = (
        str(coding.get("code"))
        for category in objects(resource.get("category"))
        for coding in objects(category.get("coding"))
    )
    return min((_RANKS[code] for code in codes if code in _RANKS), default=_UNCATEGORISED)


def _team_rank(resource: Resource) -> int:
    return 0 if resource.get("status") else 1


_BY_KIND: dict[str, tuple[str, Callable[[Resource], int]]] = {
    "Condition": ("onset", _condition_rank),
    "CareTeam": ("period", _team_rank),
}


def set_apart(members: Sequence[Resource]) -> tuple[list[Resource], Resource, list[tuple[str, Any]]]:
    """Members (newest first) without the elements that one of them decides; these; and what others say of it.

    The element is the whole word of one member: of those that tell it the one with the best rank, then the
    newest. Another of its rank may say it more precisely. Of the others comes what it does not tell.
    """
    kind = members[0]["resourceType"]
    if kind not in _BY_KIND:
        return list(members), {}, []
    stem, rank = _BY_KIND[kind]
    tellers = sorted((one for one in members if any(name.startswith(stem) for name in one)), key=rank)
    if not tellers:
        return list(members), {}, []
    decided = _told(tellers[0], stem)
    for one in tellers[1:]:
        if rank(one) == rank(tellers[0]):
            decided = _finer(decided, _told(one, stem))
    others = [
        (name, value)
        for one in tellers
        for name, value in _told(one, stem).items()
        if not name.startswith("_") and not _is_told_by(value, decided.get(name))
    ]
    rest = [{name: one[name] for name in one if not _is_of(name, stem)} for one in members]
    return rest, decided, others


def _told(resource: Resource, stem: str) -> Resource:
    return {name: value for name, value in resource.items() if _is_of(name, stem)}


def _is_of(name: str, stem: str) -> bool:
    return name.removeprefix("_").startswith(stem)


def _finer(decided: Resource, other: Resource) -> Resource:
    """Of two dates that agree the more precise."""
    ((name, mine),) = list(decided.items())[:1]
    theirs = other.get(name)
    if isinstance(mine, str) and isinstance(theirs, str) and compatible_texts(mine, theirs):
        return {**decided, name: finer(mine, theirs)}
    return decided


def _is_told_by(value: Any, decided: Any) -> bool:
    if isinstance(value, dict) and isinstance(decided, dict):
        return all(name in decided and _is_told_by(held, decided[name]) for name, held in value.items())
    if isinstance(value, str) and isinstance(decided, str):
        return value == decided or (compatible_texts(value, decided) and finer(decided, value) == decided)
    return bool(value == decided)
