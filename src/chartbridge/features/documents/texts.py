"""The text of documents: read once for each content, kept in one form, searched with LIKE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
import structlog
from sqlalchemy import ColumnElement, and_, or_, select

from chartbridge.db import Tenant, TenantSession
from chartbridge.db.upsert import upsert
from chartbridge.features.documents import fhir
from chartbridge.features.documents.models import Document
from chartbridge.features.documents.text_task import MAX_BYTES, text_of
from chartbridge.features.documents.texts_models import DocumentText
from chartbridge.features.patients import service as patients
from chartbridge.ids import utcnow
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.platform import Platform
from chartbridge.search import content
from chartbridge.storage import keys
from chartbridge.storage.store import ObjectNotFoundError

READER_VERSION = 1
"""To be raised when reading gets better: texts are then read anew."""
MAX_ATTEMPTS = 3
MAX_READ_WHILE_SEARCHING = 500
_BATCH = 10
_IDS_IN_ONE_STATEMENT = 1000
log = structlog.get_logger(__name__)


def extract_stored(platform: Platform, tenant: Tenant, document_ids: Sequence[str]) -> None:
    """Read the text of those of the documents that are stored and were not read with their present content.

    Idempotent. A document that cannot be read has no text, which is remembered; one that ended its process
    or took too long is tried again by later calls, three times in all.
    """
    with platform.db.read(tenant) as session:
        unread = [row for ids in _slices(document_ids) for row in _unread(session, Document.id.in_(ids))]
    _extract(platform, tenant, unread)


def matching(
    platform: Platform, tenant: Tenant, patient_id: str, documents: Sequence[Document], term: str
) -> list[Document]:
    """Those of a patient's ``documents`` that a search term finds, in their order (contract, documents 4.2).

    Found is what says so in its text, and what has the whole term, without regard to case, in the JSON of
    its DocumentReference. Documents not read so far are read first, 500 a search at most. Raises
    BadRequestError for a term out of bounds.
    """
    query = content.parse(term)
    with platform.db.read(tenant) as session:
        unread = list(_unread(session, Document.patient_id == patient_id))
    if len(unread) > MAX_READ_WHILE_SEARCHING:
        log.warning("documents left unread by a search", count=len(unread) - MAX_READ_WHILE_SEARCHING)
    _extract(platform, tenant, unread[:MAX_READ_WHILE_SEARCHING])
    with platform.db.read(tenant) as session:
        found = ids_with_text(session, patient_id, query)
    needle, origin = term.strip().lower(), platform.settings.origin
    return [d for d in documents if d.id in found or needle in _reference_text(d, origin)]


def ids_with_text(session: TenantSession, patient_id: str, query: content.Query) -> frozenset[str]:
    """Ids of the patient's documents whose text the query finds, as ``query.matches`` says of each."""
    if not query:
        return frozenset()
    statement = select(DocumentText.document_id).where(DocumentText.patient_id == patient_id)
    return frozenset(session.scalars(statement.where(_condition(query))))


def _condition(query: content.Query) -> ColumnElement[bool]:
    text = DocumentText.text
    conditions: list[ColumnElement[bool]] = [text.not_like(term.pattern) for term in query.excluded]
    conditions += [text.like(term.pattern) for term in query.required]
    if query.optional and not query.required:
        conditions.append(or_(*(text.like(term.pattern) for term in query.optional)))
    return and_(*conditions)


def _reference_text(document: Document, origin: str) -> str:
    return orjson.dumps(fhir.document_reference(document, origin)).decode().lower()


def _unread(session: TenantSession, which: ColumnElement[bool]) -> Iterator[Document]:
    """Stored documents without a text of their present content by the present reader."""
    rows = session.execute(
        select(Document, DocumentText.sha256, DocumentText.reader_version, DocumentText.attempts)
        .outerjoin(DocumentText, DocumentText.document_id == Document.id)
        .where(which, Document.status == "stored", Document.sha256.is_not(None))
        .order_by(Document.id)
    )
    for document, sha256, version, attempts in rows:
        is_present = (sha256, version) == (document.sha256, READER_VERSION)
        if not is_present or 0 < attempts < MAX_ATTEMPTS:
            yield document


def _extract(platform: Platform, tenant: Tenant, documents: Sequence[Document]) -> None:
    for start in range(0, len(documents), _BATCH):
        batch: list[tuple[Document, bytes]] = []
        for document in documents[start : start + _BATCH]:
            if (data := _bytes(platform, tenant, document)) is not None:
                batch.append((document, data))
        results = platform.cpu.map(text_of, [(data, document.mime_type) for document, data in batch])
        with platform.db.write(tenant) as session:
            for (document, _), result in zip(batch, results, strict=True):
                _keep(session, document, result)


def _bytes(platform: Platform, tenant: Tenant, document: Document) -> bytes | None:
    """The document's content; none of one too large to be read, and None when it was deleted meanwhile."""
    if (document.size or 0) > MAX_BYTES:
        return b""
    try:
        return platform.store.get(keys.document(tenant, document.patient_id, document.file_name))
    except ObjectNotFoundError:
        return None


def _keep(session: TenantSession, read: Document, result: str | PoolTaskError) -> None:
    """Store a text, unless the document was deleted, withheld or got another content meanwhile."""
    if not patients.hold_patient(session, read.patient_id):
        return
    current = session.get(Document, read.id)
    if current is None or (current.status, current.sha256) != ("stored", read.sha256):
        return
    values = {
        "sha256": read.sha256,
        "reader_version": READER_VERSION,
        "attempts": 0,
        "text": result,
    }
    if isinstance(result, PoolTaskError):
        held = session.get(DocumentText, read.id)
        is_same = held is not None and (held.sha256, held.reader_version) == (read.sha256, READER_VERSION)
        values |= {"attempts": (held.attempts if held and is_same else 0) + 1, "text": ""}
    upsert(
        session,
        DocumentText,
        {"document_id": read.id, "patient_id": read.patient_id, **values},
        key=("document_id",),
        update={**values, "updated_at": utcnow()},
        returning=DocumentText.document_id,
    )


def _slices(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS_IN_ONE_STATEMENT):
        yield ids[start : start + _IDS_IN_ONE_STATEMENT]
