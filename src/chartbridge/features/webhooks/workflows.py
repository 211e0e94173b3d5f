"""Delivering messages in the background: one job an attempt, so that no worker waits for a pause."""

from __future__ import annotations

from chartbridge.db import Tenant
from chartbridge.features.webhooks import service
from chartbridge.features.webhooks.delivery import Outcome, post
from chartbridge.features.webhooks.links import with_urls
from chartbridge.jobs.workflow import platform, step, workflow

QUEUE = service.DELIVERIES


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
            timeout_s=here.settings.webhook_timeout_s,
            allow_private=service.private_addresses_allowed(here, tenant),
        )
    else:
        outcome = Outcome(False, "Missing webhook URL", None, 0)
    with here.db.write(tenant) as session:
        service.finish_attempt(here, session, message_id, number, attempt.url, outcome)
