"""Test events: a body of the caller's own making, sent once, at once (contract, webhooks 8.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from chartbridge.db import Tenant
from chartbridge.errors import BadRequestError, PayloadTooLargeError
from chartbridge.features.accounts import service as accounts
from chartbridge.features.webhooks import service
from chartbridge.features.webhooks.delivery import post
from chartbridge.platform import Platform

MAX_SAMPLE_BYTES = 262_144
MAX_DEPTH = 100
"""What is nested much deeper can be read, but not written again."""


@dataclass(frozen=True, slots=True)
class SampleResult:
    """What the receiver made of a test event; ``status`` is None when no answer came."""

    status: int | None
    answer: Any
    url: str
    duration_ms: int
    detail: str


def send_sample(platform: Platform, tenant: Tenant, body: dict[str, Any]) -> SampleResult:
    """Send the body as it is, signed like any message; nothing about it is stored.

    Links in it are not resolved: a caller must not get at objects by naming their keys. Waits for the
    receiver as long as a delivery does. Raises BadRequestError outside the sandbox, without a URL and
    for a body nested too deep, and PayloadTooLargeError for a body that no message would have.
    """
    if tenant.environment != "sandbox":
        raise BadRequestError("Webhook sample payload is not available in production")
    with platform.db.read(tenant) as session:
        account = accounts.find_settings(session)
    if account is None or not account.webhook_url or not account.webhook_key:
        raise BadRequestError("Webhook URL and key must be configured")
    if _is_deep(body):
        raise BadRequestError(f"A test event may be nested {MAX_DEPTH} levels deep at most")
    if len(orjson.dumps(body)) > MAX_SAMPLE_BYTES:
        raise PayloadTooLargeError(f"A test event may have at most {MAX_SAMPLE_BYTES} bytes")
    outcome = post(
        account.webhook_url,
        account.webhook_key,
        body,
        timeout_s=platform.settings.webhook_timeout_s,
        allow_private=service.private_addresses_allowed(platform, tenant),
    )
    return SampleResult(
        outcome.http_status,
        _readable(outcome.answer),
        account.webhook_url,
        outcome.duration_ms,
        outcome.detail,
    )


def _readable(answer: bytes) -> Any:
    """JSON where it is JSON of a usual depth, else text; None when there is nothing."""
    if not answer.strip():
        return None
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return answer.decode("utf-8", "replace")
    return answer.decode() if _is_deep(value) else value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for holder in level
            if isinstance(holder, dict | list)
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return bool(level)
