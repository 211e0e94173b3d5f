"""Running servers, one on each database, and the official SDKs each with an account of its own on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from chartbridge.auth import create_key
from chartbridge.config import Settings
from chartbridge.db import Database
from tests.sdk import drivers
from tests.sdk.drivers import Driver, Sdk
from tests.support import people
from tests.support.receiver import Received, Receiver
from tests.support.server import Deployment


@dataclass(frozen=True)
class Live:
    """A server, and how to get a key of a new account on it."""

    origin: str
    new_key: Callable[[], str]
    deployment: Deployment
    accounts: dict[str, str]
    """Names of accounts by their keys."""


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def live(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Live]:
    """One server process with its worker on each database, for all tests of SDKs."""
    settings: dict[str, str] = {}
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        settings["database_url"] = server.url(server.fresh_database())
    deployment = Deployment(tmp_path_factory.mktemp("sdk"), settings)
    numbers = count(1)
    origin = deployment.serve().origin
    url = settings.get("database_url") or f"sqlite:///{deployment.data_dir / 'chartbridge.sqlite'}"
    db = Database(Settings(database_url=url).db_url)
    accounts: dict[str, str] = {}

    def new_key() -> str:
        name = f"account-{next(numbers)}"
        key = create_key(db, "sandbox", name)
        accounts[key] = name
        return key

    try:
        yield Live(origin, new_key, deployment, accounts)
    finally:
        db.dispose()
        deployment.close()


@pytest.fixture(scope="session")
def javascript() -> Iterator[Driver]:
    reason = drivers.why_no_javascript()
    if reason:
        pytest.skip(reason)
    with drivers.javascript() as driver:
        yield driver


@pytest.fixture(scope="session")
def python() -> Iterator[Driver]:
    reason = drivers.why_no_python()
    if reason:
        pytest.skip(reason)
    with drivers.python() as driver:
        yield driver


@pytest.fixture
def js(live: Live, javascript: Driver) -> Sdk:
    """The JavaScript SDK with a new account."""
    return Sdk(javascript, live.origin, live.new_key())


@pytest.fixture
def py(live: Live, python: Driver) -> Sdk:
    """The Python SDK with a new account."""
    return Sdk(python, live.origin, live.new_key())


@pytest.fixture
def both(js: Sdk, python: Driver) -> tuple[Sdk, Sdk]:
    """Both SDKs, JavaScript first, with one account."""
    return js, Sdk(python, js.origin, js.key)


@dataclass(frozen=True)
class Scene:
    """An account whose clinic has Jane, with all her records gathered. Tests must leave it as it is but for
    what only adds: queries and messages."""

    js: Sdk
    clinic: str
    jane: str
    receiver: Receiver

    def message(self, kind: str, request_id: str) -> Received:
        """The message of that type that a request caused."""
        return message_of(self.receiver, kind, request_id)


@pytest.fixture(scope="session")
def scene(live: Live, javascript: Driver) -> Iterator[Scene]:
    js = Sdk(javascript, live.origin, live.new_key())
    with Receiver() as receiver:
        receiver.key = js.call("updateSettings", receiver.url)["webhookKey"]
        clinic = js.call("createFacility", people.facility())["id"]
        jane = js.call("createPatient", people.jane(externalId="mrn-jane"), clinic)["id"]
        begun = js.call("startNetworkQuery", {"patientId": jane, "sources": people.ALL_SOURCES})
        status = await_network_query(js, begun["requestId"])
        assert status["status"] == "completed"
        yield Scene(js, clinic, jane, receiver)


def message_of(receiver: Receiver, kind: str, request_id: str, timeout_s: float = 60) -> Received:
    """The message of that type and request, once it is there."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = [m for m in receiver.of_type(kind) if m.json["meta"].get("requestId") == request_id]
        if found:
            return found[0]
        assert time.monotonic() < deadline, f"no {kind} of that request in {timeout_s:g} s"
        time.sleep(0.05)


def await_network_query(js: Sdk, request_id: str, timeout_s: float = 60) -> dict[str, Any]:
    """The status of a network query that has ended."""
    deadline = time.monotonic() + timeout_s
    while True:
        status: dict[str, Any] = js.call("getNetworkQueryStatus", {"requestId": request_id})
        if status["status"] != "processing":
            return status
        assert time.monotonic() < deadline, f"the network query still processes: {status}"
        time.sleep(0.1)
