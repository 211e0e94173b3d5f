"""``POST /convert/v1/ccda/to/fhir`` (contract, converter)."""

from __future__ import annotations

from typing import Annotated

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
        "content": {"application/xml": {"schema": {"type": "string"}}},
    }
}


@router.post("/ccda/to/fhir", summary="Convert C-CDA to FHIR R4", openapi_extra=_XML_BODY)
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
