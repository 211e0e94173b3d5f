"""Finding, storing, converting and listing documents."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

import orjson
from sqlalchemy import func, select

from chartbridge.ccda import CONVERTER_VERSION
from chartbridge.db import Tenant, TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.errors import ForbiddenError, NotFoundError
from chartbridge.features.documents import fhir, media_types
from chartbridge.features.documents.models import IDENTITY, Document
from chartbridge.features.networks.protocol import RemoteDocument, RemotePatient, Source
from chartbridge.ids import new_id
from chartbridge.platform import Platform
from chartbridge.storage import keys

DOWNLOAD_URL_S = 180


def is_convertible(mime_type: str) -> bool:
    """Whether documents of that type are C-CDA."""
    return media_types.bare(mime_type) in media_types.XML_TYPES


def record_found(
    session: TenantSession,
    patient_id: str,
    source: Source,
    connector: str,
    remote_patient: RemotePatient,
    offered: Sequence[RemoteDocument],
) -> list[str]:
    """Ids of the offered documents, those known before and those entered now; idempotent."""
    ids = []
    for remote in offered:
        identity = {
            "patient_id": patient_id,
            "connector": connector,
            "home_community_id": remote.home_community_id,
            "unique_id": remote.unique_id,
        }
        values = {
            **identity,
            "id": new_id(),
            "source": source,
            "assigning_authority": remote_patient.assigning_authority,
            "remote_patient_id": remote_patient.id,
            "remote": remote.to_json(),
            "description": remote.description,
            "mime_type": remote.mime_type,
            "status": "found",
            "conversion": "pending" if is_convertible(remote.mime_type) else "none",
        }
        values["file_name"] = file_name(session.tenant, patient_id, str(values["id"]), remote.mime_type)
        insert_new(session, Document, values, key=IDENTITY)
        row = session.scalars(select(Document).filter_by(**identity)).one()
        if row.status == "withheld":
            # It came through a link that was undone, and now comes through one that is believed.
            row.assigning_authority, row.remote_patient_id = (
                remote_patient.assigning_authority,
                remote_patient.id,
            )
            row.status, row.failure = "found", None
        ids.append(row.id)
    return ids


def file_name(tenant: Tenant, patient_id: str, document_id: str, mime_type: str) -> str:
    """The contract's pattern; it names account, patient and document."""
    extension = media_types.EXTENSIONS.get(media_types.bare(mime_type), ".bin")
    account = tenant.account_id
    return f"{account}/{patient_id}/{account}_{patient_id}_{document_id}{extension}"


def is_fit(remote: RemoteDocument) -> bool:
    """Whether what a network says of a document can be kept."""
    texts = [*remote.to_json().values(), *(remote.period or {}).values()]
    bounds = ((remote.home_community_id, 200), (remote.unique_id, 300), (remote.mime_type, 100))
    return (
        all(text and len(text) <= limit for text, limit in bounds)
        and not any(isinstance(text, str) and "\0" in text for text in texts)
        and b"\\u0000" not in orjson.dumps(remote.type_code)
    )


@dataclass(frozen=True, slots=True)
class Pending:
    """A document to be fetched."""

    id: str
    connector: str
    patient: RemotePatient
    document: RemoteDocument


def split_pending(session: TenantSession, ids: Sequence[str], *, again: bool) -> tuple[list[str], list[str]]:
    """Ids of documents with work left (all of them with ``again``): first those that convert to FHIR and
    are not here, or not converted by the present converter; then the others that are not here."""
    rows = session.scalars(select(Document).where(Document.id.in_(ids)).order_by(Document.id)).all()
    wanted = [row for row in rows if again or row.status != "stored" or _awaits_conversion(row)]
    first = [row.id for row in wanted if row.conversion != "none"]
    return first, [row.id for row in wanted if row.conversion == "none"]


def awaiting_conversion(
    session: TenantSession, patient_id: str, source: str, *, untried: bool = False
) -> list[str]:
    """Documents that are here, offered again or not, and that the present converter has not seen; with
    ``untried``, without those whose last conversion went wrong."""
    rows = session.scalars(
        select(Document).where(
            Document.patient_id == patient_id, Document.source == source, Document.status == "stored"
        )
    )
    return [row.id for row in rows if _awaits_conversion(row) and not (untried and row.conversion_failure)]


def _awaits_conversion(row: Document) -> bool:
    match row.conversion:
        case "pending":
            return True
        case "converted":
            return row.converter_version != CONVERTER_VERSION
        case "failed":
            return row.refused_by_version != CONVERTER_VERSION
        case _:
            return False


