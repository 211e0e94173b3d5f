"""Small builders of the nouns these tests speak of."""

from __future__ import annotations

from typing import Any

from chartbridge.consolidate.merge import SourceBundle
from chartbridge.consolidate.provenance import DOC_ID_URL
from chartbridge.fhir.references import Resource

PATIENT: Resource = {"resourceType": "Patient", "id": "p-now", "birthDate": "1970-03-10", "gender": "female"}


def resource(kind: str, id_: str, **elements: Any) -> Resource:
    return {"resourceType": kind, "id": id_, **elements}


def pulse(id_: str, value: int = 72, **elements: Any) -> Resource:
    return resource(
        "Observation",
        id_,
        **{
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "subject": {"reference": "Patient/p-then"},
            "effectiveDateTime": "2024-02-01",
            "valueQuantity": {"value": value, "unit": "/min"},
            **elements,
        },
    )


def document(
    name: str, *resources: Resource, date: str = "2024-05-01", network: str = "SANDBOX"
) -> SourceBundle:
    return SourceBundle(
        resources, source=f"{name}.xml", data_source=network, document_id=f"id-of-{name}", date=date
    )


def doc_ids(held: Resource) -> list[str]:
    return [found["valueString"] for found in held.get("extension", []) if found["url"] == DOC_ID_URL]


def by_type(resources: list[Resource], kind: str) -> list[Resource]:
    return [held for held in resources if held["resourceType"] == kind]
