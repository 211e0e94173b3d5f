"""A platform whose connectors a test may exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chartbridge.features.networks import service as networks
from chartbridge.features.networks.protocol import Connector
from tests.running import Caller, World, running
from tests.support.receiver import Receiver

Install = Callable[..., None]


@pytest.fixture(scope="module", params=["sqlite"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    """A caller of an account of its own, in the sandbox."""
    return world.caller()


@pytest.fixture
def listening(api: Caller, receiver: Receiver) -> Caller:
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    return api


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """``install(*connectors)`` makes these the sandbox's networks for one test."""

    def put(*connectors: Connector) -> None:
        monkeypatch.setitem(networks._CONNECTORS, "sandbox", connectors)

    return put
