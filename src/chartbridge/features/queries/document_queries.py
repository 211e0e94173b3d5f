"""Document queries, the legacy flow: starting them, their progress, and their end (contract, documents 4.1).

What a query reports is counted over its items, so a step that is repeated counts nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import func, select, update

from chartbridge.db import TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.errors import BadRequestError, NotFoundError
from chartbridge.features.documents import outcomes
from chartbridge.features.patients import service as patients
from chartbridge.features.queries import steering
from chartbridge.features.queries.models import DocumentQuery as DocumentQuery
from chartbridge.features.queries.models import DocumentQueryItem
from chartbridge.features.queries.queue import QUERIES, queue_key
from chartbridge.features.webhooks import events
from chartbridge.features.webhooks import service as webhooks
from chartbridge.ids import utcnow
from chartbridge.platform import Platform
from chartbridge.repeating import repeatable_id

RUN = "document-query"
SOURCE: Literal["hie"] = "hie"
NOTHING_ASKED = "no network could be asked"

Status = Literal["processing", "completed", "failed"]


def is_document_query_running(session: TenantSession, patient_id: str) -> bool:
    """Whether a document query of the patient has begun and not ended."""
    return _running(session, patient_id) is not None


def _running(session: TenantSession, patient_id: str) -> DocumentQuery | None:
    return session.scalars(
        select(DocumentQuery)
        .where(DocumentQuery.patient_id == patient_id, DocumentQuery.ended_at.is_(None))
        .order_by(DocumentQuery.id)
        .limit(1)
    ).one_or_none()


def start(
    platform: Platform,
    session: TenantSession,
    patient_id: str,
    *,
    facility_id: str | None = None,
    metadata: dict[str, str],
    again: bool = False,
    hie: Mapping[str, Any] | None = None,
) -> DocumentQuery:
    """The patient's running query, or a new one and its job; a call that is done again finds the one that it
    started.

    ``again`` fetches what is already held too; ``hie`` is the request's own network control. Raises
    NotFoundError, PatientOptedOutError, PatientWithoutTreatmentRelationshipError, and BadRequestError for
    a facility that the patient does not belong to.
    """
    if not patients.hold_patient(session, patient_id):
        raise NotFoundError("Could not find patient", id=patient_id)
    patient = patients.get_patient(session, patient_id)
    if facility_id and facility_id not in patient.facility_ids:
        raise BadRequestError(
            "Patient not associated with given facility", patientId=patient_id, facilityId=facility_id
        )
    query_id = repeatable_id("document-query")
    if (started := session.get(DocumentQuery, query_id)) is not None:
        return started
    patients.ensure_queryable(patient)
    platform.db.lock(session, "document-query", patient_id)
    running = _running(session, patient_id)
    if running is not None:
        return running
    asked = steering.connectors(session.tenant.environment, SOURCE, patient, control=hie)
    query = DocumentQuery(
        id=query_id,
        patient_id=patient_id,
        facility_id=facility_id or next(iter(patient.facility_ids), None),
        again=again,
        networks=[connector.name for connector in asked],
        query_metadata=metadata,
        download_status="processing",
        discovered=False,
        started_at=utcnow(),
    )
    session.add(query)
    session.flush()
    platform.jobs.enqueue(
        session,
        QUERIES,
        RUN,
        str(session.tenant),
        query.id,
        job_id=f"document-query:{query.id}",
        key=queue_key(patient_id, SOURCE),
    )
    return query


def latest(session: TenantSession, patient_id: str) -> DocumentQuery | None:
    """The patient's last query, or None when there never was one. Raises NotFoundError."""
    patients.get_patient(session, patient_id)
    return session.scalars(
        select(DocumentQuery)
        .where(DocumentQuery.patient_id == patient_id)
        .order_by(DocumentQuery.id.desc())
        .limit(1)
    ).one_or_none()


@dataclass(frozen=True, slots=True)
class Phase:
    """How far the downloads or the conversions are; ``total`` is None while it is not known."""

    status: Status
    total: int | None = None
    successful: int = 0
    errors: int = 0


