"""An application to read the documents of; nothing is done in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running import World, running


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running("sqlite", tmp_path_factory, request, worker=False) as started:
        yield started
