"""The commands that a user types, as processes: what they print, how they end."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable

import httpx
import pytest

from tests.support import people
from tests.support.client import Api, M
from tests.support.ports import free_port
from tests.support.receiver import Receiver
from tests.support.server import Deployment

LiveServer = Callable[..., Deployment]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_server_ends_cleanly_when_asked(live_server: LiveServer, sent: signal.Signals) -> None:
    deployment = live_server(fresh=True)
    server = deployment.serve()
    assert server.stop(sent) == 0
    assert server.leaves_nothing_behind()
    assert "Traceback" not in server.log()


def test_a_second_server_on_the_same_port_says_so(live_server: LiveServer) -> None:
    deployment = live_server()
    port = free_port()
    deployment.serve(port=port)
    said = live_server().run("serve", "--port", str(port), status=1)
    assert f"port {port} on 127.0.0.1 is taken" in said


def test_a_server_started_again_has_all_that_was_there(live_server: LiveServer) -> None:
    deployment = live_server()
    first = deployment.serve()
    key = deployment.create_key()
    with Api(first.origin, key) as api:
        clinic = api.post(f"{M}/facility", people.facility(), status=201)
    assert first.stop() == 0
    with Api(deployment.serve().origin, key) as api:
        assert api.get(f"{M}/facility")["facilities"] == [clinic]


def test_a_key_is_printed_alone(live_server: LiveServer) -> None:
    printed = live_server().run("keys", "create", "--env", "production")
    assert printed.endswith("\n")
    assert printed.count("\n") == 1
    assert printed.startswith("cb.production.")


def test_production_without_a_secret_key_is_refused(live_server: LiveServer) -> None:
    said = live_server({"mode": "production"}).run("serve", status=1)
    assert "CHARTBRIDGE_SECRET_KEY must be set in production" in said


def test_a_killed_server_continues_what_it_had_begun(live_server: LiveServer, receiver: Receiver) -> None:
    deployment = live_server({"heartbeat_s": "0.2", "worker_lost_after_s": "1"})
    server = deployment.serve()
    key = deployment.create_key()
    with Api(server.origin, key) as api:
        receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
        clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
        jane = api.post(f"{M}/patient", people.jane(), status=201, facilityId=clinic)["id"]
        query = api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=jane)
    server.kill()
    time.sleep(1.5)  # until the name of the killed worker may be taken again
    with Api(deployment.serve().origin, key) as api:
        assert api.poll(f"{M}/network/query/{query['requestId']}")["status"] == "completed"
        documents = api.get(f"{M}/document", patientId=jane, output="dto")["documents"]
    assert sorted(d["mimeType"] for d in documents) == people.PERSONA_DOCUMENT_TYPES
    for source in people.ALL_SOURCES:
        assert len(receiver.wait_for(f"network-query.{source}")) >= 1


def test_the_demo_makes_a_chart(live_server: LiveServer) -> None:
    port = free_port()
    printed = live_server(fresh=True).run("demo", "--port", str(port), timeout_s=120)
    assert "medical.consolidated-data" in printed
    assert "Condition" in printed
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/")


def test_a_document_is_converted_without_a_server(live_server: LiveServer) -> None:
    deployment = live_server()
    server = deployment.serve()
    with deployment.api(server) as api:
        clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
        jane = api.post(f"{M}/patient", people.jane(), status=201, facilityId=clinic)["id"]
        query = api.post(f"{M}/network/query", {"sources": ["hie"]}, patientId=jane)
        api.poll(f"{M}/network/query/{query['requestId']}")
        documents = api.get(f"{M}/document", patientId=jane, output="dto")["documents"]
        [ccd] = [d for d in documents if d["mimeType"] == "application/xml"]
        url = api.get(f"{M}/document/download-url", fileName=ccd["fileName"])["url"]
        (deployment.folder / "ccd.xml").write_bytes(httpx.get(url).content)
    server.stop()
    bundle = json.loads(deployment.run("convert", "ccd.xml"))
    assert bundle["resourceType"] == "Bundle"
    assert "Condition" in {entry["resource"]["resourceType"] for entry in bundle["entry"]}
