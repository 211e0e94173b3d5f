"""Tables of charts, of consolidated queries, of contributions and of medical record summaries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Json, TenantOwned
from chartbridge.ids import new_id, utcnow


class Record(TenantOwned, Base):
    """Points to a patient's current snapshot. ``inputs`` is a hash over all that went into it. The snapshot
    before it, ``previous_snapshot_id``, is kept for those who read the pointer just before it moved. Both
    are empty when charts were forgotten and none was made since; ``version`` only grows."""

    __tablename__ = "records"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    snapshot_id: Mapped[str] = mapped_column(String(36))
    previous_snapshot_id: Mapped[str | None] = mapped_column(String(36))
    inputs: Mapped[str] = mapped_column(String(64))
    counts: Mapped[dict[str, Any]] = mapped_column(Json)


class ConsolidatedQuery(TenantOwned, Base):
    """One asynchronous query. ``parameters`` is a hash of what two equal queries share."""

    __tablename__ = "consolidated_queries"
    __table_args__ = (Index("ix_consolidated_queries_patient_status", "patient_id", "status"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(String(12))
    parameters: Mapped[str] = mapped_column(String(64))
    conversion_type: Mapped[str] = mapped_column(String(10))
    resources: Mapped[list[Any]] = mapped_column(Json)
    date_from: Mapped[str | None] = mapped_column(String(10))
    date_to: Mapped[str | None] = mapped_column(String(10))
    from_dashboard: Mapped[bool]
    listed: Mapped[bool] = mapped_column(default=True)
    query_metadata: Mapped[dict[str, Any]] = mapped_column(Json)
    started_at: Mapped[datetime] = mapped_column(default=utcnow)
    completed_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(String(500))


class Contribution(TenantOwned, Base):
    """A resource that the application gave, as it stands in the chart. Giving the id again replaces it and
    raises ``version``; ``request_id`` gave this version. ``resource_id`` is in lower case."""

    __tablename__ = "contributions"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True)
    resource_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    resource_type: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    request_id: Mapped[str] = mapped_column(String(36))
    given_at: Mapped[datetime]
    resource: Mapped[dict[str, Any]] = mapped_column(Json)


class MedicalRecord(TenantOwned, Base):
    """The newest medical record summary of a patient in one format: html or pdf. Its object is the result
    of the consolidated query ``request_id``."""

    __tablename__ = "medical_records"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True)
    format: Mapped[str] = mapped_column(String(10), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(36))
    made_at: Mapped[datetime]
