"""The metrics of this process: what the other rooms count and time while they work.

Every label has a known, small set of values: names that stand in the code (routes, workflows, queues,
functions), in the settings (connectors), or in the lists below. Never an id, a tenant, an address or
anything of a person. ``docs/observability.md`` describes each; a test compares.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from chartbridge import __version__
from chartbridge.observability import tracing

# A series more for each counter, which nobody asks for; the library leaves the call without annotations.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

WebhookOutcome = Literal["delivered", "answered", "timeout", "unreachable", "refused"]
"""``answered``: with something else than was wanted; ``refused``: by us, for the receiver's address."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
NO_ROUTE = "none"
"""The route of a request that was answered before one was found: without a key, over a limit, unknown."""

_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CALL_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_JOB_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_DOCUMENT_BYTES = (10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 20_000_000, 50_000_000)

BUILD = Gauge(
    "chartbridge_build_info", "Version of the program; always 1.", ("version", "python"), registry=REGISTRY
)
BUILD.labels(__version__, f"{sys.version_info.major}.{sys.version_info.minor}").set(1)

REQUESTS = Counter(
    "chartbridge_http_requests",
    "Requests answered, by route template and class of status.",
    ("route", "method", "status"),
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "chartbridge_http_request_seconds",
    "Time until the whole answer was handed over.",
    ("route", "method"),
    buckets=_REQUEST_S,
    registry=REGISTRY,
)
REQUESTS_NOW = Gauge("chartbridge_http_requests_in_flight", "Requests being answered.", registry=REGISTRY)
RECEIVED_BYTES = Counter(
    "chartbridge_http_received_bytes", "Bytes of requests' bodies that were read.", registry=REGISTRY
)
SENT_BYTES = Counter("chartbridge_http_sent_bytes", "Bytes of answers' bodies.", registry=REGISTRY)
RATE_LIMITED = Counter(
    "chartbridge_http_rate_limited",
    "Calls over a limit, by the limit's name.",
    ("operation",),
    registry=REGISTRY,
)
REFUSED = Counter(
    "chartbridge_http_refused",
    "Calls refused for who called: no key, a key unknown or no longer valid, a key that may not do this.",
    ("reason",),
    registry=REGISTRY,
)

JOB_RUNS = Counter(
    "chartbridge_job_runs",
    "Runs of jobs that ended, by workflow and outcome.",
    ("workflow", "outcome"),
    registry=REGISTRY,
)
JOB_SECONDS = Histogram(
    "chartbridge_job_seconds", "Time of a job's run.", ("workflow",), buckets=_JOB_S, registry=REGISTRY
)
STEP_FAILURES = Counter(
    "chartbridge_step_failures",
    "Attempts of steps that raised; a step is tried again.",
    ("step",),
    registry=REGISTRY,
)

CPU_TASKS = Counter(
    "chartbridge_cpu_tasks",
    "Tasks of the process pool, by function and outcome.",
    ("task", "outcome"),
    registry=REGISTRY,
)
CPU_TASK_SECONDS = Histogram(
    "chartbridge_cpu_task_seconds",
    "Time from handing a task to the pool until its result, waiting for a process included.",
    ("task",),
    buckets=_CALL_S,
    registry=REGISTRY,
)
CPU_TASKS_NOW = Gauge(
    "chartbridge_cpu_tasks_in_flight", "Tasks handed to the pool and not done.", registry=REGISTRY
)
CPU_PROCESSES = Gauge("chartbridge_cpu_processes", "Processes of the pool, once begun.", registry=REGISTRY)

CONVERSIONS = Counter(
    "chartbridge_conversions",
    "Documents given to the converter, by outcome.",
    ("outcome",),
    registry=REGISTRY,
)
CONVERSION_BYTES = Histogram(
    "chartbridge_conversion_bytes",
    "Size of documents given to the converter.",
    buckets=_DOCUMENT_BYTES,
    registry=REGISTRY,
)

NETWORK_CALLS = Counter(
    "chartbridge_network_calls",
    "Calls of networks, each attempt counted.",
    ("source", "connector", "operation", "outcome"),
    registry=REGISTRY,
)
NETWORK_SECONDS = Histogram(
    "chartbridge_network_call_seconds",
    "Time of one call of a network.",
    ("source", "connector", "operation"),
    buckets=_CALL_S,
    registry=REGISTRY,
)

HEARTBEAT = Gauge(
    "chartbridge_worker_heartbeat_timestamp_seconds",
    "When this process's worker last said that it lives; 0 where none runs.",
    registry=REGISTRY,
)

WEBHOOK_ATTEMPTS = Counter(
    "chartbridge_webhook_attempts",
    "Attempts to deliver a webhook, by outcome.",
    ("outcome",),
    registry=REGISTRY,
)
WEBHOOK_SECONDS = Histogram(
    "chartbridge_webhook_attempt_seconds",
    "Time of one attempt to deliver a webhook.",
    buckets=_CALL_S,
    registry=REGISTRY,
)

READING_FAILURES = Counter(
    "chartbridge_reading_failures",
    "Times that values could not be read from the database for the metrics.",
    ("reading",),
    registry=REGISTRY,
)


def known_method(method: str) -> str:
    """The method of a request as it may be shown: a caller may write anything there."""
    return method if method in METHODS else OTHER


_of_request: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def request_done(method: str, route: str | None, status: int | None, seconds: float) -> None:
    """Count one request. ``route`` is a template, or None; ``status`` None when no answer was begun."""
    key = (method, route or "", (status or 0) // 100)
    kept = _of_request.get(key)
    if kept is None:  # looking children up by their labels costs more than counting does
        labels = (route or NO_ROUTE, known_method(method))
        shown = f"{key[2]}xx" if key[2] else NO_ROUTE
        kept = (REQUESTS.labels(*labels, shown), REQUEST_SECONDS.labels(*labels))
        if labels[1] == method:  # a caller may invent methods; they must not fill the memory
            _of_request[key] = kept
    kept[0].inc()
    kept[1].observe(seconds)


def conversion_done(outcome: str, size: int) -> None:
    """Count a document of ``size`` bytes: ``converted``, ``unreadable``, or ``interrupted``, when the
    converter took too long or died."""
    CONVERSIONS.labels(outcome).inc()
    CONVERSION_BYTES.observe(size)


def webhook_attempted(outcome: WebhookOutcome, seconds: float) -> None:
    """Count an attempt at a delivery."""
    WEBHOOK_ATTEMPTS.labels(outcome).inc()
    WEBHOOK_SECONDS.observe(seconds)


@contextmanager
def network_call(source: str, connector: str, operation: str) -> Iterator[None]:
    """Time, count and trace the call of a network inside the block."""
    began = time.perf_counter()
    outcome = "failed"
    about = {"chartbridge.source": source, "chartbridge.connector": connector}
    try:
        with tracing.span(f"network {operation}", kind="client", attributes=about):
            yield
        outcome = "answered"
    finally:
        NETWORK_CALLS.labels(source, connector, operation, outcome).inc()
        NETWORK_SECONDS.labels(source, connector, operation).observe(time.perf_counter() - began)