def pending(session: TenantSession, ids: Sequence[str], *, again: bool) -> list[Pending]:
    """What is needed to fetch those of the documents that are not here (all of them with ``again``), but for
    those that must not be seen."""
    rows = session.scalars(select(Document).where(Document.id.in_(ids)).order_by(Document.id))
    return [
        Pending(
            row.id,
            row.connector,
            RemotePatient(row.assigning_authority, row.remote_patient_id),
            RemoteDocument.from_json(row.remote),
        )
        for row in rows
        if row.status != "withheld" and (again or row.status != "stored")
    ]


def store_bytes(platform: Platform, tenant: Tenant, document_id: str, data: bytes) -> None:
    """Keep a document's bytes, then say so; repeating it changes nothing."""
    with platform.db.read(tenant) as session:
        row = session.get(Document, document_id)
        if row is None:
            return  # the patient was deleted meanwhile
    key = put_bytes(platform, tenant, row, data)
    with platform.db.write(tenant) as session:
        row = session.get(Document, document_id, with_for_update=True)
        if row is None:
            platform.store.delete(key)
            return
        if row.status == "withheld":
            return  # its link was undone meanwhile; what is withheld no list or export has
        row.sha256, row.size = hashlib.sha256(data).hexdigest(), len(data)
        row.status, row.failure = "stored", None
        if row.conversion != "none":
            row.conversion = "pending"


def put_bytes(platform: Platform, tenant: Tenant, document: Document, data: bytes) -> str:
    """Write a document's bytes where they belong; returns their key."""
    key = keys.document(tenant, document.patient_id, document.file_name)
    name = PurePosixPath(document.file_name).name
    platform.store.put(key, data, content_type=document.mime_type, filename=name)
    return key


def mark_failed(session: TenantSession, document_id: str, reason: str) -> None:
    """The document could not be fetched. A copy fetched earlier stays, and what must not be seen stays so."""
    row = session.get(Document, document_id, with_for_update=True)
    if row is not None and row.status not in ("stored", "withheld"):
        row.status, row.failure = "failed", reason[:500]


def count_missing(session: TenantSession, ids: Sequence[str]) -> int:
    """How many of the documents are not here."""
    missing = select(func.count()).where(Document.id.in_(ids), Document.status != "stored")
    return session.scalar(missing.select_from(Document)) or 0


def count_unconverted(session: TenantSession, patient_id: str, source: str) -> int:
    """How many of the patient's documents are here without the chart having what they say."""
    unread = select(func.count()).where(
        Document.patient_id == patient_id,
        Document.source == source,
        Document.status == "stored",
        Document.conversion.in_(("failed", "pending")),
    )
    return session.scalar(unread.select_from(Document)) or 0


def list_stored(
    session: TenantSession, patient_id: str, *, date_from: date | None = None, date_to: date | None = None
) -> list[Document]:
    """Documents whose bytes are here, newest first; days are inclusive and compared with their date."""
    rows = session.scalars(
        select(Document)
        .where(Document.patient_id == patient_id, Document.status == "stored")
        .order_by(Document.id.desc())
    ).all()
    kept = [row for row in rows if _within(row, date_from, date_to)]
    return sorted(kept, key=fhir.document_instant, reverse=True)


def _within(row: Document, date_from: date | None, date_to: date | None) -> bool:
    day = fhir.document_date(row)
    return (date_from is None or day >= date_from) and (date_to is None or day <= date_to)


def find_stored(session: TenantSession, file_name: str) -> Document:
    """The document of that file name whose bytes are here. Raises NotFoundError."""
    row = session.scalars(
        select(Document).where(Document.file_name == file_name, Document.status == "stored")
    ).one_or_none()
    if row is None:
        raise NotFoundError("File does not exist")
    return row


def ensure_own_name(tenant: Tenant, file_name: str) -> None:
    """Raise ForbiddenError for a name that, in production, is not of the caller's account."""
    if tenant.environment == "production" and tenant.account_id not in file_name:
        raise ForbiddenError("File name is invalid or does not exist")


def download_url(platform: Platform, tenant: Tenant, document: Document) -> str:
    """A presigned URL of a stored document, as it arrived."""
    return platform.store.presigned_get(
        keys.document(tenant, document.patient_id, document.file_name),
        expires_in_s=DOWNLOAD_URL_S,
        content_type=document.mime_type,
        filename=PurePosixPath(document.file_name).name,
    )
