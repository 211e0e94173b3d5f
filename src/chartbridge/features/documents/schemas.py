"""What the document operations take and give (contract, documents 4.2 to 4.4)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_NAME = "a1/p1/a1_p1_d1.pdf"
_SOURCE_URL = "https://public.metriport.com/fhir/StructureDefinition/data-source.json"
_EXTENSION: JsonDict = {"url": _SOURCE_URL, "valueCoding": {"system": _SOURCE_URL, "code": "METRIPORT"}}
_TYPE: JsonDict = {
    "coding": [{"system": "http://loinc.org", "code": "57133-1", "display": "Referral note"}],
    "text": "Referral note",
}
_PERIOD: JsonDict = {"start": "2026-01-05", "end": "2026-01-05"}
_DRAFT: JsonDict = {
    "resourceType": "DocumentReference",
    "description": "Referral letter",
    "type": _TYPE,
    "context": {"period": _PERIOD},
    "content": [{"attachment": {"contentType": "application/pdf"}}],
}
_DTO: JsonDict = {
    "id": "d1",
    "fileName": _NAME,
    "description": "Referral letter",
    "type": _TYPE,
    "status": "current",
    "indexed": "2026-01-05T09:00:00.000Z",
    "mimeType": "application/pdf",
    "size": 48211,
}
_REFERENCE: JsonDict = {
    "resourceType": "DocumentReference",
    "id": "d1",
    "meta": {"source": _NAME},
    "extension": [_EXTENSION],
    "status": "current",
    "docStatus": "final",
    "type": _TYPE,
    "subject": {"reference": "Patient/p1"},
    "date": "2026-01-05T09:00:00.000Z",
    "description": "Referral letter",
    "content": [
        {
            "extension": [_EXTENSION],
            "attachment": {"contentType": "application/pdf", "title": _NAME, "size": 48211},
        }
    ],
    "context": {"period": _PERIOD},
}


class Coding(BaseModel):
    """A code of a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(BaseModel):
    """A kind of document: codes, best of LOINC, and words."""

    coding: list[Coding] | None = None
    text: str | None = None


class DocumentDto(BaseModel):
    """A document in the contract's flat form."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DTO]})

    id: str
    fileName: str = Field(description="what the download operation asks for")
    description: str | None = None
    type: CodeableConcept | None = None
    status: str | None = None
    indexed: str | None = Field(None, description="the document's date, ISO 8601")
    mimeType: str | None = None
    size: int | None = Field(None, description="bytes")


class DocumentReference(BaseModel):
    """A FHIR R4 DocumentReference; more elements of R4 may stand in it."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_REFERENCE]})

    resourceType: Literal["DocumentReference"]
    id: str
    meta: dict[str, Any] = Field(description="`source` is the file name")
    extension: list[dict[str, Any]] = Field(description="among them the data source")
    status: Literal["current"]
    docStatus: Literal["final"]
    subject: dict[str, Any]
    date: str
    description: str
    content: list[dict[str, Any]] = Field(
        description="`attachment.title` of the first is the file name that the download operation asks for"
    )


class DocumentList(BaseModel):
    """FHIR R4 DocumentReferences, or the flat form with ``output=dto``; newest first."""

    documents: list[DocumentReference] | list[DocumentDto]


class DownloadUrl(BaseModel):
    """Where a document, or what was made of it, can be had."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://records.example.org/storage/…?signature=…"}]}
    )

    url: str = Field(description="presigned; needs no key and lives for three minutes")


class DocumentReferenceDraft(BaseModel):
    """What is said of a file that is to be uploaded: a FHIR R4 DocumentReference without what the server
    adds. All of R4 may stand in it; a contained Patient or Organization, ``subject``, ``id``, ``status``,
    ``docStatus`` and ``masterIdentifier`` are replaced by the server's own."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_DRAFT]})

    resourceType: Literal["DocumentReference"] | None = None
    description: str | None = Field(None, description="required")
    type: dict[str, Any] | None = Field(None, description="required; a CodeableConcept, best with LOINC")
    context: dict[str, Any] | None = Field(None, description="required; `period` is when care was given")
    meta: dict[str, Any] | None = None
    date: str | None = Field(None, description="FHIR instant; now when absent")
    content: list[dict[str, Any]] | None = Field(
        None,
        description="`attachment.contentType` of the first says what the file will be; others may not come",
    )


class Upload(BaseModel):
    """A document that awaits its file."""

    documentReferenceId: str
    uploadUrl: str = Field(description="takes the file by PUT for three minutes; needs no key")
