"""The database's schema, and which version of the workflows takes new jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from chartbridge.commands.console import fail, results, talk
from chartbridge.config import Settings
from chartbridge.db import Database
from chartbridge.db.migrate import Schema, schema_of
from chartbridge.jobs import versions
from chartbridge.jobs.worker import WORKFLOW_VERSION


def is_ready(settings: Settings) -> bool:
    """Print what an upgrade would do; whether this program can work with the database without one."""
    schema = _schema(settings)
    _print(schema)
    return schema.is_usable


def show(settings: Settings) -> None:
    """Print where the schema stands, and the versions of workflows that jobs were begun with."""
    schema = _schema(settings)
    _print(schema)
    if schema.engine is None:
        return
    with _opened(settings) as db:
        known = versions.known(db)
    for place, version in enumerate(known):
        amount = f"{version.unfinished}{' or more' if version.unfinished == versions.COUNTED else ''}"
        takes = ", takes new jobs" if place == 0 else ""
        ours = ", this program's" if version.name == WORKFLOW_VERSION else ""
        results.print(f"workflows {version.name}{ours}{takes}: {amount} begun and not ended")


def take_new_jobs(settings: Settings) -> None:
    """Have workers of this program's version take the new jobs."""
    with _opened(settings) as db:
        try:
            versions.give_new_jobs_to(db, WORKFLOW_VERSION)
        except LookupError:
            fail(f"no worker has ever run with workflows {WORKFLOW_VERSION}; start one first")
    talk.print(f"new jobs go to workers with workflows {WORKFLOW_VERSION}")


def _schema(settings: Settings) -> Schema:
    with _opened(settings) as db:
        return schema_of(db)


def _print(schema: Schema) -> None:
    results.print(f"schema {schema.revision or 'none'}, this program knows {schema.known}")
    for revision, title in schema.pending:
        results.print(f"pending {revision}: {escape(title)}")
    if schema.is_newer:
        fit = "works with it" if schema.is_usable else "is too old for it"
        results.print(f"a newer program has upgraded it; this one {fit}")


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    """The database as it is: nothing is made or upgraded."""
    db = Database(settings.db_url)
    try:
        if db.is_sqlite and not Path(str(db.url.database)).exists():
            fail("there is no database yet; `chartbridge db upgrade` makes it")
        yield db
    except SQLAlchemyError as error:
        fail(f"the database does not answer ({type(error).__name__}); `chartbridge doctor` says more")
    finally:
        db.dispose()
