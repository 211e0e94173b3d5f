"""Assembly: a worker from the features' workflows. No logic, and none of the API's code."""

from __future__ import annotations

from functools import partial

from chartbridge.features.bulk import workflows as bulk_workflows
from chartbridge.features.documents import workflows as documents_workflows
from chartbridge.features.housekeeping import workflows as housekeeping_workflows
from chartbridge.features.monitoring import workflows as monitoring_workflows
from chartbridge.features.patients import workflows as patients_workflows
from chartbridge.features.queries import workflows as queries_workflows
from chartbridge.features.records import standards
from chartbridge.features.records import workflows as records_workflows
from chartbridge.features.records.chart_task import warm_up
from chartbridge.features.webhooks import readings as webhooks_readings
from chartbridge.features.webhooks import workflows as webhooks_workflows
from chartbridge.features.webhooks.dispatcher import Dispatcher
from chartbridge.jobs import cancelling
from chartbridge.jobs.scheduler import Scheduler
from chartbridge.jobs.worker import Companion, Worker
from chartbridge.observability.readings import Reading
from chartbridge.platform import Platform

_QUEUES_OF_ROOMS = (
    patients_workflows.QUEUE,
    housekeeping_workflows.QUEUE,
    monitoring_workflows.QUEUE,
    cancelling.QUEUE,
    queries_workflows.QUEUE,
    documents_workflows.QUEUE,
    bulk_workflows.QUEUE,
    records_workflows.QUEUE,
    records_workflows.REFRESHES,
    webhooks_workflows.QUEUE,
)
QUEUES = tuple(dict.fromkeys(_QUEUES_OF_ROOMS))
"""Each once: several rooms share the one for housekeeping."""

READINGS: dict[str, Reading] = {"webhooks": webhooks_readings.outbox}
"""What the features have read from the database for the metrics, by name."""


def create_worker(platform: Platform, worker_id: str) -> Worker:
    """A worker that serves every queue. Raises ConfigurationError without a terminology edition."""
    plans = (monitoring_workflows.PLAN, housekeeping_workflows.plan())
    companions: list[Companion] = [
        Dispatcher(platform, worker_id),
        Scheduler(platform, plans, poll_s=platform.settings.schedule_poll_s),
    ]
    warmed = partial(warm_up, standards.checked(platform.settings))
    return Worker(platform, worker_id, QUEUES, warmed, companions)
