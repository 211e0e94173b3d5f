"""The job engine's own statements while the disk of an embedded database is full."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from chartbridge.jobs.patience import passes
from tests.jobs.conftest import Jobs, StartWorker


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_note_that_cannot_be_taken_yet_fails_no_job(
    jobs: Jobs, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_JOBS_REFUSED_NOTES", "2")
    start_worker("worker-a")
    jobs.enqueue("test-hold-and-note", "patient", "0", job_id="patient")
    jobs.wait_for("done patient")
    assert jobs.events("full") == ["full", "full"]
    assert len(jobs.events("begin patient")) == 1, "the step is not run again for its note"
    assert not jobs.events("failed")


def failure(
    code: int | None, message: str = "x", kind: type[sqlite3.Error] = sqlite3.OperationalError
) -> Exception:
    error = kind(message)
    if code is not None:
        error.sqlite_errorcode = code
    wrapper = OperationalError if kind is sqlite3.OperationalError else IntegrityError
    return wrapper("INSERT", {}, error)


def test_what_passes_is_told_from_what_does_not() -> None:
    assert passes(failure(sqlite3.SQLITE_FULL))
    assert passes(failure(sqlite3.SQLITE_IOERR_WRITE))
    assert passes(failure(sqlite3.SQLITE_CANTOPEN))
    assert passes(failure(sqlite3.SQLITE_BUSY, "database is locked"))
    assert not passes(failure(sqlite3.SQLITE_ERROR, "no such table: x"))
    assert not passes(failure(sqlite3.SQLITE_CONSTRAINT_UNIQUE, kind=sqlite3.IntegrityError))
    assert not passes(failure(None))
    assert not passes(ValueError("disk is full"))
