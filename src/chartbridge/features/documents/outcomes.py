"""What became of certain documents, for the work that brought them here and the messages about it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from chartbridge.db import TenantSession
from chartbridge.features.documents import fhir
from chartbridge.features.documents.models import Document
from chartbridge.features.documents.schemas import DocumentDto
from chartbridge.features.webhooks.events import DocumentContent


def stored(session: TenantSession, ids: Collection[str]) -> list[Document]:
    """Those of the documents whose bytes are here, the newest first."""
    rows = session.scalars(select(Document).where(Document.id.in_(ids), Document.status == "stored"))
    return sorted(rows, key=lambda row: (fhir.document_instant(row), row.id), reverse=True)


def converted(session: TenantSession, ids: Collection[str]) -> set[str]:
    """Those of the documents whose present bytes are converted."""
    return set(
        session.scalars(select(Document.id).where(Document.id.in_(ids), Document.conversion == "converted"))
    )


def described(document: Document) -> dict[str, Any]:
    """A document as messages describe it: the flat form, and nothing that it does not define.

    A type that a network gave in another shape than FHIR's is left out: the message must be sent.
    """
    flat = fhir.dto(document)
    try:
        known = DocumentDto.model_validate(flat)
    except ValidationError:
        known = DocumentDto.model_validate({name: value for name, value in flat.items() if name != "type"})
    return known.model_dump(include=set(DocumentContent.model_fields), exclude_none=True)
