"""``/health`` and ``/ready``: quick, bounded, true, and silent about the inside."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient

from chartbridge.app import create_app
from chartbridge.config import Settings
from chartbridge.observability import readiness
from chartbridge.observability.readiness import Readiness
from chartbridge.platform import Platform

SOUND = {"status": "OK", "parts": {"database": "OK", "objects": "OK"}}


@pytest.fixture
def client(platform: Platform) -> TestClient:
    return TestClient(create_app(platform), raise_server_exceptions=False)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "KEPT_S", 0.0)
    monkeypatch.setattr(readiness, "SCHEMA_KEPT_S", 0.0)


def test_a_process_that_can_serve_says_so_without_a_key(client: TestClient) -> None:
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, SOUND)
    assert answer.headers["cache-control"] == "no-store"
    assert client.get("/health").json() == {"status": "OK"}
    assert client.get("/").text == "OK"


def set_revision(database_url: str, revision: str) -> None:
    statement = f"UPDATE alembic_version SET version_num = '{revision}'"
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement)
            connection.commit()
    else:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(statement)


@pytest.mark.usefixtures("impatient")
def test_a_schema_that_lacks_something_is_not_served(client: TestClient, database_url: str) -> None:
    assert client.get("/ready").status_code == 200
    set_revision(database_url, "0001")
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {
        "database": "has a schema that this program cannot work with",
        "objects": "OK",
    }
    assert client.get("/health").status_code == 200


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Platform]:
    """A platform whose database and objects are not there."""
    settings = Settings(
        data_dir=tmp_path / "data",
        database_url="postgresql://clerk:not-to-be-seen@127.0.0.1:1/records",
        object_store_url="s3://bucket/prefix",
        s3_endpoint="http://127.0.0.1:1",
        s3_access_key_id="id-not-to-be-seen",
        s3_secret_access_key="secret-not-to-be-seen",
    )
    platform = Platform.open(settings)
    yield platform
    platform.close()


def test_what_is_away_is_named_within_the_time_and_nothing_else_is(away: Platform) -> None:
    client = TestClient(create_app(away), raise_server_exceptions=False)
    began = time.monotonic()
    answer = client.get("/ready")
    assert time.monotonic() - began < 5 * readiness.TIMEOUT_S
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert answer.json()["status"] == "UNAVAILABLE"
    assert set(parts) == {"database", "objects"}
    assert set(parts.values()) <= {readiness.SILENT, readiness.SLOW}
    assert client.get("/health").status_code == 200


def test_a_folder_of_objects_that_is_gone_is_told(platform: Platform) -> None:
    folder = platform.store.local_path("doctor").parent
    folder.rename(folder.with_name("elsewhere"))
    assert Readiness.of(platform).verdict().parts["objects"] == readiness.SILENT


def test_many_probes_ask_once_and_one_that_hangs_holds_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "TIMEOUT_S", 0.05)
    asked: list[str] = []
    goes_on = threading.Event()

    def hang() -> None:
        asked.append("hang")
        goes_on.wait(10)

    probe = Readiness({"slow": hang, "quick": lambda: asked.append("quick")})
    for _ in range(20):
        assert dict(probe.verdict().parts) == {"slow": readiness.SLOW, "quick": "OK"}
    assert asked == ["hang", "quick"]
    monkeypatch.setattr(readiness, "KEPT_S", 0.0)
    assert not probe.verdict().is_ready
    assert asked == ["hang", "quick", "quick"], "it is not asked again before it has answered"
    goes_on.set()


def test_it_is_well_again_once_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "KEPT_S", 0.0)
    answers: list[Exception | None] = [RuntimeError("password=hunter2"), None]

    def ask() -> None:
        error = answers.pop(0)
        if error:
            raise error

    probe = Readiness({"part": ask})
    assert probe.verdict().body() == {"status": "UNAVAILABLE", "parts": {"part": "does not answer"}}
    assert probe.verdict().is_ready
