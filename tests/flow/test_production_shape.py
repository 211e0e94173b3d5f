"""The main job in the shape of production: PostgreSQL, an S3 store, the API and two workers apart."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import obstore
import psycopg
import pytest
from obstore.store import S3Store

from tests.support import people
from tests.support.client import Api, M
from tests.support.postgres import PostgresServer
from tests.support.receiver import Receiver
from tests.support.seaweedfs import ACCESS_KEY_ID, SECRET_ACCESS_KEY, S3Server
from tests.support.server import Deployment

pytestmark = pytest.mark.slow

EVENTS_OF_A_QUERY = (
    "network-query.hie.first-data-ready",
    "network-query.hie",
    "network-query.pharmacy",
    "network-query.lab",
)
LiveServer = Callable[..., Deployment]
PERSONAS = ("Jane", "Chris", "Ollie", "Andreas", "Kyla")


@dataclass(frozen=True)
class Shape:
    """A deployment of the API without a worker, and two workers, with what they share."""

    deployment: Deployment
    api: Api
    bucket: S3Store
    s3_endpoint: str
    database_url: str


@contextmanager
def production(
    postgres_server: PostgresServer, s3_server: S3Server, live_server: LiveServer, *, fresh: bool
) -> Iterator[Shape]:
    database = postgres_server.url(postgres_server.fresh_database())
    bucket = s3_server.fresh_bucket()
    deployment = live_server(
        {
            "mode": "production",
            "secret_key": "a secret key for this test only, 32+ characters",
            "database_url": database,
            "heartbeat_s": "1",
            **s3_server.settings(bucket),
        },
        fresh=fresh,
    )
    server = deployment.serve(worker=False)
    deployment.worker("worker-a")
    deployment.worker("worker-b")
    store = S3Store(
        bucket,
        prefix="charts",
        config={
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": SECRET_ACCESS_KEY,
            "region": s3_server.region,
            "endpoint": s3_server.endpoint,
        },
        client_options={"allow_http": True},
    )
    with ExitStack() as stack:
        api = stack.enter_context(deployment.api(server))
        yield Shape(deployment, api, store, s3_server.endpoint, database)


@pytest.fixture
def shape(postgres_server: PostgresServer, s3_server: S3Server, live_server: LiveServer) -> Iterator[Shape]:
    with production(postgres_server, s3_server, live_server, fresh=False) as made:
        yield made


@pytest.fixture
def installed_shape(
    postgres_server: PostgresServer, s3_server: S3Server, live_server: LiveServer
) -> Iterator[Shape]:
    """Of the installed program itself, not of forks."""
    with production(postgres_server, s3_server, live_server, fresh=True) as made:
        yield made


def _keys(store: S3Store) -> set[str]:
    return {str(item["path"]) for batch in obstore.list(store) for item in batch}


def test_everything_completes_and_every_object_is_in_the_store(
    installed_shape: Shape, receiver: Receiver
) -> None:
    shape, api = installed_shape, installed_shape.api
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
    patients = [
        api.post(f"{M}/patient", people.jane(firstName=name), status=201, facilityId=clinic)["id"]
        for name in PERSONAS
    ]
    queries = {
        api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=patient)["requestId"]
        for patient in patients
    }

    for kind in EVENTS_OF_A_QUERY:
        arrived = receiver.wait_for(kind, len(PERSONAS), timeout_s=120)
        assert {message.json["meta"]["requestId"] for message in arrived} == queries
        for message in arrived:
            url = message.json["payload"]["consolidatedDataUrl"]
            assert url.startswith(shape.s3_endpoint)
            assert httpx.get(url).json()["resourceType"] == "Bundle"
    for query in queries:
        assert api.poll(f"{M}/network/query/{query}")["status"] == "completed"

    for patient in patients:
        documents = api.get(f"{M}/document", patientId=patient, output="dto")["documents"]
        assert sorted(d["mimeType"] for d in documents) == people.PERSONA_DOCUMENT_TYPES
        for document in documents:
            url = api.get(f"{M}/document/download-url", fileName=document["fileName"])["url"]
            assert url.startswith(shape.s3_endpoint)
            assert len(httpx.get(url).raise_for_status().content) == document["size"]
        api.post(f"{M}/patient/{patient}/consolidated/query", conversionType="json")

    for message in receiver.wait_for("medical.consolidated-data", len(PERSONAS), timeout_s=60):
        [sent] = message.json["patients"]
        plain, packed = (c["attachment"]["url"] for c in sent["bundle"]["entry"][0]["resource"]["content"])
        raw = httpx.get(plain).raise_for_status().content
        with httpx.stream("GET", packed) as answer:
            assert gzip.decompress(b"".join(answer.iter_raw())) == raw
        types = Counter(entry["resource"]["resourceType"] for entry in json.loads(raw)["entry"])
        assert types["Patient"] == 1
        assert types["Condition"] > 0

    sent = Counter(message.json["meta"]["messageId"] for message in receiver.received)
    assert set(sent.values()) == {1}, "no receiver failed, so no message was sent twice"
    assert not [r for r in receiver.received if r.answered != 200]
    keys = _keys(shape.bucket)
    assert all(any(patient in key for key in keys) for patient in patients)
    assert not [p for p in shape.deployment.data_dir.rglob("*") if p.is_file()], "no file beside the store"


def test_the_api_accepts_work_while_no_worker_runs(shape: Shape, receiver: Receiver) -> None:
    """What was asked for while workers were away is done once one comes back, under whatever name. At last
    all processes end, and leave no connection open."""
    api, (_, first, second) = shape.api, shape.deployment.processes
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    receiver.wait_for("ping")
    clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
    jane = api.post(f"{M}/patient", people.jane(), status=201, facilityId=clinic)["id"]
    assert first.stop() == 0
    assert second.stop() == 0
    started = api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=jane)
    path = f"{M}/network/query/{started['requestId']}"
    assert api.get(path)["status"] == "processing"
    shape.deployment.worker("worker-c")
    api.poll(path)
    for kind in EVENTS_OF_A_QUERY:
        assert len(receiver.wait_for(kind)) == 1

    shape.deployment.close()
    with psycopg.connect(shape.database_url) as connection:
        others = connection.execute(
            "SELECT application_name, query FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert others == []
