"""The end of a cancelled job: what it was about must not hang for ever."""

from __future__ import annotations

import structlog

from chartbridge.jobs.control import CANCEL, REASON
from chartbridge.jobs.models import JobRun
from chartbridge.jobs.queue import HOUSEKEEPING
from chartbridge.jobs.workflow import end_as_failed, platform, step, workflow

QUEUE = HOUSEKEEPING
log = structlog.get_logger(__name__)


def _failed(job_id: str, *, reason: str) -> None:
    log.error("what a cancelled job was about has not been ended", job=job_id, reason=reason)


@workflow(CANCEL, failed=_failed)
def cancel_job(job_id: str) -> None:
    end(job_id)


@step
def end(job_id: str) -> bool:
    """Cancel the job, whoever asked for that may have died before it did, and call its ``failed``; whether
    there was anything to end."""
    with platform().db.glance(None) as session:
        run = session.get(JobRun, job_id)
    if run is None or run.queue is None:
        return False  # it was told to run again since
    client = platform().jobs.client()
    client.cancel_workflow(job_id)
    found = client.list_workflows(workflow_ids=[job_id], status="CANCELLED", load_output=False)
    if not found:
        return False  # it came to its own end first
    job = found[0]
    end_as_failed(job.name, [str(argument) for argument in job.input["args"]] if job.input else [], REASON)
    log.warning("job cancelled", workflow=job.name, job=job_id)
    return True
