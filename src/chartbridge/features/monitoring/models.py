"""Tables of schedules and of what came of them.

Schedules are looked for over all tenants at once, so those tables stand above tenants; they hold ids and
counts only, the tenant as ``str(Tenant)``.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, TenantOwned
from chartbridge.ids import new_id, utcnow


class Schedule(Base):
    """A source that a cohort has monitored, since ``since``; an earlier occasion never runs.

    ``look_at``: when to see again whether something is due. ``last_occasion``: the last that was entered.
    """

    __tablename__ = "monitoring_schedules"

    cohort_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    source: Mapped[str] = mapped_column(String(10), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(50))
    frequency: Mapped[str] = mapped_column(String(10))
    since: Mapped[datetime]
    look_at: Mapped[datetime] = mapped_column(index=True)
    last_occasion: Mapped[datetime | None]


class Round(Base):
    """What is done on one occasion of a schedule: each member is asked about, in the order of their ids.

    ``position``: the last patient that was dealt with; ``batch``: the number of the batch at work;
    ``asked`` and ``passed_over``: how many patients. It runs until ``ended_at``; ``ending`` says why it ended
    before the last member.
    """

    __tablename__ = "monitoring_rounds"
    __table_args__ = (
        UniqueConstraint("cohort_id", "source", "occasion"),
        Index(None, "ended_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    cohort_id: Mapped[str] = mapped_column(String(36))
    source: Mapped[str] = mapped_column(String(10))
    occasion: Mapped[datetime]
    tenant: Mapped[str] = mapped_column(String(50))
    frequency: Mapped[str] = mapped_column(String(10))
    position: Mapped[str] = mapped_column(String(36), default="")
    batch: Mapped[int] = mapped_column(default=0)
    asked: Mapped[int] = mapped_column(default=0)
    passed_over: Mapped[int] = mapped_column(default=0)
    begun_at: Mapped[datetime] = mapped_column(default=utcnow)
    ended_at: Mapped[datetime | None]
    ending: Mapped[str | None] = mapped_column(String(500))


class Pace(Base):
    """When the next batch of any round may begin, so that all rounds together keep to the operator's rate."""

    __tablename__ = "monitoring_pace"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    free_at: Mapped[datetime]


class MonitoredPatient(TenantOwned, Base):
    """The last day (``YYYY-MM-DD``) for whose occasion a patient was asked about at a source: whoever is in
    two cohorts is asked about once."""

    __tablename__ = "monitored_patients"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(String(10), primary_key=True)
    day: Mapped[str] = mapped_column(String(10))


class FollowUp(TenantOwned, Base):
    """A discharge after which the networks are asked for its summary. ``attempt``: the number of the one that
    comes next, from 0. It goes on until ``ended_at``; ``ending`` says why."""

    __tablename__ = "discharge_follow_ups"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True)
    encounter_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    discharged_at: Mapped[datetime]
    attempt: Mapped[int]
    ended_at: Mapped[datetime | None]
    ending: Mapped[str | None] = mapped_column(String(500))
