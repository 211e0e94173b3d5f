"""Old and new code work on one database while an installation is upgraded: migrations take nothing away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from chartbridge.config import Settings
from chartbridge.db import Database
from chartbridge.db.migrate import MIGRATIONS
from tests.deploy.schemas import (
    EXPANDING_SINCE,
    contractions,
    insert_as_before,
    migrate_to,
    shape,
    steps,
)
from tests.support.postgres import PostgresServer


@pytest.fixture
def empty(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    if backend == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = Settings(database_url=server.url(server.fresh_database())).db_url
    database = Database(url)
    yield database
    database.dispose()


def test_old_code_can_work_with_each_newer_schema(empty: Database) -> None:
    """Nothing that it needs is gone, its rows can be written, and no large table is locked for an index."""
    migrate_to(empty, EXPANDING_SINCE)
    first = before = shape(empty)
    for number, (_, revision) in enumerate(steps()):
        migrate_to(empty, revision)
        after = shape(empty)
        assert contractions(before, after) == [], revision
        [source] = [p.read_text() for p in (MIGRATIONS / "versions").glob(f"{revision}_*.py")]
        for table in before.tables:
            for index in after.indexes[table] - before.indexes[table]:
                assert f'"{index}"' in source.replace("add_index(\n        ", "add_index(")
                assert _is_added_concurrently(source, index), f"{index} on {table}: use add_index"
        with empty.engine.begin() as connection:
            insert_as_before(connection, before, number + 10)
        before = after
    with empty.engine.connect() as connection:
        for name in first.tables:
            count = connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one()
            assert count >= len(steps()), name


def _is_added_concurrently(source: str, index: str) -> bool:
    before_name = source[: source.index(f'"{index}"')].rstrip().removesuffix("op.f(").rstrip()
    return before_name.endswith("add_index(")


CONTRACTIONS = {
    "ALTER TABLE people RENAME TO persons": ["people is gone"],
    "ALTER TABLE people DROP COLUMN nick": ["people.nick is gone"],
    "ALTER TABLE people RENAME COLUMN nick TO nickname": ["people.nick is gone"],
    "ALTER TABLE people ADD COLUMN surplus INTEGER NOT NULL": ["people.surplus is new and must be given"],
    "CREATE UNIQUE INDEX ux_names ON people (name, nick)": ["people must be unique in ('name', 'nick')"],
    "ALTER TABLE people ADD COLUMN place INTEGER REFERENCES places (id)": ["people refers to more"],
    "ALTER TABLE people ALTER COLUMN name TYPE text": ["people.name was VARCHAR(20) and is TEXT"],
    "ALTER TABLE people ALTER COLUMN nick SET NOT NULL": ["people.nick could be empty"],
    "ALTER TABLE people ALTER COLUMN age DROP DEFAULT": ["people.age had a default"],
    "ALTER TABLE people ADD COLUMN fine INTEGER NOT NULL DEFAULT 0": [],
    "ALTER TABLE people ADD COLUMN fine TEXT": [],
    "CREATE INDEX ix_fine ON people (name)": [],
    "CREATE TABLE fine (id INTEGER PRIMARY KEY)": [],
}
NOT_ON_SQLITE = ("ALTER COLUMN", "surplus")


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_what_takes_something_away_is_seen(empty: Database, backend: str) -> None:
    make = (
        "CREATE TABLE places (id INTEGER PRIMARY KEY)",
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, nick VARCHAR(20),"
        " age INTEGER DEFAULT 7)",
    )
    for statement, expected in CONTRACTIONS.items():
        if backend == "sqlite" and any(words in statement for words in NOT_ON_SQLITE):
            continue
        with empty.engine.begin() as connection:
            for table in ("persons", "people", "places", "fine"):
                connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
            for table in make:
                connection.execute(text(table))
        before = shape(empty)
        with empty.engine.begin() as connection:
            connection.execute(text(statement))
        assert contractions(before, shape(empty)) == expected, statement
