"""Bulk imports from the request to their end: starting, reading, cancelling, and the changes of status with
their webhooks (contract, bulk patient create 3.1 and 3.2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from sqlalchemy import select

from chartbridge.db import Tenant, TenantSession
from chartbridge.errors import BadRequestError, NotFoundError
from chartbridge.features.bulk.models import BulkImport as BulkImport
from chartbridge.features.facilities import service as facilities
from chartbridge.features.webhooks import events, links
from chartbridge.features.webhooks import service as webhooks
from chartbridge.http.paging import Page, PageRequest, paginate
from chartbridge.http.uploads import ARRIVES_WITHIN_S
from chartbridge.ids import utcnow
from chartbridge.jobs.queue import Queue
from chartbridge.platform import Platform
from chartbridge.repeating import repeatable_id
from chartbridge.storage import keys

IMPORTS = Queue("bulk-import", serial_per_key=True, seldom=True)
"""The rows of one account's imports are taken in one file after the other."""

RUN = "bulk-import"
UPLOAD_URL_S = 600
RESULT_URL_S = 180
CANCELLED = "Cancelled"

Status = Literal["waiting", "processing", "completed", "failed", "expired"]
_MAY_BECOME = {
    "processing": ("waiting", "processing"),
    "completed": ("processing",),
    "failed": ("waiting", "processing", "failed", "expired"),
}


def start(
    session: TenantSession, *, facility_id: str | None = None, dry_run: bool | None = None
) -> BulkImport:
    """An import whose file is to come; a call that is done again finds the one that it started. Raises
    NotFoundError for the facility, and BadRequestError when it must be named."""
    import_id = repeatable_id("bulk-import")
    if (started := session.get(BulkImport, import_id)) is not None:
        return started
    now = utcnow()
    job = BulkImport(
        id=import_id,
        facility_id=_facility_id(session, facility_id),
        dry_run=dry_run,
        status="waiting",
        upload_until=now + timedelta(seconds=UPLOAD_URL_S),
        created_at=now,
    )
    session.add(job)
    session.flush()
    return job


def _facility_id(session: TenantSession, wanted: str | None) -> str:
    if wanted:
        return facilities.get_facility(session, wanted).id
    held = facilities.list_facilities(session)
    if len(held) > 1:
        raise BadRequestError("More than one facility found, please specify a facility ID")
    if not held:
        raise NotFoundError("Could not find facility")
    return held[0].id


def upload_url(platform: Platform, job: BulkImport, tenant: Tenant) -> str:
    """Where the import's file is to be put."""
    return platform.store.upload_url(keys.bulk_upload(tenant, job.id), expires_in_s=UPLOAD_URL_S)


def result_url(platform: Platform, job: BulkImport, tenant: Tenant) -> str | None:
    """Where the result of an import that has ended can be read for three minutes."""
    if not job.has_result or job.ended_at is None:
        return None
    return platform.store.presigned_get(
        keys.bulk_result(tenant, job.id),
        expires_in_s=RESULT_URL_S,
        content_type="text/csv",
        filename=f"{job.id}.csv",
    )


def known_imports(platform: Platform, tenant: Tenant) -> frozenset[str]:
    """The ids of all imports of the tenant."""
    with platform.db.glance(tenant) as session:
        return frozenset(session.scalars(select(BulkImport.id)))


def find_import(session: TenantSession, import_id: str) -> BulkImport | None:
    return session.scalars(select(BulkImport).where(BulkImport.id == import_id)).one_or_none()


def get_import(session: TenantSession, import_id: str) -> BulkImport:
    """Raises NotFoundError."""
    job = find_import(session, import_id)
    if job is None:
        raise NotFoundError("Could not find bulk import", id=import_id)
    return job


def list_imports(session: TenantSession, page: PageRequest) -> Page[BulkImport]:
    """Newest first."""
    return paginate(session, select(BulkImport), BulkImport.id, page)


