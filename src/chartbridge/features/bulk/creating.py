"""Taking in the rows of an import's file, batch by batch, and writing its result.

Each batch is one transaction: its patients, what became of its rows, and how far the import is. So a batch
is done or not done, and work that begins again goes on where that stands; two workers at once do nothing
twice, for a batch that does not begin there is left alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from chartbridge.db import Tenant, TenantSession
from chartbridge.db.upsert import insert_all_new
from chartbridge.errors import DomainError
from chartbridge.features.bulk import service, sheet
from chartbridge.features.bulk.models import BulkImport, BulkImportRow
from chartbridge.features.bulk.outcome_sheet import RowOutcome, write_outcomes
from chartbridge.features.bulk.rows import Accepted, Rejected, RowReader
from chartbridge.features.patients import batches
from chartbridge.ids import utcnow
from chartbridge.logs import describe
from chartbridge.platform import Platform
from chartbridge.storage import keys

BATCH = 250
"""Rows of one transaction: each holds a lock for its date of birth and gender, and a server has some
thousands of them for everybody."""

SLICE = 60
"""Batches for which the file is fetched once."""

UNKNOWN_CAUSE = "Failed to obtain patient data"
NOT_REACHED = "Not processed: the import was cancelled"
_SEPARATOR = "\n"
_AT_A_TIME = 1000

log = structlog.get_logger(__name__)
Read = tuple[int, Accepted | Rejected]


@contextmanager
def _opened(platform: Platform, tenant: Tenant, job: BulkImport) -> Iterator[sheet.Sheet]:
    """The import's file, brought to this machine. Raises SheetError and StorageError."""
    with tempfile.TemporaryDirectory(prefix="chartbridge-bulk-") as folder:
        path = Path(folder) / "rows.csv"
        platform.store.get_file(keys.bulk_source(tenant, job.id, str(job.upload_id)), path)
        yield sheet.open_sheet(path)


def _running(platform: Platform, tenant: Tenant, import_id: str) -> BulkImport | None:
    with platform.db.read(tenant) as session:
        job = service.find_import(session, import_id)
    return job if job is not None and job.status == "processing" else None


def count_rows(platform: Platform, tenant: Tenant, import_id: str) -> bool:
    """Look the file through; whether it can be used. One that cannot ends the import."""
    job = _running(platform, tenant, import_id)
    if job is None:
        return False
    if job.rows_total is not None:
        return True
    try:
        with _opened(platform, tenant, job) as opened:
            total = opened.count
    except sheet.SheetError as error:
        end_as_failed(platform, tenant, import_id, str(error))
        return False
    with platform.db.write(tenant) as session:
        held = service.lock_running(session, import_id)
        if held is not None:
            held.rows_total = total
    return held is not None


def end_as_failed(platform: Platform, tenant: Tenant, import_id: str, reason: str) -> None:
    """End the import, unless it has ended, and forget its file."""
    with platform.db.write(tenant) as session:
        job = service.lock(session, import_id)
        if job is not None:
            service.fail(platform, session, job, reason)
    platform.store.delete_below(keys.bulk_sources(tenant, import_id))


def take_in(platform: Platform, tenant: Tenant, import_id: str) -> bool:
    """Take in the next slice of the rows; whether there are more."""
    job = _running(platform, tenant, import_id)
    if not _goes_on(job):
        return False
    assert job is not None
    try:
        with _opened(platform, tenant, job) as opened:
            reader = RowReader(opened.header, utcnow().date())
            rows = islice(opened.rows(job.rows_done), SLICE * BATCH)
            while batch := [(row.number, reader.read(row.cells)) for row in islice(rows, BATCH)]:
                if not _take_in_batch(platform, tenant, job, batch):
                    break
    except DomainError as error:
        end_as_failed(platform, tenant, import_id, error.detail)
        return False
    return _goes_on(_running(platform, tenant, import_id))


def _goes_on(job: BulkImport | None) -> bool:
    return job is not None and job.cancelled_at is None and job.rows_done < (job.rows_total or 0)


def _take_in_batch(platform: Platform, tenant: Tenant, job: BulkImport, batch: Sequence[Read]) -> bool:
    """False when the import does not go on here: it was cancelled, or another worker has it."""
    try:
        return _store(platform, tenant, job, batch)
    except DomainError:
        raise
    except Exception as error:  # noqa: BLE001 - one row must not take the others of its batch with it
        log.warning("a batch is taken in row by row", bulk_import=job.id, error=describe(error))
    return all(_take_in_row(platform, tenant, job, row) for row in batch)


