"""Taking in files that the application uploads (contract, documents 4.4).

A draft reference makes a document that is awaited, and a URL of our own that takes its file for three
minutes. The file is looked at before it is kept: what it is, and whether it holds malware. Bytes first,
then the row: a crash between the two leaves the document awaited and the URL good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from chartbridge.db import TenantSession
from chartbridge.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    ServiceUnavailableError,
    UnsupportedMediaTypeError,
)
from chartbridge.features.documents import fhir, media_types, service, virus_scan
from chartbridge.features.documents.models import Document
from chartbridge.features.documents.upload_reference import declared_type, prepare
from chartbridge.features.organizations import service as organizations
from chartbridge.features.patients import service as patients
from chartbridge.fhir.schema import violations
from chartbridge.ids import new_id, timestamp, utcnow
from chartbridge.platform import Platform
from chartbridge.storage import keys

UPLOAD_URL_S = 180
AWAITED_FOR = timedelta(days=1)
"""Much longer than a URL lives and its file may take to arrive."""
SOURCE = "upload"
NPI_SYSTEM = "http://hl7.org/fhir/sid/us-npi"


def announce(
    platform: Platform, session: TenantSession, patient_id: str, draft: Mapping[str, Any]
) -> Document:
    """A document whose file is to come. Raises NotFoundError, and BadRequestError for a draft that lacks
    something or is no FHIR R4."""
    if not patients.hold_patient(session, patient_id):
        raise NotFoundError("Could not find patient", id=patient_id)
    document_id = new_id()
    reference = prepare(
        draft, patient_id=patient_id, document_id=document_id, author=_author(session, patient_id)
    )
    mime_type = _declared(declared_type(reference))
    now = utcnow()
    document = Document(
        id=document_id,
        patient_id=patient_id,
        source=SOURCE,
        connector=fhir.UPLOADED,
        home_community_id="",
        unique_id=document_id,
        assigning_authority="",
        remote_patient_id="",
        remote=_told(reference, timestamp(now)),
        reference=reference,
        description=str(reference["description"]),
        mime_type=mime_type or "application/octet-stream",
        file_name=service.file_name(session.tenant, patient_id, document_id, mime_type),
        status="awaited",
        conversion="none",
        created_at=now,
        updated_at=now,
    )
    shown = fhir.document_reference(document, platform.settings.origin)
    faults = violations({**shown, "date": reference.get("date", shown["date"])})
    if faults:
        raise BadRequestError(f"Document Reference is not valid FHIR R4: {'; '.join(faults)}")
    session.add(document)
    session.flush()
    return document


def forget_unsent(session: TenantSession, now: datetime) -> int:
    """Forget the documents whose file never came, a day after they were announced; returns how many."""
    old = session.execute(
        delete(Document)
        .where(
            Document.source == SOURCE,
            Document.status == "awaited",
            Document.created_at < now - AWAITED_FOR,
        )
        .execution_options(synchronize_session=False)
        .returning(Document.id)
    )
    return len(old.all())


def upload_url(platform: Platform, session: TenantSession, document: Document) -> str:
    """Where the document's file is to be put."""
    key = keys.upload(session.tenant, document.patient_id, document.id)
    return platform.store.upload_url(key, expires_in_s=UPLOAD_URL_S)


def announced(session: TenantSession, patient_id: str, document_id: str) -> Document:
    """The uploaded document, awaited or here. Raises NotFoundError."""
    return _present(session.scalars(_query(patient_id, document_id)).one_or_none())


def look_at(platform: Platform, document: Document, data: bytes, sent_type: str | None) -> str:
    """The media type of a file that may be kept.

    ``sent_type`` is the Content-Type that came with it. Raises BadRequestError (empty, malware),
    UnsupportedMediaTypeError (not a kind that is taken in, or not what it was said to be), and
    ServiceUnavailableError (the scanner does not answer).
    """
    if not data:
        raise BadRequestError("The file is empty")
    found = media_types.sniff(data)
    if found is None:
        raise UnsupportedMediaTypeError(
            f"The file is of a kind that is not accepted; accepted are {media_types.ACCEPTED}"
        )
    declared = media_types.bare(declared_type(document.reference or {}))
    sent = media_types.bare(sent_type)
    if sent == "text/plain" or not media_types.is_accepted(sent):
        sent = ""  # what clients put there by themselves says nothing
    for said in (declared, sent):
        if said not in media_types.UNTOLD and media_types.family(said) != media_types.family(found):
            raise UnsupportedMediaTypeError(f"The file was said to be {said}, but it is {found}")
    _refuse_malware(platform, data)
    return next((said for said in (declared, sent) if said not in media_types.UNTOLD), found)


