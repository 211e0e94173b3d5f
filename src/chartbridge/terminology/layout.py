"""The tables of an edition file, and the digest of their contents.

Systems and names are small numbers in the large tables, which are B-trees ordered by system and code
(``WITHOUT ROWID``): one look-up reads one path of pages, and the file is as small as its contents.
"""

from __future__ import annotations

import hashlib
import sqlite3

import orjson

APPLICATION_ID = 0x43425445
"""What tells an edition from other SQLite files ("CBTE")."""
FORMAT = 1
"""Of the tables; an edition of another format must be made anew."""
PAGE_SIZE = 4_096
_BLOCK = 2_000
"""Rows that are digested at a time; part of the digest's definition."""

TABLES: dict[str, tuple[str, str]] = {
    "source": (
        "id TEXT, name TEXT, version TEXT, date TEXT, sha256 TEXT, licence TEXT, notice TEXT, origin TEXT",
        "id",
    ),
    "uri": ("id INTEGER, uri TEXT UNIQUE", "id"),
    "name": ("id INTEGER, name TEXT UNIQUE", "id"),
    "system": (
        "uri INTEGER, name TEXT, version TEXT, source_id TEXT, complete INTEGER, concepts INTEGER",
        "uri",
    ),
    "alias": ("alias TEXT, uri TEXT", "alias"),
    "concept": ("system INTEGER, code TEXT, display TEXT, active INTEGER", "system, code"),
    "property": ("system INTEGER, code TEXT, name INTEGER, value TEXT", "system, code, name, value"),
    "designation": ("system INTEGER, code TEXT, kind INTEGER, text TEXT", "system, code, kind, text"),
    "relation": (
        "system INTEGER, code TEXT, kind INTEGER, target_system INTEGER, target_code TEXT",
        "system, code, kind, target_system, target_code",
    ),
    "map": (
        "name INTEGER, system INTEGER, code TEXT, target_system INTEGER, target_code TEXT, "
        "equivalence TEXT, map_group INTEGER, priority INTEGER, rule TEXT, advice TEXT",
        "system, code, target_system, name, map_group, priority, target_code, rule",
    ),
}
"""By table, its columns and the columns of its key, which is also the order of its rows."""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables of an empty edition."""
    for table, (columns, key) in TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({key})) WITHOUT ROWID")
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")


def digest(connection: sqlite3.Connection) -> str:
    """SHA-256 over all rows in order, in hexadecimal: the same for the same contents, whatever wrote them."""
    total = hashlib.sha256()
    for table, (_, key) in TABLES.items():
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY {key}")  # noqa: S608 names of our own
        total.update(f"{FORMAT} {table}\n".encode())
        while block := rows.fetchmany(_BLOCK):
            total.update(orjson.dumps(block))
    return total.hexdigest()
