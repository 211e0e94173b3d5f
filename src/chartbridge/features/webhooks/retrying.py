"""Sending failed messages again when the account asks for it (contract, webhooks 8.4)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, or_, select

from chartbridge.db import Tenant, TenantSession
from chartbridge.features.accounts import service as accounts
from chartbridge.features.webhooks.events import PING
from chartbridge.features.webhooks.models import WebhookMessage
from chartbridge.features.webhooks.service import DELIVERIES, enqueue
from chartbridge.ids import new_id, utcnow
from chartbridge.platform import Platform

RETRY = "webhook-retry"
BATCH = 500


def start_retry(platform: Platform, tenant: Tenant) -> None:
    """Have all messages that have failed by now sent again, by a job: there may be any number of them."""
    with platform.db.write(tenant) as session:
        platform.jobs.enqueue(
            session,
            DELIVERIES,
            RETRY,
            str(tenant),
            utcnow().isoformat(),
            job_id=f"webhook-retry:{tenant}:{new_id()}",
        )


def retry_batch(
    platform: Platform, session: TenantSession, began: str, after: list[str], size: int = BATCH
) -> list[str] | None:
    """Send up to ``size`` failed messages again, oldest first, each with all its attempts anew.

    ``began`` is when the retry was asked for, as ISO 8601: messages made later are not its business.
    ``after`` is the place that the batch before came to, empty at first; each message is taken once
    only, so a receiver that refuses everything cannot keep a retry going. Returns the place this batch
    came to, or None when nothing is left.
    """
    account = accounts.find_settings(session)
    if account is None or not account.webhook_url:
        return None
    failed = (
        select(WebhookMessage)
        .where(
            WebhookMessage.status == "failure",
            WebhookMessage.type != PING,
            WebhookMessage.created_at <= datetime.fromisoformat(began),
        )
        .order_by(WebhookMessage.created_at, WebhookMessage.id)
        .limit(size)
        .with_for_update()
    )
    if after:
        moment, message_id = datetime.fromisoformat(after[0]), after[1]
        failed = failed.where(
            or_(
                WebhookMessage.created_at > moment,
                and_(WebhookMessage.created_at == moment, WebhookMessage.id > message_id),
            )
        )
    batch = session.scalars(failed).all()
    for message in batch:
        message.status = "processing"
        message.attempt_limit = message.attempts + platform.settings.webhook_max_attempts
        enqueue(platform, session, message)
    return [batch[-1].created_at.isoformat(), batch[-1].id] if len(batch) == size else None
