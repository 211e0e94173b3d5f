"""A worker is killed at every step of a network query; nothing is lost, nothing comes twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chartbridge.config import Settings
from tests.support.client import Api, M
from tests.support.ports import LOOPBACK, free_port
from tests.support.processes import Process
from tests.support.receiver import Receiver
from tests.support.server import Deployment
from tests.support.zygote import zygote

pytestmark = [pytest.mark.slow, pytest.mark.fault]

STEPS = ("find", "fetch", "convert", "announce_first_data", "finish", "deliver")
ADDRESS = {"addressLine1": "9 Elm St", "city": "Phoenix", "state": "AZ", "zip": "85004"}
EVENTS = {
    "network-query.hie.first-data-ready",
    "network-query.hie",
    "network-query.pharmacy",
    "network-query.lab",
}


def doomed(deployment: Deployment, name: str, step: str, when: str, mark: str) -> Process:
    """Start a worker that will kill itself there."""
    worker = Process(
        f"doomed worker {name} ({step}, {when})",
        ["doomed_worker", name, step, when, mark],
        log=deployment.folder / f"{len(deployment.processes)}-{name}.log",
        environment=deployment.environment,
        cwd=deployment.folder,
        zygote=zygote("tests.faults.doomed_worker"),
    )
    deployment.processes.append(worker)
    return worker


@pytest.fixture
def api(deployment: Deployment) -> Iterator[Api]:
    """A caller of an API without a worker, at the address that workers put into URLs."""
    server = deployment.serve(worker=False, port=int(deployment.environment["CHARTBRIDGE_PORT"]))
    with deployment.api(server) as caller:
        yield caller


def jane(api: Api, last_name: str) -> str:
    facility = api.get(f"{M}/facility")["facilities"] or [
        api.post(f"{M}/facility", {"name": "Clinic", "npi": "1234567893", "address": ADDRESS}, status=201)
    ]
    body = {
        "firstName": "Jane",
        "lastName": last_name,
        "dob": "1996-02-10",
        "genderAtBirth": "F",
        "address": {**ADDRESS, "addressLine1": f"1 {last_name * 3} Road"},
    }
    return str(api.post(f"{M}/patient", body, status=201, facilityId=facility[0]["id"])["id"])


def start_query(api: Api, patient_id: str) -> str:
    body = {"sources": {name: {"enabled": True} for name in ("hie", "pharmacy", "lab")}}
    return str(api.post(f"{M}/network/query", body, patientId=patient_id)["requestId"])


def wait_for_death(worker: Process, mark: Path, timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while worker.running:
        assert time.monotonic() < deadline, f"{worker.name} lives on:\n{worker.log()}"
        time.sleep(0.05)
    assert mark.exists(), f"{worker.name} ended without reaching its step:\n{worker.log()}"


def chart_counts(receiver: Receiver, request_id: str) -> Counter[str]:
    """Resources by type in the chart that the last of the query's webhooks links to."""
    message = [
        m.json
        for m in receiver.received
        if m.json["meta"].get("requestId") == request_id and "ready" not in m.type and m.answered == 200
    ][-1]
    bundle = httpx.get(message["payload"]["consolidatedDataUrl"], timeout=30).raise_for_status().json()
    return Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])


@pytest.fixture
def shape(request: pytest.FixtureRequest) -> tuple[str, bool]:
    """The database, and whether a killed worker comes back under its name."""
    backend, _, replacement = str(request.param).partition("-")
    return backend, replacement == "restarted"


@pytest.fixture
def backend(shape: tuple[str, bool]) -> str:
    return shape[0]


@pytest.fixture
def deployment(database_url: str, settings: Settings, live_server: Callable[..., Deployment]) -> Deployment:
    del settings  # made for its database
    port = free_port()
    return live_server(
        {
            "port": str(port),
            "public_url": f"http://{LOOPBACK}:{port}",
            "database_url": database_url,
            "job_max_attempts": "100",
            "heartbeat_s": "0.3",
            "worker_lost_after_s": "4",
        }
    )


SHAPES = ("sqlite-restarted", "postgres-replaced")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("shape", SHAPES, indirect=True)
def test_a_query_survives_a_kill_at_each_of_its_steps(
    shape: tuple[str, bool], deployment: Deployment, api: Api, receiver: Receiver, tmp_path: Path
) -> None:
    _, same_name = shape
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    killed_patient, calm_patient = jane(api, "Killed"), jane(api, "Calmly")
    request_id = start_query(api, killed_patient)
    kills = 0
    for step in STEPS:
        for when in ("before", "after"):
            mark = tmp_path / f"{step}-{when}"
            name = "worker" if same_name else f"worker-{kills}"
            wait_for_death(doomed(deployment, name, step, when, str(mark)), mark)
            kills += 1
    last = deployment.worker("worker" if same_name else "worker-last")
    api.poll(f"{M}/network/query/{request_id}", until="completed", timeout_s=90)
    for kind in EVENTS:
        receiver.wait_for(kind, timeout_s=60)

    calm_request = start_query(api, calm_patient)
    api.poll(f"{M}/network/query/{calm_request}", until="completed", timeout_s=60)
    for kind in EVENTS:
        receiver.wait_for(kind, 2, timeout_s=60)

    by_message: dict[str, Any] = {}
    for message in receiver.received:
        if message.json["meta"].get("requestId") == request_id:
            assert message.is_signed_with(receiver.key or "")
            by_message.setdefault(message.json["meta"]["messageId"], message.type)
    assert Counter(by_message.values()) == Counter(EVENTS), (
        "each event has one message id, however often it came"
    )

    documents = api.get(f"{M}/document", patientId=killed_patient, output="dto")["documents"]
    assert len(documents) == 6
    assert len({d["fileName"] for d in documents}) == 6
    assert chart_counts(receiver, request_id) == chart_counts(receiver, calm_request)
    assert kills == 2 * len(STEPS)
    assert last.running


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shape", ["sqlite-restarted", "postgres-restarted"], indirect=True)
def test_a_job_that_kills_every_worker_ends_as_failed_with_a_reason(
    deployment: Deployment, api: Api, receiver: Receiver
) -> None:
    deployment.environment["CHARTBRIDGE_JOB_MAX_ATTEMPTS"] = "3"
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    request_id = api.post(
        f"{M}/network/query", {"sources": {"hie": {"enabled": True}}}, patientId=jane(api, "Poisoned")
    )["requestId"]
    deaths = 0
    deadline = time.monotonic() + 200
    while api.get(f"{M}/network/query/{request_id}")["status"] == "processing":
        assert time.monotonic() < deadline
        worker = doomed(deployment, "worker", "convert", "before", "always")
        while worker.running:
            if api.get(f"{M}/network/query/{request_id}")["status"] != "processing":
                break
            time.sleep(0.1)
        deaths += not worker.running
    status = api.get(f"{M}/network/query/{request_id}")
    assert status["status"] == "failed"
    assert [e["source"] for e in status["errors"]] == ["hie"]
    assert "too often" in status["errors"][0]["message"]
    assert deaths == 3, "the job was begun three times and then given up"
    message = receiver.wait_for("network-query.hie", timeout_s=30)[0].json
    assert message["payload"]["source"]["status"] == "failed"
    assert message["payload"]["consolidatedDataUrl"]
