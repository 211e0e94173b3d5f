"""Declaring workflows and steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import structlog
from dbos import DBOS
from dbos import error as dbos_error
from sqlalchemy.exc import OperationalError

from chartbridge.db.upsert import upsert
from chartbridge.jobs.models import JobRun
from chartbridge.jobs.watching import watched
from chartbridge.logs import describe
from chartbridge.observability import metrics, tracing
from chartbridge.storage import ObjectNotFoundError, StorageError

if TYPE_CHECKING:
    from chartbridge.platform import Platform

P = ParamSpec("P")
R = TypeVar("R")
log = structlog.get_logger(__name__)

STEP_ATTEMPTS = 5
INSISTENCE = 45
OUTAGE_S = 300.0
"""For so long a step waits for a database or a store that is away, before that counts as its failure."""
_stopping = threading.Event()
_running_platform: Platform | None = None
_handlers: dict[str, Callable[..., None]] = {}


class StepError(Exception):
    """A step raised: the type of its error and the place, without the message."""


class JobFailedError(Exception):
    """How the engine keeps that a job failed: the reason that its ``failed`` was given."""


class OutageError(StepError):
    """The database or the store was away for longer than a step waits."""


class JobInterruptedError(BaseException):
    """The worker stops: the engine must leave the job as it is, to be continued by the next one."""


def stopping() -> None:
    """Have jobs that wait for the database or the store end their waiting; called before a worker stops."""
    _stopping.set()


def bind(platform: Platform | None) -> None:
    """The platform that this process's workflows work on; set by the worker before it starts."""
    global _running_platform  # noqa: PLW0603 - DBOS keeps workflows in a process-wide registry too
    _running_platform = platform
    _stopping.clear()


def platform() -> Platform:
    """The platform of the worker this runs in."""
    if _running_platform is None:
        raise RuntimeError("no worker runs in this process")
    return _running_platform


def workflow(name: str, *, failed: Callable[..., None]) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare a workflow under a stable name.

    ``failed(*arguments, reason)`` is called, and must leave the domain in its final failed state,
    when the job raised or was begun more than ``job_max_attempts`` times; it must be idempotent, for
    like a step it is tried again when it raises. The engine then keeps the job as failed, with that reason.
    """
    _handlers[name] = failed

    def declare(function: Callable[P, None]) -> Callable[P, None]:
        @DBOS.workflow(name=name, max_recovery_attempts=None)
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            job_id = str(DBOS.workflow_id)
            with watched(name, job_id, lambda: platform().jobs.traceparent(job_id)) as watching:
                runs = _insist(partial(_begin_run, job_id))
                if runs > platform().settings.job_max_attempts:
                    watching.outcome = "given_up"
                    log.error("job given up")
                    reason = "the work was begun too often without coming to its end"
                    _insist(lambda: failed(*args, reason=reason))
                    raise JobFailedError(reason)
                try:
                    function(*args, **kwargs)
                except Exception as error:  # noqa: BLE001 - whatever went wrong ends the job, and is logged
                    cause: Exception = error
                    if isinstance(error, dbos_error.DBOSMaxStepRetriesExceeded):
                        cause = error.errors[-1]
                    place = str(cause) if isinstance(cause, StepError) else describe(cause)
                    watching.outcome = "failed"
                    log.error("job failed", error=place)
                    reason = f"unexpected {place.partition(' ')[0]}"
                    _insist(lambda: failed(*args, reason=reason))
                    raise JobFailedError(reason) from None

        return run

    return declare


def end_as_failed(name: str, arguments: Sequence[str], reason: str) -> None:
    """Have the workflow's ``failed`` leave the domain in its final state. Raises KeyError for a workflow that
    this program does not know."""
    _handlers[name](*arguments, reason=reason)


def _insist(call: Callable[[], R]) -> R:
    """The call's result; it is made again, with growing pauses, while the database or the store is away.

    No step of the engine: a job that is given up has recorded other steps at this place, and the engine
    refuses a step that differs from the one it recorded. Raises JobInterruptedError when the worker
    stops, and StepError when it has not succeeded after some twenty minutes.
    """
    pause_s = 0.5
    for _ in range(INSISTENCE):
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - tried again, and raised at last
            last = describe(error)
            log.warning("a job cannot go on yet", error=last)
        if _stopping.wait(pause_s):
            raise JobInterruptedError
        pause_s = min(30.0, pause_s * 2)
    raise StepError(last)


def _outlast(call: Callable[[], R]) -> R:
    """The call's result; it is made again, with growing pauses, while the database or the store is away.

    Raises JobInterruptedError when the worker stops, OutageError after OUTAGE_S, and what the call raises.
    """
    pause_s, until = 0.5, time.monotonic() + OUTAGE_S
    while True:
        try:
            return call()
        except ObjectNotFoundError:
            raise
        except (OperationalError, StorageError) as error:
            last = describe(error)
        if time.monotonic() > until:
            raise OutageError(last)
        log.warning("a step waits for the database or the store", error=last)
        if _stopping.wait(pause_s):
            raise JobInterruptedError
        pause_s = min(10.0, pause_s * 2)


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Declare a step: its result is kept, and it is tried again when it raises; while the database or the
    store is away it waits.

    A step must be idempotent, for it runs again when the worker dies before its result is kept.
    """

    name = f"{function.__module__.removeprefix('chartbridge.')}.{function.__qualname__}"

    @wraps(function)
    def without_values(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with tracing.span(f"step {name}"):
                return _outlast(partial(function, *args, **kwargs))
        except OutageError:
            metrics.STEP_FAILURES.labels(name).inc()
            raise
        except Exception as error:  # noqa: BLE001 - the job engine writes messages to logs and tables
            metrics.STEP_FAILURES.labels(name).inc()
            raise StepError(describe(error)) from None

    return DBOS.step(
        name=name,
        retries_allowed=True,
        max_attempts=STEP_ATTEMPTS,
        interval_seconds=0.5,
        backoff_rate=2.0,
        should_retry=lambda error: not isinstance(error, OutageError),
    )(without_values)


def _begin_run(workflow_id: str) -> int:
    with platform().db.write(None) as session:
        return upsert(
            session,
            JobRun,
            {"workflow_id": workflow_id, "runs": 1},
            key=("workflow_id",),
            update={"runs": JobRun.runs + 1},
            returning=JobRun.runs,
        )
