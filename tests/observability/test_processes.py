"""API and worker as processes of their own, watched as operators watch them while a patient's records are
gathered: one trace over both, metrics and logs that say nothing of the patient.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import chartbridge
from chartbridge.features.queries.service import RUN_SOURCE
from chartbridge.jobs import workflow
from chartbridge.observability import metrics
from tests.observability import secrets
from tests.observability.collector import Collected, Collector
from tests.support import people
from tests.support.client import Api, M
from tests.support.ports import LOOPBACK, free_port
from tests.support.receiver import Receiver
from tests.support.server import Deployment

PACKAGE = Path(chartbridge.__file__).parent
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SERVER, CLIENT, CONSUMER = 2, 3, 5
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Watched:
    """What was seen: metrics by process, all logs, spans; ``ids`` of the account's objects, its ``keys``."""

    metrics: dict[str, str]
    ready: dict[str, Any]
    log: dict[str, str]
    collector: Collector
    query_id: str
    ids: set[str]
    keys: set[str]

    def spans(self) -> list[Collected]:
        return self.collector.trace(TRACE)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with Collector() as collector, Receiver() as receiver:
        settings = {"log_level": "debug", "log_format": "json", "otlp_endpoint": collector.endpoint}
        deployment = Deployment(tmp_path_factory.mktemp("watched"), settings)
        try:
            yield watch(deployment, collector, receiver)
        finally:
            deployment.close()


def watch(deployment: Deployment, collector: Collector, receiver: Receiver) -> Watched:
    ports = {"api": free_port(), "worker": free_port()}
    deployment.environment["CHARTBRIDGE_METRICS_PORT"] = str(ports["api"])
    server = deployment.serve(worker=False)
    deployment.environment["CHARTBRIDGE_METRICS_PORT"] = str(ports["worker"])
    worker = deployment.worker("one")
    with deployment.api(server) as api:
        receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
        ids, query_id = gather(api)
        misuse(api)
        receiver.wait_for("network-query.lab")
        keys = {str(api.http.headers["x-api-key"]), receiver.key, receiver.url}
    shown = {name: httpx.get(f"http://{LOOPBACK}:{port}/metrics").text for name, port in ports.items()}
    ready = {name: httpx.get(f"http://{LOOPBACK}:{port}/ready").json() for name, port in ports.items()}
    assert worker.stop() == 0
    assert server.stop() == 0
    log = {"api": server.log(), "worker": worker.log()}
    return Watched(shown, ready, log, collector, query_id, ids, keys)


def gather(api: Api) -> tuple[set[str], str]:
    """Jane's records, asked for under the caller's trace; the ids that were given out."""
    clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
    jane = api.post(f"{M}/patient", people.jane(), status=201, facilityId=clinic)["id"]
    stranger = api.post(f"{M}/patient", people.stranger(), status=201, facilityId=clinic)["id"]
    api.http.headers["traceparent"] = CALLER
    query = api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=jane)["requestId"]
    del api.http.headers["traceparent"]
    api.poll(f"{M}/network/query/{query}")
    api.get(f"{M}/patient", filters="Orsolya Vance")
    documents = api.get(f"{M}/document", patientId=jane, output="dto")["documents"]
    return {clinic, jane, stranger, *(d["id"] for d in documents), *(d["fileName"] for d in documents)}, query


