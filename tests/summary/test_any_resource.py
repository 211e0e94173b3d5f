"""Whatever R4 allows can be shown: each resource type with all its elements, and each choice in turn."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.fhir.schema import RESOURCE_TYPES, violations
from chartbridge.fhir.schema_table import TABLE
from tests.fhir.test_violations import VALUES
from tests.summary.charts import page

Json = dict[str, Any]
DEEPEST = 4


def full(structure: str, turn: int, depth: int = 0) -> Json:
    """An object with every element that it can have; of each choice the alternative whose turn it is."""
    made: Json = {}
    choices: dict[str, list[Any]] = {}
    for field in TABLE.structures[structure].values():
        if field.type in {"Extension", "Resource"}:
            continue
        if field.choice:
            choices.setdefault(field.choice, []).append(field)
        elif field.required or depth < DEEPEST:
            made[field.name] = value(field, turn, depth)
    for alternatives in choices.values():
        field = alternatives[turn % len(alternatives)]
        if field.required or depth < DEEPEST:
            made[field.name] = value(field, turn, depth)
    return made or {"id": "a"}


def value(field: Any, turn: int, depth: int) -> Any:
    if field.codes:
        listed = TABLE.codes[field.codes]
        one: Any = listed[turn % len(listed)]
    elif field.type in VALUES:
        one = VALUES[field.type]
    else:
        one = full(field.type, turn, depth + 1)
    return [one, one] if field.many else one


@pytest.mark.parametrize("turn", range(11))
def test_a_resource_of_every_type_with_all_its_elements_is_shown(turn: int) -> None:
    for kind in sorted(RESOURCE_TYPES):
        held = {"resourceType": kind, **full(kind, turn)}
        assert violations(held) == []
        tree = page(held, patient=held if kind == "Patient" else {"resourceType": "Patient"})
        assert tree.xpath("//header//h1")


@pytest.mark.parametrize("kind", sorted(RESOURCE_TYPES))
def test_a_resource_with_nothing_in_it_is_shown(kind: str) -> None:
    assert page({"resourceType": kind}).xpath("//header//h1")
