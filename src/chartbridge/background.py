"""Assembly: a worker from the features' workflows. No logic, and none of the API's code."""

from __future__ import annotations

from functools import partial

from chartbridge.features.documents import workflows as documents_workflows
from chartbridge.features.patients import workflows as patients_workflows
from chartbridge.features.queries import workflows as queries_workflows
from chartbridge.features.records import standards
from chartbridge.features.records import workflows as records_workflows
from chartbridge.features.records.chart_task import warm_up
from chartbridge.features.webhooks import workflows as webhooks_workflows
from chartbridge.jobs.worker import Companion, Worker
from chartbridge.platform import Platform

QUEUES = (
    patients_workflows.QUEUE,
    queries_workflows.QUEUE,
    documents_workflows.QUEUE,
    records_workflows.QUEUE,
    records_workflows.REFRESHES,
    webhooks_workflows.QUEUE,
)


def create_worker(platform: Platform, worker_id: str) -> Worker:
    """A worker that serves every queue. Raises ConfigurationError without a terminology edition."""
    companions: list[Companion] = []
    warmed = partial(warm_up, standards.checked(platform.settings))
    return Worker(platform, worker_id, QUEUES, warmed, companions)
