"""What is kept of imports, and for how long."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, or_, select

from chartbridge.db import Tenant
from chartbridge.features.bulk import service
from chartbridge.features.bulk.models import BulkImport, BulkImportRow
from chartbridge.ids import utcnow
from chartbridge.platform import Platform
from chartbridge.storage import keys


def drop_old_imports(platform: Platform, tenant: Tenant) -> int:
    """Forget the imports that ended longer ago than they are kept, with their rows and files; how many.

    A result that names a patient who was deleted since is deleted too: the row stood in it as it came.
    """
    _withdraw_results(platform, tenant)
    last = utcnow() - timedelta(days=platform.settings.bulk_result_days)
    with platform.db.read(tenant) as session:
        old = list(session.scalars(select(BulkImport.id).where(BulkImport.ended_at < last)))
    for import_id in old:
        platform.store.delete_below(keys.bulk_folder(tenant, import_id))
        with platform.db.write(tenant) as session:
            query = delete(BulkImport).where(BulkImport.id == import_id)
            session.execute(query.execution_options(synchronize_session=False))
    return len(old)


def _withdraw_results(platform: Platform, tenant: Tenant) -> None:
    deleted_since = (
        select(BulkImportRow.number)
        .where(
            BulkImportRow.import_id == BulkImport.id,
            BulkImportRow.patient_id.is_(None),
            BulkImportRow.effect != "refused",
        )
        .exists()
    )
    query = select(BulkImport.id).where(
        BulkImport.has_result,
        BulkImport.ended_at.is_not(None),
        or_(BulkImport.dry_run.is_(None), BulkImport.dry_run.is_(False)),
        deleted_since,
    )
    with platform.db.read(tenant) as session:
        touched = list(session.scalars(query))
    for import_id in touched:
        platform.store.delete_below(keys.bulk_folder(tenant, import_id))
        with platform.db.write(tenant) as session:
            job = service.lock(session, import_id)
            if job is not None:
                job.has_result = False
