"""Read an edition: what it says of a code, in microseconds.

An :class:`Edition` may be used by any number of threads, and in a process forked from the one that opened
it: each thread of each process has a connection of its own, opened when first needed. The file is
immutable, so nothing is locked and a file that another edition has replaced can be read to the end.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chartbridge.terminology.layout import APPLICATION_ID, FORMAT, digest
from chartbridge.terminology.rows import (
    Alias,
    Concept,
    Designation,
    MapRow,
    Property,
    Relation,
    Row,
    Source,
    System,
    TerminologyError,
)

_CONCEPT = "SELECT display, active FROM concept WHERE system = ? AND code = ?"
_PROPERTIES = "SELECT name, value FROM property WHERE system = ? AND code = ? ORDER BY name, value"
_DESIGNATIONS = "SELECT kind, text FROM designation WHERE system = ? AND code = ? ORDER BY kind, text"
_RELATED = (
    "SELECT target_system, target_code FROM relation WHERE system = ? AND code = ? AND kind = ? "
    "ORDER BY target_system, target_code"
)
_MAPPED = (
    "SELECT name, target_code, equivalence, map_group, priority, rule, advice FROM map "
    "WHERE system = ? AND code = ? AND target_system = ? ORDER BY name, map_group, priority"
)


class EditionError(TerminologyError):
    """A file that is no edition, is damaged or is of another format; the message names the file."""


class Edition:
    """One edition; see :meth:`open`. A context manager that closes it.

    A system may be given by its canonical URI or by any alias that the edition knows. All look-ups answer
    with nothing (``None``, an empty list) for what the edition does not hold, and raise
    :class:`EditionError` where the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._guard = threading.Lock()
        self._closed = False
        self._id = self._check()
        self._uris: list[str] = [""]
        self._uris.extend(uri for _, uri in self._rows("SELECT id, uri FROM uri ORDER BY id"))
        self._uri_ids = {uri: number for number, uri in enumerate(self._uris)}
        self._names: dict[int, str] = dict(self._rows("SELECT id, name FROM name"))
        self._name_ids = {name: name_id for name_id, name in self._names.items()}
        self._aliases: dict[str, str] = dict(self._rows("SELECT alias, uri FROM alias"))
        known = {uri: uri for uri in (*self._uris, *self._aliases.values())} | self._aliases
        for name, uri in known.items():
            if name.startswith("urn:oid:"):
                self._aliases.setdefault(name.removeprefix("urn:oid:"), uri)
        self._systems = {
            self._uris[uri_id]: System(self._uris[uri_id], name, version, source_id, bool(complete), concepts)
            for uri_id, name, version, source_id, complete, concepts in self._rows("SELECT * FROM system")
        }

    @classmethod
    def open(cls, path: Path) -> Edition:
        """Open the edition in a file; raises :class:`EditionError` where it is none, or is cut short."""
        return cls(path)

    def close(self) -> None:
        """Close the connections of all threads; look-ups then raise :class:`EditionError`."""
        with self._guard:
            self._closed = True
            for connection in list(self._connections):
                connection.close()

    def __enter__(self) -> Edition:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def id(self) -> str:
        """SHA-256 of the contents: equal for editions that answer all questions alike."""
        return self._id

    def verify(self) -> None:
        """Read the whole file and raise :class:`EditionError` where its contents are not those of its id."""
        try:
            found = digest(self._connection())
        except sqlite3.Error as error:
            raise self._damaged(error) from error
        if found != self._id:
            raise EditionError(f"{self.path}: the contents were changed after the edition was made")

    def sources(self) -> list[Source]:
        """Where the contents came from, by id."""
        return [Source(*row) for row in self._rows("SELECT * FROM source ORDER BY id")]

    def systems(self) -> list[System]:
        """The code systems that have contents here, with the number of their concepts, by URI."""
        return [self._systems[uri] for uri in sorted(self._systems)]

    def maps(self) -> list[tuple[str, int]]:
        """The names of the maps with the number of their rows, by name."""
        counted = self._rows("SELECT name, count(*) FROM map GROUP BY name")
        return sorted((self._names[name_id], rows) for name_id, rows in counted)

    def canonical(self, uri_or_oid: str) -> str:
        """The canonical URI of a system given by OID (bare or ``urn:oid:``) or URI; else unchanged."""
        return self._aliases.get(uri_or_oid, uri_or_oid)

    def system(self, system: str) -> System | None:
        """What is held of a code system, or ``None``."""
        return self._systems.get(self.canonical(system))

    def holds(self, system: str) -> bool:
        """Whether there is any concept of a code system."""
        found = self.system(system)
        return found is not None and found.concepts > 0

    def concept(self, system: str, code: str) -> Concept | None:
        """A code with its display."""
        for display, active in self._rows(_CONCEPT, self._system_id(system), code):
            return Concept(self.canonical(system), code, display, bool(active))
        return None

    def properties(self, system: str, code: str) -> dict[str, tuple[str, ...]]:
        """By name of property its values, in order of value."""
        found: dict[str, tuple[str, ...]] = {}
        for name_id, value in self._rows(_PROPERTIES, self._system_id(system), code):
            name = self._names[name_id]
            found[name] = (*found.get(name, ()), value)
        return found

    def designations(self, system: str, code: str) -> list[Designation]:
        """The other texts of a code, by kind and text."""
        uri = self.canonical(system)
        found = self._rows(_DESIGNATIONS, self._system_id(system), code)
        return [Designation(uri, code, self._names[kind], text) for kind, text in found]

    def related(self, system: str, code: str, kind: str) -> list[tuple[str, str]]:
        """System and code of what stands in a relation to a code."""
        name_id = self._name_ids.get(kind)
        found = self._rows(_RELATED, self._system_id(system), code, name_id)
        return [(self._uris[target], target_code) for target, target_code in found]

    def mapped(self, system: str, code: str, target_system: str) -> list[MapRow]:
        """All rows that map a code to a target system, of every map, by map, group and priority."""
        uri, target_uri = self.canonical(system), self.canonical(target_system)
        found = self._rows(_MAPPED, self._system_id(system), code, self._system_id(target_system))
        return [
            MapRow(
                self._names[name], uri, code, target_uri, target, equivalence, group, priority, rule, advice
            )
            for name, target, equivalence, group, priority, rule, advice in found
        ]

    def rows(self) -> Iterator[Row]:
        """All that the edition holds, in an order in which it can be written again."""
        yield from self.sources()
        yield from self.systems()
        for row in self._rows("SELECT alias, uri FROM alias"):
            yield Alias(*row)
        uris, names = self._uris, self._names
        for system, code, display, active in self._rows("SELECT * FROM concept"):
            yield Concept(uris[system], code, display, bool(active))
        for system, code, name, value in self._rows("SELECT * FROM property"):
            yield Property(uris[system], code, names[name], value)
        for system, code, kind, text in self._rows("SELECT * FROM designation"):
            yield Designation(uris[system], code, names[kind], text)
        for system, code, kind, target, target_code in self._rows("SELECT * FROM relation"):
            yield Relation(uris[system], code, names[kind], uris[target], target_code)
        for name, system, code, target, *rest in self._rows("SELECT * FROM map"):
            yield MapRow(names[name], uris[system], code, uris[target], *rest)

    def _system_id(self, system: str) -> int | None:
        known = self._uri_ids.get(system)
        return known if known is not None else self._uri_ids.get(self.canonical(system))

    def _rows(self, sql: str, *parameters: object) -> Iterator[Any]:
        try:
            yield from self._connection().execute(sql, parameters)
        except UnicodeEncodeError:
            return  # half of a surrogate pair, of which no edition has any
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def _connection(self) -> sqlite3.Connection:
        local = self._local
        if getattr(local, "process", None) != os.getpid():
            with self._guard:
                if self._closed:
                    raise EditionError(f"{self.path}: the edition was closed")
                # The connection of the process that forked us stays open: closing it is that one's to do.
                local.inherited = getattr(local, "held", None)
                local.held = _Connection(self.path)
                local.process = os.getpid()
                self._connections.add(local.held)
        held: _Connection = local.held
        return held.connection

    def _damaged(self, error: sqlite3.Error) -> EditionError:
        if self._closed:
            return EditionError(f"{self.path}: the edition was closed")
        return EditionError(f"{self.path}: cannot be read as a terminology edition ({error})")

    def _check(self) -> str:
        """The id; raises where the file is not a whole edition of our format."""
        _check_size(self.path)
        (application,), (version,) = (
            *self._rows("PRAGMA application_id"),
            *self._rows("PRAGMA user_version"),
        )
        if application != APPLICATION_ID:
            raise EditionError(f"{self.path}: is a database, but no terminology edition")
        if version != FORMAT:
            raise EditionError(
                f"{self.path}: is an edition of format {version}, not {FORMAT} as is read here; import again"
            )
        for (found,) in self._rows("SELECT value FROM meta WHERE key = 'id'"):
            return str(found)
        raise EditionError(f"{self.path}: the edition was not finished")


class _Connection:
    """A connection that ends with its thread or when the edition is closed, whichever is first."""

    def __init__(self, path: Path) -> None:
        address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        self.process = os.getpid()
        self.connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)

    def close(self) -> None:
        if self.process == os.getpid():
            self.connection.close()

    __del__ = close


def _check_size(path: Path) -> None:
    """Raise where a file is no SQLite database or is not as long as its header says."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
        size = path.stat().st_size
    except OSError as error:
        raise EditionError(f"{path}: {error.strerror or error}") from error
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise EditionError(f"{path}: is no terminology edition")
    page = int.from_bytes(header[16:18], "big")
    told = int.from_bytes(header[28:32], "big") * (65_536 if page == 1 else page)
    if told != size:
        raise EditionError(f"{path}: is damaged: it has {size} bytes and should have {told}")
