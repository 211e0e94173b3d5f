"""A worker of the jobs' small workflows, with a version of its own: as an older or newer release would be.

python -m tests.deploy.versioned_worker VERSION WORKER_ID
"""

from __future__ import annotations

import os
import sys
import time

from chartbridge.jobs import worker
from chartbridge.jobs.workflow import step, workflow
from tests.jobs import program


@workflow("test-gate", failed=program.failed)
def gate_workflow(name: str) -> None:
    pass_gate(name)


@step
def pass_gate(name: str) -> None:
    """Ends once there is a file ``gate``."""
    program.note("begin", name, str(os.getpid()))
    while not (program.FOLDER / "gate").exists():
        time.sleep(0.05)
    program.note("end", name, str(os.getpid()))


if __name__ == "__main__":
    worker.WORKFLOW_VERSION = sys.argv[1]
    program.main(sys.argv[2])
