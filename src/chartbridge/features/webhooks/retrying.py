"""Sending messages again: all that failed (contract, webhooks 8.4), or what an account chooses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import and_, or_, select

from chartbridge.db import Tenant, TenantSession
from chartbridge.errors import BadRequestError
from chartbridge.features.accounts import service as accounts
from chartbridge.features.webhooks import outbox
from chartbridge.features.webhooks.events import PING
from chartbridge.features.webhooks.models import WebhookMessage
from chartbridge.ids import new_id, utcnow
from chartbridge.jobs.queue import Queue
from chartbridge.platform import Platform

RETRIES = Queue("webhook-delivery", seldom=True)
RETRY = "webhook-retry"
REPLAY = "webhook-replay"
BATCH = 500


@dataclass(frozen=True, slots=True)
class Selection:
    """Messages that have ended: made from ``since`` (None: ever) to ``until``, of these statuses, and of
    these types (none named: all but pings)."""

    since: datetime | None
    until: datetime
    statuses: tuple[str, ...] = ("failure",)
    types: tuple[str, ...] = ()

    @classmethod
    def parse(cls, since: str, until: str, statuses: str, types: str) -> Self:
        """Back from what a job carries."""
        return cls(
            datetime.fromisoformat(since) if since else None,
            datetime.fromisoformat(until),
            tuple(statuses.split(",")),
            tuple(types.split(",")) if types else (),
        )

    def as_arguments(self) -> tuple[str, str, str, str]:
        return (
            self.since.isoformat() if self.since else "",
            self.until.isoformat(),
            ",".join(self.statuses),
            ",".join(self.types),
        )


def start_retry(platform: Platform, tenant: Tenant) -> None:
    """Have all messages that have failed by now sent again, by a job: there may be any number of them."""
    with platform.db.write(tenant) as session:
        platform.jobs.enqueue(
            session,
            RETRIES,
            RETRY,
            str(tenant),
            utcnow().isoformat(),
            job_id=f"webhook-retry:{tenant}:{new_id()}",
        )


def start_replay(platform: Platform, tenant: Tenant, selection: Selection) -> str:
    """Have the messages sent again, by a job; returns its id. Raises BadRequestError without a URL."""
    request_id = new_id()
    with platform.db.write(tenant) as session:
        _require_url(session)
        platform.jobs.enqueue(
            session,
            RETRIES,
            REPLAY,
            str(tenant),
            *selection.as_arguments(),
            job_id=f"webhook-replay:{tenant}:{request_id}",
        )
    return request_id


def replay(platform: Platform, session: TenantSession, message: WebhookMessage) -> None:
    """Have the message sent again with all its attempts anew; one that is on its way stays so. Raises
    BadRequestError without a URL."""
    _require_url(session)
    if message.status != "processing":
        _send_again(platform, session, message)


def resend_batch(
    platform: Platform, session: TenantSession, selection: Selection, after: list[str], size: int = BATCH
) -> list[str] | None:
    """Send up to ``size`` of the messages again, oldest first, each with all its attempts anew.

    ``after`` is the place that the batch before came to, empty at first; each message is taken once only, so
    a receiver that refuses everything cannot keep a retry going. Returns the place this batch came to, or
    None when nothing is left.
    """
    account = accounts.find_settings(session)
    if account is None or not account.webhook_url:
        return None
    chosen = (
        select(WebhookMessage)
        .where(
            WebhookMessage.status.in_(selection.statuses),
            WebhookMessage.type.in_(selection.types) if selection.types else WebhookMessage.type != PING,
            WebhookMessage.created_at <= selection.until,
        )
        .order_by(WebhookMessage.created_at, WebhookMessage.id)
        .limit(size)
        .with_for_update()
    )
    if selection.since is not None:
        chosen = chosen.where(WebhookMessage.created_at >= selection.since)
    if after:
        moment, message_id = datetime.fromisoformat(after[0]), after[1]
        chosen = chosen.where(
            or_(
                WebhookMessage.created_at > moment,
                and_(WebhookMessage.created_at == moment, WebhookMessage.id > message_id),
            )
        )
    batch = session.scalars(chosen).all()
    for message in batch:
        _send_again(platform, session, message)
    return [batch[-1].created_at.isoformat(), batch[-1].id] if len(batch) == size else None


def _send_again(platform: Platform, session: TenantSession, message: WebhookMessage) -> None:
    message.status = "processing"
    message.attempt_limit = message.attempts + (
        1 if message.type == PING else platform.settings.webhook_max_attempts
    )
    outbox.put(session, platform.settings, message.id)


def _require_url(session: TenantSession) -> None:
    account = accounts.find_settings(session)
    if account is None or not account.webhook_url:
        raise BadRequestError("Webhook URL and key must be configured")
