"""Table of bulk runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Json, TenantOwned
from chartbridge.ids import new_id, utcnow


class DocumentUrlRun(TenantOwned, Base):
    """One request for the URLs of all of a patient's documents. ``status``: processing, completed, failed."""

    __tablename__ = "document_url_runs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    status: Mapped[str] = mapped_column(String(12))
    query_metadata: Mapped[dict[str, Any]] = mapped_column(Json)
    failure: Mapped[str | None] = mapped_column(String(500))
    started_at: Mapped[datetime] = mapped_column(default=utcnow)
    ended_at: Mapped[datetime | None]
