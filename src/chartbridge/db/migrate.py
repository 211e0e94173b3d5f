"""Bringing a database to the present schema: the application's tables and the job engine's."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from dbos import DBOS
from sqlalchemy import text

from chartbridge.db.engine import Database

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_KEY = 7_210_004_311


def upgrade(db: Database, *, system_schema: str) -> None:
    """Apply what is missing; nothing when the database is current. Processes may start it at once."""
    logging.getLogger("dbos").setLevel(logging.WARNING)
    with _exclusive(db):
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with db.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        DBOS.migrate(db.url.render_as_string(hide_password=False), schema=system_schema)


def is_current(db: Database) -> bool:
    """Whether the application's tables have the newest schema."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


@contextmanager
def _exclusive(db: Database) -> Iterator[None]:
    if db.is_sqlite:
        with Path(f"{db.url.database}.migrating").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    # Without a transaction, and without a statement that waits: the job engine's migrations build indexes
    # concurrently, and that waits for the end of both.
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY}).scalar():
            time.sleep(0.1)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK_KEY})
