"""Jobs from the transaction that enqueues them to their end, on real workers."""

from __future__ import annotations

import time

import pytest

from chartbridge.db import TenantSession
from tests.jobs.conftest import TENANT, Jobs, StartWorker
from tests.jobs.program import PLAIN, SERIAL


def enqueue_and_fail(jobs: Jobs, session: TenantSession) -> None:
    jobs.platform.jobs.enqueue(session, PLAIN, "test-note", "rolled-back", job_id="rolled-back")
    raise LookupError


def test_jobs_run_once_and_in_their_time(jobs: Jobs, start_worker: StartWorker) -> None:
    """One worker for all of these, because starting one takes seconds."""
    begun = time.monotonic()
    jobs.enqueue("test-note", "delayed", job_id="delayed", delay_s=3.0)
    with pytest.raises(LookupError), jobs.platform.db.write(TENANT) as session:
        enqueue_and_fail(jobs, session)
    jobs.enqueue("test-note", "first", job_id="same")
    jobs.enqueue("test-note", "second", job_id="same")
    for number in range(3):
        for key in ("a", "b"):
            name = f"{key}{number}"
            jobs.enqueue("test-hold", name, "0.3", job_id=name, queue=SERIAL, key=key)
    jobs.enqueue("test-flaky", "flaky", job_id="flaky")
    jobs.enqueue("test-fail", "bad", job_id="bad")
    jobs.enqueue("test-fail", "stubborn", job_id="stubborn")
    worker = start_worker("worker-a")

    jobs.wait_for("done delayed")
    assert time.monotonic() - begun >= 3.0
    jobs.wait_for("end", 6)
    jobs.wait_for("done flaky")
    jobs.wait_for("failed", 2)
    jobs.enqueue("test-note", "third", job_id="same")
    jobs.enqueue("test-note", "last", job_id="last")
    jobs.wait_for("done last")

    assert jobs.events("done first") == ["done first"]
    assert not jobs.events("done second"), "a job's id is unique"
    assert not jobs.events("done third"), "when it has ended too"
    assert not jobs.events("done rolled-back"), "a transaction that failed leaves no job"
    holds = [line.split()[:2] for line in jobs.events() if line.startswith(("begin", "end"))]
    for key in ("a", "b"):
        order = [words for words in holds if words[1].startswith(key)]
        expected = [[what, f"{key}{n}"] for n in range(3) for what in ("begin", "end")]
        assert order == expected, "jobs of one key run one after the other, in order"
    assert holds.index(["begin", "b0"]) < holds.index(["end", "a2"]), "those of another do not wait for them"
    assert len(jobs.events("tried flaky")) == 3, "a step that raised is tried again"
    assert jobs.events("failed bad") == ["failed bad unexpected LookupError"]
    assert jobs.events("failed stubborn") == ["failed stubborn unexpected LookupError"]
    assert "Orsolya" not in worker.log(), "messages of errors may hold a patient's data"
    assert "ConnectionError" in worker.log()


def test_a_queue_that_is_serial_needs_a_key(jobs: Jobs) -> None:
    with pytest.raises(ValueError, match="need a key"):
        jobs.enqueue("test-note", "x", job_id="x", queue=SERIAL)


@pytest.mark.slow
def test_jobs_that_a_stopped_worker_left_are_done_by_another(jobs: Jobs, start_worker: StartWorker) -> None:
    """A worker that was asked to stop in the middle of a long step, and whose name never comes back."""
    jobs.enqueue("test-hold", "long", "6", job_id="long")
    first = start_worker("worker-a")
    jobs.wait_for("begin long")
    assert first.stop() == 0
    assert not jobs.events("end long")
    start_worker("worker-b")
    jobs.wait_for("end long", timeout_s=60)
    assert len(jobs.events("begin long")) == 2


@pytest.mark.slow
def test_jobs_of_a_killed_worker_are_done_by_one_of_the_others(
    jobs: Jobs, start_worker: StartWorker, backend: str
) -> None:
    names = [f"job{number}" for number in range(4)]
    for name in names:
        jobs.enqueue("test-hold", name, "1.5", job_id=name)
    doomed = start_worker("worker-a")
    jobs.wait_for("begin", 4)
    doomed.kill()
    for other in ("worker-b", "worker-c"):
        start_worker(other)
    jobs.wait_for("end", 4, timeout_s=60)
    time.sleep(2.0)
    for name in names:
        assert len(jobs.events(f"end {name} ")) == 1, "one reaper resumed it, once"
        assert len(jobs.events(f"begin {name} ")) == 2