def lock(session: TenantSession, import_id: str) -> BulkImport | None:
    """The import as it is now, which nobody else changes until this transaction ends."""
    query = select(BulkImport).where(BulkImport.id == import_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one_or_none()


def lock_running(session: TenantSession, import_id: str) -> BulkImport | None:
    """The same while the import is processing."""
    job = lock(session, import_id)
    return job if job is not None and job.status == "processing" else None


def shown_status(job: BulkImport) -> Status:
    """As callers see it: an import is expired as soon as its URL is, though nobody has noted that yet."""
    if job.status == "waiting" and job.upload_until < utcnow():
        return "expired"
    status: Status = job.status  # type: ignore[assignment]  # nothing else is written there
    return status


def cancel(platform: Platform, session: TenantSession, import_id: str) -> BulkImport:
    """Have the import end before its next batch; what it made until then stays.

    One that has failed already is left as it is. Raises NotFoundError, and BadRequestError when it is
    completed.
    """
    job = lock(session, import_id)
    if job is None:
        raise NotFoundError("Could not find bulk import", id=import_id)
    check_change(job, "failed")
    if job.status == "waiting":
        fail(platform, session, job, CANCELLED)
    elif job.status == "processing" and job.cancelled_at is None:
        job.cancelled_at = utcnow()
    return job


def check_change(job: BulkImport, status: str) -> None:
    """Raise BadRequestError unless the import may get the status."""
    if status == "waiting":
        raise BadRequestError("Waiting is not a valid status to update to")
    if job.status not in _MAY_BECOME[status]:
        raise BadRequestError(f"Import job is not in a valid state to update to {status}")


def begin(platform: Platform, session: TenantSession, job: BulkImport, upload_id: str) -> None:
    """The file has come: note which it is, tell the application, and have the rows taken in."""
    check_change(job, "processing")
    job.status, job.upload_id, job.uploaded_at = "processing", upload_id, utcnow()
    _announce(platform, session, job)
    tenant = str(session.tenant)
    platform.jobs.enqueue(session, IMPORTS, RUN, tenant, job.id, job_id=f"{RUN}:{job.id}", key=tenant)


def complete(platform: Platform, session: TenantSession, job: BulkImport) -> None:
    """End a locked import and tell the application where the result is."""
    check_change(job, "completed")
    job.status, job.ended_at = "completed", utcnow()
    _announce(platform, session, job)


def fail(platform: Platform, session: TenantSession, job: BulkImport, reason: str) -> None:
    """End a locked import as failed and tell the application why; nothing when it has ended."""
    if job.ended_at is not None:
        return
    check_change(job, "failed")
    job.status, job.reason, job.ended_at = "failed", reason[:500], utcnow()
    _announce(platform, session, job)


def _announce(platform: Platform, session: TenantSession, job: BulkImport) -> None:
    result = None
    if job.status == "completed":
        result = links.link(
            keys.bulk_result(session.tenant, job.id),
            content_type="text/csv",
            expires_in_s=RESULT_URL_S,
            filename=f"{job.id}.csv",
        )
    state = {"requestId": job.id, "status": job.status, "result": result, "reason": job.reason}
    content = events.BulkPatientCreate.model_validate({"bulkPatientCreate": state})
    webhooks.send(platform, session, events.BULK_PATIENT_CREATE, content, request_id=job.id)


def expire_waiting(platform: Platform, tenant: Tenant) -> int:
    """Note which imports' files have not come and cannot come any more; how many there were.

    An upload that began in time may still be on its way when the URL expires, so it is given its time.
    """
    last = utcnow() - timedelta(seconds=ARRIVES_WITHIN_S)
    expired = 0
    with platform.db.read(tenant) as session:
        query = select(BulkImport.id).where(BulkImport.status == "waiting", BulkImport.upload_until < last)
        overdue = list(session.scalars(query))
    for import_id in overdue:
        with platform.db.write(tenant) as session:
            job = lock(session, import_id)
            if job is None or job.status != "waiting":
                continue
            job.status, job.ended_at = "expired", utcnow()
        platform.store.delete_below(keys.bulk_folder(tenant, import_id))
        expired += 1
    return expired
