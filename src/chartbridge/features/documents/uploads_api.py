"""Uploading documents: the reference first, then its file to a presigned URL (see ``http.uploads``)."""

from __future__ import annotations

from typing import IO, Annotated

from fastapi import APIRouter, Query

from chartbridge.db import Tenant
from chartbridge.errors import ForbiddenError
from chartbridge.features.documents import uploads
from chartbridge.features.documents.schemas import DocumentReferenceDraft, Upload
from chartbridge.features.records import service as records
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, required
from chartbridge.http.errors import answers
from chartbridge.http.uploads import UploadKind
from chartbridge.platform import Platform
from chartbridge.storage import keys

router = APIRouter(prefix="/medical/v1/document", route_class=JsonRoute, tags=["Documents"])
PatientId = Annotated[str | None, Query(description="required; the patient whom the document is about")]
_REFUSALS = answers(
    {400: "a value is missing, or the reference is not valid FHIR R4", 404: "no such patient"}
)


@router.post("/upload", summary="Announce a document and get the URL for its file", responses=_REFUSALS)
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


@router.post(
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


def _target(key: str) -> tuple[Tenant, str, str]:
    target = keys.parse_upload(key)
    if target is None:
        raise ForbiddenError
    return target


def _expect(platform: Platform, key: str) -> None:
    tenant, patient_id, document_id = _target(key)
    with platform.db.read(tenant) as session:
        uploads.announced(session, patient_id, document_id)


def _take_in(platform: Platform, key: str, file: IO[bytes], sent_type: str | None) -> None:
    tenant, patient_id, document_id = _target(key)
    data = file.read()
    with platform.db.read(tenant) as session:
        document = uploads.announced(session, patient_id, document_id)
    media_type = uploads.look_at(platform, document, data, sent_type)
    with platform.db.write(tenant) as session:
        if uploads.keep(platform, session, patient_id, document_id, data, media_type):
            records.refresh_later(platform, session, patient_id, [document_id])


FILES = UploadKind(
    is_for=lambda key: keys.parse_upload(key) is not None,
    limit=lambda settings: settings.max_upload_bytes,
    expect=_expect,
    take_in=_take_in,
)
"""Files of documents."""
