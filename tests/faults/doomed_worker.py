"""A worker that kills itself, as a machine would, at one place in its work.

    python -m tests.faults.doomed_worker WORKER_ID STEP WHEN MARK

WHEN is ``before`` (the step has begun, nothing is done) or ``after`` (all is done, and nothing of it is
recorded by the job engine). MARK names a file whose existence says that the deed was done; once it
exists the worker lives on. Give ``always`` as MARK to die every time.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

_fate: tuple[str, str, str] | None = None
"""The step, when, and the mark; None until this process is a worker."""


def _die_if_due(step: str, when: str) -> None:
    if _fate is None or _fate[:2] != (step, when):
        return
    mark = _fate[2]
    if mark != "always":
        try:
            Path(mark).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)


def warm() -> None:
    """Import the product so that each of its steps asks for its fate."""
    from chartbridge.jobs import workflow

    declare = workflow.step

    def doomed(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def step(*args: Any) -> Any:
            _die_if_due(function.__name__, "before")
            result = function(*args)
            _die_if_due(function.__name__, "after")
            return result

        return declare(step)

    workflow.step = doomed  # features import it by name, after this

    from chartbridge import background
    from chartbridge.features.webhooks.delivery import Courier

    assert background.QUEUES
    deliver = Courier.deliver

    async def doomed_delivery(courier: Courier, letter: Any) -> Any:
        """No step of a job: a worker's dispatcher sends messages, many at once."""
        _die_if_due("deliver", "before")
        outcome = await deliver(courier, letter)
        _die_if_due("deliver", "after")
        return outcome

    Courier.deliver = doomed_delivery  # type: ignore[assignment, method-assign]


def main() -> None:
    global _fate  # noqa: PLW0603 - steps ask for it wherever they run
    worker_id, step, when, mark = sys.argv[1:]
    _fate = step, when, mark

    from chartbridge.commands import running
    from chartbridge.config import Settings

    running.work(Settings(), worker_id)


if __name__ == "__main__":
    warm()
    main()
