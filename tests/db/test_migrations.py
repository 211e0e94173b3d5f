"""Bringing a database to the present schema."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from chartbridge import app
from chartbridge.config import Settings
from chartbridge.db import Base, Database
from chartbridge.db.migrate import is_current, upgrade
from chartbridge.jobs.queue import SYSTEM_SCHEMA
from tests.support.postgres import PostgresServer


@pytest.fixture
def empty_database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'empty.sqlite'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return Settings(database_url=server.url(server.fresh_database())).db_url


ONLY_ON_POSTGRESQL = {f"ix_patients_search_{of}" for of in ("words", "ids", "runs")}
"""Indexes that the migration makes and no model names: SQLite could not have them."""


def of_the_application(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """The job engine keeps tables of its own beside ours, on SQLite in the same namespace."""
    return (kind != "table" or name in Base.metadata.tables) and name not in ONLY_ON_POSTGRESQL


def differences(connection: Connection) -> list[Any]:
    assert app.ROUTERS, "importing the application makes all models known"
    options = {"include_object": of_the_application, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


def test_the_migrations_make_what_the_models_say(database_url: str) -> None:
    db = Database(Settings(database_url=database_url).db_url)
    with db.engine.connect() as connection:
        assert differences(connection) == []
        connection.execute(text("ALTER TABLE accounts ADD COLUMN surplus INTEGER"))
        assert differences(connection), "a difference would be seen"
    db.dispose()


def _tables(db: Database) -> set[str]:
    return set(inspect(db.engine).get_table_names())


def test_migrating_again_changes_nothing(empty_database_url: str) -> None:
    db = Database(empty_database_url)
    assert not is_current(db)
    upgrade(db, system_schema=SYSTEM_SCHEMA)
    assert is_current(db)
    first = _tables(db)
    assert set(Base.metadata.tables) <= first
    with db.engine.begin() as connection:
        connection.execute(text("INSERT INTO job_runs (workflow_id, runs) VALUES ('kept', 3)"))
    upgrade(db, system_schema=SYSTEM_SCHEMA)
    assert is_current(db)
    assert _tables(db) == first
    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT runs FROM job_runs")).scalar_one() == 3
    db.dispose()


def _migrate(url: str) -> None:
    db = Database(url)
    upgrade(db, system_schema=SYSTEM_SCHEMA)
    db.dispose()


def test_several_processes_may_migrate_at_once(empty_database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_migrate, args=(empty_database_url,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    exit_codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()  # one that waits for ever must not outlive the test
    assert exit_codes == [0, 0, 0]
    db = Database(empty_database_url)
    assert is_current(db)
    assert set(Base.metadata.tables) <= _tables(db)
    db.dispose()


def test_an_embedded_database_is_private_durable_and_checks_references(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'data' / 'x.sqlite'}")
    with db.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    db.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="cannot be shared"):
        Database(url)
