"""A worker of a few small workflows, as a process: the job engine knows one worker a process.

    python -m tests.jobs.program WORKER_ID FOLDER

What runs appends a line to ``FOLDER/events``. It ends with SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path

from sqlalchemy import Engine, event

from chartbridge.config import Settings
from chartbridge.jobs import cancelling
from chartbridge.jobs.queue import Queue
from chartbridge.jobs.worker import Worker
from chartbridge.jobs.workflow import step, workflow
from chartbridge.platform import Platform

SERIAL = Queue("test-serial", serial_per_key=True)
PLAIN = Queue("test-plain")
FOLDER = Path(os.environ.get("TEST_JOBS_FOLDER", "."))


def note(*parts: str) -> None:
    """One line, written at once, so that lines of several processes do not mix."""
    with (FOLDER / "events").open("ab", buffering=0) as events:
        events.write((" ".join(parts) + "\n").encode())


def failed(*arguments: str, reason: str) -> None:
    attempts = FOLDER / f"failed-{arguments[0]}"
    attempts.open("a").write("x")
    if arguments[0] == "stubborn" and attempts.stat().st_size < 3:
        raise ConnectionError("the database is away")
    note("failed", *arguments, reason)


@workflow("test-note", failed=failed)
def note_workflow(name: str) -> None:
    write(name)


@step
def write(name: str) -> None:
    note("done", name)


@workflow("test-hold", failed=failed)
def hold_workflow(name: str, seconds: str) -> None:
    hold(name, seconds)


@step
def hold(name: str, seconds: str) -> None:
    note("begin", name, str(os.getpid()))
    time.sleep(float(seconds))
    note("end", name, str(os.getpid()))


@workflow("test-hold-and-note", failed=failed)
def hold_and_note_workflow(name: str, seconds: str) -> None:
    hold(name, seconds)
    write(name)


@workflow("test-fail", failed=failed)
def fail_workflow(name: str) -> None:
    write(name)
    raise LookupError(f"Orsolya Vance {name}")


@workflow("test-flaky", failed=failed)
def flaky_workflow(name: str) -> None:
    flaky(name)


@step
def flaky(name: str) -> None:
    note("tried", name)
    if (FOLDER / "events").read_text().count(f"tried {name}\n") < 3:
        raise ConnectionError("Orsolya Vance")
    note("done", name)


def refuse_notes(times: int) -> None:
    """Have SQLite answer to so many of the notes that the engine takes of steps as it does when the disk is
    full."""
    left = iter(range(times))

    @event.listens_for(Engine, "do_execute")
    def execute(_cursor: object, statement: str, _parameters: object, _context: object) -> None:
        if "INTO operation_outputs" in statement.replace("main.", "") and next(left, None) is not None:
            note("full")
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error


def nothing() -> None:
    """What warms the pool up."""


def main(worker_id: str | None = None) -> None:
    global FOLDER  # noqa: PLW0603 - a fork of what imported this module has another
    from chartbridge import logs

    FOLDER = Path(os.environ["TEST_JOBS_FOLDER"])
    settings = Settings()
    logs.configure(settings)
    refuse_notes(int(os.environ.get("TEST_JOBS_REFUSED_NOTES", "0")))
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    platform = Platform.open(settings)
    worker = Worker(platform, worker_id or sys.argv[1], (SERIAL, PLAIN, cancelling.QUEUE), nothing)
    worker.start()
    ended.wait()
    worker.stop(grace_s=2)
    platform.close()
    os._exit(0)  # steps that outlast the grace sleep in threads; a real machine would be gone too


if __name__ == "__main__":
    main()
