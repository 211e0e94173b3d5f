"""Looking at jobs, running them again, and cancelling them, through the engine's public calls.

A job is shown with what it is called, where and when it ran, and what went wrong: types of errors and
places in the code. Its arguments are ids; results of steps are not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from dbos import WorkflowStatus
from sqlalchemy import delete, select

from chartbridge.db.upsert import upsert
from chartbridge.ids import new_id, utcnow
from chartbridge.jobs.models import JobRun, WorkerLease
from chartbridge.jobs.queue import HOUSEKEEPING
from chartbridge.logs import describe
from chartbridge.platform import Platform

State = Literal["waiting", "delayed", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
_STATE_OF: dict[str, State] = {
    "ENQUEUED": "waiting",
    "DELAYED": "delayed",
    "PENDING": "running",
    "SUCCESS": "done",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
}
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
CANCEL = "cancel-job"
REASON = "cancelled by the operator"
MAX_LISTED = 10_000


class UnknownJobError(Exception):
    """There is no such job, or no longer."""


class JobStateError(Exception):
    """What was asked cannot be done with the job as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands. ``runs``: how often it was begun. ``due``: when a delayed one may begin."""

    id: str
    name: str
    state: State
    queue: str | None
    key: str | None
    worker: str | None
    runs: int
    created: datetime | None
    due: datetime | None
    started: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step that came to an end; ``error`` is set when it failed for good."""

    name: str
    started: datetime | None
    ended: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Details:
    """A job with its steps so far, the ids it is about, and why it failed."""

    job: Job
    arguments: list[str]
    steps: list[Step]
    error: str | None


def list_jobs(
    platform: Platform,
    *,
    states: Sequence[State] = (),
    name: str | None = None,
    queue: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> list[Job]:
    """Jobs that fit, those created last first; ``limit`` is 1 to MAX_LISTED."""
    statuses = [status for status, state in _STATE_OF.items() if state in states]
    found = platform.jobs.client().list_workflows(
        status=statuses or None,
        name=name,
        queue_name=queue,
        start_time=since.isoformat() if since else None,
        limit=min(limit, MAX_LISTED),
        sort_desc=True,
        load_input=False,
        load_output=False,
    )
    with platform.db.glance(None) as session:
        wanted = select(JobRun).where(JobRun.workflow_id.in_([one.workflow_id for one in found]))
        runs = {run.workflow_id: run for run in session.scalars(wanted)}
    return [_job(one, runs.get(one.workflow_id)) for one in found]


def show(platform: Platform, job_id: str) -> Details:
    """Raises UnknownJobError."""
    status, run = _find(platform, job_id)
    steps = platform.jobs.client().list_workflow_steps(job_id)
    return Details(
        _job(status, run),
        [str(argument) for argument in status.input["args"]] if status.input else [],
        [
            Step(
                step["function_name"],
                _instant(step["started_at_epoch_ms"]),
                _instant(step["completed_at_epoch_ms"]),
                _shown(step["error"]),
            )
            for step in steps
        ],
        _shown(status.error),
    )


def retry(platform: Platform, job_id: str) -> None:
    """Have a job run once more: from its beginning when it failed or was cancelled, from where it was when
    its worker is gone. It may be begun as often as a new one.

    Raises UnknownJobError, and JobStateError for a job that waits, ended well, or runs on a living worker.
    """
    status, run = _find(platform, job_id)
    state = _STATE_OF[status.status]
    client = platform.jobs.client()
    if state in ("waiting", "delayed"):
        raise JobStateError("the job waits for its turn already")
    if state == "done":
        raise JobStateError("the job has done its work")
    if state == "running" and _is_alive(platform, status.executor_id):
        raise JobStateError(f"the job runs on worker {status.executor_id}; cancel it first")
    with platform.db.write(None) as session:
        session.execute(delete(JobRun).where(JobRun.workflow_id == job_id))
    if state == "running":
        client.resume_workflow(job_id, queue_name=status.queue_name)
        return
    newest = client.get_latest_application_version()["version_name"] if status.app_version else None
    client.rewind_workflow(
        job_id,
        queue_name=status.queue_name or (run.queue if run else None) or HOUSEKEEPING.name,
        queue_partition_key=status.queue_partition_key,
        application_version=newest,  # it begins anew, so the version that left it need not do it
    )


def cancel(platform: Platform, job_id: str) -> None:
    """Take a job that waits off its queue, or end one that runs after the step it is in, and have what it is
    about end as failed, by a job of its own as soon as a worker runs.

    Raises UnknownJobError, and JobStateError for a job that has ended.
    """
    status, _ = _find(platform, job_id)
    if _STATE_OF[status.status] in ENDED:
        raise JobStateError("the job has ended already")
    if status.name == CANCEL:
        raise JobStateError("the job ends what another was about and cannot be cancelled")
    with platform.db.write(None) as session:
        upsert(
            session,
            JobRun,
            {"workflow_id": job_id, "runs": 0, "queue": status.queue_name},
            key=("workflow_id",),
            update={"queue": status.queue_name},
            returning=JobRun.runs,
        )
        platform.jobs.enqueue(session, HOUSEKEEPING, CANCEL, job_id, job_id=f"{CANCEL}:{new_id()}")
    platform.jobs.client().cancel_workflow(job_id)


def _find(platform: Platform, job_id: str) -> tuple[WorkflowStatus, JobRun | None]:
    found = platform.jobs.client().list_workflows(workflow_ids=[job_id])
    if not found:
        raise UnknownJobError(job_id)
    with platform.db.glance(None) as session:
        return found[0], session.get(JobRun, job_id)


def _is_alive(platform: Platform, worker_id: str | None) -> bool:
    with platform.db.glance(None) as session:
        lease = session.get(WorkerLease, worker_id or "")
    if lease is None:
        return False
    return (utcnow() - lease.seen_at).total_seconds() < platform.settings.worker_lost_after_s


def _job(status: WorkflowStatus, run: JobRun | None) -> Job:
    return Job(
        id=status.workflow_id,
        name=status.name,
        state=_STATE_OF[status.status],
        queue=status.queue_name or (run.queue if run else None),
        key=status.queue_partition_key,
        worker=status.executor_id,
        runs=run.runs if run else 0,
        created=_instant(status.created_at),
        due=_instant(status.delay_until_epoch_ms) if status.status == "DELAYED" else None,
        started=_instant(status.dequeued_at),
        ended=_instant(status.completed_at),
    )


def _instant(epoch_ms: int | None) -> datetime | None:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC) if epoch_ms is not None else None


def _shown(error: BaseException | None) -> str | None:
    """Our own errors say type and place; of any other the message may hold a patient's data."""
    if error is None:
        return None
    name = str(getattr(error, "name", type(error).__name__))
    if name in ("StepError", "JobFailedError"):
        return str(error)
    return name if hasattr(error, "name") else describe(error)
