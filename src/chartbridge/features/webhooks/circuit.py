"""A receiver that keeps failing is left alone for growing pauses: its messages wait, and use up no attempts.

A tenant has one receiver, so a circuit belongs to a tenant. It opens after so many failures in a row over
at least some time; then one message at a time is a probe, each after a longer pause. The first success
closes it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import CursorResult, select, update

from chartbridge.config import Settings
from chartbridge.db import TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.features.webhooks.models import WebhookCircuit
from chartbridge.ids import utcnow

MAX_PAUSE_S = 900.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt showed of the receiver; ``probe``: it was made while the circuit was open."""

    delivered: bool
    probe: bool


@dataclass(frozen=True, slots=True)
class State:
    """``open``: nothing is sent before ``retry_at``; ``probing``: one message is, to see."""

    name: Literal["closed", "open", "probing"]
    retry_at: datetime | None
    failures: int


def state(session: TenantSession) -> State:
    """The state of the session's tenant's receiver."""
    found = session.get(WebhookCircuit, str(session.tenant))
    if found is None or found.retry_at is None:
        return State("closed", None, found.failures if found else 0)
    return State("open" if found.retry_at > utcnow() else "probing", found.retry_at, found.failures)


def close(session: TenantSession) -> bool:
    """Forget the failures of the tenant's receiver. True when the circuit was open."""
    found = session.get(WebhookCircuit, str(session.tenant), with_for_update=True)
    if found is None:
        return False
    session.delete(found)
    session.flush()
    if found.retry_at is not None:
        log.info("webhook circuit closed", tenant=str(session.tenant))
    return found.retry_at is not None


def take_probe(session: TenantSession, tenant: str, seen: datetime, until: datetime) -> bool:
    """Whether the caller is the one that sends the probe that was due at ``seen``; nobody else does before
    ``until``."""
    taken = session.execute(
        update(WebhookCircuit)
        .where(WebhookCircuit.tenant == tenant, WebhookCircuit.retry_at == seen)
        .values(retry_at=until),
        execution_options={"synchronize_session": False},
    )
    assert isinstance(taken, CursorResult)
    return taken.rowcount == 1


def record(session: TenantSession, settings: Settings, results: Sequence[Result]) -> bool:
    """Take in what attempts showed, in the order of their ends. True when an open circuit was closed."""
    failed = next((n for n, result in enumerate(reversed(results)) if result.delivered), len(results))
    was_open = close(session) if failed < len(results) else False
    if failed:
        _count(session, settings, results[-failed:])
        return False
    return was_open


def _count(session: TenantSession, settings: Settings, failures: Sequence[Result]) -> None:
    tenant, now = str(session.tenant), utcnow()
    first = {"tenant": tenant, "failures": 0, "failing_since": now, "pauses": 0}
    insert_new(session, WebhookCircuit, first, key=("tenant",))
    circuit = session.scalars(
        select(WebhookCircuit).where(WebhookCircuit.tenant == tenant).with_for_update(),
        execution_options={"populate_existing": True},
    ).one()
    circuit.failures += len(failures)
    opens = (
        circuit.retry_at is None
        and circuit.failures >= settings.webhook_circuit_failures
        and now - circuit.failing_since >= timedelta(seconds=settings.webhook_circuit_pause_s)
    )
    if opens or (circuit.retry_at is not None and any(failure.probe for failure in failures)):
        circuit.pauses += 1
        circuit.retry_at = now + timedelta(seconds=_pause_s(settings, circuit.pauses))
        if opens:
            log.warning("webhook circuit opened", tenant=tenant, failures=circuit.failures)


def _pause_s(settings: Settings, number: int) -> float:
    pause = settings.webhook_circuit_pause_s * 2.0 ** min(number - 1, 30)
    return min(pause, MAX_PAUSE_S) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, no secret
