"""Bringing a database to the present schema: the application's tables and the job engine's.

Processes of two versions share the database while an installation is upgraded, so the schema only grows:
what a release before needs goes no earlier than with the release after. ``schema_support`` says which
version's code can work with the database; an older process that starts meanwhile reads it there, because it
does not know the newer revisions.
"""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import structlog
from alembic import command, op
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from dbos import DBOS
from psycopg.errors import LockNotAvailable
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, inspect, select, text
from sqlalchemy.exc import OperationalError

from chartbridge.config import ConfigurationError
from chartbridge.db.engine import Database
from chartbridge.db.sqlite_statistics import describe_tables

log = structlog.get_logger(__name__)
MIGRATIONS = Path(__file__).parent / "migrations"
OLDEST_CODE = "0007"
"""Newest revision that the oldest code knows which works with the present schema: raised only by a migration
that takes away what older code needs."""

_LOCK_KEY = 7_210_004_311
_LOCK_WAIT_S = 3
"""A statement that waits longer for a table's lock gives up, because all others wait behind it meanwhile."""
_LOCK_ATTEMPTS = 40
_LOCK_PAUSE_S = 1.5
_ALONE = "each migration in a transaction of its own"

_SUPPORT = Table(
    "schema_support",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("oldest_code", String(32), nullable=False),
    Column("engine", String(32), nullable=False),
)
"""One row, written by whoever migrated last. Beside alembic's own table, and as little of the models."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Where a database stands, as this version of the program sees it."""

    revision: str | None
    """``None``: it is empty."""
    known: str
    """The newest revision that this program knows."""
    pending: tuple[tuple[str, str], ...]
    """Revision and title of each migration that is missing, in the order in which they come."""
    is_newer: bool
    """A newer program has migrated it."""
    oldest_code: str | None
    """The oldest program that it allows, by the newest revision that program knows; ``None``: not said."""
    engine: str | None
    """The version of the job engine whose schema it has."""

    @property
    def is_usable(self) -> bool:
        """Whether this program can work with the database as it stands."""
        if self.is_newer:
            return self.oldest_code is not None and self.oldest_code <= self.known
        return not self.pending


class SchemaTooNewError(ConfigurationError):
    """The database was migrated by a program that is too far ahead of this one."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(
            f"the database has the schema {schema.revision}, this program knows {schema.known}, and it needs "
            f"one that knows {schema.oldest_code or schema.revision}: install a newer version of Chartbridge"
        )


def upgrade(db: Database, *, system_schema: str) -> None:
    """Apply what is missing; nothing when the database is current. Processes may start it at once.

    A database that a newer program has migrated stays as it is. Raises SchemaTooNewError where that program
    took away what this one needs.
    """
    logging.getLogger("dbos").setLevel(logging.WARNING)
    if not db.is_sqlite and _has_all(db, system_schema):
        return  # without waiting for whoever migrates just now
    with _exclusive(db):
        if not _is_newer(db):
            _apply(db)
        DBOS.migrate(db.url.render_as_string(hide_password=False), schema=system_schema)
        _say_whom_it_supports(db)
        if db.is_sqlite:
            with db.engine.begin() as connection:
                describe_tables(connection)


def schema_of(db: Database) -> Schema:
    """Where the database stands; changes nothing."""
    scripts = ScriptDirectory.from_config(_config())
    known = str(scripts.get_current_head())
    with db.glance(None) as session:
        connection = session.connection()
        revision = MigrationContext.configure(connection).get_current_revision()
        support = _support(connection)
    is_newer = revision is not None and revision not in known_revisions()
    missing = () if is_newer else tuple(scripts.iterate_revisions(known, revision or "base"))
    pending = tuple((script.revision, script.doc.partition("\n")[0]) for script in reversed(missing))
    oldest_code, engine = support or (None, None)
    return Schema(revision, known, pending, is_newer, oldest_code, engine)


def known_revisions() -> frozenset[str]:
    """The schemas that this program can work with or bring up to its own."""
    scripts = ScriptDirectory.from_config(_config())
    return frozenset(script.revision for script in scripts.walk_revisions())


def is_current(db: Database) -> bool:
    """Whether this program can work with the database's tables as they are."""
    return schema_of(db).is_usable


def add_index(name: str, table: str, columns: list[str]) -> None:
    """For a migration: an index on a table that may be large already, built while others write to it.

    On PostgreSQL it is built concurrently, which ends the migration's transaction: it must come before all
    else in its migration. One that an interrupted attempt left unfinished is replaced.
    """
    context = op.get_context()
    if context.config is None or not context.config.attributes.get(_ALONE):
        op.create_index(name, table, columns)
        return
    with context.autocommit_block():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.execute("SET lock_timeout = 0")  # building waits for older transactions, and blocks nobody
        op.create_index(name, table, columns, postgresql_concurrently=True)
        op.execute(f"SET lock_timeout = '{_LOCK_WAIT_S}s'")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _has_all(db: Database, system_schema: str) -> bool:
    """Whether neither the application nor the job engine has anything to add.

    Raises SchemaTooNewError.
    """
    schema = schema_of(db)
    if schema.is_newer and not schema.is_usable:
        raise SchemaTooNewError(schema)
    if schema.is_newer:
        log.warning("the database belongs to a newer version", revision=schema.revision, known=schema.known)
    if not schema.is_usable or schema.engine is None or _numbers(schema.engine) < _numbers(_engine()):
        return False
    return inspect(db.engine).has_table("workflow_status", schema=None if db.is_sqlite else system_schema)


def _is_newer(db: Database) -> bool:
    """Whether somebody newer has migrated it, also while this process waited. Raises SchemaTooNewError."""
    schema = schema_of(db)
    if schema.is_newer and not schema.is_usable:
        raise SchemaTooNewError(schema)
    return schema.is_newer


def _apply(db: Database) -> None:
    config = _config()
    if db.is_sqlite:
        with db.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return
    for attempt in range(_LOCK_ATTEMPTS):
        try:
            with db.engine.connect() as connection:
                connection.execute(text(f"SET lock_timeout = '{_LOCK_WAIT_S}s'"))
                connection.commit()
                try:
                    config.attributes |= {"connection": connection, _ALONE: True}
                    command.upgrade(config, "head")
                finally:
                    connection.invalidate()  # its setting must not reach whoever uses it next
            return
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable) or attempt == _LOCK_ATTEMPTS - 1:
                raise
            log.warning("a migration waits for a table that is in use", attempt=attempt + 1)
            time.sleep(_LOCK_PAUSE_S)


def _engine() -> str:
    return version("dbos")


def _numbers(engine: str) -> tuple[int, ...]:
    return tuple(int(part) for part in engine.split(".") if part.isdecimal())


def _support(connection: Connection) -> tuple[str, str] | None:
    if not inspect(connection).has_table(_SUPPORT.name):
        return None
    row = connection.execute(select(_SUPPORT.c.oldest_code, _SUPPORT.c.engine)).first()
    return None if row is None else (row.oldest_code, row.engine)


def _say_whom_it_supports(db: Database) -> None:
    """What a newer program said of itself stays."""
    with db.engine.begin() as connection:
        _SUPPORT.metadata.create_all(connection)
        told = _support(connection)
        if told is None:
            connection.execute(_SUPPORT.insert().values(id=1, oldest_code=OLDEST_CODE, engine=_engine()))
            return
        oldest_code, engine = told
        connection.execute(
            _SUPPORT.update().values(
                oldest_code=max(oldest_code, OLDEST_CODE), engine=max(engine, _engine(), key=_numbers)
            )
        )


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
