"""Delivering messages in the background: one job an attempt, so that no worker waits for a pause."""

from __future__ import annotations

import structlog

from chartbridge.db import Tenant
from chartbridge.features.webhooks import retrying, service
from chartbridge.features.webhooks.delivery import Outcome, post
from chartbridge.features.webhooks.links import with_urls
from chartbridge.jobs.workflow import platform, step, workflow

QUEUE = service.DELIVERIES
log = structlog.get_logger(__name__)


def _give_up(tenant: str, message_id: str, attempt: str, *, reason: str) -> None:
    with platform().db.write(Tenant.parse(tenant)) as session:
        service.give_up(session, message_id, int(attempt), reason)


@workflow(service.DELIVER, failed=_give_up)
def deliver(tenant: str, message_id: str, attempt: str) -> None:
    attempt_delivery(tenant, message_id, int(attempt))


@step
def attempt_delivery(tenant_text: str, message_id: str, number: int) -> None:
    here, tenant = platform(), Tenant.parse(tenant_text)
    with here.db.read(tenant) as session:
        attempt = service.begin_attempt(session, message_id, number)
    if attempt is None:
        return
    if attempt.url:
        outcome = post(
            attempt.url,
            attempt.key,
            with_urls(attempt.body, here.store),
            timeout_s=service.timeout_s(here, attempt.body),
            allow_private=service.private_addresses_allowed(here, tenant),
        )
    else:
        outcome = Outcome(False, "Missing webhook URL", None, 0)
    with here.db.write(tenant) as session:
        service.finish_attempt(here, session, message_id, number, attempt.url, outcome)


def _leave_the_rest(tenant: str, began: str, *, reason: str) -> None:
    """What the job did not come to is failed as before, and the next retry takes it up."""
    log.error("a retry ended early", tenant=tenant, began=began, reason=reason)


@workflow(retrying.RETRY, failed=_leave_the_rest)
def retry(tenant: str, began: str) -> None:
    """All messages that had failed when the retry was asked for, batch by batch, oldest first."""
    after: list[str] | None = []
    while after is not None:
        after = retry_batch(tenant, began, after)


@step
def retry_batch(tenant: str, began: str, after: list[str]) -> list[str] | None:
    here = platform()
    with here.db.write(Tenant.parse(tenant)) as session:
        return retrying.retry_batch(here, session, began, after)
