"""The tables of cohorts and their members."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, TenantOwned, Versioned
from chartbridge.ids import new_id


class Cohort(Versioned, TenantOwned, Base):
    """A group of patients. ``settings`` are whole, in the API's shape."""

    __tablename__ = "cohorts"
    __table_args__ = (UniqueConstraint("account_id", "environment", "name"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(500))
    color: Mapped[str] = mapped_column(String(10))
    description: Mapped[str] = mapped_column(Text)
    purpose_of_use: Mapped[str] = mapped_column(String(10))
    settings: Mapped[dict[str, Any]]


class CohortMember(TenantOwned, Base):
    """A patient in a cohort. It keeps the cohort, not the patient, from being deleted."""

    __tablename__ = "cohort_members"

    cohort_id: Mapped[str] = mapped_column(ForeignKey(Cohort.id, ondelete="RESTRICT"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(
        ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True, index=True
    )
