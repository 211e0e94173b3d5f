"""Every process is restarted while callers work: no request is lost, none fails, every query ends."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.backup.charts import somebody
from tests.support import people
from tests.support.client import Api, M
from tests.support.ports import free_ports
from tests.support.postgres import PostgresServer
from tests.support.server import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.fault]
LIMITS = json.dumps({"patient-write": 100_000, "network-query-hie": 100_000})
AWAY = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""The connection ended before there was an answer. Timeouts are none of these."""
CALLERS = 3


@dataclass
class Caller:
    """Goes round the processes of the API as a load balancer does, and asks again where the connection
    broke, under the same Idempotency-Key. Every answer but a good one fails the test."""

    origins: list[str]
    key: str
    facility: str
    number: int
    patients: list[str] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    retried: int = 0
    failures: list[str] = field(default_factory=list)
    turn: int = 0

    def work(self, done: threading.Event) -> None:
        try:
            with httpx.Client(headers={"x-api-key": self.key}, timeout=30) as http:
                while not done.is_set():
                    self._one(http)
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
            self.failures.append(repr(error))

    def _one(self, http: httpx.Client) -> None:
        body = somebody(len(self.patients) * CALLERS + self.number)
        path = f"{M}/patient?facilityId={self.facility}"
        patient = self._asked(http, "POST", path, body)["id"]
        self.patients.append(patient)
        if len(self.patients) % 3 == 1:
            query = self._asked(http, "POST", f"{M}/network/query?patientId={patient}", {"sources": ["hie"]})
            self.queries.append(query["requestId"])
        assert self._asked(http, "GET", f"{M}/patient/{patient}", None)["id"] == patient

    def _asked(self, http: httpx.Client, method: str, path: str, body: Any) -> Any:
        headers = {"idempotency-key": str(uuid4())} if method == "POST" else {}
        deadline = time.monotonic() + 30
        while True:
            self.turn += 1
            origin = self.origins[self.turn % len(self.origins)]
            try:
                answer = http.request(method, origin + path, json=body, headers=headers)
            except AWAY:
                self.retried += 1
                assert time.monotonic() < deadline, "no process answers"
                continue
            if answer.status_code == 409 and time.monotonic() < deadline:
                time.sleep(0.1)  # the process that it reached first still works on it
                continue
            assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
            return answer.json()


def test_no_request_fails_while_every_process_is_restarted(
    postgres_server: PostgresServer, live_server: Callable[..., Deployment]
) -> None:
    ports = free_ports(2)
    deployment = live_server(
        {
            "database_url": postgres_server.url(postgres_server.fresh_database()),
            "public_url": f"http://127.0.0.1:{ports[0]}",
            "rate_limits": LIMITS,
            "sandbox_max_patients": "100000",
        }
    )
    servers = [deployment.serve(worker=False, port=port) for port in ports]
    workers = {name: deployment.worker(name) for name in ("worker-a", "worker-b")}
    key = deployment.create_key()
    origins = [server.origin for server in servers]
    with Api(origins[0], key) as api:
        clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
        callers = [Caller(origins, key, clinic, number) for number in range(CALLERS)]
        done = threading.Event()
        threads = [threading.Thread(target=caller.work, args=(done,)) for caller in callers]
        for thread in threads:
            thread.start()
        try:
            for server, port in zip(servers, ports, strict=True):
                assert server.stop() == 0
                deployment.serve(worker=False, port=port)
            for name, worker in workers.items():
                assert worker.stop() == 0
                deployment.worker(name)
        finally:
            done.set()
            for thread in threads:
                thread.join()
    assert [failure for caller in callers for failure in caller.failures] == []
    patients = [patient for caller in callers for patient in caller.patients]
    queries = [query for caller in callers for query in caller.queries]
    with Api(origins[0], key) as api:
        states = Counter(api.poll(f"{M}/network/query/{query}", timeout_s=60)["status"] for query in queries)
        listed = _all_patients(api)
    retried = sum(caller.retried for caller in callers)
    print(f"{len(patients)} patients, {len(queries)} queries, {retried} requests sent again")
    assert states == {"completed": len(queries)}
    assert len(queries) >= CALLERS
    assert Counter(listed) == Counter(patients), "none is lost, and none was made twice"
    assert retried > 0, "processes were away while callers worked"


def _all_patients(api: Api) -> list[str]:
    found: list[str] = []
    url: str | None = f"{M}/patient?count=500"
    while url:
        page = api.http.get(url).raise_for_status().json()
        found += [patient["id"] for patient in page["patients"]]
        url = page["meta"].get("nextPage")
        assert len(found) <= 10_000
    return found