def _take_in_row(platform: Platform, tenant: Tenant, job: BulkImport, row: Read) -> bool:
    try:
        return _store(platform, tenant, job, [row])
    except (DomainError, OperationalError, InterfaceError, NoConnectionError):
        raise  # not the row's fault
    except Exception as error:  # noqa: BLE001 - whatever it was is told of this row alone
        log.warning("a row could not be taken in", bulk_import=job.id, error=describe(error))
    return _store(platform, tenant, job, [(row[0], Rejected((UNKNOWN_CAUSE,)))])


def _store(platform: Platform, tenant: Tenant, job: BulkImport, batch: Sequence[Read]) -> bool:
    """Store patients, outcomes and position in one transaction; False when the import does not go on here.

    Raises NotFoundError when its facility is gone.
    """
    foreseen = _foresee(platform, tenant, job, batch) if job.dry_run else None
    with platform.db.write(tenant) as session:
        held = service.lock_running(session, job.id)
        if held is None or held.cancelled_at is not None or held.rows_done != batch[0][0] - 1:
            return False
        made = iter(_create(platform, session, held, batch) if foreseen is None else foreseen)
        outcomes = [
            (number, next(made) if isinstance(read, Accepted) else _refused(read)) for number, read in batch
        ]
        insert_all_new(session, BulkImportRow, _rows(held, outcomes), key=("import_id", "number"))
        _count(held, [outcome for _, outcome in outcomes])
    return True


def _create(
    platform: Platform, session: TenantSession, job: BulkImport, batch: Sequence[Read]
) -> list[batches.Outcome]:
    return batches.create_or_find(
        session,
        platform.db,
        _entries(batch),
        facility_id=job.facility_id,
        sandbox_max_patients=platform.settings.sandbox_max_patients,
    )


def _foresee(
    platform: Platform, tenant: Tenant, job: BulkImport, batch: Sequence[Read]
) -> list[batches.Outcome]:
    with platform.db.read(tenant) as session:
        now = service.get_import(session, job.id)
        return batches.foresee(
            session,
            _entries(batch),
            facility_id=job.facility_id,
            sandbox_max_patients=platform.settings.sandbox_max_patients,
            foreseen=now.patients_created,
        )


def _entries(batch: Sequence[Read]) -> list[batches.Entry]:
    return [batches.Entry(read.patient, read.cohorts) for _, read in batch if isinstance(read, Accepted)]


def _refused(read: Rejected) -> batches.Outcome:
    return batches.Outcome("refused", None, read.reasons)


def _rows(job: BulkImport, outcomes: Sequence[tuple[int, batches.Outcome]]) -> list[dict[str, object]]:
    return [
        {
            "import_id": job.id,
            "number": number,
            "patient_id": outcome.patient_id,
            "effect": outcome.effect,
            "reasons": _SEPARATOR.join(outcome.reasons) or None,
        }
        for number, outcome in outcomes
    ]


def _count(job: BulkImport, outcomes: Sequence[batches.Outcome]) -> None:
    effects = [outcome.effect for outcome in outcomes]
    job.rows_done += len(effects)
    job.rows_failed += effects.count("refused")
    job.patients_created += effects.count("created")
    job.patients_updated += effects.count("updated")
    job.patients_matched += effects.count("matched")


def write_result(platform: Platform, tenant: Tenant, import_id: str) -> None:
    """Write what became of the rows, also of those that a cancelled import did not reach, and forget the
    file that was sent."""
    job = _running(platform, tenant, import_id)
    if job is None:
        return
    if not job.has_result:
        with _opened(platform, tenant, job) as opened:
            path = opened.path.with_name("result.csv")
            with path.open("wb") as target, platform.db.read(tenant) as session:
                write_outcomes(opened, _outcomes(session, import_id, opened.count), target)
            key = keys.bulk_result(tenant, import_id)
            platform.store.put(key, path, content_type="text/csv", filename=f"{import_id}.csv")
        with platform.db.write(tenant) as session:
            held = service.lock_running(session, import_id)
            if held is not None:
                held.has_result = True
    platform.store.delete_below(keys.bulk_sources(tenant, import_id))


def _outcomes(session: TenantSession, import_id: str, total: int) -> Iterator[RowOutcome]:
    query = (
        select(BulkImportRow.number, BulkImportRow.patient_id, BulkImportRow.reasons)
        .where(BulkImportRow.import_id == import_id)
        .order_by(BulkImportRow.number)
        .execution_options(yield_per=_AT_A_TIME)
    )
    number = 0
    for number, patient_id, reasons in session.execute(query):
        yield RowOutcome(number, patient_id, tuple(reasons.split(_SEPARATOR)) if reasons else ())
    for missing in range(number + 1, total + 1):
        yield RowOutcome(missing, None, (NOT_REACHED,))
