"""A platform whose deliveries are quick to give up, and callers who listen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.running import Caller, Json, World, running, wait_until
from tests.support.receiver import Receiver

ATTEMPTS = 3
TIMEOUT_S = 0.6


@pytest.fixture(scope="module", params=["sqlite"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(
        request.param,
        tmp_path_factory,
        request,
        webhook_max_attempts=ATTEMPTS,
        webhook_timeout_s=TIMEOUT_S,
    ) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    """A caller of an account of its own, in the sandbox."""
    return world.caller()


@pytest.fixture
def listening(api: Caller, receiver: Receiver) -> Caller:
    """A caller whose webhook is set and has answered its ping."""
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    receiver.wait_for("ping")
    wait_for_status(api, webhookEnabled=True)
    return api


def wait_for_status(api: Caller, **expected: Any) -> Json:
    """The webhook status once it holds what is expected."""

    def holds() -> bool:
        status = api.get("/settings/webhook")
        return all(status[name] == value for name, value in expected.items())

    wait_until(holds, f"webhook status {expected}", 15)
    status: Json = api.get("/settings/webhook")
    return status
