"""Sending the URLs of all of a patient's documents, in the background."""

from __future__ import annotations

from chartbridge.db import Tenant
from chartbridge.features.documents import bulk
from chartbridge.jobs.workflow import platform, step, workflow

QUEUE = bulk.RUNS


def _fail(tenant: str, run_id: str, *, reason: str) -> None:
    with platform().db.write(Tenant.parse(tenant)) as session:
        bulk.fail(platform(), session, run_id, reason)


@workflow(bulk.RUN, failed=_fail)
def run_bulk(tenant: str, run_id: str) -> None:
    send_urls(tenant, run_id)


@step
def send_urls(tenant: str, run_id: str) -> None:
    """Send the messages and end the run."""
    with platform().db.write(Tenant.parse(tenant)) as session:
        bulk.finish(platform(), session, run_id)
