"""What is to be sent, and who sends it: rows that workers share out among themselves.

A row is made in the transaction of its message and goes with the message's end. A worker claims rows by
setting their ``due_at`` to when others may take them over, so a worker that dies leaves nothing behind that
another does not send.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import event, func, select, update

from chartbridge.config import Settings
from chartbridge.db import TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.features.webhooks import circuit
from chartbridge.features.webhooks.models import WebhookCircuit, WebhookDelivery
from chartbridge.ids import utcnow
from chartbridge.observability import tracing

MAX_TENANTS = 2000
"""Accounts whose rows are looked at in one go; the next go continues after them."""
RESTARTS_AT_ONCE = 2
_listeners: set[Callable[[], None]] = set()


@dataclass(frozen=True, slots=True)
class Queue:
    """A tenant that has something due; ``retry_at`` is set while its receiver's circuit is open."""

    tenant: str
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this worker is to send. ``number`` counts the claims since its last attempt."""

    message_id: str
    number: int
    expires_at: datetime
    probe: bool
    traceparent: str | None = None


def put(session: TenantSession, settings: Settings, message_id: str) -> bool:
    """Have the session's tenant's message sent once the transaction commits, for a day from now on at most.
    False when it is on its way already."""
    now = utcnow()
    is_new = insert_new(
        session,
        WebhookDelivery,
        {
            "message_id": message_id,
            "tenant": str(session.tenant),
            "due_at": now,
            "expires_at": now + timedelta(seconds=settings.webhook_retry_s),
            "claims": 0,
            "traceparent": tracing.traceparent(),
        },
        key=("message_id",),
    )
    if not session.info.get("wakes_outbox"):
        session.info["wakes_outbox"] = True
        event.listen(session, "after_commit", _wake)
    return is_new


def _wake(_session: object) -> None:
    for listener in tuple(_listeners):
        listener()


@contextmanager
def listening(listener: Callable[[], None]) -> Iterator[None]:
    """Have ``listener`` called, from any thread, when this process committed something to be sent."""
    _listeners.add(listener)
    try:
        yield
    finally:
        _listeners.discard(listener)


def due(session: TenantSession, after: str) -> tuple[list[Queue], str]:
    """The tenants behind ``after`` that have something due, and behind whom to look next, empty at the end.

    It takes one look into an index a tenant, however many messages wait.
    """
    names = select(func.min(WebhookDelivery.tenant).label("tenant")).where(WebhookDelivery.tenant > after)
    tenants = names.cte("tenants", recursive=True)
    following = (
        select(func.min(WebhookDelivery.tenant)).where(WebhookDelivery.tenant > tenants.c.tenant)
    ).scalar_subquery()
    tenants = tenants.union_all(select(following).where(tenants.c.tenant.is_not(None)))
    seen = select(tenants.c.tenant).where(tenants.c.tenant.is_not(None)).limit(MAX_TENANTS).subquery()
    earliest = (
        select(func.min(WebhookDelivery.due_at)).where(WebhookDelivery.tenant == seen.c.tenant)
    ).scalar_subquery()
    found = session.execute(
        select(seen.c.tenant, earliest, WebhookCircuit.retry_at).join_from(
            seen, WebhookCircuit, WebhookCircuit.tenant == seen.c.tenant, isouter=True
        )
    ).all()
    now = utcnow()
    queues = [Queue(row[0], row[2]) for row in found if row[1] <= now and (row[2] is None or row[2] <= now)]
    return queues, max(row[0] for row in found) if len(found) == MAX_TENANTS else ""


def claim(
    session: TenantSession, worker: str, wanted: Iterable[tuple[Queue, int]], lease_s: float
) -> dict[str, list[Claim]]:
    """Take up to so many of each tenant's due messages, oldest first, one where the circuit is open."""
    claimed: dict[str, list[Claim]] = {}
    now = utcnow()
    # Varied, so that messages that were in one worker when it died are not all in the next one together.
    until = now + timedelta(seconds=lease_s * random.uniform(1, 1.2))  # noqa: S311 - no secret
    for queue, most in wanted:
        probe = queue.retry_at is not None
        if queue.retry_at is not None and not circuit.take_probe(
            session, queue.tenant, queue.retry_at, until
        ):
            continue
        oldest = (
            select(WebhookDelivery.message_id)
            .where(WebhookDelivery.tenant == queue.tenant, WebhookDelivery.due_at <= now)
            .order_by(WebhookDelivery.due_at)
            .limit(1 if probe else most)
            .with_for_update(skip_locked=True)
            .cte("oldest")
        )
        taken = session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.message_id.in_(select(oldest.c.message_id)))
            .values(due_at=until, claimed_by=worker, claims=WebhookDelivery.claims + 1)
            .returning(
                WebhookDelivery.message_id,
                WebhookDelivery.claims,
                WebhookDelivery.expires_at,
                WebhookDelivery.traceparent,
            ),
            execution_options={"synchronize_session": False},
        ).all()
        if taken:
            claimed[queue.tenant] = [Claim(row[0], row[1], row[2], probe, row[3]) for row in taken]
    return claimed


def unclaim(session: TenantSession, worker: str, message_ids: Iterable[str] | None = None) -> None:
    """Give up claims of this worker, so that the messages are due at once: these, or, when it starts anew,
    whatever it left. What it has left several times waits for its claim to end: one of those may be
    what ends it."""
    mine = update(WebhookDelivery).where(WebhookDelivery.claimed_by == worker)
    if message_ids is None:
        mine = mine.where(WebhookDelivery.claims <= RESTARTS_AT_ONCE)
    else:
        mine = mine.where(WebhookDelivery.message_id.in_(list(message_ids)))
    session.execute(
        mine.values(due_at=utcnow(), claimed_by=None), execution_options={"synchronize_session": False}
    )


def release(session: TenantSession) -> None:
    """The tenant's receiver takes messages again: those that were to be tried later are due now."""
    now = utcnow()
    session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.tenant == str(session.tenant),
            WebhookDelivery.due_at > now,
            WebhookDelivery.claimed_by.is_(None),
        )
        .values(due_at=now),
        execution_options={"synchronize_session": False},
    )


def expired(session: TenantSession, most: int) -> Mapping[str, list[str]]:
    """Up to ``most`` messages whose time is over while their receiver's circuit is open, by tenant."""
    now = utcnow()
    rows = session.execute(
        select(WebhookDelivery.tenant, WebhookDelivery.message_id)
        .join(WebhookCircuit, WebhookCircuit.tenant == WebhookDelivery.tenant)
        .where(
            WebhookDelivery.expires_at <= now,
            WebhookDelivery.due_at <= now,
            WebhookCircuit.retry_at.is_not(None),
        )
        .order_by(WebhookDelivery.expires_at)
        .limit(most)
    )
    found: dict[str, list[str]] = {}
    for tenant, message_id in rows:
        found.setdefault(tenant, []).append(message_id)
    return found
