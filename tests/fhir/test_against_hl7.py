"""Our check beside HL7's schema, over what the converter makes of real documents, whole and hurt."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import orjson
import pytest

from chartbridge.ccda import CcdaError, convert
from chartbridge.features.networks.sandbox.persona import KEYS
from chartbridge.fhir.schema import violations
from tests.fhir import schema as hl7
from tests.fhir.test_schema import CORPUS, PATIENT_ID, everything_about

Json = dict[str, Any]
SAMPLES_A_TYPE = 1

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the corpus of documents is not beside the checkout"
)


@cache
def resources() -> list[Json]:
    """What the converter makes of every document of the corpus, each distinct resource once."""
    found: dict[bytes, Json] = {}
    for path in sorted(CORPUS.rglob("*.xml")):
        try:
            bundle = convert(path.read_bytes(), PATIENT_ID).bundle
        except CcdaError:  # a snippet, or no C-CDA; the converter's own tests look at those
            continue
        for entry in bundle["entry"]:
            resource = entry["resource"]
            plain = {key: value for key, value in resource.items() if key not in {"id", "meta", "extension"}}
            found.setdefault(orjson.dumps(plain), resource)
    return list(found.values())


def shape(value: Any) -> str:
    """Which elements are there, without their values."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{shape(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted({shape(item) for item in value})) + "]"
    return type(value).__name__


def samples() -> list[Json]:
    """Of each resource type, those with the most elements, of different shapes."""
    by_type: dict[str, dict[str, Json]] = {}
    for resource in resources():
        by_type.setdefault(resource["resourceType"], {}).setdefault(shape(resource), resource)
    return [
        shapes[name]
        for shapes in by_type.values()
        for name in sorted(shapes, key=len, reverse=True)[:SAMPLES_A_TYPE]
        if len(orjson.dumps(shapes[name])) < 5_000
    ]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything within a resource."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in items:
        yield (*path, part)
        yield from places(inner, (*path, part))


def mutants(resource: Json) -> Iterator[tuple[str, Json]]:
    """The resource hurt in one place, once in each way at each place."""
    for *above, last in places(resource):
        if last == "resourceType":
            continue  # HL7's schemas are chosen by it
        for kind in ("drop", "number", "text", "boolean", "object", "array", "unknown", "blank"):
            hurt = deepcopy(resource)
            parent: Any = hurt
            for part in above:
                parent = parent[part]
            value = parent[last]
            if kind == "drop":
                del parent[last]
            elif kind == "number":
                parent[last] = 12.5
            elif kind == "text":
                parent[last] = "no such thing"
            elif kind == "boolean":
                parent[last] = True
            elif kind == "object":
                parent[last] = {"unknown": 1}
            elif kind == "array":
                parent[last] = [value]
            elif kind == "blank":
                parent[last] = " "
            elif isinstance(value, dict):
                value["unheardOf"] = "a"
            else:
                continue
            yield f"{kind} {'/'.join(map(str, (*above, last)))}", hurt


def refused_by_hl7(resource: Any) -> bool:
    """As ``hl7.violations``, without the time that its messages take."""
    if not isinstance(resource, dict) or resource.get("resourceType") not in hl7._definitions():
        return True
    contained = resource.get("contained", [])
    return not hl7._validator(resource["resourceType"]).is_valid(resource) or any(
        map(refused_by_hl7, contained)
    )


@needs_corpus
def test_what_the_converter_makes_of_the_corpus_is_r4() -> None:
    assert len(resources()) > 5000
    assert [problem for resource in resources() for problem in violations(resource)] == []


@pytest.mark.parametrize("first_name", [key.capitalize() for key in KEYS])
def test_a_personas_chart_is_r4(first_name: str) -> None:
    assert [problem for resource in everything_about(first_name) for problem in violations(resource)] == []


@needs_corpus
def test_whatever_hl7s_schema_refuses_is_refused() -> None:
    taken, refused, stricter = [], 0, 0
    for resource in samples():
        for name, hurt in mutants(resource):
            theirs, ours = refused_by_hl7(hurt), violations(hurt)
            if theirs and not ours:
                taken.append(f"{resource['resourceType']} {name}: {hl7.violations(hurt)}")
            refused += theirs
            stricter += bool(ours) and not theirs
    assert taken == []
    assert refused > 5_000
    assert stricter > 100  # such as a missing status, or a date that does not exist
