"""Which other systems (EHRs) an account keeps its patients' ids of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.table import Table

from chartbridge.auth import default_account, list_keys
from chartbridge.commands.console import fail, results, talk
from chartbridge.commands.opening import open_platform
from chartbridge.config import Settings
from chartbridge.db import Database, Tenant
from chartbridge.errors import BadRequestError
from chartbridge.features.patients import links
from chartbridge.platform import Platform


def enable(settings: Settings, env: str, account: str, source: str) -> None:
    """Let patients be linked to the system."""
    with _tenant(settings, env, account) as (db, tenant), db.write(tenant) as session:
        try:
            news = links.enable(session, source)
        except BadRequestError as error:
            fail(error.detail, 2)
    talk.print("enabled" if news else "was enabled already")


def disable(settings: Settings, env: str, account: str, source: str) -> None:
    """Let no more patients be linked to the system."""
    with _tenant(settings, env, account) as (db, tenant), db.write(tenant) as session:
        if not links.disable(session, source):
            fail(f"{source} is not enabled for account {account} in {env}")
    talk.print("disabled; ids that were kept stay")


def show(settings: Settings, env: str, account: str) -> None:
    """List the systems enabled."""
    with _tenant(settings, env, account) as (db, tenant), db.read(tenant) as session:
        table = Table("source", box=None, pad_edge=False)
        for source in links.enabled(session):
            table.add_row(source)
    results.print(table)


@contextmanager
def _tenant(settings: Settings, env: str, account: str) -> Iterator[tuple[Database, Tenant]]:
    with tenant_of(settings, env, account) as (platform, tenant):
        yield platform.db, tenant


@contextmanager
def tenant_of(settings: Settings, env: str, account: str) -> Iterator[tuple[Platform, Tenant]]:
    """The platform and an account's tenant; ends the command when there is no such account."""
    platform = open_platform(settings)
    try:
        if account not in {key.account for key in list_keys(platform.db)}:
            fail(f"there is no account {account}; `chartbridge keys create` makes one")
        try:
            tenant = Tenant.parse(f"{env}/{default_account(platform.db, account)}")
        except ValueError:
            fail("--env must be sandbox or production", 2)
        yield platform, tenant
    finally:
        platform.close()
