"""Forgetting every chart of a patient that was made so far, because something in it was another person's."""

from __future__ import annotations

from sqlalchemy import delete, update

from chartbridge.db import Tenant, TenantSession
from chartbridge.features.records.models import ConsolidatedQuery, MedicalRecord, Record
from chartbridge.platform import Platform
from chartbridge.storage import keys

_UNSYNCHRONIZED = {"synchronize_session": False}


def forget_charts(session: TenantSession, patient_id: str) -> None:
    """Have nothing name the charts, summaries and results of queries that there are; the next reader gets a
    chart that is made anew. The patient must be held. ``delete_charts`` follows once this is committed."""
    statements = (
        delete(Record).where(Record.patient_id == patient_id),
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
