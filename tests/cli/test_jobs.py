"""Looking at jobs and schedules from the command line, retrying and cancelling them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from chartbridge.auth import authenticate, create_key
from chartbridge.cli import cli
from chartbridge.config import Settings
from chartbridge.db import Tenant
from chartbridge.features.cohorts import service as cohorts
from chartbridge.features.cohorts.schemas import CohortInput
from chartbridge.jobs.queue import HOUSEKEEPING, Queue
from chartbridge.platform import Platform

SERIAL = Queue("network-query", serial_per_key=True)


@pytest.fixture
def tenant(platform: Platform) -> Tenant:
    known = authenticate(platform.db, create_key(platform.db, "sandbox", "clinic"))
    assert known is not None
    return known.tenant


@pytest.fixture
def waiting(platform: Platform, tenant: Tenant) -> str:
    """The id of a job that waits, beside a delayed one. No worker has ever run."""
    platform.jobs.register((HOUSEKEEPING, SERIAL), worker_concurrency=8, poll_s=1)
    enqueue = platform.jobs.enqueue
    with platform.db.write(tenant) as session:
        enqueue(session, SERIAL, "some-work", str(tenant), "an-id", job_id="waits", key="k")
    time.sleep(0.01)  # jobs are sorted by the millisecond
    with platform.db.write(tenant) as session:
        enqueue(session, HOUSEKEEPING, "other-work", job_id="delayed", delay_s=3600)
    return "waits"


def run(settings: Settings, *arguments: str) -> Result:
    environment = {"CHARTBRIDGE_DATABASE_URL": str(settings.database_url)}
    options = ("--data-dir", str(settings.data_dir))
    return CliRunner().invoke(cli, ["jobs", *arguments, *options], env=environment)


def listed(settings: Settings, *arguments: str) -> list[dict[str, Any]]:
    result = run(settings, "list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_jobs_are_listed_shown_cancelled_and_retried(
    platform: Platform, settings: Settings, tenant: Tenant, waiting: str
) -> None:
    assert [job["id"] for job in listed(settings)] == ["delayed", "waits"]
    for filters in (["--status", "waiting"], ["--name", "some-work"], ["--queue", "network-query"]):
        assert [job["id"] for job in listed(settings, *filters)] == [waiting]
    assert len(listed(settings, "--since", "1h")) == 2
    assert listed(settings, "--since", "2999-01-01") == []
    assert len(listed(settings, "--limit", "1")) == 1
    table = run(settings, "list").output
    assert table.splitlines()[0].split()[:4] == ["id", "name", "status", "queue"]

    shown = json.loads(run(settings, "show", waiting, "--json").stdout)
    assert (shown["status"], shown["queue"], shown["key"], shown["runs"]) == (
        "waiting",
        "network-query",
        "k",
        0,
    )
    assert (shown["arguments"], shown["steps"], shown["error"]) == ([str(tenant), "an-id"], [], None)
    assert "an-id" in run(settings, "show", waiting).output

    assert run(settings, "cancel", waiting).exit_code == 0
    (ended,) = listed(settings, "--status", "cancelled")
    assert (ended["id"], ended["queue"]) == (waiting, "network-query")
    assert [job["name"] for job in listed(settings, "--queue", "housekeeping")] == [
        "cancel-job",
        "other-work",
    ]
    assert run(settings, "retry", waiting).exit_code == 0
    (again,) = listed(settings, "--status", "waiting", "--name", "some-work")
    assert (again["queue"], again["key"], again["runs"]) == ("network-query", "k", 0)


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nobody"], 1, "there is no job nobody"),
        (["retry", "nobody"], 1, "there is no job nobody"),
        (["cancel", "nobody"], 1, "there is no job nobody"),
        (["retry", "waits"], 1, "waits for its turn already"),
        (["list", "--status", "odd"], 2, "--status must be one of waiting"),
        (["list", "--since", "lately"], 2, "--since must be"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said(
    settings: Settings, waiting: str, arguments: list[str], code: int, said: str
) -> None:
    result = run(settings, *arguments)
    assert (result.exit_code, said in result.output) == (code, True), (waiting, result.output)


def test_schedules_are_listed_with_their_next_time(
    platform: Platform, settings: Settings, tenant: Tenant
) -> None:
    monitoring = {"hie": {"enabled": True, "frequency": "daily"}}
    data = CohortInput.model_validate({"name": "Watched", "settings": {"monitoring": monitoring}})
    with platform.db.write(tenant) as session:
        cohort = cohorts.create_cohort(session, data, frozenset()).id
    rows = json.loads(run(settings, "schedules", "--json").stdout)
    assert [row["what"] for row in rows] == ["housekeeping", "hie queries"]
    daily = rows[1]
    assert (daily["cohort"], daily["tenant"], daily["frequency"]) == (cohort, str(tenant), "daily")
    assert daily["next"].endswith("T08:00:00.000Z")
    assert (daily["last"], daily["state"]) == (None, None)
    assert cohort in run(settings, "schedules").output
