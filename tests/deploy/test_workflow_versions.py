"""Workers of two versions of the workflows side by side: each finishes what its version began."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chartbridge.config import Settings
from chartbridge.jobs import versions
from tests.deploy.files import ROOT
from tests.jobs.conftest import Jobs
from tests.support.processes import Process

pytestmark = pytest.mark.slow
StartVersion = Callable[[str, str], Process]


@pytest.fixture
def jobs(platform: object, tmp_path: Path) -> Jobs:
    return Jobs(platform, tmp_path / "events")  # type: ignore[arg-type]


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[StartVersion]:
    """``start(version, worker_id)``."""
    processes: list[Process] = []

    def begin(version: str, name: str) -> Process:
        given = {
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": str(settings.database_url),
            "CONVERSION_PROCESSES": "1",
            "QUEUE_POLL_S": "0.05",
            "HEARTBEAT_S": "1",
            "WORKER_LOST_AFTER_S": "20",
        }
        environment = {f"CHARTBRIDGE_{key}": value for key, value in given.items()}
        process = Process(
            f"worker {name} of version {version}",
            [sys.executable, "-m", "tests.deploy.versioned_worker", version, name],
            log=tmp_path / f"{len(processes)}-{name}.log",
            environment=os.environ | environment | {"TEST_JOBS_FOLDER": str(tmp_path)},
            cwd=ROOT,
        )
        processes.append(process)
        process.wait_until(lambda: "worker started" in process.log(), timeout_s=60)
        return process

    yield begin
    for process in processes:
        process.kill()


def pids(jobs: Jobs, beginning: str) -> list[int]:
    return [int(line.split()[-1]) for line in jobs.events(beginning)]


@pytest.mark.parametrize("backend", ["postgres"])
def test_jobs_end_with_the_version_that_began_them_and_new_ones_go_to_the_newest(
    jobs: Jobs, start: StartVersion, tmp_path: Path
) -> None:
    """The whole of an upgrade that changes workflows, and the way back from it."""
    old = start("1", "worker-a")
    jobs.enqueue("test-gate", "long", job_id="long")
    jobs.wait_for("begin long")
    assert old.stop() == 0  # in the middle of a step: its job stays behind
    new = start("2", "worker-a")
    jobs.enqueue("test-hold", "fresh", "0.1", job_id="fresh")
    jobs.wait_for("end fresh")
    assert pids(jobs, "begin fresh") == [new.pid], "new jobs go to the newest version"
    assert not jobs.events("end long"), "which leaves alone what another began"
    assert unfinished(jobs, "2", of_others=1) == ["2", "1"]

    helper = start("1", "worker-b")
    (tmp_path / "gate").touch()
    jobs.wait_for("end long")
    assert pids(jobs, "begin long") == [old.pid, helper.pid]
    assert unfinished(jobs, "2", of_others=0) == ["2", "1"]

    assert new.stop() == 0
    versions.give_new_jobs_to(jobs.platform.db, "1")
    jobs.enqueue("test-hold", "back", "0.1", job_id="back")
    jobs.wait_for("end back")
    assert pids(jobs, "begin back") == [helper.pid]
    with pytest.raises(LookupError):
        versions.give_new_jobs_to(jobs.platform.db, "3")


def unfinished(jobs: Jobs, version: str, *, of_others: int) -> list[str]:
    """The versions, once that one has nothing left to do and the others have so much."""
    deadline = time.monotonic() + 20
    while True:
        known = versions.known(jobs.platform.db)
        left = {v.name: v.unfinished for v in known}
        if left.pop(version) == 0 and sum(left.values()) == of_others:
            return [v.name for v in known]
        assert time.monotonic() < deadline, known
        time.sleep(0.1)
