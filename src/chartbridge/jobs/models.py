"""The platform's own tables about its workers and jobs; they hold ids, not patients' data."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base


class WorkerLease(Base):
    """A worker that runs, or ran, under a name. ``instance`` tells one start from the next."""

    __tablename__ = "worker_leases"

    worker_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    instance: Mapped[str] = mapped_column(String(36))
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    seen_at: Mapped[datetime]
    reaper: Mapped[str | None] = mapped_column(String(36))
    reaper_since: Mapped[datetime | None]


class JobRun(Base):
    """How often a job was begun, crashes included. ``queue``: the one that it was cancelled from, which the
    engine forgets."""

    __tablename__ = "job_runs"

    workflow_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    runs: Mapped[int]
    queue: Mapped[str | None] = mapped_column(String(100))
