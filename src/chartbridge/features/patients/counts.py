"""How many patients there are, without counting them."""

from __future__ import annotations

from sqlalchemy import Integer, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, TenantOwned, TenantSession


class PatientCount(TenantOwned, Base):
    """A part of the number of patients. The database's own triggers on ``patients`` (migration 0006) add and
    subtract in the transaction that inserts or deletes; ``patients`` of one shard may be below zero."""

    __tablename__ = "patient_counts"

    account_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    environment: Mapped[str] = mapped_column(String(10), primary_key=True)
    shard: Mapped[int] = mapped_column(Integer, primary_key=True)
    patients: Mapped[int] = mapped_column(Integer)


def count_patients(session: TenantSession) -> int:
    """The number of the tenant's patients, exact in the session's own view."""
    return session.scalar(select(func.coalesce(func.sum(PatientCount.patients), 0))) or 0
