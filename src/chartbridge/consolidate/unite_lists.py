"""Lists and concepts of several resources as one, without repeats that differ in order or form only."""

from __future__ import annotations

from typing import Any

from chartbridge.consolidate.concepts import ALSO_CALLED_URL, concept_of, same_concept
from chartbridge.consolidate.provenance import canonical
from chartbridge.consolidate.values import unit_of
from chartbridge.consolidate.words import plain
from chartbridge.fhir.references import Resource

_FORM = frozenset({"display", "id", "userSelected"})
_EXACT = frozenset({"code", "data", "hash", "system", "url"})
"""Elements whose case and punctuation tell one thing from another."""
_MOST_COMPARED = 40
"""Of longer lists an item that says less than another stays beside it: comparing each pair would be slow."""


def is_concept(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and value.keys() <= {"coding", "text", "extension", "id"}
        and ("coding" in value or "text" in value)
    )


def as_concept(value: Any) -> Resource:
    return value if isinstance(value, dict) else {}


def is_quantity(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value and value.keys() <= {
        "value", "comparator", "unit", "system", "code", "extension", "_code", "_system"
    }  # fmt: skip


def normal(value: Any) -> bytes:
    """What a value says, whatever its display names, case, spaces, punctuation and order of lists."""
    return canonical(_normal(value))


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        if is_concept(value):
            concept = concept_of(value)
            if concept is not None and concept.codes:
                return sorted(f"{system}|{code}" for system, code in concept.codes)
        if "reference" in value:
            return value["reference"]
        if is_quantity(value):
            unit = unit_of(value)
            value = {**value, "unit": {"code": unit} if unit else None, "code": None}
        return {
            name: held if name in _EXACT and isinstance(held, str) else _normal(held)
            for name, held in value.items()
            if name not in _FORM and held is not None
        }
    if isinstance(value, list):
        return sorted((_normal(item) for item in value), key=canonical)
    if isinstance(value, str):
        return plain(value) or value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def union(mine: list[Any], theirs: list[Any]) -> list[Any]:
    """`mine`, then what only `theirs` has; concepts that are the same become one with all codings."""
    joined = list(mine)
    known = {normal(item) for item in mine}
    for item in theirs:
        said = normal(item)
        if said in known:
            continue
        known.add(said)
        place = next((n for n, held in enumerate(joined) if _same_item(held, item)), None)
        if place is None:
            joined.append(item)
        else:
            joined[place] = unite_concepts(joined[place], item)
    return _without_parts(joined) if len(joined) <= _MOST_COMPARED else joined


def _same_item(one: Any, other: Any) -> bool:
    if not (is_concept(one) and is_concept(other)):
        return False
    mine, theirs = concept_of(one), concept_of(other)
    return mine is not None and theirs is not None and same_concept(mine, theirs)


def _without_parts(items: list[Any]) -> list[Any]:
    """The items without those that say a part of what another says."""
    forms = [_normal(item) for item in items]
    return [
        item
        for place, item in enumerate(items)
        if not any(
            _is_part(forms[place], other) and (forms[place] != other or place > number)
            for number, other in enumerate(forms)
            if number != place
        )
    ]


def says_part_of(item: Any, other: Any) -> bool:
    """Whether an item says nothing that the other doesn't say in the same place."""
    return _is_part(_normal(item), _normal(other))


def _is_part(one: Any, other: Any) -> bool:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return bool(one == other)
    return all(name in other and _is_part(held, other[name]) for name, held in one.items())


def unite_concepts(mine: Resource, theirs: Resource) -> Resource:
    """One concept with every coding; each other name it goes by is kept as an extension."""
    codings: dict[tuple[Any, Any], Resource] = {}
    names: dict[str, str] = {}
    for concept in (mine, theirs):
        if isinstance(concept.get("text"), str):
            names.setdefault(plain(concept["text"]), concept["text"])
        for coding in concept.get("coding", []):
            key = (coding.get("system"), coding.get("code"))
            held = codings.get(key)
            if coding.get("display"):
                names.setdefault(plain(coding["display"]), coding["display"])
            if held is None:
                codings[key] = coding
            elif held != coding:
                codings[key] = _better(held, coding)
    made: Resource = {**theirs, **mine}
    if codings:
        made["coding"] = list(codings.values())
    shown = {plain(str(coding.get("display", ""))) for coding in codings.values()}
    shown.add(plain(str(made.get("text", ""))))
    extensions = [*mine.get("extension", []), *theirs.get("extension", [])]
    extensions += [
        {"url": ALSO_CALLED_URL, "valueString": text} for key, text in names.items() if key not in shown
    ]
    kept: dict[bytes, Resource] = {}
    for extension in extensions:
        said = extension.get("valueString") if extension.get("url") == ALSO_CALLED_URL else None
        if said is None or plain(said) not in shown:
            kept.setdefault(canonical(extension) if said is None else plain(said).encode(), extension)
    made.pop("extension", None)
    return {"extension": list(kept.values()), **made} if kept else made


def _better(one: Resource, other: Resource) -> Resource:
    """Of two codings of one code the source's own before ours, then the one that has a display."""
    if one.get("userSelected") is False and other.get("userSelected") is not False:
        one, other = other, one
    return one if one.get("display") or not other.get("display") else {**one, "display": other["display"]}
