"""A database server and a store that a test may break without harm to others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.faults.aftermath")

from tests.support.postgres import OLDEST_VERSION, PostgresServer, find_binaries  # noqa: E402


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test alone."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(f"no PostgreSQL {OLDEST_VERSION} or newer on this machine")
    server = PostgresServer(binaries)
    yield server
    server.stop()
