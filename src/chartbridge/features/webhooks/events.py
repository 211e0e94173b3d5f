"""The messages that applications get: what stands beside ``meta`` in each type (contract, webhooks 8.6).

:func:`chartbridge.features.webhooks.service.send` takes these models and nothing else, and the AsyncAPI
document is generated from :data:`EVENTS`, so what is documented is what is sent. Values that are None are
left out of a message: receivers take an absent value, never ``null``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from chartbridge.features.webhooks import notifications
from chartbridge.features.webhooks.content import Content as Content
from chartbridge.features.webhooks.content import Instant, PatientKeys, Resource, Url


class Ping(Content):
    """Sent when a webhook URL is set; the receiver answers ``{"pong": <the same>}``."""

    ping: str = Field(description="random text, to be given back")


class SourceEnd(Content):
    """A source of a network query that ended."""

    type: Literal["hie", "pharmacy", "lab"] = Field(description="which source ended")
    source: str | None = Field(None, description="the network behind it, where it was one alone")
    status: Literal["completed", "failed"] = Field(description="how it ended")
    completedAt: Instant = Field(description="when it ended")


class SourceBegun(Content):
    """A source of a network query that still goes on and has first data."""

    type: Literal["hie"] = Field(description="the health information exchanges")
    status: Literal["processing"] = Field(description="it goes on")
    firstDataReadyAt: Instant = Field(description="when the first data could be had")


class NetworkQueryPayload(PatientKeys):
    """The patient, the chart and the source that ended."""

    consolidatedDataUrl: Url = Field(description="the patient's whole chart as a FHIR Bundle, ten minutes")
    source: SourceEnd = Field(description="the source that ended")
    purposeOfUse: Literal["ias"] | None = Field(
        None, description="ias where the person asked for their own records; absent for treatment"
    )


class FirstDataPayload(PatientKeys):
    """The patient, the chart so far and the source that goes on."""

    consolidatedDataUrl: Url = Field(description="the chart so far as a FHIR Bundle, ten minutes")
    source: SourceBegun = Field(description="the source that has first data")


class NetworkQuery(Content):
    """A source of a network query came to its end."""

    payload: NetworkQueryPayload = Field(description="what ended, and for whom")


class FirstData(Content):
    """First data of a network query can be had; at most once a query."""

    payload: FirstDataPayload = Field(description="what can be had, and for whom")


class ConsolidatedPatient(PatientKeys):
    """A patient's result of a consolidated data query."""

    status: Literal["completed", "failed"] = Field(description="how the query ended")
    bundle: Resource = Field(
        description="a collection Bundle: a DocumentReference whose attachments have the URLs of the result"
    )
    filters: dict[str, str] = Field(
        description="what was asked for: resources (joined by commas), dateFrom, dateTo, conversionType"
    )


class ConsolidatedData(Content):
    """A consolidated data query came to its end."""

    patients: list[ConsolidatedPatient] = Field(description="the one patient of the query")


class Coding(Content):
    """A code of a code system."""

    system: str | None = Field(None, description="URI of the code system")
    code: str | None = Field(None, description="the code")
    display: str | None = Field(None, description="its name")


class CodeableConcept(Content):
    """A concept in codes and in words."""

    coding: list[Coding] | None = Field(None, description="the concept's codes")
    text: str | None = Field(None, description="the concept in words")


class DocumentContent(Content):
    """A document in the contract's flat form."""

    id: str = Field(description="the document's id")
    fileName: str = Field(description="what the download operation asks for")
    description: str | None = Field(None, description="what its source calls it")
    type: CodeableConcept | None = Field(None, description="kind of document, in LOINC where known")
    status: str | None = Field(None, description="current, superseded or entered-in-error")
    indexed: Instant | None = Field(None, description="when its source entered it")
    mimeType: str | None = Field(None, description="type of the file")
    size: int | None = Field(None, description="bytes")


class DownloadedPatient(PatientKeys):
    """A patient and the documents that were fetched."""

    type: Literal["document-download"] = Field("document-download", description="repeats the message's type")
    status: Literal["completed", "failed"] = Field(description="how the downloads ended")
    documents: list[DocumentContent] = Field(description="documents new in this query")


class DocumentDownload(Content):
    """A document query fetched what is new."""

    patients: list[DownloadedPatient] = Field(description="the one patient of the query")


class ConvertedPatient(PatientKeys):
    """A patient whose new documents were converted."""

    type: Literal["document-conversion"] = Field(
        "document-conversion", description="repeats the message's type"
    )
    status: Literal["completed", "failed"] = Field(description="how the conversions ended")


class DocumentConversion(Content):
    """The documents of a document query are part of the chart."""

    patients: list[ConvertedPatient] = Field(description="the one patient of the query")


