"""Asking the networks about the patients of an import, at the rate that the operator sets.

A turn is a short job: it starts the queries that are due, looks which have ended, and plans the next turn.
Each query is started in one transaction with the position in the rows, so none is started twice, and no
worker waits between two of them. The account's own limits of network queries are not touched.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from chartbridge.db import Tenant, TenantSession
from chartbridge.errors import DomainError
from chartbridge.features.bulk import service
from chartbridge.features.bulk.models import BulkImport, BulkImportRow
from chartbridge.features.networks import service as networks
from chartbridge.features.networks.protocol import SOURCES, Source
from chartbridge.features.queries import service as queries
from chartbridge.ids import timestamp, utcnow
from chartbridge.platform import Platform

RUN_TURN = "bulk-queries"
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 5.0


def begin(platform: Platform, tenant: Tenant, import_id: str) -> None:
    """The rows are done: have the networks asked, or end the import where there is nothing to ask."""
    with platform.db.write(tenant) as session:
        job = service.lock_running(session, import_id)
        if job is None:
            return
        made = job.patients_created + job.patients_updated + job.patients_matched
        if job.cancelled_at is not None:
            service.fail(platform, session, job, service.CANCELLED)
        elif job.dry_run or not made or not _sources(platform, tenant):
            service.complete(platform, session, job)
        else:
            _plan(platform, session, job, 0.0)


def start_due(platform: Platform, tenant: Tenant, import_id: str, turn: int) -> None:
    """Start the queries that are due now."""
    while _start_next(platform, tenant, import_id, turn):
        pass


def end_turn(platform: Platform, tenant: Tenant, import_id: str, turn: int) -> None:
    """Note what has ended; then end the import, or plan the next turn."""
    with platform.db.write(tenant) as session:
        job = _lock_turn(session, import_id, turn)
        if job is None:
            return
        _note_ended(platform, session, job)
        if job.cancelled_at is not None:
            service.fail(platform, session, job, service.CANCELLED)
        elif not job.running and (_next_row(session, job) is None or not _sources(platform, session.tenant)):
            service.complete(platform, session, job)
        else:
            job.turn += 1
            _plan(platform, session, job, _pause_s(job))


def _sources(platform: Platform, tenant: Tenant) -> list[Source]:
    """What the patients are asked about: nothing where the operator wants none."""
    if not platform.settings.bulk_queries_per_minute:
        return []
    return [source for source in SOURCES if networks.connectors(tenant.environment, source)]


def _lock_turn(session: TenantSession, import_id: str, turn: int) -> BulkImport | None:
    """The import while it is processing and that turn is its present one."""
    job = service.lock_running(session, import_id)
    return job if job is not None and job.turn == turn else None


def _plan(platform: Platform, session: TenantSession, job: BulkImport, delay_s: float) -> None:
    platform.jobs.enqueue(
        session,
        service.IMPORTS,
        RUN_TURN,
        str(session.tenant),
        job.id,
        str(job.turn),
        job_id=f"{RUN_TURN}:{job.id}:{job.turn}",
        key=job.id,  # not the account's: rows of its next import do not wait for these queries
        delay_s=delay_s or None,
    )


def _pause_s(job: BulkImport) -> float:
    """Short at first, so that a small import is soon at its end; a large one looks every few seconds."""
    return min(MAX_PAUSE_S, FIRST_PAUSE_S * (1 + job.turn / 4))


def _start_next(platform: Platform, tenant: Tenant, import_id: str, turn: int) -> bool:
    """Start one query, if one may start now; whether another may be tried."""
    settings = platform.settings
    with platform.db.write(tenant) as session:
        job = _lock_turn(session, import_id, turn)
        if job is None or job.cancelled_at is not None or len(job.running) >= settings.bulk_queries_in_flight:
            return False
        sources = _sources(platform, tenant)
        now = utcnow()
        due = job.next_query_at or now
        row = _next_row(session, job)
        if row is None or not sources or due > now:
            return False
        number, patient_id = row
        job.rows_asked = number
        if _was_asked(session, job, patient_id):
            return True
        try:
            with session.begin_nested():
                query = queries.start(platform, session, patient_id, sources, metadata={})
        except DomainError:
            return True  # opted out, not treated, or deleted since: nobody may be asked about them
        job.running = [*job.running, [query.id, timestamp(now)]]
        job.queries_started += 1
        # What could not be started while nobody looked is caught up with, but no more than one pause of it.
        earliest = now - timedelta(seconds=2 * MAX_PAUSE_S)
        job.next_query_at = max(due, earliest) + timedelta(minutes=1) / settings.bulk_queries_per_minute
    return True


def _next_row(session: TenantSession, job: BulkImport) -> tuple[int, str] | None:
    """Number and patient of the next row to ask about."""
    query = (
        select(BulkImportRow.number, BulkImportRow.patient_id)
        .where(
            BulkImportRow.import_id == job.id,
            BulkImportRow.number > job.rows_asked,
            BulkImportRow.patient_id.is_not(None),
        )
        .order_by(BulkImportRow.number)
        .limit(1)
    )
    found = session.execute(query).first()
    return None if found is None else (found[0], str(found[1]))


def _was_asked(session: TenantSession, job: BulkImport, patient_id: str) -> bool:
    """Whether an earlier row is about the same patient."""
    query = select(BulkImportRow.number).where(
        BulkImportRow.patient_id == patient_id,
        BulkImportRow.import_id == job.id,
        BulkImportRow.number < job.rows_asked,
    )
    return session.scalars(query.limit(1)).first() is not None


def _note_ended(platform: Platform, session: TenantSession, job: BulkImport) -> None:
    """Take those queries off that have ended, whose patient is gone, or that take too long to be waited
    for."""
    oldest = utcnow() - timedelta(seconds=platform.settings.bulk_query_wait_s)
    states = queries.statuses(session, [query_id for query_id, _ in job.running])
    left = [
        [query_id, started_at]
        for query_id, started_at in job.running
        if states.get(query_id) == "processing" and datetime.fromisoformat(started_at) > oldest
    ]
    job.queries_ended += len(job.running) - len(left)
    job.running = left
