"""Real workers, as processes, and the queue that feeds them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chartbridge.config import Settings
from chartbridge.db import Tenant
from chartbridge.jobs.queue import HOUSEKEEPING, Queue
from chartbridge.platform import Platform
from tests.jobs.program import PLAIN, SERIAL
from tests.support.processes import Process
from tests.support.zygote import zygote

TENANT = Tenant("account", "sandbox")

StartWorker = Callable[[str], Process]


class Jobs:
    """What a test enqueues and what came of it."""

    def __init__(self, platform: Platform, events: Path) -> None:
        self.platform = platform
        self._events = events
        platform.jobs.register((SERIAL, PLAIN, HOUSEKEEPING), worker_concurrency=8, poll_s=0.05)

    def enqueue(
        self,
        workflow: str,
        *arguments: str,
        job_id: str,
        queue: Queue = PLAIN,
        key: str | None = None,
        delay_s: float | None = None,
    ) -> None:
        with self.platform.db.write(TENANT) as session:
            self.platform.jobs.enqueue(
                session, queue, workflow, *arguments, job_id=job_id, key=key, delay_s=delay_s
            )

    def events(self, beginning: str = "") -> list[str]:
        lines = self._events.read_text().splitlines() if self._events.exists() else []
        return [line for line in lines if line.startswith(beginning)]

    def wait_for(self, beginning: str, count: int = 1, timeout_s: float = 40.0) -> list[str]:
        deadline = time.monotonic() + timeout_s
        while len(found := self.events(beginning)) < count:
            assert time.monotonic() < deadline, f"no {count} × {beginning!r}: {self.events()}"
            time.sleep(0.05)
        return found


@pytest.fixture
def jobs(platform: Platform, tmp_path: Path) -> Jobs:
    return Jobs(platform, tmp_path / "events")


@pytest.fixture
def start_worker(settings: Settings, tmp_path: Path) -> Iterator[StartWorker]:
    processes: list[Process] = []

    def start(name: str) -> Process:
        given = {
            "DATA_DIR": str(settings.data_dir),
            "DATABASE_URL": str(settings.database_url),
            "CONVERSION_PROCESSES": "1",
            "QUEUE_POLL_S": "0.05",
            "HEARTBEAT_S": "0.3",
            "WORKER_LOST_AFTER_S": "2",
        }
        environment = {f"CHARTBRIDGE_{key}": value for key, value in given.items()}
        process = Process(
            f"worker {name}",
            ["tests.jobs.program", name],
            log=tmp_path / f"{len(processes)}-{name}.log",
            environment=os.environ | environment | {"TEST_JOBS_FOLDER": str(tmp_path)},
            cwd=tmp_path,
            zygote=zygote("tests.jobs.program"),
        )
        processes.append(process)
        process.wait_until(lambda: "worker started" in process.log(), timeout_s=60)
        return process

    yield start
    for process in processes:
        process.kill()
