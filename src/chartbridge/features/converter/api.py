"""``POST /convert/v1/ccda/to/fhir`` (contract, converter)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from chartbridge.errors import RateLimitedError
from chartbridge.features.converter import service
from chartbridge.http.context import CurrentPlatform, CurrentTenant

MAX_PATIENT_ID = 200
router = APIRouter(prefix="/convert/v1", tags=["Converter"])

_XML_BODY = {
    "requestBody": {
        "required": True,
        "description": "a C-CDA document",
        "content": {
            "application/xml": {
                "schema": {"type": "string"},
                "example": '<ClinicalDocument xmlns="urn:hl7-org:v3">…</ClinicalDocument>',
            }
        },
    }
}


_PROBLEM = {
    "type": "object",
    "properties": {
        "status": {"type": "integer", "description": "HTTP status"},
        "detail": {"type": "string", "description": "what was wrong with the document or the request"},
    },
    "required": ["status", "detail"],
}
_BUNDLE = {
    "type": "object",
    "description": "a FHIR R4 Bundle",
    "properties": {
        "resourceType": {"const": "Bundle", "description": "it is a Bundle"},
        "type": {"const": "batch", "description": "a batch, to be sent to a FHIR server as it is"},
        "entry": {"type": "array", "items": {"type": "object"}, "description": "the resources"},
    },
    "required": ["resourceType", "type"],
}
_REPORTED = {
    "type": "object",
    "description": "with `report=true`: the Bundle and the account of it",
    "properties": {
        "bundle": _BUNDLE,
        "report": {"type": "object", "description": "what became of each statement of the document"},
    },
    "required": ["bundle", "report"],
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the document as FHIR",
        "content": {
            "application/json": {
                "schema": {"anyOf": [_BUNDLE, _REPORTED]},
                "example": {
                    "resourceType": "Bundle",
                    "type": "batch",
                    "entry": [
                        {
                            "fullUrl": "urn:uuid:d5f1c9b8-6f9e-5d6b-8c1c-0b6f0d1d2c3e",
                            "resource": {"resourceType": "Patient", "gender": "female"},
                            "request": {
                                "method": "PUT",
                                "url": "Patient/d5f1c9b8-6f9e-5d6b-8c1c-0b6f0d1d2c3e",
                            },
                        }
                    ],
                },
            }
        },
    },
    400: {
        "description": "what cannot be converted, in a form of its own; or refused by the gateway",
        "content": {
            "application/json": {
                "schema": {"anyOf": [_PROBLEM, {"$ref": "#/components/schemas/ErrorEnvelope"}]},
                "example": {"status": 400, "detail": "No srcData provided."},
            }
        },
    },
    429: {
        "description": "the day's conversions in the sandbox are used up; or too many calls in this minute",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": service.QUOTA_USED_UP}},
    },
}


@router.post("/ccda/to/fhir", summary="Convert C-CDA to FHIR R4", openapi_extra=_XML_BODY, responses=_ANSWERS)
async def convert(
    request: Request,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patientId: Annotated[str | None, Query(description="required; fills the patient references")] = None,
    report: Annotated[
        str | None,
        Query(
            description="`true` answers `{bundle, report}`: beside the Bundle, what became of each statement"
        ),
    ] = None,
) -> Response:
    """Answers a FHIR batch Bundle. The work is done elsewhere, so this waits without holding a thread
    of its own for the upload."""
    xml = await request.body()
    if not xml.strip():
        return _problem(400, "No srcData provided.")
    if patientId is None or not patientId.strip():
        return _problem(400, "No patientId provided.")
    if len(patientId) > MAX_PATIENT_ID:
        return _problem(400, f"The patientId is longer than {MAX_PATIENT_ID} characters.")
    if report not in (None, "true", "false"):
        return _problem(400, "The report parameter is neither true nor false.")
    usage = await run_in_threadpool(service.count_conversion, platform, tenant)
    if usage is not None:
        request.state.response_headers = usage.headers()
        if usage.exceeded:
            raise RateLimitedError(service.QUOTA_USED_UP)
    try:
        result = await run_in_threadpool(service.run, platform, xml, patientId.strip(), report == "true")
    except service.PoolTaskError as error:
        return _problem(400, f"Error during template evaluation. The conversion {error.reason}.")
    if isinstance(result, service.Unreadable):
        return _problem(400, f"Unable to parse input data for template ccd.hbs. {result.reason}")
    return Response(result, media_type="application/json")


def _problem(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"status": status, "detail": detail}, status)
