"""Sending messages again in the background, batch by batch."""

from __future__ import annotations

from typing import Any

import structlog
from sqlalchemy import select

from chartbridge.db import Tenant
from chartbridge.features.webhooks import outbox, retrying
from chartbridge.features.webhooks.models import WebhookMessage
from chartbridge.features.webhooks.retrying import Selection
from chartbridge.jobs.workflow import platform, step, workflow

QUEUE = retrying.RETRIES
log = structlog.get_logger(__name__)


def _leave_the_rest(tenant: str, *of_the_job: str, reason: str) -> None:
    """What the job did not come to stays as it was, and the next one takes it up."""
    log.error("sending webhooks again ended early", tenant=tenant, of=of_the_job[0], reason=reason)


@workflow(retrying.RETRY, failed=_leave_the_rest)
def retry(tenant: str, began: str) -> None:
    """All messages that had failed when the retry was asked for, oldest first."""
    after: list[str] | None = []
    while after is not None:
        after = retry_batch(tenant, began, after)


@step
def retry_batch(tenant: str, began: str, after: list[str]) -> list[str] | None:
    return _resend(tenant, Selection.parse("", began, "failure", ""), after)


@workflow(retrying.REPLAY, failed=_leave_the_rest)
def replay(tenant: str, since: str, until: str, statuses: str, types: str) -> None:
    """The messages that an account chose, oldest first."""
    after: list[str] | None = []
    while after is not None:
        after = replay_batch(tenant, since, until, statuses, types, after)


@step
def replay_batch(
    tenant: str, since: str, until: str, statuses: str, types: str, after: list[str]
) -> list[str] | None:
    return _resend(tenant, Selection.parse(since, until, statuses, types), after)


def _resend(tenant: str, selection: Selection, after: list[str]) -> list[str] | None:
    here = platform()
    with here.db.write(Tenant.parse(tenant)) as session:
        return retrying.resend_batch(here, session, selection, after)


def _adopt(tenant: str, message_id: str, *_attempt: Any, reason: str = "") -> None:
    here = platform()
    with here.db.write(Tenant.parse(tenant)) as session:
        status = select(WebhookMessage.status).where(WebhookMessage.id == message_id)
        if session.scalar(status) == "processing":
            outbox.put(session, here.settings, message_id)
    if reason:
        log.warning("an older version's webhook was adopted late", tenant=tenant, reason=reason)


@workflow("webhook-delivery", failed=_adopt)
def adopt(tenant: str, message_id: str, attempt: str) -> None:
    """A message of an older version, which had a job for each attempt: it goes on as all others do.

    No step: the older version may have recorded one of its own at this place.
    """
    _adopt(tenant, message_id, attempt)
