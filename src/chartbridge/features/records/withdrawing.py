"""Forgetting every chart of a patient that was made so far, because something in it was another person's.

Who was making one meanwhile cannot make it the current one; who was making something of one finds, once that
is written, that the chart no longer stands (see ``chart.stands``), and deletes it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update

from chartbridge.db import Tenant, TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.features.records.models import ConsolidatedQuery, MedicalRecord, Record
from chartbridge.platform import Platform
from chartbridge.storage import keys

_UNSYNCHRONIZED = {"synchronize_session": False}


def forget_charts(session: TenantSession, patient_id: str) -> None:
    """Have nothing name the charts, summaries and results of queries that there are; the next reader gets a
    chart that is made anew. The patient must be held. ``delete_charts`` follows once this is committed."""
    nothing: dict[str, Any] = {"snapshot_id": "", "previous_snapshot_id": None, "inputs": "", "counts": {}}
    # The row stays and its version goes on: by that a chart begun before is known to be too old.
    row = {"patient_id": patient_id, "version": 1, **nothing}
    if not insert_new(session, Record, row, key=("patient_id",)):
        session.execute(
            update(Record)
            .where(Record.patient_id == patient_id)
            .values(version=Record.version + 1, **nothing),
            execution_options=_UNSYNCHRONIZED,
        )
    statements = (
        delete(MedicalRecord).where(MedicalRecord.patient_id == patient_id),
        update(ConsolidatedQuery)
        .where(ConsolidatedQuery.patient_id == patient_id, ConsolidatedQuery.status != "processing")
        .values(listed=False),
    )
    for statement in statements:
        session.execute(statement, execution_options=_UNSYNCHRONIZED)


def delete_charts(platform: Platform, tenant: Tenant, patient_id: str) -> None:
    """Delete the objects that ``forget_charts`` left unnamed; URLs of them that were given out end here."""
    for key in (
        keys.query_result(tenant, patient_id, "x", "x"),
        keys.snapshot(tenant, patient_id, "x"),
        keys.search_index(tenant, patient_id, "x"),
        keys.rendering(tenant, patient_id, "x", "x", "x", "x"),
    ):
        platform.store.delete_below(key.rpartition("/")[0])
    platform.store.delete(keys.brief(tenant, patient_id))
