"""Tables of outgoing messages: what is sent, each attempt, what is due, and receivers that fail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Json, TenantOwned


class WebhookMessage(TenantOwned, Base):
    """One message; ``body`` is the envelope with object links not yet made into URLs.

    ``status``: processing (attempts go on), success, failure (attempts used up).
    """

    __tablename__ = "webhook_messages"
    __table_args__ = (
        Index("ix_webhook_messages_status", "account_id", "environment", "status"),
        Index("ix_webhook_messages_created", "account_id", "environment", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    request_id: Mapped[str | None] = mapped_column(String(36), index=True)
    patient_id: Mapped[str | None] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    status: Mapped[str] = mapped_column(String(12))
    status_detail: Mapped[str | None] = mapped_column(String(2048))
    http_status: Mapped[int | None]
    duration_ms: Mapped[int | None]
    request_url: Mapped[str | None] = mapped_column(String(2048))
    attempts: Mapped[int] = mapped_column(default=0)
    attempt_limit: Mapped[int]


class WebhookAttempt(TenantOwned, Base):
    """One attempt to hand a message over; ``answer`` is the beginning of what the receiver said."""

    __tablename__ = "webhook_attempts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("webhook_messages.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    began_at: Mapped[datetime]
    url: Mapped[str] = mapped_column(String(2048))
    http_status: Mapped[int | None]
    duration_ms: Mapped[int]
    detail: Mapped[str] = mapped_column(String(2048))
    answer: Mapped[str | None] = mapped_column(String(1024))


class WebhookDelivery(Base):
    """A message that is on its way: there is a row exactly while it is. The platform's own, of ids alone.

    ``due_at`` is when the next attempt may begin. Whoever takes the row sets it to when others may take it
    over, and ``claimed_by`` to its name; ``claims`` counts that since the last attempt that was recorded.
    At ``expires_at`` the message is given up. ``tenant`` is ``str(Tenant)``. ``traceparent`` is the span that
    sent the message, while traces are on.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_due", "tenant", "due_at"),
        Index("ix_webhook_deliveries_expires", "expires_at"),
    )

    message_id: Mapped[str] = mapped_column(
        ForeignKey("webhook_messages.id", ondelete="CASCADE"), primary_key=True
    )
    tenant: Mapped[str] = mapped_column(String(50))
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    claimed_by: Mapped[str | None] = mapped_column(String(100))
    claims: Mapped[int] = mapped_column(default=0)
    traceparent: Mapped[str | None] = mapped_column(String(55))


class WebhookCircuit(Base):
    """A receiver that fails: there is a row from the first failure until an attempt succeeds. The
    platform's own. While ``retry_at`` is set the circuit is open: only a probe is sent, at that time."""

    __tablename__ = "webhook_circuits"

    tenant: Mapped[str] = mapped_column(String(50), primary_key=True)
    failures: Mapped[int]
    failing_since: Mapped[datetime]
    retry_at: Mapped[datetime | None]
    pauses: Mapped[int] = mapped_column(default=0)
