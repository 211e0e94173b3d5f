"""A database at any revision, and what of it old code relies on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, Table, inspect

from chartbridge.db import Database
from chartbridge.db.migrate import MIGRATIONS

EXPANDING_SINCE = "0007"
"""From here on every migration leaves room for the code before it."""
WHEN = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    return made


def steps() -> list[tuple[str, str]]:
    """Each migration that must only expand, with the one before it."""
    scripts = ScriptDirectory.from_config(config())
    found = scripts.iterate_revisions("head", EXPANDING_SINCE)
    return [(str(script.down_revision), script.revision) for script in reversed(list(found))]


def migrate_to(db: Database, revision: str) -> None:
    used = config()
    with db.engine.begin() as connection:
        used.attributes["connection"] = connection
        command.upgrade(used, revision)


@dataclass(frozen=True)
class Shape:
    """Tables by name, as the database itself describes them."""

    tables: dict[str, Table]
    unique: dict[str, set[tuple[str, ...]]]
    """Columns that must be unique together, the primary key's too."""
    indexes: dict[str, set[str]]


def shape(db: Database) -> Shape:
    with db.engine.connect() as connection:
        found = MetaData()
        found.reflect(connection, only=lambda name, _: name != "alembic_version")
        looked = inspect(connection)
        unique = {name: _unique(looked, name) for name in found.tables}
        indexes = {name: {str(i["name"]) for i in looked.get_indexes(name)} for name in found.tables}
    return Shape(dict(found.tables), unique, indexes)


def _unique(looked: Any, table: str) -> set[tuple[str, ...]]:
    constraints = [found["column_names"] for found in looked.get_unique_constraints(table)]
    indexes = [found["column_names"] for found in looked.get_indexes(table) if found["unique"]]
    key = looked.get_pk_constraint(table)["constrained_columns"]
    return {tuple(sorted(map(str, columns))) for columns in [*constraints, *indexes, key]}


def contractions(before: Shape, after: Shape) -> list[str]:
    """What code that knows ``before`` would trip over in ``after``."""
    found = [f"{name} is gone" for name in before.tables.keys() - after.tables.keys()]
    for name, old in before.tables.items():
        if name not in after.tables:
            continue
        new = after.tables[name]
        found += [f"{name}.{column.name} is gone" for column in old.columns if column.name not in new.columns]
        for column in new.columns:
            found += _column(name, old, column)
        found += [f"{name} must be unique in {c}" for c in after.unique[name] - before.unique[name]]
        found += [f"{name} refers to more" for _ in range(len(new.foreign_keys) - len(old.foreign_keys))]
    return sorted(found)


def _column(table: str, old: Table, column: Column[Any]) -> list[str]:
    place = f"{table}.{column.name}"
    if column.name not in old.columns:
        free = column.nullable or column.server_default is not None
        return [] if free else [f"{place} is new and must be given"]
    was = old.columns[column.name]
    found = []
    if str(was.type) != str(column.type):
        found.append(f"{place} was {was.type} and is {column.type}")
    if was.nullable and not column.nullable:
        found.append(f"{place} could be empty")
    if was.server_default is not None and column.server_default is None:
        found.append(f"{place} had a default")
    return found


def insert_as_before(connection: Connection, before: Shape, number: int) -> None:
    """One row into each table, as code would that knows no other columns."""
    metadata = next(iter(before.tables.values())).metadata
    for table in metadata.sorted_tables:
        connection.execute(table.insert(), {c.name: _value(table, c, number) for c in table.columns})


def _value(table: Table, column: Column[Any], number: int) -> Any:
    for key in column.foreign_keys:
        return _value(key.column.table, key.column, number)
    if column.name in ("account_id", "environment"):
        return "sandbox" if column.name == "environment" else f"accounts-{number}"
    kind = column.type.python_type
    if kind is str:
        return f"{table.name[:8]}-{number}"[: getattr(column.type, "length", None) or 100]
    return {int: number + 7, bool: number % 2 == 0, datetime: WHEN, float: 1.5, bytes: b"x"}.get(
        kind, {"number": number}
    )
