"""A running server, and the official SDKs each with an account of its own on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from chartbridge.auth import create_key
from chartbridge.db import Database
from tests.sdk import drivers
from tests.sdk.drivers import Driver, Sdk
from tests.support.server import Deployment


@dataclass(frozen=True)
class Live:
    """A server, and how to get a key of a new account on it."""

    origin: str
    new_key: Callable[[], str]


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server process with its worker, for all tests of SDKs."""
    deployment = Deployment(tmp_path_factory.mktemp("sdk"))
    numbers = count(1)
    server = deployment.serve()
    db = Database(f"sqlite:///{deployment.data_dir / 'chartbridge.sqlite'}")
    try:
        yield Live(server.origin, lambda: create_key(db, "sandbox", f"account-{next(numbers)}"))
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
