"""Engine and sessions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from chartbridge.db.lookup import Lookup
from chartbridge.db.tenancy import ReadOnlySessionError, Tenant, TenantSession

SQLITE_BUSY_TIMEOUT_MS = 30_000
PING_AFTER_IDLE_S = 1.0
"""A connection that lay unused for this long is asked whether it still answers before it is used."""


class Database:
    """Connections to one database.

    ``read``, ``glance`` and ``write`` open sessions for a tenant (or ``None``: the platform's own tables).
    A ``write`` session commits when its block ends and rolls back when it raises. On SQLite it takes
    the write lock at its start, so that what it read is still true when it writes; on PostgreSQL
    the code that needs that says so with ``lock``.
    """

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if self.url.database in (None, "", ":memory:"):
                raise ValueError("an in-memory database cannot be shared between processes; give a file")
            Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.engine = _engine(url, self.is_sqlite, pool_size)
        if self.is_sqlite:
            self._reading: Engine = self.engine.execution_options(chartbridge_intent="read")
            self._writing: Engine = self.engine.execution_options(chartbridge_intent="write")
            self._glancing: Engine = self._reading
        else:
            self._reading = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._writing = self.engine
            # Connections of its own: to switch one over and back costs more than many a statement.
            self._glancing = _postgresql_engine(url, pool_size, "AUTOCOMMIT")

    @contextmanager
    def read(self, tenant: Tenant | None) -> Iterator[TenantSession]:
        """A session that sees one consistent state and writes nothing.

        Raises ReadOnlySessionError when something is written all the same.
        """
        with self._session(tenant, self._reading) as session:
            yield from _unwritten(session)

    @contextmanager
    def glance(self, tenant: Tenant | None) -> Iterator[TenantSession]:
        """A session for what one statement answers: as ``read``, without the time that a transaction costs.

        On PostgreSQL each statement sees the state of its own moment, so what several of them give need
        not fit together.
        """
        with self._session(tenant, self._glancing) as session:
            yield from _unwritten(session)

    def look_up(
        self, lookup: Lookup, tenant: Tenant | None, values: Mapping[str, str]
    ) -> Sequence[Sequence[Any]]:
        """The rows of a statement that every request makes, without a session's cost.

        Raises MissingTenantError where it reads what tenants own and there is no tenant.
        """
        with self._glancing.connect() as connection:
            return lookup.rows(connection, tenant, values)

    @contextmanager
    def write(self, tenant: Tenant | None) -> Iterator[TenantSession]:
        """A session in one transaction that commits at the end of the block."""
        with self._session(tenant, self._writing) as session, session.begin():
            yield session

    @contextmanager
    def _session(self, tenant: Tenant | None, engine: Engine) -> Iterator[TenantSession]:
        with TenantSession(engine, expire_on_commit=False) as session:
            session.info["tenant"] = tenant
            yield session

    def lock(self, session: TenantSession, *key: str) -> None:
        """Hold everybody else who locks the same key until this transaction ends.

        On SQLite a write session already excludes all other writers.
        """
        if not self.is_sqlite:
            session.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": "\x1f".join(key)}
            )

    def lock_all(self, session: TenantSession, keys: Iterable[tuple[str, ...]]) -> None:
        """``lock`` for each of several keys, always in one order: whoever takes several so never waits in a
        circle with another who does."""
        if not self.is_sqlite:
            session.execute(
                text(
                    "SELECT pg_advisory_xact_lock(place) FROM (SELECT DISTINCT hashtextextended(key, 0)"
                    " AS place FROM unnest(CAST(:keys AS text[])) AS key ORDER BY place OFFSET 0) AS ordered"
                ),
                {"keys": ["\x1f".join(key) for key in keys]},
            )

    def pools(self) -> dict[str, QueuePool]:
        """The pools of connections, by what they are for."""
        engines = {"transactions": self.engine}
        if not self.is_sqlite:
            engines["lookups"] = self._glancing
        return {name: e.pool for name, e in engines.items() if isinstance(e.pool, QueuePool)}

    def check(self) -> None:
        """Raise when the database does not answer."""
        with self._reading.connect() as connection:
            connection.execute(text("SELECT 1"))

    def dispose(self) -> None:
        self._glancing.dispose()
        self.engine.dispose()


def _unwritten(session: TenantSession) -> Iterator[TenantSession]:
    session.info["read_only"] = True
    yield session
    if session.new or session.dirty or session.deleted:
        raise ReadOnlySessionError("a read session was written to")


def _engine(url: str, is_sqlite: bool, pool_size: int) -> Engine:
    if not is_sqlite:
        return _postgresql_engine(url, pool_size, "READ COMMITTED")
    engine = create_engine(url, pool_size=pool_size, max_overflow=pool_size, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin in the hook below, never implicitly
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options: dict[str, Any] = dict(connection.get_execution_options())
        intent = options.get("chartbridge_intent")
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if intent == 'read' else 'OFF'}")
        # Whoever may write takes the lock at once: a lock asked for after a read fails without waiting.
        connection.exec_driver_sql("BEGIN" if intent == "read" else "BEGIN IMMEDIATE")

    return engine


def _postgresql_engine(url: str, pool_size: int, isolation_level: IsolationLevel) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        isolation_level=isolation_level,
        hide_parameters=True,
    )
    _ping_the_idle(engine)
    return engine


def _ping_the_idle(engine: Engine) -> None:
    """Have connections that a server's restart or a firewall ended replaced before they are used.

    SQLAlchemy's own ``pool_pre_ping`` asks each time, which costs every transaction a round trip more.
    """

    @event.listens_for(engine, "checkin")
    def lay_down(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def take_up(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        idle_since = record.info.get("idle_since")
        if idle_since is None or time.monotonic() - idle_since < PING_AFTER_IDLE_S:
            return
        dialect: Any = engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.dbapi.Error:
            raise InvalidatePoolError from None
