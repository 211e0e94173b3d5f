"""Removing snapshots that were replaced, and results whose URLs have ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from chartbridge.db import Tenant, TenantSession
from chartbridge.features.records.models import ConsolidatedQuery, MedicalRecord, Record
from chartbridge.features.webhooks import service as webhooks
from chartbridge.ids import utcnow
from chartbridge.platform import Platform
from chartbridge.storage import keys

SPARED_FOR = timedelta(hours=1)
"""Longer than anybody needs from naming an object to saying so in the database, clocks of several machines
that differ included, and longer than any URL of a result lives."""

AWAITED_FOR = timedelta(days=1)
"""How long the files of a message are kept that could not be delivered."""


def drop_old_snapshots(platform: Platform, tenant: Tenant, patient_id: str, replaced: str | None) -> int:
    """Remove ``replaced``, the snapshot that the pointer's last move left behind, and what a crash may have
    left of the patient's older ones; returns how many.

    The current snapshot and the one before it stay, and so does whatever is younger than an hour: it may
    be about to become the current one.
    """
    folder = keys.snapshot(tenant, patient_id, "x").rpartition("/")[0]
    found = list(platform.store.keys(folder))
    indexes = list(platform.store.keys(keys.search_index(tenant, patient_id, "x").rpartition("/")[0]))
    with platform.db.read(tenant) as session:
        record = session.get(Record, patient_id)
    if record is None:
        return 0
    kept = {record.snapshot_id, record.previous_snapshot_id}

    def is_old(key: str) -> bool:
        return _name(key) not in kept and (_name(key) == replaced or _has_had_its_time(_name(key)))

    _drop(platform, filter(is_old, indexes))
    return _drop(platform, filter(is_old, found))


def drop_old_results(platform: Platform, tenant: Tenant, patient_id: str) -> int:
    """Remove files made for download that nobody can be waiting for; returns how many.

    Kept are those of the last hour, those of queries that are still listed, medical record summaries that
    can still be had, and what a message of the last day that has not arrived links to.
    """
    folder = keys.query_result(tenant, patient_id, "x", "x").rpartition("/")[0]
    found = list(platform.store.keys(folder))
    with platform.db.read(tenant) as session:
        kept = set(_kept_results(session, patient_id))
        linked = webhooks.keys_not_delivered(session, patient_id, utcnow() - AWAITED_FOR)
    return _drop(
        platform,
        (
            key
            for key in found
            if key not in linked and _name(key) not in kept and _has_had_its_time(_name(key))
        ),
    )


def _kept_results(session: TenantSession, patient_id: str) -> Iterator[str]:
    yield from session.scalars(
        select(ConsolidatedQuery.id).where(
            ConsolidatedQuery.patient_id == patient_id, ConsolidatedQuery.listed
        )
    )
    yield from session.scalars(select(MedicalRecord.request_id).where(MedicalRecord.patient_id == patient_id))


def _name(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def _has_had_its_time(name: str) -> bool:
    made = _made_ms(name)
    return made is not None and made < (utcnow() - SPARED_FOR).timestamp() * 1000


def _made_ms(name: str) -> int | None:
    """When an object was named, from the UUID version 7 that names it; None for another name."""
    try:
        named = UUID(name)
    except ValueError:
        return None
    return named.int >> 80 if named.version == 7 else None


def _drop(platform: Platform, chosen: Iterator[str]) -> int:
    count = 0
    for key in chosen:
        platform.store.delete(key)
        count += 1
    return count
