"""Objects that nothing refers to: of patients who are gone, of documents' former contents, of former charts,
of imports that are forgotten.

An object goes only when it is older than a day, by the store's clock, and no row names it under a lock that
keeps rows from beginning to. Kinds of objects that are not known here stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from chartbridge.db import Tenant
from chartbridge.errors import NotFoundError
from chartbridge.features.bulk import service as bulk
from chartbridge.features.documents import orphans
from chartbridge.features.patients import purging
from chartbridge.features.patients import service as patients
from chartbridge.features.records import retention
from chartbridge.platform import Platform
from chartbridge.storage import keys

SPARED_FOR = timedelta(days=1)
"""Longer than any work takes from writing an object to the row that names it."""

AT_ONCE = 100
"""Objects of one patient that are deleted under the patient's lock; the rest comes with the next round."""


def patient_folders(platform: Platform, tenant: Tenant, after: str, limit: int) -> list[str]:
    """The next patients' ids for whom there is a folder of objects, by the order of ids."""
    found = (name for name in platform.store.folders(str(tenant)) if name > after and _is_uuid(name))
    return sorted(found)[:limit]


def sweep_patient(platform: Platform, tenant: Tenant, patient_id: str, now: datetime) -> int:
    """Delete those of one patient's objects that nothing refers to; returns how many."""
    found = platform.store.listing(keys.patient_folder(tenant, patient_id))
    listed = list(found)
    old = [item.key for item in listed if item.modified < now - SPARED_FOR]
    if purging.is_gone(platform, tenant, patient_id):
        return _delete(platform, old)
    kinds = {item.key.split("/")[3] for item in listed}
    count = _sweep_documents(platform, tenant, patient_id, old)
    if kinds & {"charts", "search"}:
        count += retention.drop_old_snapshots(platform, tenant, patient_id, None)
    if "results" in kinds:
        count += retention.drop_old_results(platform, tenant, patient_id)
    return count


def sweep_imports(platform: Platform, tenant: Tenant, now: datetime) -> int:
    """Delete what lies with imports that there are not, as an upload that ended when its import was
    forgotten; returns how many objects."""
    folders = filter(_is_uuid, platform.store.folders(keys.bulk_imports(tenant)))
    known = bulk.known_imports(platform, tenant)
    return _delete(
        platform,
        (
            item.key
            for import_id in folders
            if import_id not in known
            for item in platform.store.listing(keys.bulk_folder(tenant, import_id))
            if item.modified < now - SPARED_FOR
        ),
    )


def _sweep_documents(platform: Platform, tenant: Tenant, patient_id: str, old: Sequence[str]) -> int:
    if not old:
        return 0
    with platform.db.read(tenant) as session:
        suspects = orphans.strays(session, patient_id, old)
    if not suspects:
        return 0
    with platform.db.write(tenant) as session:
        try:
            patients.hold_for_update(session, patient_id, None)
        except NotFoundError:
            return 0  # deleted meanwhile, and the deletion takes the objects along
        return _delete(platform, orphans.strays(session, patient_id, suspects[:AT_ONCE], lock=True))


def _delete(platform: Platform, chosen: Iterable[str]) -> int:
    count = 0
    for key in chosen:
        platform.store.delete(key)
        count += 1
    return count


def _is_uuid(name: str) -> bool:
    """Whether a folder is that of a patient or an import: other kinds have names of words."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
