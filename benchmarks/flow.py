"""How long a network query takes, from the POST to its `network-query.hie` webhook.

    .venv/bin/python benchmarks/flow.py [--runs 20] [--database-url postgresql://…]

Starts a real server (API and one worker in one process) on embedded defaults in a temporary folder,
creates a new Jane Smith for each run, and queries all three sources. Everything is on loopback; the
script ends by itself. Prints the time of each part as the receiver saw it.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import orjson

ARRIVED: dict[tuple[str, str], float] = {}
NEWS = threading.Condition()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        now = time.perf_counter()
        message = orjson.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = orjson.dumps({"pong": message.get("ping")})
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        with NEWS:
            ARRIVED.setdefault((message["meta"].get("requestId", ""), message["meta"]["type"]), now)
            NEWS.notify_all()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def await_message(request_id: str, kind: str, timeout_s: float = 60) -> float:
    with NEWS:
        if not NEWS.wait_for(lambda: (request_id, kind) in ARRIVED, timeout_s):
            raise SystemExit(f"no {kind} within {timeout_s} s")
        return ARRIVED[(request_id, kind)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=20)
    arguments.add_argument("--database-url")
    given = arguments.parse_args()
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "CHARTBRIDGE_DATA_DIR": folder,
            "CHARTBRIDGE_PORT": str(free_port()),
            "CHARTBRIDGE_LOG_LEVEL": "warning",
            "CHARTBRIDGE_SANDBOX_MAX_PATIENTS": "10000",
            "CHARTBRIDGE_RATE_LIMITS": '{"patient-write":9999,"network-query-hie":9999,'
            '"network-query-pharmacy":9999,"network-query-lab":9999}',
        }
        if given.database_url:
            environment["CHARTBRIDGE_DATABASE_URL"] = given.database_url
        command = [sys.executable, "-m", "chartbridge"]
        key = subprocess.run(
            [*command, "keys", "create", "--env", "sandbox"],
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout.decode()
        server = subprocess.Popen([*command, "serve"], env=environment)
        try:
            measure(environment["CHARTBRIDGE_PORT"], key.strip(), receiver.server_port, given.runs)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
            receiver.shutdown()


def measure(port: str, key: str, receiver_port: int, runs: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": key}, timeout=60) as api:
        while True:
            try:
                api.get("/")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        api.post("/settings", json={"webhookUrl": f"http://127.0.0.1:{receiver_port}/"}).raise_for_status()
        address = {"addressLine1": "9 Elm St", "city": "Phoenix", "state": "AZ", "zip": "85004"}
        facility = api.post(
            "/medical/v1/facility", json={"name": "Bench", "npi": "1234567893", "address": address}
        )
        first: list[float] = []
        whole: list[float] = []
        for run in range(runs):
            patient = {
                "firstName": "Jane",
                "lastName": f"Smith{run}",
                "dob": f"19{60 + run % 40}-02-{10 + run % 18}",
                "genderAtBirth": "F",
                "address": {**address, "addressLine1": f"{run} {chr(65 + run % 26) * 9} St"},
            }
            created = api.post(
                "/medical/v1/patient", params={"facilityId": facility.json()["id"]}, json=patient
            ).raise_for_status()
            body = {"sources": {name: {"enabled": True} for name in ("hie", "pharmacy", "lab")}}
            began = time.perf_counter()
            query = api.post(
                "/medical/v1/network/query", params={"patientId": created.json()["id"]}, json=body
            ).raise_for_status()
            request_id = query.json()["requestId"]
            whole.append(await_message(request_id, "network-query.hie") - began)
            first.append(await_message(request_id, "network-query.hie.first-data-ready") - began)
        for name, times in (("first-data-ready", first), ("network-query.hie", whole)):
            ordered = sorted(times)
            p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
            print(
                f"{name:<18} p50 {statistics.median(times):.2f} s   p95 {p95:.2f} s   "
                f"best {ordered[0]:.2f} s   of {len(times)}"
            )


if __name__ == "__main__":
    main()
