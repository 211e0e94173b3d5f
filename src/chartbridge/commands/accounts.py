"""What the operator sets for an account: how often it may call, and switches."""

from __future__ import annotations

from rich.table import Table

from chartbridge.auth.keys import find_account
from chartbridge.commands.console import fail, results, talk
from chartbridge.commands.keys import environment
from chartbridge.commands.opening import open_platform
from chartbridge.config import Settings
from chartbridge.db import Tenant
from chartbridge.features.accounts import service
from chartbridge.http.ratelimit import OPERATIONS
from chartbridge.platform import Platform


def set_limit(settings: Settings, account: str, env: str, operation: str, per_minute: int) -> None:
    """From the next call on the account may call the operation that often a minute."""
    if operation not in OPERATIONS:
        fail(f"no operation is called {operation}; there are: {', '.join(sorted(OPERATIONS))}", 2)
    platform = open_platform(settings)
    try:
        with platform.db.write(_tenant(platform, account, env)) as session:
            service.set_rate_limit(service.settings(session), operation, per_minute)
    finally:
        platform.close()
    talk.print(f"{account} may call {operation} {per_minute} times a minute in {env}")


def unset_limit(settings: Settings, account: str, env: str, operation: str) -> None:
    platform = open_platform(settings)
    try:
        with platform.db.write(_tenant(platform, account, env)) as session:
            was_set = service.set_rate_limit(service.settings(session), operation, None)
    finally:
        platform.close()
    if not was_set:
        fail(f"{account} has no limit of its own for {operation} in {env}")
    talk.print("the usual limit holds again")


def show_limits(settings: Settings, account: str, env: str) -> None:
    """Every operation that has a limit, and where the one that holds comes from."""
    platform = open_platform(settings)
    try:
        with platform.db.read(_tenant(platform, account, env)) as session:
            own = service.rate_limits(session)
    finally:
        platform.close()
    table = Table("operation", "calls a minute", "set by", box=None, pad_edge=False)
    for operation in sorted({*OPERATIONS, *own}):
        if operation in own:
            table.add_row(operation, str(own[operation]), "chartbridge accounts limit")
        elif operation in settings.rate_limits:
            table.add_row(operation, str(settings.rate_limits[operation]), "CHARTBRIDGE_RATE_LIMITS")
        else:
            table.add_row(operation, str(OPERATIONS[operation]), "default")
    results.print(table)


def set_document_url_pages(settings: Settings, account: str, env: str, wanted: bool) -> None:
    """Whether bulk download URLs are sent in pages, as the newer of the two webhook forms is."""
    platform = open_platform(settings)
    try:
        with platform.db.write(_tenant(platform, account, env)) as session:
            service.settings(session).document_url_pages = wanted
    finally:
        platform.close()
    talk.print(f"bulk download URLs of {account} are sent {'in pages' if wanted else 'in one message'}")


def _tenant(platform: Platform, account: str, env: str) -> Tenant:
    wanted = environment(env)
    account_id = find_account(platform.db, account)
    if account_id is None:
        fail(f"there is no account {account}; `chartbridge keys create` makes one")
    return Tenant(account_id, wanted)
