"""HL7 publishes R4 as R4 resources: thousands of them, and all are taken."""

from __future__ import annotations

import json

import pytest

from chartbridge.fhir.schema import violations
from tests.fhir.schema import SCHEMA

YOUNGER = "http://hl7.org/fhir/StructureDefinition/SubscriptionStatus"
"""Of R4B, which the package adds; its ``fhirVersion`` is none of R4's."""


@pytest.mark.skipif(not SCHEMA.exists(), reason="the npm package with HL7's publications is not installed")
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("conceptmaps", 19),
        ("dataelements", 6781),
        ("extension-definitions", 393),
        ("profiles-others", 44),
        ("profiles-resources", 202),
        ("profiles-types", 63),
        ("search-parameters", 1378),
        ("v2-tables", 852),
        ("v3-codesystems", 359),
        ("valuesets", 1169),
    ],
)
def test_what_hl7_publishes_is_r4(name: str, count: int) -> None:
    text = (SCHEMA.parent / f"{name}.json").read_text().replace("\xa0", " ")  # R4 allows no such space
    entries = json.loads(text)["entry"]
    held = [entry["resource"] for entry in entries if entry["resource"].get("url") != YOUNGER]
    assert len(held) >= count
    assert [problem for resource in held for problem in violations(resource)] == []