def keep(
    platform: Platform,
    session: TenantSession,
    patient_id: str,
    document_id: str,
    data: bytes,
    media_type: str,
) -> bool:
    """Store the file and make the document final; False when it is so already, with that very file.

    The row is locked meanwhile, so of two files that arrive at once the first counts. Raises
    NotFoundError, and ConflictError when another file is here.
    """
    if not patients.hold_patient(session, patient_id):
        raise NotFoundError("Could not find document")
    document = _present(session.scalars(_query(patient_id, document_id).with_for_update()).one_or_none())
    sha256 = hashlib.sha256(data).hexdigest()
    if document.status == "stored":
        if document.sha256 != sha256:
            raise ConflictError("The document's file was uploaded already")
        return False
    document.mime_type = media_type
    document.file_name = service.file_name(session.tenant, patient_id, document_id, media_type)
    service.put_bytes(platform, session.tenant, document, data)
    document.sha256, document.size, document.status = sha256, len(data), "stored"
    document.conversion = "pending" if service.is_convertible(media_type) else "none"
    return True


def _query(patient_id: str, document_id: str) -> Any:
    return select(Document).where(
        Document.id == document_id, Document.patient_id == patient_id, Document.source == SOURCE
    )


def _present(document: Document | None) -> Document:
    if document is None:
        raise NotFoundError("Could not find document")
    return document


def _declared(said: str | None) -> str:
    """The draft's media type, or empty. Raises BadRequestError for one that is not taken in."""
    media_type = media_types.bare(said)
    if media_type in media_types.UNTOLD:
        return ""
    if not media_types.is_accepted(media_type):
        raise BadRequestError(
            f"Files of type {media_type[:100]} are not accepted; accepted are {media_types.ACCEPTED}"
        )
    return media_type


def _told(reference: Mapping[str, Any], now: str) -> dict[str, Any]:
    """What lists and dates read of any document, wherever it came from."""
    context = reference["context"]
    told = {
        "created": reference.get("date", now),
        "type_code": reference["type"],
        "period": context.get("period") if isinstance(context, dict) else None,
    }
    return {key: value for key, value in told.items() if value is not None}


def _author(session: TenantSession, patient_id: str) -> dict[str, Any]:
    """The caller as a FHIR Organization: the account's organization, or the patient's first facility."""
    organization = organizations.find_organization(session)
    if organization is not None:
        return _organization(organization.id, organization.name, organization.location, npi=None)
    facility = patients.patient_facilities(session, patient_id)[0]
    return _organization(facility.id, facility.name, facility.address, npi=facility.npi)


def _organization(id: str, name: str, address: Mapping[str, Any], *, npi: str | None) -> dict[str, Any]:
    lines = [address[line] for line in ("addressLine1", "addressLine2") if address.get(line)]
    place = {
        "line": lines,
        "city": address.get("city"),
        "state": address.get("state"),
        "postalCode": address.get("zip"),
        "country": address.get("country"),
    }
    made: dict[str, Any] = {"resourceType": "Organization", "id": id}
    if npi:
        made["identifier"] = [{"system": NPI_SYSTEM, "value": npi}]
    return {**made, "name": name, "address": [{key: value for key, value in place.items() if value}]}


def _refuse_malware(platform: Platform, data: bytes) -> None:
    scanner = platform.settings.upload_scanner
    if scanner is None:
        return
    try:
        found = virus_scan.find_malware(scanner, data)
    except virus_scan.ScannerUnavailableError:
        raise ServiceUnavailableError(
            "The file could not be scanned for malware and was not kept; try again later"
        ) from None
    if found is not None:
        raise BadRequestError(f"The file holds malware ({found[:100]}) and was not kept")
