"""Creating messages and keeping account of them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from chartbridge.db import Tenant, TenantSession
from chartbridge.features.accounts import service as accounts
from chartbridge.features.webhooks import links
from chartbridge.features.webhooks.delivery import Outcome
from chartbridge.features.webhooks.events import EVENTS, PING, Content, Ping
from chartbridge.features.webhooks.models import WebhookMessage
from chartbridge.ids import nanoid, new_message_id, timestamp, utcnow
from chartbridge.jobs.queue import Queue
from chartbridge.platform import Platform

DELIVERIES = Queue("webhook-delivery")
DELIVER = "webhook-delivery"
MAX_BACKOFF_S = 3600.0
PING_TIMEOUT_S = 2.0


def private_addresses_allowed(platform: Platform, tenant: Tenant) -> bool:
    """Whether this tenant's webhook may lie on loopback or in a private network."""
    setting = platform.settings.webhook_private_addresses
    return setting == "allow" or (setting == "auto" and tenant.environment == "sandbox")


def send(
    platform: Platform,
    session: TenantSession,
    kind: str,
    content: Content,
    *,
    request_id: str | None = None,
    patient_id: str | None = None,
    metadata: dict[str, str] | None = None,
) -> str:
    """Store a message of type ``kind`` and have it delivered once the transaction commits.

    ``content`` is what stands beside ``meta``, of the model that :data:`.events.EVENTS` names for the
    type; links of :mod:`.links` in it become URLs. Returns the message id. Without a webhook URL the
    message is stored as failed, to be retried later.
    """
    if type(content) is not EVENTS[kind].model:
        raise TypeError(f"messages of type {kind} hold {EVENTS[kind].model.__name__}")
    meta: dict[str, Any] = {"messageId": new_message_id()}
    if request_id is not None:
        meta["requestId"] = request_id
    meta |= {"when": timestamp(utcnow()), "type": kind}
    if metadata:
        meta["data"] = metadata
    message = WebhookMessage(
        id=meta["messageId"],
        type=kind,
        request_id=request_id,
        patient_id=patient_id,
        body={"meta": meta, **content.model_dump(exclude_none=True)},
        status="processing",
        attempt_limit=1 if kind == PING else platform.settings.webhook_max_attempts,
        attempts=0,
    )
    account = accounts.find_settings(session)
    if (metadata or {}).get("disableWHFlag") == "true":
        message.status, message.status_detail = "success", "Not sent: disableWHFlag"
    elif account is None or not account.webhook_url:
        message.status, message.status_detail = "failure", "Missing webhook URL"
    session.add(message)
    session.flush()
    if message.status == "processing":
        enqueue(platform, session, message)
    return message.id


def send_ping(platform: Platform, session: TenantSession) -> None:
    """Ask the receiver to answer; its answer decides whether the webhook counts as enabled."""
    send(platform, session, PING, Ping(ping=nanoid()))


def timeout_s(platform: Platform, body: dict[str, Any]) -> float:
    """How long a receiver has for this message: less for a ping, which asks for no work."""
    return min(platform.settings.webhook_timeout_s, PING_TIMEOUT_S if "ping" in body else math.inf)


def enqueue(
    platform: Platform, session: TenantSession, message: WebhookMessage, delay_s: float | None = None
) -> None:
    """Have the message's next attempt made once the transaction commits."""
    attempt = message.attempts + 1
    platform.jobs.enqueue(
        session,
        DELIVERIES,
        DELIVER,
        str(session.tenant),
        message.id,
        str(attempt),
        job_id=f"webhook:{message.id}:{attempt}",
        delay_s=delay_s,
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message on its way: where to, signed with what."""

    url: str
    key: str
    body: dict[str, Any]


def begin_attempt(session: TenantSession, message_id: str, number: int) -> Attempt | None:
    """What to send, or None when this attempt was already made or the message is no longer due."""
    message = session.get(WebhookMessage, message_id)
    if message is None or message.status != "processing" or message.attempts >= number:
        return None
    account = accounts.find_settings(session)
    if account is None or not account.webhook_url or not account.webhook_key:
        return Attempt("", "", message.body)
    return Attempt(account.webhook_url, account.webhook_key, message.body)


def finish_attempt(
    platform: Platform, session: TenantSession, message_id: str, number: int, url: str, outcome: Outcome
) -> None:
    """Record what came of the attempt and, when it failed and attempts are left, plan the next."""
    message = session.get(WebhookMessage, message_id, with_for_update=True)
    if message is None or message.attempts >= number:
        return
    message.attempts = number
    message.status_detail = outcome.detail[:2048]
    message.http_status = outcome.http_status
    message.duration_ms = outcome.duration_ms
    message.request_url = url or None
    accounts.record_webhook_health(session, url, enabled=outcome.delivered, detail=outcome.detail)
    if outcome.delivered:
        message.status = "success"
    elif number >= message.attempt_limit or not url:
        message.status = "failure"
    else:
        enqueue(platform, session, message, delay_s=_backoff_s(platform, message, number))


def _backoff_s(platform: Platform, message: WebhookMessage, number: int) -> float:
    made_in_this_round = number - max(0, message.attempt_limit - platform.settings.webhook_max_attempts)
    pause = platform.settings.webhook_backoff_s * 2.0 ** max(0, made_in_this_round - 1)
    return min(pause, MAX_BACKOFF_S) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, no secret


def give_up(session: TenantSession, message_id: str, number: int, reason: str) -> None:
    """End a message whose delivery job could not be run. That attempt counts as made: its job's id is
    used up, and a retry must get another."""
    message = session.get(WebhookMessage, message_id, with_for_update=True)
    if message is not None and message.status == "processing" and message.attempts < number:
        message.attempts = number
        message.status, message.status_detail = "failure", f"Internal error: {reason}"[:2048]


@dataclass(frozen=True, slots=True)
class Counts:
    processing: int
    failed: int


def counts(session: TenantSession) -> Counts:
    """How many messages are on their way and how many failed for good; pings do not count."""
    counted = session.execute(
        select(WebhookMessage.status, func.count())
        .where(WebhookMessage.type != PING)
        .group_by(WebhookMessage.status)
    )
    rows: dict[str, int] = {row[0]: row[1] for row in counted}
    return Counts(rows.get("processing", 0), rows.get("failure", 0))


def keys_not_delivered(session: TenantSession, patient_id: str, since: datetime) -> set[str]:
    """Keys of objects that messages about the patient link to which were made since then and have not
    arrived."""
    bodies = session.scalars(
        select(WebhookMessage.body).where(
            WebhookMessage.patient_id == patient_id,
            WebhookMessage.status != "success",
            WebhookMessage.created_at >= since,
        )
    )
    return {key for body in bodies for key in links.linked_keys(body)}
