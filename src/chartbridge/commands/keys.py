"""Making, listing and revoking API keys."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import typer
from rich.table import Table

from chartbridge.auth import KeyLimitError, UnknownKeyError, create_key, list_keys, revoke_key
from chartbridge.auth.keys import ApiKeyInfo
from chartbridge.commands.console import fail, results, talk
from chartbridge.commands.opening import open_platform
from chartbridge.config import Settings
from chartbridge.db import Environment
from chartbridge.db.tenancy import ENVIRONMENTS
from chartbridge.ids import timestamp, utcnow


def create(
    settings: Settings,
    env: str,
    account: str,
    *,
    read_only: bool = False,
    expires: str | None = None,
    expires_in_days: int | None = None,
) -> None:
    """Print a new key, alone, on stdout. ``expires`` is a day, at whose end in UTC the key ends."""
    wanted = environment(env)
    end = _end(expires, expires_in_days)
    platform = open_platform(settings)
    try:
        typer.echo(create_key(platform.db, wanted, account, read_only=read_only, expires_at=end))
    except KeyLimitError as error:
        fail(str(error))
    finally:
        platform.close()


def show(settings: Settings) -> None:
    platform = open_platform(settings)
    table = Table(
        "id", "account", "environment", "scope", "created", "expires", "state", box=None, pad_edge=False
    )
    for key in list_keys(platform.db):
        expires = "never" if key.expires_at is None else timestamp(key.expires_at)
        scope = "read" if key.read_only else "full"
        table.add_row(
            key.id, key.account, key.environment, scope, timestamp(key.created_at), expires, _state(key)
        )
    platform.close()
    results.print(table)


def revoke(settings: Settings, key_id: str) -> None:
    platform = open_platform(settings)
    try:
        revoke_key(platform.db, key_id)
    except UnknownKeyError as error:
        fail(str(error))
    finally:
        platform.close()
    talk.print("revoked")


def environment(text: str) -> Environment:
    """Ends the command when there is no such environment."""
    for known in ENVIRONMENTS:
        if text == known:
            return known
    return fail("--env must be sandbox or production", 2)


def _state(key: ApiKeyInfo) -> str:
    if key.revoked_at is not None:
        return f"revoked {timestamp(key.revoked_at)}"
    return "expired" if key.expires_at is not None and key.expires_at <= utcnow() else "active"


def _end(day: str | None, days: int | None) -> datetime | None:
    if day is not None and days is not None:
        fail("give either --expires or --expires-in", 2)
    if days is not None:
        return utcnow() + timedelta(days=days)
    if day is None:
        return None
    try:
        end = datetime.combine(date.fromisoformat(day), time.min, UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return fail(f"--expires must be a day as YYYY-MM-DD - got {day}", 2)
    if end <= utcnow():
        fail(f"--expires must not be over - got {day}", 2)
    return end