def misuse(api: Api) -> None:
    """Requests that go wrong, with a person's data wherever it may stand."""
    clinic = api.get(f"{M}/facility")["facilities"][0]["id"]
    api.post(f"{M}/patient", people.stranger(dob="1961-13-99"), status=400, facilityId=clinic)
    api.get(f"{M}/patient/Orsolya-Vance", status=404)
    api.get("/Orsolya/Vance", status=404)
    api.get(f"{M}/document", patientId="Orsolya", dateFrom="1961-07-30", status=404)
    for body in (b'{"firstName": "Orsolya", ', b"\xff\xfeVance"):
        answer = api.http.post(f"{M}/patient", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
    broken = api.http.post(
        "/convert/v1/ccda/to/fhir",
        params={"patientId": "Orsolya"},
        content=b"<ClinicalDocument><name>Orsolya Vance</name>",
    )
    assert broken.status_code == 400
    assert httpx.get(f"{api.origin}{M}/patient", headers={"x-api-key": "Orsolya"}).status_code == 403
    assert api.http.request("ORSOLYA", f"{M}/patient").status_code in (403, 404, 405)


def samples(text: str) -> list[tuple[str, dict[str, str], float]]:
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def value(text: str, name: str, **labels: str) -> float:
    return sum(v for n, given, v in samples(text) if n == name and labels.items() <= given.items())


def test_one_trace_spans_the_api_the_job_its_steps_and_calls(watched: Watched) -> None:
    spans = watched.spans()
    by_id = {span.id: span for span in spans}
    [request] = [span for span in spans if span.kind == SERVER]
    assert request.name == f"POST {M}/network/query"
    assert request.parent == "b7ad6b7169203331"
    assert request.role == "api"
    assert request.attributes["http.response.status_code"] == 200
    jobs = [span for span in spans if span.kind == CONSUMER and span.name == f"job {RUN_SOURCE}"]
    assert len(jobs) == 3, "one a source"
    assert {job.parent for job in jobs} == {request.id}
    assert {job.role for job in jobs} == {"worker"}
    steps = [span for span in spans if span.name.startswith("step ")]
    assert {by_id[step.parent].kind for step in steps} == {CONSUMER}
    calls = [span for span in spans if span.name.startswith("network ")]
    assert {"network discover", "network list_documents", "network fetch"} <= {call.name for call in calls}
    assert all(by_id[call.parent].name.startswith("step ") for call in calls), "also those made in threads"
    assert any(span.name == "cpu convert_to_gzip" for span in spans)
    deliveries = [span for span in spans if span.name == "webhook attempt"]
    assert len(deliveries) >= 3
    assert all(span.kind == CLIENT for span in deliveries)
    assert all(by_id[span.parent].name.startswith("step ") for span in deliveries)
    assert not any(span.failed for span in spans)


def test_spans_hold_ids_of_requests_and_jobs_but_nothing_of_the_patient(watched: Watched) -> None:
    assert len(watched.collector.spans) > 50
    sent = "\n".join(f"{span.name} {dict(span.attributes)}" for span in watched.collector.spans)
    raw = b"".join(watched.collector.raw).decode("latin-1")
    hidden = secrets.of_persona("jane") | secrets.of_stranger() | watched.ids | watched.keys
    assert secrets.seen_in(sent + raw, hidden) == []
    assert {key for span in watched.collector.spans for key in span.attributes} <= {
        *("http.request.method", "http.route", "http.response.status_code", "chartbridge.request_id"),
        *("chartbridge.workflow", "chartbridge.job_id", "chartbridge.tasks", "error.type"),
        *("chartbridge.source", "chartbridge.connector"),
        "chartbridge.message_id",
    }


def test_metrics_hold_nothing_of_the_patient_or_the_account(watched: Watched) -> None:
    hidden = secrets.of_persona("jane") | secrets.of_stranger() | watched.ids | watched.keys
    for text in watched.metrics.values():
        assert secrets.seen_in(text, hidden) == []
        assert UUID.findall(text) == []


def test_labels_have_known_values(watched: Watched) -> None:
    routes = known_routes()
    known = {
        "route": routes | {metrics.NO_ROUTE},
        "method": {*metrics.METHODS, metrics.OTHER},
        "status": {"2xx", "3xx", "4xx", "5xx", metrics.NO_ROUTE},
        "workflow": known_workflows(),
        "task": known_tasks(),
        "source": {"hie", "pharmacy", "lab"},
        "connector": known_connectors(),
        "operation": {"discover", "list_documents", "fetch", "resources"},
        "reason": {"unknown_key", "no_key", "not_allowed", "read_only"},
        "queue": known_queues(),
        "state": {"waiting", "delayed", "running", "alive", "silent", "in_use", "idle", "due", "later"},
        "pool": {"transactions", "lookups"},
        "generation": {"0", "1", "2"},
    }
    outcomes = {
        "chartbridge_job_runs_total": {"done", "failed", "given_up", "interrupted"},
        "chartbridge_cpu_tasks_total": {"done", "raised", "timeout", "died", "cancelled"},
        "chartbridge_conversions_total": {"converted", "unreadable", "interrupted"},
        "chartbridge_network_calls_total": {"answered", "failed"},
        "chartbridge_webhook_attempts_total": set(get_args(metrics.WebhookOutcome)),
    }
    for text in watched.metrics.values():
        for name, labels, _ in samples(text):
            for label, given in labels.items():
                if label in ("le", "version", "python"):
                    continue
                if label == "step":
                    assert is_step(given)
                elif label == "outcome":
                    assert given in outcomes[name], (name, given)
                else:
                    assert given in known[label], (name, label, given)


def known_routes() -> set[str]:
    from fastapi.routing import iter_route_contexts

    from chartbridge.app import ROUTERS
    from chartbridge.features.webhooks import api as webhooks_api
    from chartbridge.http import health, objects

    found = {"/", "/docs", "/docs/reference.css", "/openapi.json", "/asyncapi.json"}
    for router in (*ROUTERS, objects.router, health.router):
        found |= {str(context.path) for context in iter_route_contexts(router.routes)}
    return found | {f"{M}{route.path}" for route in webhooks_api.router.routes if hasattr(route, "path")}


def is_step(name: str) -> bool:
    """Whether a function of that name stands in the code."""
    module, _, function = name.rpartition(".")
    return hasattr(importlib.import_module(f"chartbridge.{module}"), function)


def known_workflows() -> set[str]:
    importlib.import_module("chartbridge.background")
    return set(workflow._handlers)


def known_tasks() -> set[str]:
    """Functions that stand in files of tasks."""
    found = set()
    for path in [*PACKAGE.rglob("*_task.py"), *PACKAGE.rglob("task.py")]:
        found |= set(re.findall(r"^def (\w+)", path.read_text(), re.MULTILINE))
    return found


def known_queues() -> set[str]:
    from chartbridge.background import QUEUES

    return {queue.name for queue in QUEUES}


def known_connectors() -> set[str]:
    from chartbridge.features.networks import sandbox

    return {connector.name for connector in sandbox.connectors()}


def test_what_was_done_is_counted(watched: Watched) -> None:
    api, worker = watched.metrics["api"], watched.metrics["worker"]
    assert value(api, "chartbridge_http_requests_total", route=f"{M}/network/query", status="2xx") == 1
    assert value(api, "chartbridge_http_requests_total", route=f"{M}/patient", status="4xx") >= 3
    assert value(api, "chartbridge_http_requests_total", method="other") == 1
    assert value(api, "chartbridge_http_request_seconds_count", route=f"{M}/network/query") == 1
    assert value(api, "chartbridge_http_refused_total", reason="unknown_key") >= 1
    assert value(api, "chartbridge_http_received_bytes_total") > 500
    assert value(api, "chartbridge_http_sent_bytes_total") > 1000
    assert value(api, "chartbridge_http_requests_in_flight") == 0
    assert value(api, "chartbridge_conversions_total", outcome="unreadable") == 1
    assert value(worker, "chartbridge_job_runs_total", workflow=RUN_SOURCE, outcome="done") == 3
    assert value(worker, "chartbridge_job_seconds_count", workflow=RUN_SOURCE) == 3
    assert value(worker, "chartbridge_conversions_total", outcome="converted") == 1
    assert value(worker, "chartbridge_conversion_bytes_count") == 1
    assert value(worker, "chartbridge_cpu_tasks_total", task="convert_to_gzip", outcome="done") == 1
    assert value(worker, "chartbridge_cpu_tasks_in_flight") == 0
    assert value(worker, "chartbridge_network_calls_total", operation="fetch", outcome="answered") == 6
    assert value(worker, "chartbridge_webhook_attempts_total", outcome="delivered") >= 4
    assert value(worker, "chartbridge_webhooks") == 0
    assert value(worker, "chartbridge_worker_heartbeat_timestamp_seconds") > 1_700_000_000
    for text in (api, worker):
        assert value(text, "chartbridge_workers", state="alive") == 1
        assert value(text, "chartbridge_build_info") == 1
        assert value(text, "process_resident_memory_bytes") > 1_000_000
        assert value(text, "chartbridge_database_connections") >= 1


def test_both_processes_say_that_they_are_ready(watched: Watched) -> None:
    assert watched.ready["api"] == {"status": "OK", "parts": {"database": "OK", "objects": "OK"}}
    parts = {"database": "OK", "objects": "OK", "worker": "OK"}
    assert watched.ready["worker"] == {"status": "OK", "parts": parts}


def test_lines_of_the_log_name_their_request_job_and_trace(watched: Watched) -> None:
    lines = [
        json.loads(line) for text in watched.log.values() for line in text.splitlines() if line[:1] == "{"
    ]
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) > 10
    assert all(line["request_id"] and len(line["trace_id"]) == 32 for line in requests)
    assert TRACE in {line["trace_id"] for line in requests}
    ended = [line for line in lines if line["event"] == "job ended" and line["workflow"] == RUN_SOURCE]
    assert len({line["job_id"] for line in ended}) == 3
    assert {line["trace_id"] for line in ended} == {TRACE}


def test_the_log_holds_nothing_of_the_patient_at_debug_level(watched: Watched) -> None:
    for text in watched.log.values():
        hidden = secrets.of_persona("jane") | secrets.of_stranger() | watched.keys
        assert secrets.seen_in(text, {*hidden, "Orsolya", "signature="}) == []
