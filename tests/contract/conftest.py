"""A platform for each file of rows, on each database, without a worker. Every test has its own account."""

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
    """A caller of a new sandbox account."""
    return world.caller()
