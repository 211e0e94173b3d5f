"""Looking at jobs, running them again, cancelling and forgetting them, on a real worker."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from chartbridge.ids import utcnow
from chartbridge.jobs import control, retention
from chartbridge.jobs.control import JobStateError, State, UnknownJobError
from chartbridge.jobs.models import JobRun, WorkerLease
from chartbridge.platform import Platform
from tests.jobs.conftest import Jobs, StartWorker
from tests.jobs.program import SERIAL


def wait_for_state(platform: Platform, job_id: str, state: State, timeout_s: float = 40.0) -> control.Job:
    deadline = time.monotonic() + timeout_s
    while (job := control.show(platform, job_id).job).state != state:
        assert time.monotonic() < deadline, f"{job_id} is {job.state}, not {state}"
        time.sleep(0.05)
    return job


def ids(platform: Platform, *states: State) -> set[str]:
    found = control.list_jobs(platform, states=states)
    return {job.id for job in found if not job.name.startswith(control.CANCEL)}


def test_jobs_are_listed_cancelled_run_again_and_forgotten(jobs: Jobs, start_worker: StartWorker) -> None:
    """One worker for all of these, because starting one takes seconds."""
    here = jobs.platform
    begun = utcnow() - timedelta(seconds=5)
    jobs.enqueue("test-hold-and-note", "held", "3", job_id="held", queue=SERIAL, key="a")
    jobs.enqueue("test-note", "behind", job_id="behind", queue=SERIAL, key="a")
    jobs.enqueue("test-note", "later", job_id="later", delay_s=600)
    jobs.enqueue("test-note", "other", job_id="other", delay_s=600)
    jobs.enqueue("test-note", "good", job_id="good")
    jobs.enqueue("test-fail", "bad", job_id="bad")
    assert ids(here, "delayed") == {"later", "other"}
    start_worker("worker-a")
    jobs.wait_for("begin held")
    jobs.wait_for("failed bad")

    # What runs ends after its step, what waits never begins, and what they are about ends as failed.
    with pytest.raises(JobStateError, match="runs on worker worker-a; cancel it first"):
        control.retry(here, "held")
    control.cancel(here, "held")
    control.cancel(here, "later")
    for name in ("held", "later"):
        jobs.wait_for(f"failed {name}")
        job = wait_for_state(here, name, "cancelled")
        assert job.queue == {"held": "test-serial", "later": "test-plain"}[name]
    jobs.wait_for("done behind")
    assert jobs.events("failed held")[0].endswith("cancelled by the operator")
    assert not jobs.events("done held")
    assert not jobs.events("done later")

    # A failed job says why, and which steps it did.
    wait_for_state(here, "bad", "failed")
    failed = control.show(here, "bad")
    assert (failed.error, failed.arguments) == ("unexpected LookupError", ["bad"])
    assert [step.name.rpartition(".")[2] for step in failed.steps] == ["write"]
    assert (failed.job.runs, failed.job.worker) == (1, "worker-a")

    # Run again: from the beginning, and counted anew.
    for name in ("bad", "later", "held"):
        control.retry(here, name)
    jobs.wait_for("failed bad", 2)
    jobs.wait_for("done later")
    jobs.wait_for("done held")
    assert wait_for_state(here, "later", "done").runs == 1
    assert wait_for_state(here, "held", "done").key == "a"
    wait_for_state(here, "bad", "failed")
    assert len(jobs.events("begin held")) == 2

    for job_id, action, reason in (
        ("good", control.retry, "has done its work"),
        ("other", control.retry, "waits for its turn"),
        ("good", control.cancel, "has ended already"),
    ):
        with pytest.raises(JobStateError, match=reason):
            action(here, job_id)
    for unknown in (control.show, control.retry, control.cancel):
        with pytest.raises(UnknownJobError):
            unknown(here, "nobody")

    # Filters.
    assert ids(here, "done", "failed") == {"held", "behind", "later", "good", "bad"}
    assert [job.id for job in control.list_jobs(here, name="test-fail")] == ["bad"]
    assert {job.id for job in control.list_jobs(here, queue="test-serial")} == {"held", "behind"}
    assert control.list_jobs(here, since=utcnow() + timedelta(hours=1)) == []
    assert len(control.list_jobs(here, since=begun, limit=2)) == 2

    # Forgetting takes what ended, never what waits.
    assert retention.drop_ended(here, begun, limit=100) == 0
    assert retention.drop_ended(here, utcnow() + timedelta(minutes=1), limit=2) == 2
    assert retention.drop_ended(here, utcnow() + timedelta(minutes=1), limit=100) == 5
    assert ids(here) == {"other"}
    assert here.jobs.client().list_workflow_steps("held") == []
    with here.db.read(None) as session:
        assert session.scalars(select(JobRun.workflow_id)).all() == []


@pytest.mark.slow
def test_a_job_whose_worker_is_gone_can_be_run_again_by_hand(jobs: Jobs, start_worker: StartWorker) -> None:
    """A worker that was killed, and before anybody else takes its jobs over."""
    jobs.enqueue("test-hold", "long", "1", job_id="long")
    worker = start_worker("worker-a")
    jobs.wait_for("begin long")
    worker.kill()
    with jobs.platform.db.write(None) as session:
        session.execute(update(WorkerLease).values(seen_at=utcnow() - timedelta(minutes=5)))
    control.retry(jobs.platform, "long")
    assert wait_for_state(jobs.platform, "long", "waiting").queue == "test-plain"
    start_worker("worker-b")
    jobs.wait_for("end long")
    assert len(jobs.events("begin long")) == 2
