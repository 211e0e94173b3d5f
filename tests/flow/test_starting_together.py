"""Processes of one deployment that start at the same moment on an empty database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.client import M
from tests.support.postgres import PostgresServer
from tests.support.server import Deployment

LiveServer = Callable[..., Deployment]


@pytest.fixture
def empty_database(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'shared.sqlite'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url(server.fresh_database())


@pytest.mark.slow
def test_each_finds_the_database_migrated(empty_database: str, live_server: LiveServer) -> None:
    deployment = live_server({"database_url": empty_database}, fresh=True)
    with ThreadPoolExecutor(3) as pool:
        starting = [pool.submit(deployment.run, "db", "upgrade") for _ in range(3)]
        for start in starting:
            start.result()
    with deployment.api(deployment.serve()) as api:
        assert api.get(f"{M}/facility") == {"facilities": []}
