"""Table of outgoing messages."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Json, TenantOwned


class WebhookMessage(TenantOwned, Base):
    """One message; ``body`` is the envelope with object links not yet made into URLs.

    ``status``: processing (attempts go on), success, failure (attempts used up).
    """

    __tablename__ = "webhook_messages"
    __table_args__ = (Index("ix_webhook_messages_status", "account_id", "environment", "status"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    request_id: Mapped[str | None] = mapped_column(String(36))
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    status: Mapped[str] = mapped_column(String(12))
    status_detail: Mapped[str | None] = mapped_column(String(2048))
    http_status: Mapped[int | None]
    duration_ms: Mapped[int | None]
    request_url: Mapped[str | None] = mapped_column(String(2048))
    attempts: Mapped[int] = mapped_column(default=0)
    attempt_limit: Mapped[int]
