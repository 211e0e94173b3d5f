"""A platform without a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running import Caller, World, running


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, worker=False) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()
