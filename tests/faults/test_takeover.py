"""A worker dies for good: another does its work, without anybody's help and with default settings."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest

from tests.faults.load import ask
from tests.support import people
from tests.support.client import M
from tests.support.postgres import PostgresServer
from tests.support.processes import POLL_S
from tests.support.server import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.fault]

TAKEN_OVER_WITHIN_S = 60.0
BEGUN = "SELECT workflow_uuid FROM dbos.workflow_status WHERE executor_id = %s AND status = 'PENDING'"
NOT_ENDED = """SELECT count(*) FROM dbos.workflow_status
    WHERE workflow_uuid = ANY(%s) AND status NOT IN ('SUCCESS', 'ERROR')"""
STILL_HIS = "SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid = ANY(%s) AND executor_id = %s"


@pytest.mark.timeout(300)
def test_the_work_of_a_worker_that_never_returns_is_taken_over_within_a_minute(
    postgres_server: PostgresServer,
    live_server: Callable[..., Deployment],
    capsys: pytest.CaptureFixture[str],
) -> None:
    database = postgres_server.url(postgres_server.fresh_database())
    deployment = live_server({"database_url": database})
    server = deployment.serve(worker=False)
    lost, _ = deployment.worker("lost"), deployment.worker("other")
    with deployment.api(server) as api, psycopg.connect(database, autocommit=True) as connection:
        clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
        asked = [ask(api, clinic, number) for number in range(4)]
        jobs: list[str] = []
        deadline = time.monotonic() + 60
        while not jobs:
            assert time.monotonic() < deadline, "the worker takes no job"
            jobs = [row[0] for row in connection.execute(BEGUN, ["lost"])]
        lost.kill()
        killed = time.monotonic()
        jobs = [row[0] for row in connection.execute(BEGUN, ["lost"])]
        assert jobs, "it must die with work in its hands"

        def after(statement: str, *values: object) -> float:
            """Seconds from the kill until the statement counts nothing any more."""
            while connection.execute(statement, values).fetchone() != (0,):
                assert time.monotonic() - killed < 3 * TAKEN_OVER_WITHIN_S
                time.sleep(POLL_S)
            return time.monotonic() - killed

        taken_over = after(STILL_HIS, jobs, "lost")
        ended = after(NOT_ENDED, jobs)
        with capsys.disabled():
            print(f"\n  {len(jobs)} jobs taken over after {taken_over:.1f} s, ended after {ended:.1f} s")
        assert taken_over < TAKEN_OVER_WITHIN_S
        for one in asked:
            api.poll(f"{M}/network/query/{one.query_id}", timeout_s=60)
