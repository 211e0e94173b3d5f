"""A document as FHIR R4 DocumentReference and as the contract's DTO (documents 4.2)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from chartbridge.consolidate.provenance import data_source_extension
from chartbridge.features.documents.models import Document
from chartbridge.features.documents.upload_reference import contents, marked
from chartbridge.ids import timestamp

UPLOADED = "METRIPORT"
"""The data source of what came through this API; the contract names it so."""
AWAITED = "TEMPORARY"
"""The data source of a reference whose file has not come."""


def _date(document: Document) -> str:
    return str(document.remote.get("created") or timestamp(document.created_at))


def document_instant(document: Document) -> datetime:
    """The document's date; one that a network gave without an offset is taken as UTC."""
    try:
        made = datetime.fromisoformat(_date(document))
    except ValueError:  # a network's date need not be whole; the moment we entered it is
        made = document.created_at
    return made.replace(tzinfo=UTC) if made.tzinfo is None else made.astimezone(UTC)


def document_date(document: Document) -> date:
    """The UTC day of the document's date."""
    return document_instant(document).date()


def document_reference(document: Document, origin: str) -> dict[str, Any]:
    """R4 DocumentReference of a stored document; its file name is the attachment's title."""
    if document.reference is not None:
        return _uploaded(document, document.reference, origin)
    organization = document.remote.get("author_organization")
    resource: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "id": document.id,
        "meta": {"source": document.file_name, "lastUpdated": timestamp(document.updated_at)},
        "extension": [data_source_extension(document.connector)],
        "masterIdentifier": _identifier(document.unique_id),
        "status": "current",
        "docStatus": "final",
        "subject": {"reference": f"Patient/{document.patient_id}"},
        "date": timestamp(document_instant(document)),
        "description": document.description,
        "content": [
            {
                "extension": [data_source_extension(document.connector)],
                "attachment": _attachment(document, origin),
            }
        ],
    }
    if document.remote.get("type_code"):
        resource["type"] = document.remote["type_code"]
    if organization:
        resource["contained"] = [{"resourceType": "Organization", "id": "author", "name": organization}]
        resource["author"] = [{"reference": "#author"}]
    if document.remote.get("period"):
        resource["context"] = {"period": document.remote["period"]}
    return resource


def _attachment(document: Document, origin: str) -> dict[str, Any]:
    query = urlencode({"fileName": document.file_name})
    attachment: dict[str, Any] = {
        "contentType": document.mime_type,
        "url": f"{origin}/medical/v1/document/download-url?{query}",
        "size": document.size,
        "title": document.file_name,
        "creation": timestamp(document_instant(document)),
    }
    return {key: value for key, value in attachment.items() if value is not None}


def _uploaded(document: Document, reference: dict[str, Any], origin: str) -> dict[str, Any]:
    """What the application said of its document, and what the server knows of the file."""
    here = document.status == "stored"
    source = data_source_extension(UPLOADED if here else AWAITED)
    meta = {
        **reference.get("meta", {}),
        "source": document.file_name,
        "lastUpdated": timestamp(document.updated_at),
    }
    return {
        **reference,
        "meta": meta,
        "extension": marked(reference, source),
        "status": "current",
        "docStatus": "final" if here else "preliminary",
        "date": timestamp(document_instant(document)),
        "content": contents(reference, _attachment(document, origin), source),
    }


def _identifier(unique_id: str) -> dict[str, str]:
    """A unique id as XDS gives them: an OID, a UUID, or text of the network's own."""
    if unique_id.replace(".", "").isdecimal():
        return {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{unique_id}"}
    if unique_id.startswith(("urn:uuid:", "urn:oid:")):
        return {"system": "urn:ietf:rfc:3986", "value": unique_id}
    return {"value": unique_id}


def dto(document: Document) -> dict[str, Any]:
    """The contract's flat form."""
    values: dict[str, Any] = {
        "id": document.id,
        "fileName": document.file_name,
        "description": document.description,
        "type": document.remote.get("type_code") or None,
        "status": "current",
        "indexed": timestamp(document_instant(document)),
        "mimeType": document.mime_type,
        "size": document.size,
    }
    return {key: value for key, value in values.items() if value is not None}
