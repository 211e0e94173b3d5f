"""The messages that applications get: what stands beside ``meta`` in each type (contract, webhooks 8.6).

:func:`chartbridge.features.webhooks.service.send` takes these models and nothing else, and the AsyncAPI
document is generated from :data:`EVENTS`, so what is documented is what is sent. Values that are None are
left out of a message: receivers take an absent value, never ``null``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Url = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "string", "format": "uri", "description": "presigned; needs no key"}),
]
"""Where the receiver finds a URL: made by :func:`chartbridge.features.webhooks.links.link`."""

Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Resource = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "properties": {"resourceType": {"type": "string"}}}),
]


class Content(BaseModel):
    """Base of all that is sent."""

    model_config = ConfigDict(extra="forbid")


class PatientKeys(Content):
    """How messages name a patient."""

    patientId: str
    externalId: str | None = Field(None, description="the caller's own id of the patient")
    additionalIds: dict[str, list[str]] | None = Field(None, description="ids in other systems, by source")


class Ping(Content):
    """Sent when a webhook URL is set; the receiver answers ``{"pong": <the same>}``."""

    ping: str


class SourceEnd(Content):
    """A source of a network query that ended."""

    type: Literal["hie", "pharmacy", "lab"]
    source: str | None = Field(None, description="the network behind it, where it was one alone")
    status: Literal["completed", "failed"]
    completedAt: Instant


class SourceBegun(Content):
    """A source of a network query that still goes on and has first data."""

    type: Literal["hie"]
    status: Literal["processing"]
    firstDataReadyAt: Instant


class NetworkQueryPayload(PatientKeys):
    consolidatedDataUrl: Url = Field(description="the patient's whole chart as a FHIR Bundle, ten minutes")
    source: SourceEnd


class FirstDataPayload(PatientKeys):
    consolidatedDataUrl: Url = Field(description="the chart so far as a FHIR Bundle, ten minutes")
    source: SourceBegun


class NetworkQuery(Content):
    """A source of a network query came to its end."""

    payload: NetworkQueryPayload


class FirstData(Content):
    """First data of a network query can be had; at most once a query."""

    payload: FirstDataPayload


class ConsolidatedPatient(PatientKeys):
    status: Literal["completed", "failed"]
    bundle: Resource = Field(
        description="a collection Bundle: a DocumentReference whose attachments have the URLs of the result"
    )
    filters: dict[str, str] = Field(
        description="what was asked for: resources (joined by commas), dateFrom, dateTo, conversionType"
    )


class ConsolidatedData(Content):
    """A consolidated data query came to its end."""

    patients: list[ConsolidatedPatient]


class Coding(Content):
    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Content):
    coding: list[Coding] | None = None
    text: str | None = None


class DocumentContent(Content):
    """A document in the contract's flat form."""

    id: str
    fileName: str = Field(description="what the download operation asks for")
    description: str | None = None
    type: CodeableConcept | None = None
    status: str | None = None
    indexed: Instant | None = None
    mimeType: str | None = None
    size: int | None = Field(None, description="bytes")


class DownloadedPatient(PatientKeys):
    type: Literal["document-download"] = "document-download"
    status: Literal["completed", "failed"]
    documents: list[DocumentContent] = Field(description="documents new in this query")


class DocumentDownload(Content):
    """A document query fetched what is new."""

    patients: list[DownloadedPatient]


class ConvertedPatient(PatientKeys):
    type: Literal["document-conversion"] = "document-conversion"
    status: Literal["completed", "failed"]


class DocumentConversion(Content):
    """The documents of a document query are part of the chart."""

    patients: list[ConvertedPatient]


class OrganizationIdentifiers(Content):
    name: str | None = None
    identifierValues: list[str] | None = None


class LinkedDocument(DocumentContent):
    """A document with a URL that downloads it."""

    url: Url
    organizationIdentifiers: list[OrganizationIdentifiers] | None = None


class PagedDocument(LinkedDocument):
    downloadUrl: Url = Field(description="the same as url")


class LinkedPatient(PatientKeys):
    status: Literal["completed", "failed"]
    documents: list[LinkedDocument]


class DocumentUrls(Content):
    """URLs of all of a patient's documents."""

    patients: list[LinkedPatient]


class Pagination(Content):
    page: int = Field(ge=1)
    totalPages: int
    totalItems: int


class PagedPatient(PatientKeys):
    status: Literal["completed", "failed"]
    documents: list[PagedDocument]
    pagination: Pagination


class DocumentUrlPages(Content):
    """URLs of a page of a patient's documents; all pages share one ``requestId``."""

    patients: list[PagedPatient]


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of message: what it holds, and what causes it."""

    model: type[Content]
    cause: str


PING = "ping"
CONSOLIDATED_DATA = "medical.consolidated-data"
DOCUMENT_DOWNLOAD = "medical.document-download"
DOCUMENT_CONVERSION = "medical.document-conversion"
DOCUMENT_URLS = "medical.document-bulk-download-urls"
DOCUMENT_URL_PAGES = "medical.document-bulk-download-paged"

EVENTS: dict[str, EventType] = {
    PING: EventType(Ping, "a webhook URL was set"),
    "network-query.hie": EventType(NetworkQuery, "the health information exchanges were asked"),
    "network-query.pharmacy": EventType(NetworkQuery, "the pharmacies were asked"),
    "network-query.lab": EventType(NetworkQuery, "the laboratories were asked"),
    "network-query.hie.first-data-ready": EventType(FirstData, "a network query has first data"),
    CONSOLIDATED_DATA: EventType(ConsolidatedData, "a consolidated data query ended"),
    DOCUMENT_DOWNLOAD: EventType(DocumentDownload, "a document query ended its downloads"),
    DOCUMENT_CONVERSION: EventType(DocumentConversion, "a document query ended its conversions"),
    DOCUMENT_URLS: EventType(DocumentUrls, "bulk download URLs were asked for"),
    DOCUMENT_URL_PAGES: EventType(DocumentUrlPages, "bulk download URLs were asked for, in pages"),
}
