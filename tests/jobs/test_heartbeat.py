"""Leases of worker names."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from chartbridge.config import Settings
from chartbridge.ids import utcnow
from chartbridge.jobs.heartbeat import Heartbeat, LeaseLostError, WorkerNameTakenError
from chartbridge.jobs.models import WorkerLease
from chartbridge.platform import Platform


def never() -> None:
    raise AssertionError("the lease was lost")


def heartbeat(platform: Platform, name: str = "w", *, lost_after_s: float = 30.0) -> Heartbeat:
    return Heartbeat(platform.db, name, interval_s=0.05, lost_after_s=lost_after_s, on_lost=never)


@pytest.fixture(scope="module")
def living_process() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process.pid
    process.kill()
    process.wait()


def pretend(platform: Platform, *, host: str | None = None, pid: int, silent_s: float = 0.0) -> None:
    """As if the lease belonged to another process, which was last seen some time ago."""
    with platform.db.write(None) as session:
        session.execute(
            update(WorkerLease).values(
                host=host or socket.gethostname(), pid=pid, seen_at=utcnow() - timedelta(seconds=silent_s)
            )
        )


def names(platform: Platform) -> list[str]:
    with platform.db.read(None) as session:
        return list(session.scalars(select(WorkerLease.worker_id)))


def test_a_name_that_another_process_works_under_is_refused(platform: Platform, living_process: int) -> None:
    heartbeat(platform).acquire()
    pretend(platform, pid=living_process)
    with pytest.raises(WorkerNameTakenError, match=f"w runs already .*process {living_process}.*--id"):
        heartbeat(platform).acquire()
    heartbeat(platform, "other").acquire()
    assert sorted(names(platform)) == ["other", "w"]


def test_a_name_on_another_machine_is_refused_until_it_is_silent(platform: Platform) -> None:
    heartbeat(platform).acquire()
    pretend(platform, host="elsewhere", pid=1, silent_s=29)
    with pytest.raises(WorkerNameTakenError):
        heartbeat(platform).acquire()
    pretend(platform, host="elsewhere", pid=1, silent_s=31)
    heartbeat(platform).acquire()


def test_the_name_of_a_process_that_died_is_free_at_once(platform: Platform) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    heartbeat(platform).acquire()
    pretend(platform, pid=process.pid)
    heartbeat(platform).acquire()
    with platform.db.read(None) as session:
        assert session.get_one(WorkerLease, "w").pid == os.getpid()


def test_a_worker_that_stops_gives_its_name_back(platform: Platform) -> None:
    beating = heartbeat(platform)
    beating.acquire()
    beating.stop()
    assert names(platform) == []


def test_a_worker_that_stops_with_jobs_begun_keeps_its_lease(platform: Platform) -> None:
    beating = heartbeat(platform)
    beating.acquire()
    beating.stop(unfinished=True)
    assert names(platform) == ["w"], "so that another worker sees it fall silent"


def test_a_beat_says_that_the_worker_lives(platform: Platform) -> None:
    beating = heartbeat(platform)
    beating.acquire()
    pretend(platform, pid=os.getpid(), silent_s=20)
    beating.beat()
    with platform.db.read(None) as session:
        assert utcnow() - session.get_one(WorkerLease, "w").seen_at < timedelta(seconds=5)


@pytest.mark.parametrize("change", [{"reaper": "another"}, {"instance": "a newer start"}], ids=str)
def test_a_worker_that_lost_its_lease_is_told(platform: Platform, change: dict[str, str]) -> None:
    lost = threading.Event()
    beating = Heartbeat(platform.db, "w", interval_s=0.05, lost_after_s=30, on_lost=lost.set)
    beating.acquire()
    with platform.db.write(None) as session:
        session.execute(update(WorkerLease).values(**change))
    with pytest.raises(LeaseLostError):
        beating.beat()
    beating.start()
    assert lost.wait(10)


def test_a_database_that_is_away_for_a_moment_does_not_end_the_worker(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    beating = heartbeat(platform)
    beating.acquire()
    calls = []

    def fail_once() -> None:
        calls.append(time.monotonic())
        if len(calls) == 1:
            raise OSError("away")

    monkeypatch.setattr(beating, "beat", fail_once)
    monkeypatch.setattr(beating, "hand_on", lambda: 0)
    beating.start()
    deadline = time.monotonic() + 10
    while len(calls) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(calls) >= 3
    beating.stop()


def test_by_default_the_wait_for_a_lost_worker_leaves_half_a_minute_of_the_one_promised() -> None:
    """Silence, then the next beat of whoever is left, then the next look into the queues."""
    defaults = Settings(_env_file=None)
    wait_s = defaults.worker_lost_after_s + defaults.heartbeat_s + defaults.queue_poll_s
    assert wait_s < 40
