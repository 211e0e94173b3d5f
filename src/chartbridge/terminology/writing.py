"""Write an edition: rows in any number, then one immutable file, or nothing.

Rows are collected in a file beside the new one and sorted into it at the end, so that the time is that
of a sort and equal contents make an equal edition, whatever order they came in.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Sized
from pathlib import Path
from typing import Any, TypeVar

from chartbridge.terminology.layout import APPLICATION_ID, FORMAT, PAGE_SIZE, TABLES, create, digest
from chartbridge.terminology.rows import (
    Alias,
    Concept,
    Designation,
    MapRow,
    Property,
    Relation,
    Row,
    RowError,
    Source,
    System,
    check,
)

MAX_ROWS = 100_000_000
MAX_NAMES = 65_536
"""Of systems' URIs and of names, which every reader holds in memory."""
MAX_ALIASES = 100_000
_BATCH = 5_000

RowT = TypeVar("RowT", Source, System, Alias)

_LARGE = ("concept", "property", "designation", "relation", "map")
"""The tables whose rows go through the file beside; those of the others are few."""
_BY_NUMBER = {
    "system": "uri_number",
    "target_system": "uri_number",
    "name": "name_number",
    "kind": "name_number",
}
"""The columns of those tables that hold numbers, which are given anew in the order of the names."""


