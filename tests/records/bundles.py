"""Small builders of what an application contributes."""

from __future__ import annotations

import uuid
from typing import Any

from tests.running import Caller, Json
from tests.support.client import M


def new_id() -> str:
    return str(uuid.uuid4())


def pulse(patient: str, id_: str | None = None, value: float = 72, **elements: Any) -> Json:
    """A heart rate."""
    return {
        "resourceType": "Observation",
        "id": id_ or new_id(),
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-01-31T09:15:00Z",
        "valueQuantity": {"value": value, "unit": "/min"},
        **elements,
    }


def collection(*resources: Json, **changes: Any) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
        **changes,
    }


def path(patient: str) -> str:
    return f"{M}/patient/{patient}/consolidated"


def put(api: Caller, patient: str, *resources: Json, status: int = 200) -> Json:
    answer: Json = api.put(path(patient), collection(*resources), status=status)
    return answer


def refused(api: Caller, patient: str, *resources: Json, status: int = 400) -> str:
    return str(put(api, patient, *resources, status=status)["detail"])


def chart(api: Caller, patient: str, **query: Any) -> list[Json]:
    """The resources that the synchronous read gives."""
    return [entry["resource"] for entry in api.get(path(patient), **query)["entry"]]


def of_type(resources: list[Json], kind: str) -> list[Json]:
    return [r for r in resources if r["resourceType"] == kind]
