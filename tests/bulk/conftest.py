"""A platform on each database whose imports are quick, shared by a module's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chartbridge.features.bulk import querying
from tests.running import Caller, World, running
from tests.support.receiver import Receiver


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    limits = {"patient-write": 100_000}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(querying, "FIRST_PAUSE_S", 0.05)
        with running(
            request.param, tmp_path_factory, request, bulk_queries_per_minute=6000, rate_limits=limits
        ) as started:
            yield started


@pytest.fixture
def api(world: World) -> Caller:
    """A caller of a new sandbox account with one facility."""
    caller = world.caller()
    caller.facility_id()
    return caller


@pytest.fixture
def production(world: World) -> Caller:
    """The same in production: any number of patients, and no network to ask."""
    caller = world.caller("production")
    caller.facility_id()
    return caller


@pytest.fixture
def listening(api: Caller, receiver: Receiver) -> Caller:
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    return api
