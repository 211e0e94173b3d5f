"""Metrics that are read when somebody looks: what waits in the database, who works, connections.

Each reading costs one statement, and is kept for some seconds, however often it is asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import TextClause, case, func, select, text

from chartbridge.ids import utcnow
from chartbridge.jobs.models import WorkerLease
from chartbridge.jobs.queue import SYSTEM_SCHEMA
from chartbridge.logs import describe
from chartbridge.observability import metrics
from chartbridge.platform import Platform

KEPT_S = 5.0
Reading = Callable[[Platform], Iterable[Metric]]
"""Reads values of one kind; raises what the database raises."""

_STATES = {"ENQUEUED": "waiting", "DELAYED": "delayed", "PENDING": "running"}
log = structlog.get_logger(__name__)


class Exposition:
    """All metrics of a process, as Prometheus reads them.

    ``readings`` are the features' own, by name; the platform's are always there.
    """

    def __init__(self, platform: Platform, readings: Mapping[str, Reading] | None = None) -> None:
        self._registry = CollectorRegistry()
        given: dict[str, Reading] = {"jobs": Queues(), "workers": workers, "connections": connections}
        given |= readings or {}
        for name, reading in given.items():
            self._registry.register(_Kept(platform, name, reading))

    def text(self) -> bytes:
        """In the text format, version 0.0.4."""
        return generate_latest(self._registry) + generate_latest(metrics.REGISTRY)


class _Kept(Collector):
    """One reading, made again once what was read is ``KEPT_S`` old. While it cannot be made it gives
    nothing, rather than what was true before."""

    def __init__(self, platform: Platform, name: str, reading: Reading) -> None:
        self._platform = platform
        self._name = name
        self._reading = reading
        self._lock = threading.Lock()
        self._made_at = float("-inf")
        self._kept: list[Metric] = []

    def describe(self) -> Iterable[Metric]:
        return ()  # or the registry would make the reading to learn its names

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if time.monotonic() - self._made_at >= KEPT_S:
                self._kept = self._read()
                self._made_at = time.monotonic()
            return self._kept

    def _read(self) -> list[Metric]:
        try:
            return list(self._reading(self._platform))
        except Exception as error:  # noqa: BLE001 - the database may be away; the other metrics matter then
            metrics.READING_FAILURES.labels(self._name).inc()
            log.warning("metrics could not be read", reading=self._name, error=describe(error))
            return []


class Queues:
    """The jobs in each queue. A queue that was seen once is told of with zeros later."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self, platform: Platform) -> Iterable[Metric]:
        with platform.db.glance(None) as session:
            rows = session.execute(_jobs(is_sqlite=platform.db.is_sqlite)).all()
        counts = {(row.queue, _STATES[row.status]): int(row.jobs) for row in rows}
        since = {row.queue: int(row.since_ms) / 1000 for row in rows if row.status == "ENQUEUED"}
        self._known |= {queue for queue, _ in counts}
        jobs = GaugeMetricFamily("chartbridge_jobs", "Jobs that are not done.", labels=["queue", "state"])
        oldest = GaugeMetricFamily(
            "chartbridge_jobs_oldest_waiting_seconds",
            "How long the job has waited that waits longest, since it might begin.",
            labels=["queue"],
        )
        now = time.time()
        for queue in sorted(self._known):
            for state in _STATES.values():
                jobs.add_metric([queue, state], counts.get((queue, state), 0))
            oldest.add_metric([queue], max(0.0, now - since.get(queue, now)))
        return jobs, oldest


def _jobs(*, is_sqlite: bool) -> TextClause:
    """Jobs by queue and state, from the engine's own table, by its indexes of what is not done.

    The engine's calls give jobs one by one; a hundred thousand of them would take seconds.
    """
    table = "workflow_status" if is_sqlite else f"{SYSTEM_SCHEMA}.workflow_status"
    return text(
        f"""
        SELECT queue_name AS queue, status, count(*) AS jobs,
          min(CASE WHEN delay_until_epoch_ms > created_at THEN delay_until_epoch_ms ELSE created_at END)
            AS since_ms
        FROM {table} WHERE status IN ('ENQUEUED', 'PENDING') AND queue_name IS NOT NULL
        GROUP BY queue_name, status
        UNION ALL
        SELECT queue_name, status, count(*), 0
        FROM {table} WHERE status = 'DELAYED' AND queue_name IS NOT NULL
        GROUP BY queue_name, status
        """  # noqa: S608 - the table's name is ours
    )


def workers(platform: Platform) -> Iterable[Metric]:
    """The workers of the whole installation."""
    lost_before = utcnow() - timedelta(seconds=platform.settings.worker_lost_after_s)
    alive = func.coalesce(func.sum(case((WorkerLease.seen_at >= lost_before, 1), else_=0)), 0)
    with platform.db.glance(None) as session:
        row = session.execute(
            select(func.count().label("every"), alive.label("alive")).select_from(WorkerLease)
        ).one()
    found = GaugeMetricFamily(
        "chartbridge_workers",
        "Workers of the installation: alive, or silent for so long that their jobs are handed on.",
        labels=["state"],
    )
    found.add_metric(["alive"], int(row.alive))
    found.add_metric(["silent"], int(row.every) - int(row.alive))
    return (found,)


def connections(platform: Platform) -> Iterable[Metric]:
    """This process's own connections to the database."""
    found = GaugeMetricFamily(
        "chartbridge_database_connections",
        "Connections to the database that this process holds, those of the job engine excepted.",
        labels=["pool", "state"],
    )
    limit = GaugeMetricFamily(
        "chartbridge_database_connections_limit", "Connections that a pool may hold.", labels=["pool"]
    )
    for name, pool in platform.db.pools().items():
        found.add_metric([name, "in_use"], pool.checkedout())
        found.add_metric([name, "idle"], pool.checkedin())
        limit.add_metric([name], 2 * pool.size())
    return found, limit
