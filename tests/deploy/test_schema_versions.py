"""Processes of different versions on one database: who starts, who refuses, who waits for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from typer.testing import CliRunner

from chartbridge.cli import cli
from chartbridge.config import Settings
from chartbridge.db import Database, migrate
from chartbridge.db.migrate import SchemaTooNewError, is_current, schema_of, upgrade
from chartbridge.jobs.queue import SYSTEM_SCHEMA
from chartbridge.jobs.worker import WORKFLOW_VERSION
from tests.deploy.schemas import EXPANDING_SINCE, migrate_to, steps
from tests.support.postgres import PostgresServer

NEWER = "9999"


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    database = Database(settings.db_url)
    yield database
    database.dispose()


def run(settings: Settings, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a command."""
    environment = {"CHARTBRIDGE_DATABASE_URL": settings.database_url, "COLUMNS": "200"}
    environment["CHARTBRIDGE_DATA_DIR"] = str(settings.data_dir)
    done = CliRunner().invoke(cli, list(arguments), env=environment)
    return done.exit_code, done.output


def upgraded_by_a_newer_program(db: Database, oldest_code: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": NEWER})
        connection.execute(text("UPDATE schema_support SET oldest_code = :to"), {"to": oldest_code})


def test_an_old_process_starts_on_a_schema_that_still_fits(db: Database, settings: Settings) -> None:
    newest_known = steps()[-1][1]
    upgraded_by_a_newer_program(db, oldest_code=newest_known)
    upgrade(db, system_schema=SYSTEM_SCHEMA)
    assert is_current(db)
    schema = schema_of(db)
    assert (schema.revision, schema.is_newer, schema.oldest_code) == (NEWER, True, newest_known), "it stays"
    code, printed = run(settings, "db", "status")
    assert code == 0
    assert f"schema {NEWER}, this program knows {newest_known}" in printed
    assert "works with it" in printed


def test_an_old_process_does_not_start_on_a_schema_that_took_away_what_it_needs(
    db: Database, settings: Settings
) -> None:
    upgraded_by_a_newer_program(db, oldest_code=NEWER)
    with pytest.raises(SchemaTooNewError, match="install a newer version"):
        upgrade(db, system_schema=SYSTEM_SCHEMA)
    assert not is_current(db)
    assert schema_of(db).revision == NEWER
    code, printed = run(settings, "db", "upgrade")
    assert code == 1
    assert "install a newer version" in printed
    code, printed = run(settings, "db", "upgrade", "--check")
    assert code == 1
    assert "too old" in printed
    code, printed = run(settings, "doctor")
    assert code == 1
    assert "install that version" in " ".join(printed.split())


def test_what_is_pending_is_told_and_then_done(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'old.sqlite'}")
    code, printed = run(settings, "db", "status")
    assert code == 1
    assert "there is no database yet" in printed
    db = Database(settings.db_url)
    migrate_to(db, EXPANDING_SINCE)
    db.dispose()
    code, printed = run(settings, "db", "upgrade", "--check")
    assert code == 1
    assert [line.split(":")[0] for line in printed.splitlines()[1:]] == [
        f"pending {new}" for _, new in steps()
    ]
    assert run(settings, "db", "upgrade")[0] == 0
    code, printed = run(settings, "db", "upgrade", "--check")
    assert (code, "pending" in printed) == (0, False)
    code, printed = run(settings, "db", "take-new-jobs")
    assert code == 1
    assert f"no worker has ever run with workflows {WORKFLOW_VERSION}" in printed


@pytest.fixture
def old_postgres(postgres_server: PostgresServer) -> Iterator[Database]:
    """A database as an earlier release made it."""
    name = postgres_server.fresh_database()
    database = Database(Settings(database_url=postgres_server.url(name)).db_url)
    migrate_to(database, EXPANDING_SINCE)
    yield database
    database.dispose()
    postgres_server.drop_database(name)


def _holding(db: Database, table: str) -> Connection:
    connection = db.engine.connect()
    connection.execute(text(f"SELECT 1 FROM {table}"))
    return connection


def test_a_migration_that_waits_for_a_table_lets_the_others_on(
    old_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is waited for holds up everybody who comes after it: so it is not waited for long."""
    monkeypatch.setattr(migrate, "_LOCK_WAIT_S", 1)
    monkeypatch.setattr(migrate, "_LOCK_PAUSE_S", 0.5)
    busy = _holding(old_postgres, "job_runs")
    upgrading = threading.Thread(
        target=upgrade, args=(old_postgres,), kwargs={"system_schema": SYSTEM_SCHEMA}
    )
    upgrading.start()
    try:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            with old_postgres.engine.begin() as other:
                other.execute(text("SET LOCAL statement_timeout = '10s'"))
                other.execute(
                    text("INSERT INTO job_runs (workflow_id, runs) VALUES (:id, 1)"),
                    {"id": str(time.monotonic_ns())},
                )
            time.sleep(0.1)
        assert upgrading.is_alive()
    finally:
        busy.rollback()
        busy.close()
        upgrading.join(60)
    assert is_current(old_postgres)
    with old_postgres.engine.connect() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "0"


def test_a_process_that_needs_nothing_does_not_wait_for_one_that_migrates(
    database_url: str, backend: str
) -> None:
    if backend == "sqlite":
        pytest.skip("a migration of SQLite takes a moment, and one machine holds all its processes")
    db = Database(Settings(database_url=database_url).db_url)
    with migrate._exclusive(db):
        waiting = threading.Thread(
            target=upgrade, args=(db,), kwargs={"system_schema": SYSTEM_SCHEMA}, daemon=True
        )
        waiting.start()
        waiting.join(20)
        assert not waiting.is_alive()
    db.dispose()


def test_an_index_that_an_interrupted_upgrade_left_unfinished_is_built_anew(old_postgres: Database) -> None:
    name = "ix_webhook_messages_created"
    with old_postgres.engine.begin() as connection:
        connection.execute(text(f"CREATE INDEX {name} ON webhook_messages (id)"))
    upgrade(old_postgres, system_schema=SYSTEM_SCHEMA)
    with old_postgres.engine.connect() as connection:
        definition = connection.execute(
            text("SELECT indexdef FROM pg_indexes WHERE indexname = :name"), {"name": name}
        ).scalar_one()
    assert "(account_id, environment, created_at, id)" in definition
