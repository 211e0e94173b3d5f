"""Versions of the workflows: which of them workers have begun jobs with, and which one takes new jobs.

A job is finished by the version that began it. New jobs go to the version that was registered last, which is
that of the worker that first started with a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dbos import DBOSClient
from dbos import DBOSPortableJSONSerializer as JsonSerializer

from chartbridge.db import Database
from chartbridge.jobs.queue import APPLICATION, SYSTEM_SCHEMA

COUNTED = 1000
"""Unfinished jobs of a version are counted up to here."""


@dataclass(frozen=True, slots=True)
class WorkflowVersion:
    """One version, with the jobs that it began and that have not ended: at most ``COUNTED``."""

    name: str
    unfinished: int


def known(db: Database) -> list[WorkflowVersion]:
    """All versions that workers ever registered; the first takes the new jobs."""
    with _client(db) as client:
        return [
            WorkflowVersion(found["version_name"], _unfinished(client, found["version_name"]))
            for found in client.list_application_versions()
        ]


def give_new_jobs_to(db: Database, version: str) -> None:
    """Have workers of that version take the new jobs, whichever was registered last.

    Raises LookupError for a version that no worker has registered.
    """
    with _client(db) as client:
        if version not in {found["version_name"] for found in client.list_application_versions()}:
            raise LookupError(version)
        client.set_latest_application_version(version)


def _unfinished(client: DBOSClient, version: str) -> int:
    found = client.list_workflows(
        app_version=version,
        status=["ENQUEUED", "PENDING"],
        limit=COUNTED,
        load_input=False,
        load_output=False,
    )
    return len(found)


@contextmanager
def _client(db: Database) -> Iterator[DBOSClient]:
    client = DBOSClient(
        system_database_engine=db.engine,
        dbos_system_schema=SYSTEM_SCHEMA,
        serializer=JsonSerializer(),
        application_name=APPLICATION,
        lazy=True,
    )
    try:
        yield client
    finally:
        client.destroy()
