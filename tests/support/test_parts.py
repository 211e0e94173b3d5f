"""The parts that other tests stand on do what they promise."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from chartbridge.config import Settings
from chartbridge.storage import open_store
from tests.support.ports import LOOPBACK
from tests.support.postgres import PostgresServer
from tests.support.processes import NotReadyError, Process
from tests.support.receiver import SIGNATURE_HEADER, Receiver
from tests.support.seaweedfs import S3Server
from tests.support.server import run_command

ROOT = Path(__file__).parents[2]


def _post(receiver: Receiver, message: object, key: str = "k") -> httpx.Response:
    body = json.dumps(message).encode()
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return httpx.post(receiver.url, content=body, headers={SIGNATURE_HEADER: signature})


def _message(kind: str) -> dict[str, object]:
    return {"meta": {"messageId": "m", "type": kind}}


def test_each_database_is_a_test_s_own(postgres_server: PostgresServer) -> None:
    first, second = postgres_server.fresh_database(), postgres_server.fresh_database()
    with psycopg.connect(postgres_server.url(first)) as connection:
        connection.execute("CREATE TABLE only_here (id int)")
    with psycopg.connect(postgres_server.url(second)) as connection:
        assert connection.execute("SELECT to_regclass('only_here')").fetchone() == (None,)
    with psycopg.connect(postgres_server.url(postgres_server.fresh_database(template=first))) as connection:
        assert connection.execute("SELECT count(*) FROM only_here").fetchone() == (0,)


def test_postgres_syncs_to_disk_so_that_crash_tests_mean_something(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.url("postgres")) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


@pytest.mark.parametrize("part", ["postgres", "s3"])
def test_servers_cannot_be_reached_from_other_machines(
    part: str, postgres_server: PostgresServer, s3_server: S3Server
) -> None:
    port = postgres_server.port if part == "postgres" else int(s3_server.endpoint.rpartition(":")[2])
    with socket.create_connection((LOOPBACK, port), timeout=5):
        pass
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=5):
        pass


def test_the_s3_server_serves_signed_urls_and_refuses_unsigned_ones(
    s3_server: S3Server, tmp_path: Path
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, **s3_server.settings(s3_server.fresh_bucket())})
    store = open_store(settings)
    store.put("a/b.json", b"{}", content_type="application/json")
    url = store.presigned_get("a/b.json", expires_in_s=60, content_type="application/json")
    answer = httpx.get(url)
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert url.startswith(s3_server.endpoint)
    assert httpx.get(url.partition("?")[0]).status_code == 403
    assert list(store.keys("a")) == ["a/b.json"]


def test_the_receiver_answers_a_ping_with_its_pong(receiver: Receiver) -> None:
    answer = _post(receiver, {"ping": "abc", **_message("ping")})
    assert answer.json() == {"pong": "abc"}


def test_the_receiver_refuses_a_message_that_was_not_signed_with_its_key(receiver: Receiver) -> None:
    receiver.key = "right"
    assert _post(receiver, _message("x"), key="wrong").status_code == 401
    assert _post(receiver, _message("x"), key="right").status_code == 200
    assert [r.answered for r in receiver.received] == [401, 200]
    assert len(receiver.of_type("x")) == 1


def test_the_receiver_fails_as_often_as_it_was_told(receiver: Receiver) -> None:
    receiver.fail_next(2, status=503, type="x")
    assert [_post(receiver, _message(kind)).status_code for kind in "xyxx"] == [503, 200, 503, 200]


def test_waiting_for_a_message_that_never_comes_fails(receiver: Receiver) -> None:
    _post(receiver, _message("y"))
    with pytest.raises(AssertionError, match=r"no 1 × x after 0\.1 s"):
        receiver.wait_for("x", timeout_s=0.1)


def _program(tmp_path: Path, script: str) -> Process:
    return Process(
        "program",
        ["/bin/sh", "-c", script],
        log=tmp_path / "log",
        environment={"PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
    )


def test_a_killed_process_takes_its_children_with_it(tmp_path: Path) -> None:
    process = _program(tmp_path, "sleep 600 & echo started; wait")
    process.wait_until(lambda: "started" in process.log(), timeout_s=5)
    assert process.group_lives()
    process.kill()
    assert process.leaves_nothing_behind()


STARTING = """
import os, sys, time
from pathlib import Path
from tests.support.processes import Process
from tests.support.server import product
folder = Path(sys.argv[1])
given = {"log": folder / "log", "environment": {"PATH": os.environ["PATH"]}, "cwd": folder}
started = Process("program", ["/bin/sleep", "600"], **given)
forked = Process("fork", ["chartbridge", "convert", "fifo"], zygote=product(), **given)
print(started.pid, forked.pid, flush=True)
time.sleep(600)
"""


def test_programs_end_with_a_killed_test_process(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")  # that nobody writes to
    with subprocess.Popen(
        [sys.executable, "-c", STARTING, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as tests:
        assert tests.stdout is not None
        groups = [int(pid) for pid in tests.stdout.readline().split()]
        assert len(groups) == 2
        assert all(map(lives, groups))
        tests.kill()
    deadline = time.monotonic() + 30
    while any(map(lives, groups)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(lives, groups))


def lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_forks_draw_ids_of_their_own_and_tell_how_they_ended(tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "environment": {"CHARTBRIDGE_DATA_DIR": str(tmp_path / "data")},
        "cwd": tmp_path,
    }
    create = ("keys", "create", "--env", "sandbox")
    keys = {run_command(*create, **given).stdout for _ in range(2)}
    assert len(keys) == 2
    assert run_command(*create, **given).returncode == 1
    assert run_command("convert", "-", stdin=b"<x/>", **given).returncode == 1


def test_a_program_that_ends_early_is_reported_with_its_output(tmp_path: Path) -> None:
    process = _program(tmp_path, "echo no such database; exit 3")
    with pytest.raises(NotReadyError, match=r"(?s)ended with 3.*no such database"):
        process.wait_until(lambda: False, timeout_s=5)
