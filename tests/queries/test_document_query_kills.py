"""A worker is killed at every step of a document query; nothing is lost, counted or told twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import test_kills
from tests.faults.test_kills import doomed, jane, wait_for_death
from tests.queries.documents import PATH, has_ended, phase
from tests.running import Json, wait_until
from tests.support.client import Api, M
from tests.support.receiver import Receiver
from tests.support.server import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.fault]

STEPS = (
    "find_documents",
    "fetch_documents",
    "end_downloads",
    "list_to_convert",
    "convert_documents",
    "finish_documents",
)


# Fixtures: a deployment without a worker on either database, and a caller of it.
shape, backend, deployment, api = test_kills.shape, test_kills.backend, test_kills.deployment, test_kills.api
both_databases = pytest.mark.parametrize("shape", ["sqlite-restarted", "postgres-restarted"], indirect=True)


def told(receiver: Receiver, kind: str) -> list[Json]:
    """What the messages of a kind say of the patient, each message once however often it came."""
    receiver.wait_for(kind)
    bodies = {m.json["meta"]["messageId"]: m.json for m in receiver.of_type(kind)}
    return [body["patients"][0] for body in bodies.values()]


@pytest.mark.timeout(600)
@both_databases
def test_a_document_query_survives_a_kill_at_each_of_its_steps(
    backend: str, deployment: Deployment, api: Api, receiver: Receiver, tmp_path: Path
) -> None:
    """Before each step on one database and after each on the other; network queries, which run through the
    same machinery, are killed at both moments on both."""
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    patient = jane(api, "Killed")
    request_id = api.post(PATH, patientId=patient)["requestId"]
    when = "before" if backend == "sqlite" else "after"
    for step in STEPS:
        mark = tmp_path / f"{step}-{when}"
        wait_for_death(doomed(deployment, "worker", step, when, str(mark)), mark)
    deployment.worker("worker")
    wait_until(lambda: has_ended(api.get(PATH, patientId=patient)), "the query ends", timeout_s=90)
    assert api.get(PATH, patientId=patient) == {
        "requestId": request_id,
        "download": phase("completed", 6, 6, 0),
        "convert": phase("completed", 1, 1, 0),
    }
    (conversion,) = told(receiver, "medical.document-conversion")
    (download,) = told(receiver, "medical.document-download")
    assert (conversion["status"], download["status"]) == ("completed", "completed")
    listed = api.get(f"{M}/document", patientId=patient, output="dto")["documents"]
    assert [d["id"] for d in download["documents"]] == [d["id"] for d in listed]
    assert len(listed) == 6


@pytest.mark.timeout(300)
@both_databases
def test_a_document_query_that_kills_every_worker_ends_as_failed(
    deployment: Deployment, api: Api, receiver: Receiver
) -> None:
    deployment.environment["CHARTBRIDGE_JOB_MAX_ATTEMPTS"] = "2"
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    patient = jane(api, "Poisoned")
    api.post(PATH, patientId=patient)
    deaths = 0
    while not has_ended(api.get(PATH, patientId=patient)):
        assert deaths < 4
        worker = doomed(deployment, "worker", "convert_documents", "before", "always")
        wait_until(
            lambda worker=worker: not worker.running or has_ended(api.get(PATH, patientId=patient)),  # type: ignore[misc]
            "the worker dies, or gives up",
            timeout_s=60,
        )
        deaths += not worker.running
    ended = api.get(PATH, patientId=patient)
    assert ended["download"] == phase("completed", 6, 6, 0)
    assert ended["convert"] == phase("failed", 1, 0, 0)
    assert [t["status"] for t in told(receiver, "medical.document-download")] == ["completed"]
    assert [t["status"] for t in told(receiver, "medical.document-conversion")] == ["failed"]
