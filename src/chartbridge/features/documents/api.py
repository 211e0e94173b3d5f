"""Listing documents, handing out download URLs, and, from ``uploads_api``, uploading."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from chartbridge.errors import BadRequestError, InvalidParametersError
from chartbridge.features.documents import fhir, outcomes, rendering, service, texts, uploads_api
from chartbridge.features.documents.schemas import DocumentList, DownloadUrl
from chartbridge.features.patients import service as patients
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, query_date, required
from chartbridge.http.errors import answers

MAX_COUNT_DIGITS = 18
HL7_MESSAGES = "location_hl7/"
_CONVERSIONS = ("html", "pdf", "hl7")
router = APIRouter()
documents = APIRouter(prefix="/medical/v1/document", route_class=JsonRoute, tags=["Documents"])


@documents.get(
    "",
    summary="List documents",
    response_model=DocumentList,
    response_model_exclude_unset=True,
    responses=answers({400: "a query value is missing or cannot be used", 404: "no such patient"}),
)
def list_documents(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patientId: Annotated[str | None, Query(description="required")] = None,
    dateFrom: Annotated[str | None, Query(description="first day, YYYY-MM-DD")] = None,
    dateTo: Annotated[str | None, Query(description="last day, YYYY-MM-DD")] = None,
    content: Annotated[
        str | None,
        Query(
            description="only documents that say so, 3 characters at least: blank means or, `pat*` "
            'a beginning, `"jumps over"` a phrase, `-word` excludes, `+word` requires'
        ),
    ] = None,
    source: Annotated[
        str | None, Query(description="only what came from it, such as SANDBOX; METRIPORT: what was uploaded")
    ] = None,
    output: Annotated[str | None, Query(description="fhir (default) or dto")] = None,
    count: Annotated[str | None, Query(description="only the newest so many")] = None,
) -> dict[str, list[dict[str, Any]]]:
    """Documents whose file is here, newest first. An uploaded one is listed once its file has arrived."""
    patient_id = required(patientId, "patientId")
    if output not in (None, "fhir", "dto"):
        raise InvalidParametersError("Invalid enum value. Expected 'fhir' | 'dto', on [output]")
    first, last = _day(dateFrom), _day(dateTo)
    with platform.db.read(tenant) as session:
        patients.get_patient(session, patient_id)
        found = service.list_stored(session, patient_id, date_from=first, date_to=last)
    if content is not None and content.strip():
        found = texts.matching(platform, tenant, patient_id, found, content)
    found = [d for d in found if source in (None, "", d.connector)][: _positive(count)]
    if output == "dto":
        return {"documents": [outcomes.described(d) for d in found]}
    return {"documents": [fhir.document_reference(d, platform.settings.origin) for d in found]}


@documents.get(
    "/download-url",
    summary="Get a URL that downloads a document",
    responses=answers(
        {
            400: "no file name, an unknown conversion, or a document that cannot be converted",
            403: "production: the name is not of this account",
            404: "no such file",
        }
    ),
)
@documents.get("/downloadUrl", include_in_schema=False)
def download_url(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    fileName: Annotated[str | None, Query(description="required; as the list gives it")] = None,
    conversionType: Annotated[
        str | None, Query(description="html or pdf: a C-CDA as a page to be read; absent: as it arrived")
    ] = None,
) -> DownloadUrl:
    """The URL needs no key, opens that one file, and lives for three minutes."""
    name = required(fileName, "fileName")
    if not name.startswith(HL7_MESSAGES):
        service.ensure_own_name(tenant, name)
    if conversionType not in (None, "", *_CONVERSIONS):
        expected = " | ".join(f"'{kind}'" for kind in _CONVERSIONS)
        raise InvalidParametersError(
            f"Invalid enum value. Expected {expected}, received '{conversionType}', on [conversionType]"
        )
    with platform.db.read(tenant) as session:
        document = service.find_stored(session, name)
    if conversionType in rendering.KINDS:
        return DownloadUrl(url=rendering.rendering_url(platform, tenant, document, conversionType))
    if conversionType == "hl7":
        raise BadRequestError(
            f"Source file must be an HL7 v2 message to convert to hl7, but it was {document.mime_type}"
        )
    return DownloadUrl(url=service.download_url(platform, tenant, document))


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


router.include_router(documents)
router.include_router(uploads_api.router)
