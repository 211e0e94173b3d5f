"""Uploading documents: the reference first, then its file to a presigned URL."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from chartbridge.errors import BadRequestError, ForbiddenError, PayloadTooLargeError
from chartbridge.features.documents import uploads
from chartbridge.features.documents.schemas import DocumentReferenceDraft, Upload
from chartbridge.features.records import service as records
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, required
from chartbridge.http.errors import answers
from chartbridge.platform import Platform
from chartbridge.storage import keys
from chartbridge.storage.signing import PATH_PREFIX, InvalidSignatureError

ARRIVES_WITHIN_S = 600
router = APIRouter()
references = APIRouter(prefix="/medical/v1/document", route_class=JsonRoute, tags=["Documents"])
files = APIRouter(include_in_schema=False)
PatientId = Annotated[str | None, Query(description="required; the patient whom the document is about")]
_REFUSALS = answers(
    {400: "a value is missing, or the reference is not valid FHIR R4", 404: "no such patient"}
)


@references.post("/upload", summary="Announce a document and get the URL for its file", responses=_REFUSALS)
def create_document_reference(
    body: DocumentReferenceDraft,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patientId: PatientId = None,
) -> Upload:
    """The document stays hidden until its file has been PUT to ``uploadUrl`` (50 MB at most)."""
    patient_id = required(patientId, "patientId")
    with platform.db.write(tenant) as session:
        document = uploads.announce(platform, session, patient_id, body.model_dump(exclude_none=True))
        url = uploads.upload_url(platform, session, document)
    return Upload(documentReferenceId=document.id, uploadUrl=url)


@references.post(
    "/upload-url",
    summary="Announce a document and get nothing but the URL for its file",
    deprecated=True,
    responses=_REFUSALS,
    response_description="the URL, as a JSON string",
)
def document_upload_url(
    body: DocumentReferenceDraft,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patientId: PatientId = None,
) -> str:
    """An older form of ``/document/upload``, which tells the document's id as well."""
    return create_document_reference(body, platform, tenant, patientId).uploadUrl


@files.put(PATH_PREFIX + "{key:path}")
async def receive_file(request: Request, platform: CurrentPlatform, key: str) -> Response:
    """Take an announced document's file; 200 without a body once it is kept."""
    try:
        platform.store.verify_upload(key, request.query_params)
    except InvalidSignatureError as error:
        raise ForbiddenError(f"Access is forbidden: {error}") from None
    data = await _bounded_body(request, platform.settings.max_upload_bytes)
    await run_in_threadpool(_take_in, platform, key, data, request.headers.get("content-type"))
    return Response()


def _take_in(platform: Platform, key: str, data: bytes, sent_type: str | None) -> None:
    target = keys.parse_upload(key)
    if target is None:
        raise ForbiddenError
    tenant, patient_id, document_id = target
    with platform.db.read(tenant) as session:
        document = uploads.announced(session, patient_id, document_id)
    media_type = uploads.look_at(platform, document, data, sent_type)
    with platform.db.write(tenant) as session:
        if uploads.keep(platform, session, patient_id, document_id, data, media_type):
            records.refresh_later(platform, session, patient_id, [document_id])


async def _bounded_body(request: Request, limit: int) -> bytes:
    """The body, however its length was told. Raises PayloadTooLargeError, and BadRequestError for one that
    does not arrive whole in time."""
    too_large = PayloadTooLargeError(f"The file is larger than {limit} bytes")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    received = bytearray()
    try:
        async with asyncio.timeout(ARRIVES_WITHIN_S):
            async for part in request.stream():
                received += part
                if len(received) > limit:
                    raise too_large
    except TimeoutError:
        raise BadRequestError(f"The file did not arrive within {ARRIVES_WITHIN_S} seconds") from None
    except ClientDisconnect:
        raise BadRequestError("The file did not arrive whole") from None
    return bytes(received)


router.include_router(references)
router.include_router(files)