def progress(session: TenantSession, query: DocumentQuery) -> tuple[Phase, Phase | None]:
    """Downloads and, once those have ended, conversions."""
    counted = session.execute(
        select(DocumentQueryItem.download, DocumentQueryItem.conversion, func.count())
        .where(DocumentQueryItem.query_id == query.id)
        .group_by(DocumentQueryItem.download, DocumentQueryItem.conversion)
    ).all()
    rows = [(download, conversion, int(number)) for download, conversion, number in counted]
    new = [(download, number) for download, _, number in rows if download != "held"]
    here = [(conversion, number) for download, conversion, number in rows if download in ("done", "held")]
    known = query.discovered
    download = Phase(
        cast(Status, query.download_status),
        total=sum(number for _, number in new) if known else None,
        successful=sum(number for state, number in new if state == "done"),
        errors=sum(number for state, number in new if state == "failed"),
    )
    if query.convert_status is None:
        return download, None
    to_convert = [(state, number) for state, number in here if state != "none"]
    return download, Phase(
        cast(Status, query.convert_status),
        total=sum(number for _, number in to_convert),
        successful=sum(number for state, number in to_convert if state == "done"),
        errors=sum(number for state, number in to_convert if state == "failed"),
    )


def enter_items(
    session: TenantSession,
    query_id: str,
    *,
    to_fetch: Collection[str],
    convertible: Collection[str],
    others: Collection[str],
) -> None:
    """Note which documents the query has work with; idempotent, and nothing when the patient is gone.

    ``convertible`` and ``others`` are all of them, of which ``to_fetch`` are new to us.
    """
    if not _hold(session, query_id):
        return
    for document_id in (*convertible, *others):
        row = {
            "query_id": query_id,
            "document_id": document_id,
            "download": "pending" if document_id in to_fetch else "held",
            "conversion": "pending" if document_id in convertible else "none",
        }
        insert_new(session, DocumentQueryItem, row, key=("query_id", "document_id"))


def mark_discovered(session: TenantSession, query_id: str, failure: str | None) -> None:
    """How many documents there are is known from now on. ``failure``: what went wrong on the way."""
    query = _lock(session, query_id)
    if query is not None:
        query.discovered, query.failure = True, failure and failure[:500]


def note_failure(session: TenantSession, query_id: str, failure: str) -> None:
    """Nobody could say how many documents there are, for this reason."""
    query = _lock(session, query_id)
    if query is not None:
        query.failure = failure[:500]


def unfetched(session: TenantSession, query_id: str, ids: Sequence[str]) -> list[str]:
    """Those of the documents whose bytes the query has not tried to bring yet."""
    return list(
        session.scalars(
            select(DocumentQueryItem.document_id)
            .where(DocumentQueryItem.query_id == query_id, DocumentQueryItem.document_id.in_(ids))
            .where(DocumentQueryItem.download == "pending")
            .order_by(DocumentQueryItem.document_id)
        )
    )


def mark_fetched(session: TenantSession, query_id: str, ids: Collection[str], *, arrived: bool) -> None:
    """Note what became of the documents' bytes; nothing when the patient is gone."""
    if not _hold(session, query_id):
        return
    session.execute(
        update(DocumentQueryItem)
        .where(DocumentQueryItem.query_id == query_id, DocumentQueryItem.document_id.in_(ids))
        .where(DocumentQueryItem.download == "pending")
        .values(download="done" if arrived else "failed"),
        execution_options={"synchronize_session": False},
    )


def to_convert(session: TenantSession, query_id: str) -> list[str]:
    """Documents that are here and wait for their conversion, the oldest first."""
    return list(
        session.scalars(
            select(DocumentQueryItem.document_id)
            .where(DocumentQueryItem.query_id == query_id, DocumentQueryItem.conversion == "pending")
            .where(DocumentQueryItem.download.in_(("done", "held")))
            .order_by(DocumentQueryItem.document_id)
        )
    )