class OrganizationIdentifiers(Content):
    """An organization that a document came from."""

    name: str | None = Field(None, description="what the document calls it")
    identifierValues: list[str] | None = Field(None, description="its identifiers, such as OIDs")


class LinkedDocument(DocumentContent):
    """A document with a URL that downloads it."""

    url: Url = Field(description="presigned URL of the file; needs no key")
    organizationIdentifiers: list[OrganizationIdentifiers] | None = Field(
        None, description="the organizations it came from"
    )


class PagedDocument(LinkedDocument):
    downloadUrl: Url = Field(description="the same as url")


class LinkedPatient(PatientKeys):
    """A patient and the URLs of all their documents."""

    status: Literal["completed", "failed"] = Field(description="whether the URLs could be made")
    documents: list[LinkedDocument] = Field(description="all documents")


class DocumentUrls(Content):
    """URLs of all of a patient's documents."""

    patients: list[LinkedPatient] = Field(description="the one patient asked for")


class Pagination(Content):
    """Which page this is."""

    page: int = Field(ge=1, description="this page's number, from 1")
    totalPages: int = Field(ge=0, description="pages in all")
    totalItems: int = Field(ge=0, description="documents in all")


class PagedPatient(PatientKeys):
    """A patient and the URLs of a page of their documents."""

    status: Literal["completed", "failed"] = Field(description="whether the URLs could be made")
    documents: list[PagedDocument] = Field(description="the documents of this page")
    pagination: Pagination = Field(description="which page this is")


class DocumentUrlPages(Content):
    """URLs of a page of a patient's documents; all pages share one ``requestId``."""

    patients: list[PagedPatient] = Field(description="the one patient asked for")


class BulkPatientCreateState(Content):
    """How far a bulk creation of patients is."""

    requestId: str = Field(description="the id that starting it answered")
    status: Literal["waiting", "processing", "completed", "failed"] = Field(description="how far it is")
    result: Url | None = Field(None, description="presigned URL of the result as CSV, once completed")
    reason: str | None = Field(None, description="why it failed")


class BulkPatientCreate(Content):
    """A bulk creation of patients changed its status."""

    bulkPatientCreate: BulkPatientCreateState = Field(description="which, and how far it is")


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
BULK_PATIENT_CREATE = "medical.bulk-patient-create"
MESSAGE_STATUS = "message.status"
MESSAGE_RECEIVED = "message.received"
PATIENT_ADMIT = "patient.admit"
PATIENT_TRANSFER = "patient.transfer"
PATIENT_DISCHARGE = "patient.discharge"
PATIENT_PHARMACY = "patient.pharmacy"
PATIENT_LABORATORY = "patient.laboratory"
IDENTITY_VERIFIED = "ias.identity.verified"

EVENTS: dict[str, EventType] = {
    PING: EventType(Ping, "a webhook URL was set"),
    "network-query.hie": EventType(
        NetworkQuery, "the health information exchanges of a network query were all asked"
    ),
    "network-query.pharmacy": EventType(NetworkQuery, "the pharmacies of a network query were asked"),
    "network-query.lab": EventType(NetworkQuery, "the laboratories of a network query were asked"),
    "network-query.hie.first-data-ready": EventType(FirstData, "a network query has first data"),
    CONSOLIDATED_DATA: EventType(ConsolidatedData, "a consolidated data query ended"),
    DOCUMENT_DOWNLOAD: EventType(DocumentDownload, "a document query ended its downloads"),
    DOCUMENT_CONVERSION: EventType(DocumentConversion, "a document query ended its conversions"),
    DOCUMENT_URLS: EventType(DocumentUrls, "bulk download URLs were asked for"),
    DOCUMENT_URL_PAGES: EventType(DocumentUrlPages, "bulk download URLs were asked for, in pages"),
    BULK_PATIENT_CREATE: EventType(BulkPatientCreate, "a bulk creation of patients changed its status"),
    MESSAGE_STATUS: EventType(notifications.MessageStatus, "a message to another provider ended"),
    MESSAGE_RECEIVED: EventType(notifications.MessageReceived, "a message of another provider came in"),
    PATIENT_ADMIT: EventType(notifications.PatientAdmit, "a patient arrived at a hospital"),
    PATIENT_TRANSFER: EventType(notifications.PatientTransfer, "a patient was moved within a hospital"),
    PATIENT_DISCHARGE: EventType(notifications.PatientDischarge, "a patient's stay at a hospital ended"),
    PATIENT_PHARMACY: EventType(notifications.PatientPharmacy, "a medication was dispensed to a patient"),
    PATIENT_LABORATORY: EventType(notifications.PatientLaboratory, "a patient has a laboratory result"),
    IDENTITY_VERIFIED: EventType(notifications.IdentityVerified, "a person proved who they are"),
}
