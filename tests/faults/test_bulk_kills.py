"""A worker is killed at every step of an import; every row is done once, and every message is told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.bulk.importing import KIND, PATH, sheet, somebody
from tests.faults import test_kills
from tests.faults.test_kills import doomed, wait_for_death
from tests.support import people
from tests.support.client import Api, M
from tests.support.receiver import Receiver
from tests.support.server import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(600)]

KILLS = {
    "sqlite": [
        ("count_rows", "after"),
        ("take_in_rows", "before"),
        ("write_result", "before"),
        ("begin_queries", "after"),
        ("start_queries", "before"),
        ("end_turn", "after"),
    ],
    "postgres": [
        ("count_rows", "before"),
        ("take_in_rows", "after"),
        ("write_result", "after"),
        ("begin_queries", "before"),
        ("start_queries", "after"),
        ("end_turn", "before"),
    ],
}
"""Each step is killed before it on one database and after it on the other."""


calm = test_kills.deployment


@pytest.fixture
def deployment(calm: Deployment) -> Deployment:
    """The deployment of the other kills, whose imports ask the networks without a pause."""
    calm.environment["CHARTBRIDGE_BULK_QUERIES_PER_MINUTE"] = "6000"
    return calm


def test_an_import_survives_a_kill_at_each_of_its_steps(
    backend: str, deployment: Deployment, receiver: Receiver, tmp_path: Path
) -> None:
    server = deployment.serve(worker=False, port=int(deployment.environment["CHARTBRIDGE_PORT"]))
    with deployment.api(server) as api:
        receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
        api.post(f"{M}/facility", people.facility(), status=201)
        begun = api.post(PATH)
        rows = [somebody(number) for number in range(6)]
        httpx.put(begun["uploadUrl"], content=sheet([*rows, *rows])).raise_for_status()
        for step, when in KILLS[backend]:
            mark = tmp_path / f"{step}-{when}"
            wait_for_death(doomed(deployment, "worker", step, when, str(mark)), mark)
        deployment.worker("worker")
        done = api.poll(f"{PATH}/{begun['requestId']}", timeout_s=120)
        check(api, done, receiver)


def check(api: Api, done: dict[str, object], receiver: Receiver) -> None:
    assert done["rows"] == {"total": 12, "processed": 12, "succeeded": 12, "failed": 0}
    assert done["patients"] == {"created": 6, "updated": 0, "matched": 6}
    assert done["queries"] == {"started": 6, "ended": 6}
    assert len(api.get(f"{M}/patient")["patients"]) == 6
    for kind, number in ((KIND, 2), ("network-query.hie", 6), ("network-query.lab", 6)):
        receiver.wait_for(kind, number, timeout_s=60)
        ids = {message.json["meta"]["messageId"] for message in receiver.of_type(kind)}
        assert len(ids) == number, kind
    lines = httpx.get(str(done["result"])).text.splitlines()[1:]
    assert len(lines) == 12
    assert len({line.split(",")[-3] for line in lines}) == 6
