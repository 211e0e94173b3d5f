"""Our table of R4's structure against HL7's own JSON schema of it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from chartbridge.fhir.schema import RESOURCE_TYPES
from chartbridge.fhir.schema_table import EXPECTED, TABLE
from tests.fhir.schema import _definitions

NOT_R4 = {
    "DeviceDefinition": {"classification"},
    "HealthcareService": {"offeredIn"},
    "Meta": {"account", "author", "compartment", "project"},
    "ObservationDefinition": {"publisher"},
    "OperationOutcome": {"resource", "status"},
    "Reference": {"resource"},
}
"""Elements that the npm package adds to HL7's file; none is in R4 4.0.1."""
EXTENSIBLE = {("Expression", "language")}
"""Bound by "extensible" in R4, and an enum in HL7's file."""
ABSTRACT = {"Element", "BackboneElement", "Resource", "DomainResource"}


def target(definition: dict[str, Any]) -> str:
    """What a property of HL7's schema refers to."""
    name = str(definition.get("items", definition).get("$ref", "")).rpartition("/")[2]
    return "Resource" if name == "ResourceList" else name


def enum(definition: dict[str, Any]) -> set[str] | None:
    items = definition.get("items", definition)
    return set(items["enum"]) if "enum" in items else None


@cache
def pairs() -> dict[str, str]:
    """Each of our structures and the name of HL7's definition of it, which the references lead to."""
    found = {key: key for key in TABLE.structures if "." not in key and key not in ABSTRACT}
    todo = list(found)
    while todo:
        key = todo.pop()
        for field in TABLE.structures[key].values():
            if field.type in TABLE.structures and field.type not in found:
                found[field.type] = target(_definitions()[found[key]]["properties"][field.name])
                todo.append(field.type)
    return found


def test_all_resource_types_are_there() -> None:
    assert len(RESOURCE_TYPES) == 146
    assert {"Patient", "Binary", "Bundle", "Parameters", "MolecularSequence"} <= RESOURCE_TYPES
    assert not {"Resource", "DomainResource", "SubscriptionStatus", "MetadataResource"} & RESOURCE_TYPES


def test_each_structure_has_the_elements_that_hl7s_schema_has() -> None:
    assert set(TABLE.structures) - set(pairs()) == ABSTRACT - {"Resource"}
    for key, name in pairs().items():
        if key == "Resource":
            continue
        fields, theirs = TABLE.structures[key], _definitions()[name]["properties"]
        named = {part for part in theirs if not part.startswith("_")} - NOT_R4.get(key, set())
        if key in RESOURCE_TYPES:
            named -= {"resourceType"}
        extra = named - set(fields)
        assert extra <= {"modifierExtension"}, key  # HL7's file gives it to groups within datatypes too
        assert set(fields) <= named, key
        for field in fields.values():
            assert field.many == (theirs[field.name].get("type") == "array"), (key, field)


def test_each_element_has_the_type_and_codes_that_hl7s_schema_has() -> None:
    checked = 0
    for key, name in pairs().items():
        if key == "Resource":
            continue
        theirs = _definitions()[name]
        fields = TABLE.structures[key]
        for field in fields.values():
            definition = theirs["properties"][field.name]
            if target(definition):
                expected = pairs().get(field.type, field.type)
                assert target(definition) == expected, (key, field)
            listed = enum(definition)
            if listed is not None and (key, field.name) not in EXTENSIBLE:
                assert field.codes is not None, (key, field)
                assert set(TABLE.codes[field.codes]) == listed, (key, field)
                checked += 1
        assert all(fields[part].required for part in theirs.get("required", ()) if part != "resourceType"), (
            key
        )
    assert checked > 200


def test_each_primitive_is_described() -> None:
    assert set(TABLE.primitives) == set(EXPECTED)
    for regex in TABLE.primitives.values():
        re.compile(regex)
