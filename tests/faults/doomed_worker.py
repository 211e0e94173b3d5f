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


def _die(mark: str) -> None:
    if mark != "always":
        try:
            Path(mark).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)


def main(worker_id: str, step_name: str, when: str, mark: str) -> None:
    from chartbridge.jobs import workflow

    declare = workflow.step

    def doomed(function: Callable[..., Any]) -> Callable[..., Any]:
        if function.__name__ != step_name:
            return declare(function)

        @wraps(function)
        def step(*args: Any) -> Any:
            if when == "before":
                _die(mark)
            result = function(*args)
            if when == "after":
                _die(mark)
            return result

        return declare(step)

    workflow.step = doomed  # features import it by name, after this

    from chartbridge.commands import running
    from chartbridge.config import Settings

    running.work(Settings(), worker_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
