"""Making, listing and revoking API keys."""

from __future__ import annotations

import typer
from rich.table import Table

from chartbridge.auth import KeyLimitError, UnknownKeyError, create_key, list_keys, revoke_key
from chartbridge.commands.console import fail, results, talk
from chartbridge.commands.running import open_platform
from chartbridge.config import Settings
from chartbridge.db import Environment
from chartbridge.db.tenancy import ENVIRONMENTS
from chartbridge.ids import timestamp


def create(settings: Settings, env: str, account: str) -> None:
    """Print a new key, alone, on stdout."""
    environment = _environment(env)
    platform = open_platform(settings)
    try:
        typer.echo(create_key(platform.db, environment, account))
    except KeyLimitError as error:
        fail(str(error))
    finally:
        platform.close()


def show(settings: Settings) -> None:
    platform = open_platform(settings)
    table = Table("id", "account", "environment", "created", "state", box=None, pad_edge=False)
    for key in list_keys(platform.db):
        state = "active" if key.revoked_at is None else f"revoked {timestamp(key.revoked_at)}"
        table.add_row(key.id, key.account, key.environment, timestamp(key.created_at), state)
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


def _environment(text: str) -> Environment:
    for known in ENVIRONMENTS:
        if text == known:
            return known
    return fail("--env must be sandbox or production", 2)
