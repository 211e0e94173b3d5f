"""Bringing a database that holds data from the first schema to the present one, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Connection, MetaData, Table, inspect, text

from chartbridge.config import Settings
from chartbridge.db import Database
from chartbridge.db.migrate import MIGRATIONS
from tests.support.postgres import PostgresServer

WHEN = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)
OWNERS = (("account-a", "sandbox"), ("account-a", "sandbox"), ("account-b", "production"))
"""Whose the rows of each table are."""

COUNTED = {("account-a", "sandbox"): 2, ("account-b", "production"): 1}


@pytest.fixture
def db(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with the released first schema and rows in each of its tables."""
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    if backend == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = Settings(database_url=server.url(server.fresh_database())).db_url
    database = Database(url)
    _to(database, "0001")
    with database.engine.begin() as connection:
        for table in _tables(connection).sorted_tables:
            connection.execute(table.insert(), _rows(table))
    yield database
    database.dispose()


def _to(db: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.begin() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if revision == "0001" and _has_version(connection) else command.upgrade)(
            config, revision
        )


def _has_version(connection: Connection) -> bool:
    return inspect(connection).has_table("alembic_version")


def _tables(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name != "alembic_version")
    return found


def _rows(table: Table) -> list[dict[str, Any]]:
    """One for each of the owners, or one for each tenant where there can be no more."""
    one_a_tenant = {column.name for column in table.primary_key} == {"account_id", "environment"}
    return [_row(table, number) for number in ((0, 2) if one_a_tenant else range(len(OWNERS)))]


def _row(table: Table, number: int) -> dict[str, Any]:
    return {column.name: _value(table, column, number) for column in table.columns}


def _value(table: Table, column: Column[Any], number: int) -> Any:
    for key in column.foreign_keys:
        return _value(key.column.table, key.column, number)
    if column.name in ("account_id", "environment"):
        return OWNERS[number][column.name == "environment"]
    kind = column.type.python_type
    if kind is str:
        return f"{table.name[:8]}-{number}"[: getattr(column.type, "length", None) or 100]
    return {int: number + 7, bool: number % 2 == 0, datetime: WHEN}.get(kind, {"number": number})


def _content(db: Database, columns: dict[str, set[str]] | None = None) -> dict[str, list[dict[str, Any]]]:
    """Every row by table; of the given columns alone."""
    with db.engine.connect() as connection:
        tables = _tables(connection).tables
        return {
            name: sorted(
                (
                    {n: v for n, v in row._mapping.items() if columns is None or n in columns[name]}
                    for row in connection.execute(tables[name].select())
                ),
                key=str,
            )
            for name in (tables if columns is None else columns)
        }


def _counts(db: Database) -> dict[tuple[str, str], int]:
    with db.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT account_id, environment, sum(patients) FROM patient_counts GROUP BY 1, 2")
        )
        return {(account, environment): number for account, environment, number in rows}


def test_all_that_was_there_is_there_after_the_upgrade_and_after_the_way_back(db: Database) -> None:
    before = _content(db)
    assert len(before["patients"]) == len(OWNERS)
    assert all(before.values())
    columns = {name: set(rows[0]) for name, rows in before.items()}
    for _ in range(2):
        _to(db, "head")
        assert _content(db, columns) == before
        _to(db, "0001")
        assert _content(db) == before


def test_what_is_new_holds_for_what_was_there(db: Database) -> None:
    """Keys may do all, nobody has limits of its own, and the patients are counted, also those that come."""
    _to(db, "head")
    with db.engine.begin() as connection:
        keys = connection.execute(text("SELECT scope, expires_at FROM api_keys")).all()
        accounts = connection.execute(
            text("SELECT rate_limits, document_url_pages FROM account_settings")
        ).all()
    assert set(map(tuple, keys)) == {("full", None)}
    assert {(limits, bool(pages)) for limits, pages in accounts} == {(None, False)}
    assert _counts(db) == COUNTED
    with db.engine.begin() as connection:
        patients = _tables(connection).tables["patients"]
        connection.execute(patients.insert(), {**_row(patients, 2), "id": "one-more"})
        connection.execute(patients.delete().where(patients.c.id == _row(patients, 0)["id"]))
    assert _counts(db) == {("account-a", "sandbox"): 1, ("account-b", "production"): 2}
