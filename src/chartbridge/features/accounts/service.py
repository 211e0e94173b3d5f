"""Reading and changing a tenant's settings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from chartbridge.db import TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.features.accounts.models import AccountSettings as AccountSettings
from chartbridge.ids import nanoid


def find_settings(session: TenantSession) -> AccountSettings | None:
    """The tenant's settings, or None when nothing was ever set."""
    return session.scalars(select(AccountSettings)).one_or_none()


def settings(session: TenantSession) -> AccountSettings:
    """The tenant's settings, made with defaults when there are none yet; locked for this transaction."""
    insert_new(session, AccountSettings, {"webhook_enabled": False}, key=("account_id", "environment"))
    return session.scalars(select(AccountSettings).with_for_update()).one()


def set_webhook_url(account: AccountSettings, url: str | None) -> bool:
    """Set or clear the webhook. True when an address was set, be it the one that was there.

    The first address brings a new key, clearing removes it, changing the address keeps it.
    """
    if not url:
        account.webhook_url = account.webhook_key = account.webhook_status_detail = None
        account.webhook_enabled = False
        return False
    account.webhook_url = url
    account.webhook_key = account.webhook_key or nanoid()
    return True


def set_mr_filters(account: AccountSettings, filters: list[dict[str, Any]] | None) -> None:
    account.mr_filters = filters


def rate_limits(session: TenantSession) -> dict[str, int]:
    """The calls a minute that the operator allows the tenant, by operation; the usual ones are not named."""
    account = find_settings(session)
    return dict(account.rate_limits or {}) if account else {}


def set_rate_limit(account: AccountSettings, operation: str, per_minute: int | None) -> bool:
    """Set the tenant's own limit, or take it away (None). True when there was one."""
    limits: dict[str, int] = dict(account.rate_limits or {})
    was_set = limits.pop(operation, None) is not None
    if per_minute is not None:
        limits[operation] = per_minute
    account.rate_limits = limits or None
    return was_set


def record_webhook_health(session: TenantSession, url: str, *, enabled: bool, detail: str) -> None:
    """What the last delivery to ``url`` showed of the receiver; writes only when that is news, and
    nothing when messages go elsewhere by now."""
    account = find_settings(session)
    detail = detail[:2048]
    if account is None or account.webhook_url != url:
        return
    if (account.webhook_enabled, account.webhook_status_detail) == (enabled, detail):
        return
    session.execute(
        update(AccountSettings)
        .where(AccountSettings.webhook_url == url)
        .values(webhook_enabled=enabled, webhook_status_detail=detail),
        execution_options={"synchronize_session": False},
    )
