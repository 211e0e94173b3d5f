"""What we hand out is R4, by HL7's own schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from chartbridge.ccda import convert
from chartbridge.consolidate.merge import SourceBundle, consolidate
from chartbridge.features.networks import sandbox
from chartbridge.features.networks.protocol import (
    DocumentConnector,
    PatientIdentity,
    Resource,
    ResourceConnector,
)
from tests.fhir.schema import violations

PATIENT_ID = "0196c3a2-5d6e-7a41-9c0b-2f1d3e4a5b6c"
CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "ccda"


def everything_about(first_name: str) -> list[Resource]:
    """All that the sandbox's networks give for a persona, as one chart."""
    who = PatientIdentity(PATIENT_ID, first_name, "Any", "1990-01-01", "O")
    sources = []
    for connector in sandbox.connectors():
        for known in connector.discover(who, timeout_s=5):
            if isinstance(connector, DocumentConnector):
                for offered in connector.list_documents(known, timeout_s=5):
                    if offered.mime_type == "application/xml":
                        bundle = convert(connector.fetch(known, offered, timeout_s=5), PATIENT_ID).bundle
                        resources = [entry["resource"] for entry in bundle["entry"]]
                        sources.append(SourceBundle(resources, source="a.xml", data_source="SANDBOX"))
            elif isinstance(connector, ResourceConnector):
                resources = list(connector.resources(known, subject_id=PATIENT_ID, timeout_s=5))
                sources.append(SourceBundle(resources, source=connector.source, data_source="SANDBOX"))
    return consolidate(sources, patient={"resourceType": "Patient", "id": PATIENT_ID}).resources


def test_the_check_sees_what_is_wrong() -> None:
    assert violations({"resourceType": "Observation", "status": "final", "code": {"text": "a"}}) == []
    assert violations({"resourceType": "Observation", "status": "done", "code": {"text": "a"}})
    assert violations({"resourceType": "Observation", "status": "final", "code": {"text": "a"}, "x": 1})
    assert violations({"resourceType": "Nothing"})


@pytest.mark.parametrize("first_name", ["Jane", "Chris", "Ollie", "Andreas", "Kyla"])
def test_a_personas_chart_is_r4(first_name: str) -> None:
    chart = everything_about(first_name)
    assert len(chart) > 200
    assert [problem for resource in chart for problem in violations(resource)] == []


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of documents is not beside the checkout")
def test_documents_of_real_systems_become_r4() -> None:
    documents = [
        *CORPUS.glob("*.xml"),
        *(CORPUS / "vendors").glob("*.xml"),
        *CORPUS.glob("hl7-examples/*.xml"),
    ]
    assert len(documents) > 100
    problems = [
        f"{path.name}: {problem}"
        for path in documents
        for entry in convert(path.read_bytes(), PATIENT_ID).bundle["entry"]
        for problem in violations(entry["resource"])
    ]
    assert problems == []
