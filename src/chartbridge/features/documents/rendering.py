"""A stored C-CDA as a page or as PDF, made once for each content and version of the viewer."""

from __future__ import annotations

from pathlib import PurePosixPath

from chartbridge.cda_view import VERSION
from chartbridge.db import Tenant
from chartbridge.errors import BadRequestError, NotFoundError
from chartbridge.features.documents import fhir, service
from chartbridge.features.documents.models import Document
from chartbridge.features.documents.rendering_task import Refusal, render
from chartbridge.features.patients import service as patients
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.platform import Platform
from chartbridge.storage import keys

KINDS = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
"""What a document can be shown as, each with its media type."""


def rendering_url(platform: Platform, tenant: Tenant, document: Document, kind: str) -> str:
    """A presigned URL of the document as one of KINDS. Raises BadRequestError when it cannot be shown."""
    if not service.is_convertible(document.mime_type):
        raise BadRequestError(
            f"Source file must be xml to convert to {kind}, but it was {document.mime_type}"
        )
    key = keys.rendering(tenant, document.patient_id, document.file_name, str(document.sha256), VERSION, kind)
    name = f"{PurePosixPath(document.file_name).name}.{kind}"
    if platform.store.size(key) is None:
        content = _rendered(platform, tenant, document, kind)
        platform.store.put(key, content, content_type=KINDS[kind], filename=name, inline=True)
        if patients.swept_if_gone(platform, tenant, document.patient_id):
            raise NotFoundError("File does not exist")
    return platform.store.presigned_get(
        key, expires_in_s=service.DOWNLOAD_URL_S, content_type=KINDS[kind], filename=name, inline=True
    )


def _rendered(platform: Platform, tenant: Tenant, document: Document, kind: str) -> bytes:
    xml = platform.store.get(keys.document(tenant, document.patient_id, document.file_name))
    try:
        result = platform.cpu.run(render, xml, kind, fhir.document_instant(document))
    except PoolTaskError as error:
        raise BadRequestError(f"The document cannot be shown as {kind}: that {error.reason}") from None
    if isinstance(result, Refusal):
        raise BadRequestError(f"The document cannot be shown as {kind}: {result.reason}")
    return result
