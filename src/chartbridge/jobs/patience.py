"""Having the job engine wait for an embedded database whose disk is full.

The engine repeats its own statements (what it notes of steps, and of a job's end) while its database is away.
On PostgreSQL a full disk counts as that; on SQLite only a lock does, so that a full disk at the wrong moment
would end a job as failed whose steps all wait. The engine has no setting for it: what it asks is widened.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from dbos import _sys_db
from sqlalchemy.exc import OperationalError

_PASSES = frozenset((sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN))
_PRIMARY = 0xFF
"""The part of an SQLite error code that names its kind."""

_engine: Any = _sys_db
_lock_passes = _engine.retriable_sqlite_exception


def passes(error: Exception) -> bool:
    """Whether a statement on SQLite that failed so may succeed later, unchanged."""
    if _lock_passes(error):
        return True
    cause = error.orig if isinstance(error, OperationalError) else None
    if not isinstance(cause, sqlite3.OperationalError):
        return False
    return getattr(cause, "sqlite_errorcode", 0) & _PRIMARY in _PASSES


def install() -> None:
    """For this process, from now on."""
    _engine.retriable_sqlite_exception = passes
