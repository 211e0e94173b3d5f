"""Declaring workflows and steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import structlog
from dbos import DBOS
from dbos import error as dbos_error

from chartbridge.db.upsert import upsert
from chartbridge.jobs.models import JobRun
from chartbridge.logs import describe

if TYPE_CHECKING:
    from chartbridge.platform import Platform

P = ParamSpec("P")
R = TypeVar("R")
log = structlog.get_logger(__name__)

STEP_ATTEMPTS = 5
_running_platform: Platform | None = None


class StepError(Exception):
    """A step raised: the type of its error and the place, without the message."""


def bind(platform: Platform | None) -> None:
    """The platform that this process's workflows work on; set by the worker before it starts."""
    global _running_platform  # noqa: PLW0603 - DBOS keeps workflows in a process-wide registry too
    _running_platform = platform


def platform() -> Platform:
    """The platform of the worker this runs in."""
    if _running_platform is None:
        raise RuntimeError("no worker runs in this process")
    return _running_platform


def workflow(name: str, *, failed: Callable[..., None]) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare a workflow under a stable name.

    ``failed(*arguments, reason)`` is called, and must leave the domain in its final failed state,
    when the job raised or was begun more than ``job_max_attempts`` times; it must be idempotent, for
    like a step it is tried again when it raises.
    """

    def declare(function: Callable[P, None]) -> Callable[P, None]:
        @DBOS.workflow(name=name, max_recovery_attempts=None)
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            if _begin_run(str(DBOS.workflow_id)) > platform().settings.job_max_attempts:
                log.error("job given up", workflow=name, job=DBOS.workflow_id)
                _insist(failed, *args, reason="the work was begun too often without coming to its end")
                return
            try:
                function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - whatever went wrong must end the job, and is logged
                cause = (
                    error.errors[-1] if isinstance(error, dbos_error.DBOSMaxStepRetriesExceeded) else error
                )
                place = str(cause) if isinstance(cause, StepError) else describe(cause)
                log.error("job failed", workflow=name, job=DBOS.workflow_id, error=place)
                _insist(failed, *args, reason=f"unexpected {place.partition(' ')[0]}")

        return run

    return declare


def _insist(failed: Callable[..., None], *arguments: object, reason: str) -> None:
    """Call ``failed`` until it succeeds. No step of the engine: a job that is given up has recorded other
    steps at this place, and the engine refuses a step that differs from the one it recorded."""
    for attempt in range(STEP_ATTEMPTS):
        try:
            failed(*arguments, reason=reason)
            return
        except Exception as error:  # noqa: BLE001 - tried again below, and raised at last
            log.warning("a failed job could not be ended yet", error=describe(error))
            if attempt == STEP_ATTEMPTS - 1:
                raise StepError(describe(error)) from None
            time.sleep(0.5 * 2.0**attempt)


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Declare a step: its result is kept, and it is tried again when it raises.

    A step must be idempotent, for it runs again when the worker dies before its result is kept.
    """

    @wraps(function)
    def without_values(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the job engine writes messages to logs and tables
            raise StepError(describe(error)) from None

    return DBOS.step(
        name=f"{function.__module__.removeprefix('chartbridge.')}.{function.__qualname__}",
        retries_allowed=True,
        max_attempts=STEP_ATTEMPTS,
        interval_seconds=0.5,
        backoff_rate=2.0,
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
