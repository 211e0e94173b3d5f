"""Answers of the document operations (contract, documents 4.2 and 4.3)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Coding(BaseModel):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(BaseModel):
    coding: list[Coding] | None = None
    text: str | None = None


class DocumentDto(BaseModel):
    """A document in the contract's flat form."""

    id: str
    fileName: str = Field(description="what the download operation asks for")
    description: str | None = None
    type: CodeableConcept | None = None
    status: str | None = None
    indexed: str | None = None
    mimeType: str | None = None
    size: int | None = Field(None, description="bytes")


class DocumentList(BaseModel):
    """FHIR R4 DocumentReferences, or the flat form with ``output=dto``; newest first."""

    documents: list[DocumentDto] | list[dict[str, Any]]


class DownloadUrl(BaseModel):
    url: str = Field(description="presigned; needs no key and lives for three minutes")
