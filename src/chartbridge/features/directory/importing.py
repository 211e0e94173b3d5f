"""Bringing a network's published directory in, file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from chartbridge.db import Database, Environment
from chartbridge.features.directory import files, nppes, organizations, storing
from chartbridge.features.directory.entries import Entry, Network, UnfitRowError

Complain = Callable[[str, str], None]
"""Told of each row that cannot be used: where it stands, and why."""


@dataclass(slots=True)
class Tally:
    """What became of a file's rows. ``other`` are rows that are of no organization."""

    entered: int = 0
    bad: int = 0
    other: int = 0


def import_file(
    db: Database, environment: Environment, network: Network, path: Path, complain: Complain
) -> Tally:
    """Enter the organizations of a file; those with an OID that is there already are updated.

    Rows are written as they are read, a thousand at a time: what came before a fault stays. Raises
    UnreadableFileError when the rest of the file cannot be read, after entering what came before.
    """
    tally = Tally()
    kind = files.format_of(path)
    read = _rows(path) if kind == "csv" else _organizations(path, kind)
    entries: list[Entry] = []
    withdrawn: list[str] = []

    def write() -> None:
        storing.store(db, environment, network, entries)
        storing.deactivate(db, environment, withdrawn)
        entries.clear()
        withdrawn.clear()

    try:
        for row in read:
            match row:
                case Entry():
                    entries.append(row)
                    tally.entered += 1
                case _Withdrawn():
                    withdrawn.append(row.oid)
                    tally.other += 1
                case _Bad():
                    complain(row.place, row.why)
                    tally.bad += 1
                case None:
                    tally.other += 1
            if len(entries) + len(withdrawn) >= storing.BATCH:
                write()
    finally:
        write()
        storing.name_roots(db, environment)
    return tally


@dataclass(frozen=True, slots=True)
class _Bad:
    place: str
    why: str


@dataclass(frozen=True, slots=True)
class _Withdrawn:
    oid: str


Row = Entry | _Bad | _Withdrawn | None
"""What a row of a file is; None for one that is of no organization."""


def _organizations(path: Path, kind: Literal["bundle", "ndjson"]) -> Iterator[Row]:
    """Twice through the file: an Endpoint may stand behind the Organization that has it."""
    endpoints = organizations.MessagingEndpoints()
    for item in files.resources(path, kind):
        endpoints.add(item.value)
    for item in files.resources(path, kind):
        if item.fault is None and item.value.get("resourceType") != "Organization":
            yield None
        else:
            yield _read(item, lambda value: organizations.entry_of(value, endpoints))


def _rows(path: Path) -> Iterator[Row]:
    for number, item in enumerate(files.rows(path)):
        if number == 0:
            missing = [name for name in nppes.REQUIRED_COLUMNS if name not in item.value]
            if missing:
                raise files.UnreadableFileError(f"has no column {missing[0]!r}")
        if item.fault is None and not nppes.is_organization(item.value):
            oid = nppes.withdrawn(item.value)
            yield _Withdrawn(oid) if oid else None
        else:
            yield _read(item, nppes.entry_of)


def _read(item: files.Item, entry_of: Callable[[dict[str, Any]], Entry]) -> Entry | _Bad:
    if item.fault is not None:
        return _Bad(item.place, item.fault)
    try:
        return entry_of(item.value)
    except UnfitRowError as error:
        return _Bad(item.place, str(error))
