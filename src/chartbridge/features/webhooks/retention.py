"""Removing messages that ended long ago, with the log of their attempts."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import CursorResult, delete, select

from chartbridge.db import Tenant
from chartbridge.features.webhooks.models import WebhookMessage
from chartbridge.ids import utcnow
from chartbridge.platform import Platform

BATCH = 500


def drop_old_messages(platform: Platform, tenant: Tenant) -> int:
    """Remove messages that arrived, and those that failed, once each kind has been kept for as long as the
    operator says; returns how many. What is on its way stays, however old. Safe to run at any time, by
    several workers, and to be interrupted."""
    settings, now = platform.settings, utcnow()
    delivered = now - timedelta(days=settings.webhook_keep_delivered_days)
    failed = now - timedelta(days=settings.webhook_keep_failed_days)
    return _drop(platform, tenant, "success", delivered) + _drop(platform, tenant, "failure", failed)


def _drop(platform: Platform, tenant: Tenant, status: str, before: datetime) -> int:
    """In batches of one short transaction each: nobody waits long for the database."""
    count, dropped = 0, BATCH
    while dropped == BATCH:
        with platform.db.write(tenant) as session:
            oldest = (
                select(WebhookMessage.id)
                .where(WebhookMessage.status == status, WebhookMessage.updated_at < before)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            )
            chosen = list(session.scalars(oldest))
            done = session.execute(
                delete(WebhookMessage).where(WebhookMessage.id.in_(chosen)),
                execution_options={"synchronize_session": False},
            )
            assert isinstance(done, CursorResult)
            dropped = len(chosen)
            count += done.rowcount
    return count