def mark_converted(session: TenantSession, query_id: str, ids: Collection[str]) -> None:
    """Note what became of the documents' conversions; nothing when the patient is gone."""
    if not _hold(session, query_id):
        return
    good = outcomes.converted(session, ids)
    for state, of_state in (("done", good), ("failed", set(ids) - good)):
        session.execute(
            update(DocumentQueryItem)
            .where(DocumentQueryItem.query_id == query_id, DocumentQueryItem.document_id.in_(of_state))
            .where(DocumentQueryItem.conversion != "none")
            .values(conversion=state),
            execution_options={"synchronize_session": False},
        )


def end_downloads(
    platform: Platform, session: TenantSession, query_id: str, *, failed_networks: Collection[str]
) -> bool:
    """End the downloads and tell the application, in one transaction; nothing when they have ended.

    They have failed when every network did. True when something follows: documents to convert, or new
    ones to enter into the chart. When nothing does, the query ends here.
    """
    query = _lock(session, query_id)
    if query is None:
        return False
    if query.download_status == "processing":
        failed = set(failed_networks) >= set(query.networks)
        _end_downloads(platform, session, query, "failed" if failed else "completed")
        if query.convert_status == "completed":
            query.ended_at = utcnow()
    return query.ended_at is None


def _end_downloads(platform: Platform, session: TenantSession, query: DocumentQuery, status: Status) -> None:
    new = _fetched(session, query.id)
    query.download_status = status
    query.convert_status = "processing" if new or to_convert(session, query.id) else "completed"
    content = {
        **patients.webhook_keys(patients.get_patient(session, query.patient_id)),
        "status": status,
        "documents": [outcomes.described(document) for document in outcomes.stored(session, new)],
    }
    message = events.DocumentDownload.model_validate({"patients": [content]})
    _send(platform, session, query, events.DOCUMENT_DOWNLOAD, message)


def finish(platform: Platform, session: TenantSession, query_id: str) -> None:
    """End the query as completed, and tell that its documents are in the chart; nothing when it ended."""
    query = _lock(session, query_id)
    if query is not None and query.ended_at is None:
        _end_conversions(platform, session, query, "completed")


def fail(platform: Platform, session: TenantSession, query_id: str, reason: str) -> None:
    """End what has not ended of a query as failed, and tell the application."""
    query = _lock(session, query_id)
    if query is None or query.ended_at is not None:
        return
    query.failure = reason[:500]
    if query.download_status == "processing":
        _end_downloads(platform, session, query, "failed")
    if query.convert_status == "completed":
        query.ended_at = utcnow()
    else:
        _end_conversions(platform, session, query, "failed")


def _end_conversions(
    platform: Platform, session: TenantSession, query: DocumentQuery, status: Status
) -> None:
    query.convert_status, query.ended_at = status, utcnow()
    keys = patients.webhook_keys(patients.get_patient(session, query.patient_id))
    message = events.DocumentConversion.model_validate({"patients": [{**keys, "status": status}]})
    _send(platform, session, query, events.DOCUMENT_CONVERSION, message)


def _fetched(session: TenantSession, query_id: str) -> list[str]:
    """The documents that are new in this query and here."""
    return list(
        session.scalars(
            select(DocumentQueryItem.document_id).where(
                DocumentQueryItem.query_id == query_id, DocumentQueryItem.download == "done"
            )
        )
    )


def _hold(session: TenantSession, query_id: str) -> bool:
    """Whether the query's patient is there, and stays until this transaction ends: deleting locks the
    patient first, so whoever writes of the query must come in the same order."""
    query = session.get(DocumentQuery, query_id)
    return query is not None and patients.hold_patient(session, query.patient_id)


def _lock(session: TenantSession, query_id: str) -> DocumentQuery | None:
    """The query, locked after its patient; None when either is gone."""
    if not _hold(session, query_id):
        return None
    locked = select(DocumentQuery).where(DocumentQuery.id == query_id).with_for_update()
    return session.scalars(locked, execution_options={"populate_existing": True}).one_or_none()


def _send(
    platform: Platform, session: TenantSession, query: DocumentQuery, kind: str, content: events.Content
) -> None:
    webhooks.send(
        platform,
        session,
        kind,
        content,
        request_id=query.id,
        patient_id=query.patient_id,
        metadata=query.query_metadata,
    )
