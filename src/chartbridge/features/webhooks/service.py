"""Creating messages and keeping account of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from chartbridge.db import Tenant, TenantSession
from chartbridge.features.accounts import service as accounts
from chartbridge.features.webhooks import circuit, links, outbox
from chartbridge.features.webhooks.events import EVENTS, PING, Content, Ping
from chartbridge.features.webhooks.models import WebhookMessage
from chartbridge.ids import nanoid, new_message_id, timestamp, utcnow
from chartbridge.platform import Platform

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
        outbox.put(session, platform.settings, message.id)
    return message.id


def send_ping(platform: Platform, session: TenantSession) -> None:
    """Ask the receiver that was set to answer; its answer decides whether the webhook counts as enabled.
    What another one failed at is forgotten: messages that wait are sent now."""
    if circuit.close(session):
        outbox.release(session)
    send(platform, session, PING, Ping(ping=nanoid()))


def timeout_s(platform: Platform, body: dict[str, Any]) -> float:
    """How long a receiver has for this message: less for a ping, which asks for no work."""
    return min(platform.settings.webhook_timeout_s, PING_TIMEOUT_S if "ping" in body else math.inf)


def status_detail(account: accounts.AccountSettings | None, receiver: circuit.State) -> str | None:
    """What an account is told about its receiver: what the last delivery showed, and whether it is left
    alone."""
    detail = account.webhook_status_detail if account else None
    if receiver.retry_at is None:
        return detail
    paused = (
        f"after {receiver.failures} failures in a row, the next attempt is at {timestamp(receiver.retry_at)}"
    )
    return f"{detail} ({paused})" if detail else paused


@dataclass(frozen=True, slots=True)
class Counts:
    processing: int
    failed: int


def counts(session: TenantSession) -> Counts:
    """How many messages are on their way and how many failed for good; pings do not count."""
    counted = session.execute(
        select(WebhookMessage.status, func.count())
        .where(WebhookMessage.type != PING, WebhookMessage.status != "success")
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