class EditionWriter:
    """Makes the edition ``path``, which need not exist; a context manager.

    ``add`` rows, then ``finish``. Where the block is left without that, nothing is left behind and a file
    that was at ``path`` before stands as it was. Sources and systems are added before the rows that name
    them; maps and the targets of relations may name systems of which the edition has no contents.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=".edition-", dir=path.parent))
        self._stage = sqlite3.connect(self._folder / "rows", isolation_level=None)
        self._stage.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")
        for table in _LARGE:
            self._stage.execute(f"CREATE TABLE {table} ({TABLES[table][0]})")
        self._waiting: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _LARGE}
        self._sources: dict[str, Source] = {}
        self._systems: dict[str, System] = {}
        self._aliases: dict[str, Alias] = {}
        self._uris: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._rows = 0

    def __enter__(self) -> EditionWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._discard()

    def add(self, row: Row) -> None:
        """Take a row in; the same row twice counts once.

        Raises :class:`RowError` for a row out of bounds, or of a source or system that was not added. Two
        rows that contradict each other are found here or by :meth:`finish`.
        """
        check(row)
        self._rows += 1
        if self._rows > MAX_ROWS:
            raise RowError(f"an edition has at most {MAX_ROWS} rows")
        match row:
            case Concept(system, code, display, active):
                self._put("concept", (self._system(row, system), code, display, int(active)))
            case Property(system, code, name, value):
                self._put("property", (self._system(row, system), code, self._name(name), value))
            case Designation(system, code, kind, text):
                self._put("designation", (self._system(row, system), code, self._name(kind), text))
            case Relation(system, code, kind, target, target_code):
                numbers = (self._system(row, system), code, self._name(kind), self._uri(target))
                self._put("relation", (*numbers, target_code))
            case MapRow(name, system, code, target):
                coded = (self._name(name), self._uri(system), code, self._uri(target))
                self._put("map", (*coded, *row[4:]))
            case Source():
                _once(self._sources, row.id, row)
            case System():
                if row.source_id not in self._sources:
                    raise RowError(f"System {row.uri}: its source {row.source_id!r} was not added")
                _once(self._systems, row.uri, row._replace(concepts=0))
                self._uri(row.uri)
            case Alias():
                _once(self._aliases, row.alias, row)
                _bound(self._aliases, MAX_ALIASES, "aliases")

    def finish(self) -> str:
        """Make the file, which appears whole or not at all, and give the edition's id.

        Raises :class:`RowError` where two rows contradict each other: two displays of a code, an alias
        that is a system of its own.
        """
        for alias in self._aliases.values():
            if alias.alias in self._systems and alias.uri != alias.alias:
                raise RowError(f"Alias {alias.alias}: is a system with contents, and not another name")
        for table in _LARGE:
            self._flush(table)
        self._stage.execute("COMMIT")
        self._stage.close()
        made = self._folder / "edition"
        edition = sqlite3.connect(made, isolation_level=None)
        try:
            edition_id = self._fill(edition)
        finally:
            edition.close()
        made.chmod(0o444)
        _sync(made)
        os.replace(made, self.path)
        _sync(self.path.parent)
        self._discard()
        return edition_id

    def _fill(self, edition: sqlite3.Connection) -> str:
        edition.executescript(
            f"PRAGMA page_size = {PAGE_SIZE}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}"
        )
        edition.execute("ATTACH ? AS stage", (str(self._folder / "rows"),))
        edition.execute("BEGIN")
        create(edition)
        self._fill_small(edition)
        for table in _LARGE:
            _fill_large(edition, table)
        edition.execute(
            "UPDATE system SET concepts = (SELECT count(*) FROM concept WHERE concept.system = system.uri)"
        )
        edition_id = digest(edition)
        edition.execute("INSERT INTO meta VALUES ('id', ?)", (edition_id,))
        edition.execute("COMMIT")
        edition.execute("DETACH stage")
        return edition_id

    def _fill_small(self, edition: sqlite3.Connection) -> None:
        for table, numbers in (("uri", self._uris), ("name", self._names)):
            in_order = list(enumerate(sorted(numbers), 1))
            edition.executemany(f"INSERT INTO {table} VALUES (?, ?)", in_order)  # noqa: S608
            edition.execute(f"CREATE TEMP TABLE {table}_number (old INTEGER PRIMARY KEY, new INTEGER)")
            anew = ((numbers[text], number) for number, text in in_order)
            edition.executemany(f"INSERT INTO {table}_number VALUES (?, ?)", anew)  # noqa: S608
        systems = ((self._uris[uri], *row[1:]) for uri, row in sorted(self._systems.items()))
        edition.executemany(
            f"INSERT INTO system VALUES ({_renumbered('?', 'uri_number')}, ?, ?, ?, ?, ?)",  # noqa: S608
            systems,
        )
        sources = (row for _, row in sorted(self._sources.items()))
        edition.executemany("INSERT INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?)", sources)
        aliases = (row for _, row in sorted(self._aliases.items()))
        edition.executemany("INSERT INTO alias VALUES (?, ?)", aliases)

    def _put(self, table: str, values: tuple[Any, ...]) -> None:
        waiting = self._waiting[table]
        waiting.append(values)
        if len(waiting) >= _BATCH:
            self._flush(table)

    def _flush(self, table: str) -> None:
        waiting = self._waiting[table]
        if waiting:
            marks = ", ".join("?" * len(waiting[0]))
            self._stage.executemany(f"INSERT INTO {table} VALUES ({marks})", waiting)  # noqa: S608
            waiting.clear()

    def _system(self, row: Row, uri: str) -> int:
        if uri not in self._systems:
            raise RowError(f"{type(row).__name__} {uri}|{row[1]}: the code system was not added")
        return self._uris[uri]

    def _uri(self, uri: str) -> int:
        return _number(self._uris, uri, "code systems")

    def _name(self, name: str) -> int:
        return _number(self._names, name, "names of properties, kinds and maps")

    def _discard(self) -> None:
        self._stage.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _once(known: dict[str, RowT], key: str, row: RowT) -> None:
    if known.setdefault(key, row) != row:
        raise RowError(f"{type(row).__name__} {key}: was added before with other contents")


def _number(numbers: dict[str, int], text: str, what: str) -> int:
    found = numbers.get(text)
    if found is None:
        found = numbers[text] = len(numbers) + 1
        _bound(numbers, MAX_NAMES, what)
    return found


def _bound(held: Sized, most: int, what: str) -> None:
    if len(held) > most:
        raise RowError(f"an edition has at most {most} {what}")


def _fill_large(edition: sqlite3.Connection, table: str) -> None:
    """Sort a table's rows into the edition, each once; raise where two contradict each other."""
    key = TABLES[table][1].split(", ")
    columns = [column for _, column, *_ in edition.execute(f"PRAGMA main.table_info({table})")]
    selected = ", ".join(_renumbered(column, _BY_NUMBER.get(column)) for column in columns)
    order = ", ".join(str(columns.index(column) + 1) for column in key)
    (staged,) = edition.execute(f"SELECT count(*) FROM stage.{table}").fetchone()  # noqa: S608
    filled = edition.execute(
        f"INSERT OR IGNORE INTO main.{table} SELECT {selected} FROM stage.{table} ORDER BY {order}"  # noqa: S608
    ).rowcount
    others = [column for column in columns if column not in key]
    if filled != staged and others:
        _refuse_contradiction(edition, table, others)


def _refuse_contradiction(edition: sqlite3.Connection, table: str, others: list[str]) -> None:
    differ = " OR ".join(f"min({column}) <> max({column})" for column in others)
    found = edition.execute(
        f"SELECT (SELECT uri FROM main.uri WHERE id = {_renumbered('system', 'uri_number')}), code "  # noqa: S608
        f"FROM stage.{table} GROUP BY {TABLES[table][1]} HAVING {differ} ORDER BY 1, 2 LIMIT 1"
    ).fetchone()
    if found is not None:
        raise RowError(f"{table.capitalize()} {found[0]}|{found[1]}: was added twice with other contents")


def _renumbered(column: str, numbers: str | None) -> str:
    return f"(SELECT new FROM {numbers} WHERE old = {column})" if numbers else column  # noqa: S608


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk before going on."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
