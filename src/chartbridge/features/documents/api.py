"""Listing documents and handing out download URLs."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from chartbridge.errors import BadRequestError, InvalidParametersError
from chartbridge.features.documents import fhir, service
from chartbridge.features.documents.schemas import DocumentList, DownloadUrl
from chartbridge.features.patients import service as patients
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, query_date, required

MAX_COUNT_DIGITS = 18
router = APIRouter(prefix="/medical/v1/document", route_class=JsonRoute, tags=["Documents"])


@router.get("", summary="List documents", response_model=DocumentList)
def list_documents(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patientId: Annotated[str | None, Query(description="required")] = None,
    dateFrom: Annotated[str | None, Query(description="first day, YYYY-MM-DD")] = None,
    dateTo: Annotated[str | None, Query(description="last day, YYYY-MM-DD")] = None,
    content: Annotated[str | None, Query(description="not served yet")] = None,
    source: Annotated[str | None, Query(description="only what came from it, such as SANDBOX")] = None,
    output: Annotated[str | None, Query(description="fhir (default) or dto")] = None,
    count: Annotated[str | None, Query(description="only the newest so many")] = None,
) -> dict[str, list[dict[str, Any]]]:
    patient_id = required(patientId, "patientId")
    if output not in (None, "fhir", "dto"):
        raise InvalidParametersError("Invalid enum value. Expected 'fhir' | 'dto', on [output]")
    if content is not None and content.strip():
        raise BadRequestError("Searching the content of documents is not available in this version")
    first, last = _day(dateFrom), _day(dateTo)
    with platform.db.read(tenant) as session:
        patients.get_patient(session, patient_id)
        found = service.list_stored(session, patient_id, date_from=first, date_to=last)
    found = [d for d in found if source in (None, "", d.connector)][: _positive(count)]
    if output == "dto":
        return {"documents": [fhir.dto(d) for d in found]}
    return {"documents": [fhir.document_reference(d, platform.settings.origin) for d in found]}


@router.get("/download-url", summary="Get a URL that downloads a document")
@router.get("/downloadUrl", include_in_schema=False)
def download_url(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    fileName: Annotated[str | None, Query(description="required; as the list gives it")] = None,
    conversionType: Annotated[str | None, Query(description="not served yet")] = None,
) -> DownloadUrl:
    name = required(fileName, "fileName")
    if conversionType not in (None, "html", "pdf"):
        raise InvalidParametersError(
            f"Invalid enum value. Expected 'html' | 'pdf', received '{conversionType}', on [conversionType]"
        )
    if conversionType is not None:
        raise BadRequestError("Rendering documents is not available in this version")
    return DownloadUrl(url=service.download_url(platform, tenant, name))


def _day(text: str | None) -> date | None:
    try:
        return query_date(text)
    except BadRequestError:
        raise BadRequestError("Invalid ISO date") from None


def _positive(text: str | None) -> int | None:
    if text is None or not text.strip():
        return None
    if not text.strip().isdecimal() or len(text) > MAX_COUNT_DIGITS or int(text) < 1:
        raise BadRequestError("Count has to be a positive integer")
    return int(text)
