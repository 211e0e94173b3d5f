"""Looking after the directory of network entries."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from chartbridge.commands.console import fail, results, talk
from chartbridge.commands.opening import open_platform
from chartbridge.config import Settings
from chartbridge.db import Environment
from chartbridge.db.tenancy import ENVIRONMENTS
from chartbridge.errors import BadRequestError
from chartbridge.features.directory import importing, service, storing
from chartbridge.features.directory.entries import Network
from chartbridge.features.directory.files import UnreadableFileError
from chartbridge.http.paging import PageRequest

MAX_COMPLAINTS = 20


def bring_in(settings: Settings, paths: list[Path], env: str, network_name: str) -> bool:
    """Import files and tell what became of them; True when anything could be used."""
    environment, network = _environment(env), _network(network_name)
    platform = open_platform(settings)
    entered, is_sound = 0, True
    try:
        before = storing.number_of(platform.db, environment)
        for path in paths:
            complaints = _Complaints(path)
            try:
                tally = importing.import_file(platform.db, environment, network, path, complaints)
            except UnreadableFileError as error:
                is_sound = False
                talk.print(f"[bold red]error:[/] {escape(f'{path}: {error}')}", soft_wrap=True)
                continue
            entered += tally.entered
            complaints.tell_rest()
            talk.print(
                escape(f"{path}: {tally.entered} organizations, {tally.bad} bad rows, {tally.other} others"),
                soft_wrap=True,
            )
        after = storing.number_of(platform.db, environment)
    finally:
        platform.close()
    talk.print(f"{after} entries in {environment}, {after - before} of them new")
    return is_sound and entered > 0


class _Complaints:
    """Shows the first bad rows of a file and counts the others."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0

    def __call__(self, place: str, why: str) -> None:
        self._number += 1
        if self._number <= MAX_COMPLAINTS:
            talk.print(escape(f"{self._path}: {place}: {why}"), soft_wrap=True)

    def tell_rest(self) -> None:
        if self._number > MAX_COMPLAINTS:
            talk.print(
                escape(f"{self._path}: and {self._number - MAX_COMPLAINTS} more bad rows"), soft_wrap=True
            )


def show(settings: Settings, env: str, text: str | None, number: int) -> None:
    """Print entries that a filter finds, those entered last first."""
    environment = _environment(env)
    platform = open_platform(settings)
    try:
        page = service.list_entries(platform.db, environment, PageRequest(None, None, number), text=text)
    except BadRequestError as error:
        fail(error.detail, 2)
    finally:
        platform.close()
    table = Table(
        "network", "oid", "name", "city", "state", "messages", "state of entry", box=None, pad_edge=False
    )
    for entry in page.items:
        table.add_row(
            entry.network,
            entry.oid,
            escape(entry.name),
            escape(entry.city or ""),
            escape(entry.state or ""),
            "yes" if entry.supports_messaging else "no",
            "active" if entry.active else "inactive",
        )
    results.print(table)
    talk.print(f"{len(page.items)} of {page.total or 0}")


def count(settings: Settings) -> None:
    platform = open_platform(settings)
    table = Table("environment", "network", "entries", box=None, pad_edge=False)
    for (environment, network), number in service.count_entries(platform.db).items():
        table.add_row(environment, network, str(number))
    platform.close()
    results.print(table)


def clear(settings: Settings, env: str, network_name: str | None, *, is_sure: bool) -> None:
    """Delete entries, after asking unless that was done."""
    environment = _environment(env)
    networks = [_network(network_name)] if network_name else list(Network)
    if not is_sure:
        typer.confirm(f"Delete the entries of {', '.join(networks)} in {environment}?", abort=True, err=True)
    platform = open_platform(settings)
    number = service.clear(platform.db, environment, networks)
    platform.close()
    talk.print(f"{number} entries deleted")


def _environment(text: str) -> Environment:
    for known in ENVIRONMENTS:
        if text == known:
            return known
    return fail("--env must be sandbox or production", 2)


def _network(text: str) -> Network:
    try:
        return Network(text.upper())
    except ValueError:
        fail(f"--network must be one of {', '.join(Network)}", 2)
