"""Uploading as a client does it."""

from __future__ import annotations

from typing import Any

from tests.running import Caller, Json
from tests.support.client import M

UPLOAD = f"{M}/document/upload"
PDF = b"%PDF-1.7 invented\n%%EOF\n"
DRAFT: Json = {
    "description": "Referral letter",
    "type": {"text": "Referral note", "coding": [{"system": "http://loinc.org", "code": "57133-1"}]},
    "context": {"period": {"start": "2026-01-05", "end": "2026-01-05"}},
}


def announce(api: Caller, patient: str, **changes: Any) -> Json:
    """A document that awaits its file: ``documentReferenceId`` and ``uploadUrl``."""
    made: Json = api.post(UPLOAD, {**DRAFT, **changes}, patientId=patient)
    assert made.keys() == {"documentReferenceId", "uploadUrl"}
    return made


def put(api: Caller, url: str, data: Any, **headers: str) -> Any:
    """The answer to a PUT by somebody without a key."""
    return api.http.put(url, content=data, headers={"x-api-key": "", **headers})


def upload(api: Caller, patient: str, data: bytes = PDF, **changes: Any) -> str:
    """The id of a document whose file has arrived."""
    made = announce(api, patient, **changes)
    answer = put(api, made["uploadUrl"], data)
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    return str(made["documentReferenceId"])


def listed(api: Caller, patient: str, document_id: str) -> Json:
    """The document's reference as the list has it."""
    [found] = [d for d in api.documents(patient) if d["id"] == document_id]
    return found
