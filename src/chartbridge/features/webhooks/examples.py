"""One message of each type as a receiver finds it: what stands beside ``meta``. For documentation."""

from __future__ import annotations

from typing import Any

PATIENT_ID = "0196a1f2-7c3e-7d4a-9b1e-3f5a6c7d8e91"
REQUEST_ID = "0196a1f2-90ab-7f11-8c55-0a1b2c3d4e5f"
_DOCUMENT_ID = "0196a1f2-a1b2-7c3d-8e4f-5a6b7c8d9e0f"
_FILES = "https://api.example.org/storage"

_PATIENT = {
    "patientId": PATIENT_ID,
    "externalId": "mrn-1042",
    "additionalIds": {"athenahealth": ["12345"]},
}
_ENDED = "2026-02-01T10:04:58.000Z"
_DOCUMENT = {
    "id": _DOCUMENT_ID,
    "fileName": f"sandbox/{PATIENT_ID}/documents/{_DOCUMENT_ID}.xml",
    "description": "C-CDA R2.1 Patient Record",
    "type": {
        "coding": [{"system": "http://loinc.org", "code": "34133-9", "display": "Summary of episode note"}],
        "text": "Summary of episode note",
    },
    "status": "current",
    "indexed": "2026-01-01T00:00:00.000Z",
    "mimeType": "application/xml",
    "size": 1200,
}
_LINKED = {
    **_DOCUMENT,
    "url": f"{_FILES}/{_DOCUMENT_ID}.xml?expires=1769940600&signature=5f2c",
    "organizationIdentifiers": [{"name": "North Clinic", "identifierValues": ["2.16.840.1.113883.3.9621"]}],
}


def _attachment(content_type: str, name: str) -> dict[str, Any]:
    return {"attachment": {"contentType": content_type, "url": f"{_FILES}/{name}?signature=5f2c"}}


_RESULT = {
    "resourceType": "DocumentReference",
    "status": "current",
    "subject": {"reference": f"Patient/{PATIENT_ID}"},
    "content": [
        _attachment("application/json", "chart.json"),
        _attachment("application/gzip", "chart.json.gz"),
    ],
}


def _network_query(kind: str, **details: Any) -> dict[str, Any]:
    return {
        "payload": {
            **_PATIENT,
            "consolidatedDataUrl": f"{_FILES}/chart.json?signature=5f2c",
            "source": {"type": kind, **details},
        }
    }


def _stay(**more: Any) -> dict[str, Any]:
    return {
        "payload": {
            **_PATIENT,
            "url": f"{_FILES}/encounter.json?signature=5f2c",
            "whenSourceSent": _ENDED,
            "admitTimestamp": "2026-02-01T09:00:00.000Z",
            **more,
        }
    }


_MESSAGE_ID = "0196a1f2-b3c4-7d5e-8f60-7b8c9d0e1f2a"
_WARD = {"name": "ED", "type": "ward"}
_INTENSIVE_CARE = {"name": "ICU", "type": "ward"}
_MOVE = {"timestamp": _ENDED, "sourceLocation": _WARD, "destinationLocation": _INTENSIVE_CARE}

EXAMPLES: dict[str, dict[str, Any]] = {
    "ping": {"ping": "V1StGXR8_Z5jdHi6B-myT"},
    "network-query.hie": _network_query("hie", source="SANDBOX", status="completed", completedAt=_ENDED),
    "network-query.pharmacy": _network_query("pharmacy", status="completed", completedAt=_ENDED),
    "network-query.lab": _network_query("lab", status="failed", completedAt=_ENDED),
    "network-query.hie.first-data-ready": _network_query("hie", status="processing", firstDataReadyAt=_ENDED),
    "medical.consolidated-data": {
        "patients": [
            {
                **_PATIENT,
                "status": "completed",
                "bundle": {
                    "resourceType": "Bundle",
                    "type": "collection",
                    "total": 1,
                    "entry": [{"resource": _RESULT}],
                },
                "filters": {"resources": "Condition,Observation", "conversionType": "json"},
            }
        ]
    },
    "medical.document-download": {
        "patients": [
            {**_PATIENT, "type": "document-download", "status": "completed", "documents": [_DOCUMENT]}
        ]
    },
    "medical.document-conversion": {
        "patients": [{**_PATIENT, "type": "document-conversion", "status": "completed"}]
    },
    "medical.document-bulk-download-urls": {
        "patients": [{**_PATIENT, "status": "completed", "documents": [_LINKED]}]
    },
    "medical.document-bulk-download-paged": {
        "patients": [
            {
                **_PATIENT,
                "status": "completed",
                "documents": [{**_LINKED, "downloadUrl": _LINKED["url"]}],
                "pagination": {"page": 1, "totalPages": 1, "totalItems": 1},
            }
        ]
    },
    "medical.bulk-patient-create": {
        "bulkPatientCreate": {
            "requestId": REQUEST_ID,
            "status": "completed",
            "result": f"{_FILES}/result.csv?signature=5f2c",
        }
    },
    "message.status": {
        "payload": {
            "id": _MESSAGE_ID,
            "patientId": PATIENT_ID,
            "status": "failed",
            "sentAt": "2026-02-01T10:00:00.000Z",
            "completedAt": _ENDED,
            "reason": "The recipient's mailbox is unknown",
        }
    },
    "message.received": {
        "payload": {
            "id": _MESSAGE_ID,
            "patientId": PATIENT_ID,
            "url": f"{_FILES}/communication.json?signature=5f2c",
            "destination": "clinic@direct.example.org",
            "subject": "Discharge summary",
            "sentAt": _ENDED,
        }
    },
    "patient.admit": _stay(),
    "patient.transfer": _stay(transfers=[_MOVE]),
    "patient.discharge": _stay(dischargeTimestamp=_ENDED),
    "patient.pharmacy": {
        "payload": {
            **_PATIENT,
            "url": f"{_FILES}/dispenses.json?signature=5f2c",
            "medicationDispensedDate": "2026-01-31",
        }
    },
    "patient.laboratory": {
        "payload": {
            **_PATIENT,
            "url": f"{_FILES}/results.json?signature=5f2c",
            "specimenCollectedDate": "2026-01-31",
        }
    },
    "ias.identity.verified": {
        "payload": {
            "proofedIdentityId": "0196a1f2-c5d6-7e7f-9071-8c9d0e1f2a3b",
            "patientId": PATIENT_ID,
            "sessionId": REQUEST_ID,
            "status": "active",
            "verifiedAt": _ENDED,
        }
    },
}
