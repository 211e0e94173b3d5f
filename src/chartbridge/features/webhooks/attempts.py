"""The database's side of an attempt: from a claim to what is sent, from what came of it to what is kept."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import defer

from chartbridge.config import Settings
from chartbridge.db import Tenant, TenantSession
from chartbridge.features.accounts import service as accounts
from chartbridge.features.webhooks import circuit, outbox
from chartbridge.features.webhooks.delivery import Letter, Outcome
from chartbridge.features.webhooks.events import PING
from chartbridge.features.webhooks.links import with_urls
from chartbridge.features.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookMessage
from chartbridge.features.webhooks.outbox import Claim
from chartbridge.features.webhooks.service import private_addresses_allowed, timeout_s
from chartbridge.ids import new_id, utcnow
from chartbridge.logs import describe
from chartbridge.platform import Platform

MAX_BACKOFF_S = 10_800.0
KEPT_ANSWER = 1024
MAX_DETAIL = 2048
NO_URL = Outcome(False, "Missing webhook URL", None, 0)
_UNREADABLE = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """A claimed message after its attempt. ``url`` is None when nothing was sent; ``outcome`` is None when
    the message was no longer to be sent; ``is_final`` when no other attempt can help."""

    claim: Claim
    outcome: Outcome | None
    url: str | None
    began_at: datetime
    is_final: bool = False


def write_letters(
    platform: Platform, tenant: Tenant, claims: Sequence[Claim]
) -> tuple[list[tuple[Claim, Letter]], list[Ended]]:
    """What is to be sent now, with fresh URLs, and the claims of which nothing is to be sent."""
    with platform.db.read(tenant) as session:
        account = accounts.find_settings(session)
        rows = session.scalars(
            select(WebhookMessage).where(
                WebhookMessage.id.in_([claim.message_id for claim in claims]),
                WebhookMessage.status == "processing",
            )
        )
        bodies = {message.id: message.body for message in rows}
    letters: list[tuple[Claim, Letter]] = []
    ended: list[Ended] = []
    for claim in claims:
        now = utcnow()
        body = bodies.get(claim.message_id)
        if body is None:
            ended.append(Ended(claim, None, None, now))
        elif claim.number > platform.settings.job_max_attempts:
            broken = Outcome(False, "Internal error: the work was begun too often", None, 0)
            ended.append(Ended(claim, broken, None, now, is_final=True))
        elif account is None or not account.webhook_url or not account.webhook_key:
            ended.append(Ended(claim, NO_URL, None, now, is_final=True))
        else:
            try:
                letter = Letter.write(
                    account.webhook_url,
                    account.webhook_key,
                    with_urls(body, platform.store),
                    timeout_s=timeout_s(platform, body),
                    allow_private=private_addresses_allowed(platform, tenant),
                    lane=str(tenant),
                )
            except Exception as error:  # noqa: BLE001 - one message must not hold up those beside it
                log.error(
                    "a webhook message cannot be written", message=claim.message_id, error=describe(error)
                )
                ended.append(Ended(claim, Outcome(False, "Internal error", None, 0), None, now))
            else:
                letters.append((claim, letter))
    return letters, ended


def record(platform: Platform, tenant: Tenant, worker: str, batch: Sequence[Ended]) -> None:
    """Keep what came of the attempts, in the order of their ends, and plan those that follow.

    What another worker has taken over meanwhile is left to it, unless the message arrived: that is true
    whoever sent it.
    """
    settings = platform.settings
    ids = [ended.claim.message_id for ended in batch]
    with platform.db.write(tenant) as session:
        messages = {
            message.id: message
            for message in session.scalars(
                select(WebhookMessage)
                .options(defer(WebhookMessage.body))
                .where(WebhookMessage.id.in_(ids))
                .order_by(WebhookMessage.id)
                .with_for_update()
            )
        }
        rows = {
            row.message_id: row
            for row in session.scalars(
                select(WebhookDelivery)
                .where(WebhookDelivery.message_id.in_(ids))
                .order_by(WebhookDelivery.message_id)
                .with_for_update()
            )
        }
        kept = [
            ended
            for ended in batch
            if _keep(
                session,
                settings,
                worker,
                ended,
                messages.get(ended.claim.message_id),
                rows.get(ended.claim.message_id),
            )
        ]
        _tell_of_receiver(session, settings, kept)


def _keep(
    session: TenantSession,
    settings: Settings,
    worker: str,
    ended: Ended,
    message: WebhookMessage | None,
    row: WebhookDelivery | None,
) -> bool:
    """True when the attempt counts: the message was on its way, and this worker was the one to send it."""
    if message is None or row is None:
        return False
    outcome = ended.outcome
    if outcome is None or message.status != "processing":
        session.delete(row)
        return False
    is_ours = (row.claimed_by, row.claims) == (worker, ended.claim.number)
    if not is_ours and not outcome.delivered:
        return False
    message.attempts += 1
    message.status_detail = outcome.detail[:MAX_DETAIL]
    message.http_status = outcome.http_status
    message.duration_ms = outcome.duration_ms
    message.request_url = ended.url
    if ended.url is not None:
        session.add(
            WebhookAttempt(
                id=new_id(),
                message_id=message.id,
                number=message.attempts,
                began_at=ended.began_at,
                url=ended.url,
                http_status=outcome.http_status,
                duration_ms=outcome.duration_ms,
                detail=outcome.detail[:MAX_DETAIL],
                answer=readable(outcome.answer),
            )
        )
    if ended.claim.probe and message.type != PING:
        message.attempt_limit += 1  # a probe is no attempt of the message's own
    now = utcnow()
    over = message.attempts >= message.attempt_limit or now >= row.expires_at
    if outcome.delivered:
        message.status = "success"
    elif ended.is_final or over:
        message.status = "failure"
    if message.status != "processing":
        session.delete(row)
    else:
        # After a probe the circuit decides about the next; the message stands behind the others for it.
        pause_s = 0.0 if ended.claim.probe else _backoff_s(settings, message)
        row.due_at = min(now + timedelta(seconds=pause_s), row.expires_at)
        row.claimed_by, row.claims = None, 0
    return True


def _tell_of_receiver(session: TenantSession, settings: Settings, batch: Sequence[Ended]) -> None:
    """What the attempts show of the receiver, as far as messages go there still."""
    account = accounts.find_settings(session)
    url = account.webhook_url if account else None
    shown = [ended for ended in batch if ended.outcome is not None and ended.url == url]
    if url is None or not shown:
        return
    results = [(ended, ended.outcome) for ended in shown if ended.outcome is not None]
    last = results[-1][1]
    session.flush()
    accounts.record_webhook_health(session, url, enabled=last.delivered, detail=last.detail)
    if circuit.record(
        session,
        settings,
        [circuit.Result(outcome.delivered, ended.claim.probe) for ended, outcome in results],
    ):
        outbox.release(session)


def give_up(platform: Platform, tenant: Tenant, message_ids: Sequence[str]) -> None:
    """End messages that waited for a receiver in vain until their time was over."""
    hours = platform.settings.webhook_retry_s / 3600
    with platform.db.write(tenant) as session:
        waiting = session.scalars(
            select(WebhookMessage)
            .options(defer(WebhookMessage.body))
            .where(WebhookMessage.id.in_(message_ids))
            .order_by(WebhookMessage.id)
            .with_for_update()
        )
        for message in waiting:
            if message.status == "processing":
                message.status = "failure"
                reason = f"Not delivered within {hours:g} hours, in which the receiver kept failing"
                message.status_detail = f"{reason}: {message.status_detail or 'never sent'}"[:MAX_DETAIL]
        rows = session.scalars(
            select(WebhookDelivery).where(WebhookDelivery.message_id.in_(message_ids)).with_for_update()
        )
        for row in rows:
            session.delete(row)


def readable(answer: bytes) -> str | None:
    """The beginning of an answer as text that every database takes; None when there was none."""
    text = answer[: 4 * KEPT_ANSWER].decode("utf-8", "replace")
    return _UNREADABLE.sub("\ufffd", text)[:KEPT_ANSWER] or None


def _backoff_s(settings: Settings, message: WebhookMessage) -> float:
    round_began = max(0, message.attempt_limit - settings.webhook_max_attempts)
    number = max(1, message.attempts - round_began)
    pause = settings.webhook_backoff_s * 2.0 ** min(number - 1, 30)
    return min(pause, MAX_BACKOFF_S) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, no secret
