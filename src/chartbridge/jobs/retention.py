"""Forgetting jobs that ended long ago: the engine keeps every one until it is told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete

from chartbridge.jobs.models import JobRun
from chartbridge.platform import Platform

BATCH = 500
ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


def drop_ended(platform: Platform, before: datetime, *, limit: int) -> int:
    """Delete jobs that ended before that instant, with their steps; ``limit`` of them at most. Returns how
    many. Whoever waits, is delayed or runs stays, however old."""
    client = platform.jobs.client()
    dropped = 0
    while dropped < limit:
        found = client.list_workflows(
            status=ENDED,
            completed_before=before.isoformat(),
            limit=min(BATCH, limit - dropped),
            load_input=False,
            load_output=False,
        )
        if not found:
            break
        ids = [job.workflow_id for job in found]
        with platform.db.write(None) as session:
            # First: when we die in between, the jobs are found again.
            session.execute(delete(JobRun).where(JobRun.workflow_id.in_(ids)))
        client.delete_workflows(ids)
        dropped += len(ids)
    return dropped
