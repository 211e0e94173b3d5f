"""Tables of bulk imports and of what became of their rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Json, TenantOwned
from chartbridge.ids import new_id


class BulkImport(TenantOwned, Base):
    """One file of patients, from the request for its upload to its end.

    ``status``: waiting, processing, completed, failed, and ``expired`` when no file came. ``upload_id`` names
    the file that is the import's. ``rows_done`` is how far the rows are, in the order of the file;
    ``rows_asked`` how far the network queries are, of which ``running`` holds those that have not ended, as
    pairs of id and start. ``turn`` counts the jobs that start queries, so that each does its part once.
    """

    __tablename__ = "bulk_imports"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    facility_id: Mapped[str] = mapped_column(String(36))
    dry_run: Mapped[bool | None]
    status: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(500))
    upload_until: Mapped[datetime]
    upload_id: Mapped[str | None] = mapped_column(String(36))
    uploaded_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    has_result: Mapped[bool] = mapped_column(default=False)

    rows_total: Mapped[int | None]
    rows_done: Mapped[int] = mapped_column(default=0)
    rows_failed: Mapped[int] = mapped_column(default=0)
    patients_created: Mapped[int] = mapped_column(default=0)
    patients_updated: Mapped[int] = mapped_column(default=0)
    patients_matched: Mapped[int] = mapped_column(default=0)

    rows_asked: Mapped[int] = mapped_column(default=0)
    queries_started: Mapped[int] = mapped_column(default=0)
    queries_ended: Mapped[int] = mapped_column(default=0)
    running: Mapped[list[Any]] = mapped_column(Json, default=list)
    next_query_at: Mapped[datetime | None]
    turn: Mapped[int] = mapped_column(default=0)


class BulkImportRow(TenantOwned, Base):
    """What became of one row. ``effect``: created, updated, matched, refused; in a dry run what would have.

    ``patient_id`` is absent of a row that was refused, in a dry run, and once the patient is deleted.
    """

    __tablename__ = "bulk_import_rows"

    account_id: Mapped[str] = mapped_column(String(36))  # without the index that others have: rows are many
    import_id: Mapped[str] = mapped_column(ForeignKey(BulkImport.id, ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patients.id", ondelete="SET NULL"), index=True)
    effect: Mapped[str] = mapped_column(String(8))
    reasons: Mapped[str | None] = mapped_column(Text)
