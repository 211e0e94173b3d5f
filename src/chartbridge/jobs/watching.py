"""What is counted, traced and logged of a job while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

from chartbridge.logs import describe
from chartbridge.observability import metrics, tracing

Outcome = Literal["done", "failed", "given_up", "interrupted"]
log = structlog.get_logger(__name__)


class Run:
    """One run of a job; it is ``done`` unless something else is said, or it raises."""

    def __init__(self) -> None:
        self.outcome: Outcome = "done"


@contextmanager
def watched(workflow: str, job_id: str, find_parent: Callable[[], str | None]) -> Iterator[Run]:
    """Around a run: its outcome and time, a span in the trace of whoever enqueued it, and its ids on every
    line of the log. ``find_parent`` reads the ``traceparent`` that was kept with the job."""
    run = Run()
    began = time.perf_counter()
    parent = _found(find_parent, job_id) if tracing.is_on() else None
    about: dict[str, tracing.Value] = {"chartbridge.workflow": workflow, "chartbridge.job_id": job_id}
    with (
        tracing.span(f"job {workflow}", kind="consumer", parent=parent, attributes=about),
        structlog.contextvars.bound_contextvars(workflow=workflow, job_id=job_id, **tracing.log_ids()),
    ):
        try:
            yield run
        except BaseException:
            if run.outcome == "done":
                run.outcome = "interrupted"  # the engine leaves the job as it is: it goes on later
            raise
        finally:
            seconds = time.perf_counter() - began
            metrics.JOB_RUNS.labels(workflow, run.outcome).inc()
            metrics.JOB_SECONDS.labels(workflow).observe(seconds)
            log.info("job ended", outcome=run.outcome, duration_ms=round(seconds * 1000))


def _found(find_parent: Callable[[], str | None], job_id: str) -> str | None:
    try:
        return find_parent()
    except Exception as error:  # noqa: BLE001 - a trace is not worth a job
        log.warning("a job's trace could not be read", job_id=job_id, error=describe(error))
        return None
