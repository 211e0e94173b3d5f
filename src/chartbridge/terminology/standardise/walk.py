"""Where in a resource codes and quantities stand: by FHIR R4's own table of structures.

A plan lists, for one structure, the elements that are or may hold a Coding, CodeableConcept or Quantity;
everything else, and whatever R4 does not know, is passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import is_
from typing import Any

from chartbridge.fhir.schema_table import TABLE
from chartbridge.terminology.standardise.marks import Json

DEEPEST = 40
"""Objects within each other; what lies deeper is left as it is."""

QUANTITIES = frozenset(("Quantity", "Age", "Count", "Distance", "Duration"))
_LEAVES = {"Coding": "Coding", "CodeableConcept": "CodeableConcept", **dict.fromkeys(QUANTITIES, "Quantity")}
# Tags are no content; a reference's identifier and display are another resource's.
_PASSED_OVER = frozenset(("Meta", "Narrative", "Reference", "Identifier", "Attachment", "Signature"))

Change = Callable[[Json], Json]


@cache
def _plan(structure: str) -> dict[str, str]:
    """By element, the leaf or structure that it is."""
    plan = {}
    for name, field in TABLE.structures.get(structure, {}).items():
        if field.type in _LEAVES:
            plan[name] = _LEAVES[field.type]
        elif field.type == "Resource" or (field.type in TABLE.structures and field.type not in _PASSED_OVER):
            plan[name] = field.type
    return plan


def walk(resource: Json, changes: dict[str, Change]) -> Json:
    """The resource with each Coding, CodeableConcept and Quantity changed; the same object when none was."""
    return _object(resource, "Resource", changes, DEEPEST)


def _object(value: Json, structure: str, changes: dict[str, Change], depth: int) -> Json:
    if depth <= 0:
        return value
    if structure in changes:
        made = changes[structure](value)
        return _parts(made, {"extension": "Extension"}, changes, depth) if "extension" in made else made
    if structure == "Resource":
        structure = str(value.get("resourceType"))
    return _parts(value, _plan(structure), changes, depth)


def _parts(value: Json, plan: dict[str, str], changes: dict[str, Change], depth: int) -> Json:
    made: Json | None = None
    for name, part in value.items():
        structure = plan.get(name)
        if structure is None:
            continue
        changed = _changed(part, structure, changes, depth - 1)
        if changed is not part:
            made = made if made is not None else dict(value)
            made[name] = changed
    return value if made is None else made


def _changed(part: Any, structure: str, changes: dict[str, Change], depth: int) -> Any:
    if isinstance(part, dict):
        return _object(part, structure, changes, depth)
    if not isinstance(part, list):
        return part
    items = [_object(one, structure, changes, depth) if isinstance(one, dict) else one for one in part]
    return part if all(map(is_, items, part)) else items
