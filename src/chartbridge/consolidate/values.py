"""What an Observation or one of its components found, in the form in which it is compared."""

from __future__ import annotations

from typing import Any

from chartbridge.consolidate.concepts import Concept, concept_of, same_concept
from chartbridge.consolidate.words import number, objects, plain
from chartbridge.fhir.references import Resource

NORMALISED_URL = "https://chartbridge.dev/fhir/StructureDefinition/normalised-quantity"
_NO_UNIT = frozenset({"", "1", "{unitless}", "unitless"})

Value = tuple[Any, ...]
"""`("number", comparator, ((value, unit), ...))`, `("concept", Concept)`, `("text", …)`, `("other", …)`."""


def value_of(holder: Resource) -> Value | None:
    """The value of an Observation or component; None where there is none."""
    for name, given in holder.items():
        if not name.startswith("value"):
            continue
        if name == "valueQuantity" and isinstance(given, dict):
            return quantity(given)
        if name == "valueCodeableConcept":
            found = concept_of(given)
            return None if found is None else ("concept", found)
        if isinstance(given, (str, int, float)):
            plainly = number(given)
            if plainly is not None:
                return ("number", "", ((plainly, ""),))
            return ("text", plain(str(given)) or str(given))
        return ("other", name, _frozen(given))
    return None


def quantity(given: Resource) -> Value | None:
    """A Quantity, with the amount that standardising put beside it; None without an amount."""
    amounts = [_amount(given)]
    for extension in objects(given.get("extension")):
        if extension.get("url") == NORMALISED_URL and isinstance(extension.get("valueQuantity"), dict):
            amounts.append(_amount(extension["valueQuantity"]))
    known = tuple(sorted({amount for amount in amounts if amount is not None}))
    return ("number", str(given.get("comparator") or ""), known) if known else None


def _amount(given: Resource) -> tuple[float, str] | None:
    value = number(given.get("value"))
    if value is None:
        return None
    return (float(f"{value:.9g}"), unit_of(given))


def unit_of(given: Resource) -> str:
    """The unit of a Quantity; empty for none. UCUM tells mg from Mg, so its case counts; spellings that mean
    one unit have been made one code before (`terminology.standardise`)."""
    unit = str(given.get("code") or given.get("unit") or "").strip()
    return "" if unit in _NO_UNIT else unit


def same_value(one: Value, other: Value) -> bool:
    """Whether two values are equal; an amount without a unit equals one with a unit."""
    if {one[0], other[0]} == {"text", "concept"}:
        text, concept = (one[1], other[1]) if one[0] == "text" else (other[1], one[1])
        return text in concept.all_texts
    if one[0] != other[0]:
        return False
    if one[0] == "number":
        return one[1] == other[1] and any(
            mine[0] == theirs[0] and (mine[1] == theirs[1] or "" in (mine[1], theirs[1]))
            for mine in one[2]
            for theirs in other[2]
        )
    if one[0] == "concept":
        return same_concept(one[1], other[1])
    return one == other


def components(resource: Resource) -> frozenset[tuple[Any, ...]] | None:
    """Code and value of each component, as a set; None without components."""
    found = set()
    for component in objects(resource.get("component")):
        code = concept_of(component.get("code"))
        found.add((_label(code), value_of(component)))
    return frozenset(found) or None


def same_components(one: frozenset[tuple[Any, ...]], other: frozenset[tuple[Any, ...]]) -> bool:
    """Whether two sets of components have the same codes with equal values."""
    mine, theirs = dict(one), dict(other)
    return mine.keys() == theirs.keys() and all(
        mine[code] == theirs[code]
        or (mine[code] is not None and theirs[code] is not None and same_value(mine[code], theirs[code]))
        for code in mine
    )


def _label(code: Concept | None) -> str:
    if code is None:
        return ""
    if code.codes:
        return "|".join(min(code.own or code.codes))
    return min(code.all_texts, default="")


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(sorted((name, _frozen(held)) for name, held in value.items() if name != "display"))
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return plain(value) or value if isinstance(value, str) else value
