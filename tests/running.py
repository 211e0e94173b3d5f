"""The whole platform, API and worker, in the test's own process.

A worker is one a process, so a module's tests share one (see :func:`running`); each test has accounts
of its own instead of a database of its own.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from chartbridge.app import create_app
from chartbridge.auth import authenticate, create_key
from chartbridge.background import create_worker
from chartbridge.config import Settings
from chartbridge.db import Environment, Tenant
from chartbridge.platform import Platform
from tests.support import people
from tests.support.client import Api, M

ORIGIN = "http://testserver"
Json = dict[str, Any]


class Caller(Api):
    """A caller with a key, speaking to the application in this process."""

    def __init__(self, app: FastAPI, key: str) -> None:
        self.origin = ORIGIN
        self.key = key
        self.http = TestClient(app, base_url=ORIGIN, headers={"x-api-key": key}, follow_redirects=False)

    def facility_id(self) -> str:
        """The account's facility, made when there is none."""
        found = self.get(f"{M}/facility")["facilities"]
        return str((found or [self.post(f"{M}/facility", people.facility(), status=201)])[0]["id"])

    def patient_id(self, body: Json | None = None) -> str:
        """A patient created from ``body``, or Jane."""
        created = self.post(f"{M}/patient", body or people.jane(), status=201, facilityId=self.facility_id())
        return str(created["id"])

    def start(self, patient_id: str, *sources: str, **body: Any) -> Json:
        """A network query of those sources (all when none is named), just begun."""
        wanted = {name: {"enabled": True} for name in sources or ("hie", "pharmacy", "lab")}
        begun: Json = self.post(f"{M}/network/query", {"sources": wanted, **body}, patientId=patient_id)
        return begun

    def query(self, patient_id: str, *sources: str, until: str = "completed", **body: Any) -> Json:
        """The status of a network query that has ended."""
        begun = self.start(patient_id, *sources, **body)
        ended: Json = self.poll(f"{M}/network/query/{begun['requestId']}", until=until)
        return ended

    def documents(self, patient_id: str, **query: Any) -> list[Json]:
        found: list[Json] = self.get(f"{M}/document", patientId=patient_id, **query)["documents"]
        return found

    def fetch(self, url: str) -> Any:
        """What a presigned URL gives to somebody without a key."""
        answer = self.http.get(url, headers={"x-api-key": ""})
        assert answer.status_code == 200, answer.text[:500]
        return answer


@dataclass(frozen=True)
class World:
    """A platform with its API; ``caller`` gives callers of accounts that nobody else has."""

    platform: Platform
    app: FastAPI

    def caller(self, environment: Environment = "sandbox", account: str | None = None) -> Caller:
        """A caller of the account of that name, or of a new one."""
        name = account or f"account-{uuid.uuid4()}"
        return Caller(self.app, create_key(self.platform.db, environment, name))

    def tenant(self, caller: Caller) -> Tenant:
        known = authenticate(self.platform.db, caller.key)
        assert known is not None
        return known.tenant

    def with_settings(self, **changes: Any) -> World:
        """The same database and objects behind an API of other settings; its jobs keep the worker's."""
        platform = replace(self.platform, settings=self.platform.settings.model_copy(update=changes))
        return World(platform, create_app(platform))


@contextmanager
def database(backend: str, factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated, empty database for a whole module."""
    if backend == "sqlite":
        path = factory.mktemp("world") / "chartbridge.sqlite"
        template = request.getfixturevalue("migrated_sqlite")
        with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgres_server")
    name = server.fresh_database(template=request.getfixturevalue("migrated_postgres"))
    yield server.url(name)
    server.drop_database(name)


@contextmanager
def running(
    backend: str,
    factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    *,
    worker: bool = True,
    **changes: Any,
) -> Iterator[World]:
    """A platform with quick settings, changed as asked, and unless refused a worker."""
    quick: dict[str, Any] = {
        "conversion_processes": 1,
        "queue_poll_s": 0.15,
        "webhook_backoff_s": 0.05,
        "public_url": ORIGIN,
        "rate_limits": {"patient-write": 100_000},
    }
    with database(backend, factory, request) as url:
        given = {"data_dir": factory.mktemp("data"), "database_url": url, **quick, **changes}
        platform = Platform.open(Settings.model_validate(given))
        try:
            taking_jobs = create_worker(platform, "worker-of-the-tests") if worker else None
            if taking_jobs:
                taking_jobs.start()
            try:
                yield World(platform, create_app(platform))
            finally:
                if taking_jobs:
                    taking_jobs.stop(grace_s=2)
        finally:
            platform.close()


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Returns once the condition holds; fails the test when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not in {timeout_s:g} s: {what}"
        time.sleep(0.02)
