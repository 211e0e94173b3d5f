"""``chartbridge demo``: the main job on a real server process, seen from outside.

It talks to the API as an application would, over HTTP, with an account, key and webhook of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import httpx
import orjson
from rich.table import Table

from chartbridge.auth import authenticate, create_key
from chartbridge.auth.keys import KeyLimitError, list_keys, revoke_key
from chartbridge.commands.console import fail, results, talk
from chartbridge.commands.opening import open_platform
from chartbridge.config import Settings

ACCOUNT = "demo"
WAIT_S = 60.0
FACILITY = {
    "name": "Demo Clinic",
    "npi": "1234567893",
    "address": {"addressLine1": "9 Elm St", "city": "Phoenix", "state": "AZ", "zip": "85004"},
}
JANE = {
    "firstName": "Jane",
    "lastName": "Smith",
    "dob": "1996-02-10",
    "genderAtBirth": "F",
    "address": {"addressLine1": "123 Arsenal St", "city": "Phoenix", "state": "AZ", "zip": "85300"},
}


class Receiver:
    """Receives webhooks as an application would: verify the exact bytes, answer at once."""

    def __init__(self) -> None:
        self.messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self.key = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                message = orjson.loads(body)
                expected = hmac.new(receiver.key.encode(), body, hashlib.sha256).hexdigest()
                given = self.headers.get("x-metriport-signature", "")
                message["verified"] = hmac.compare_digest(expected, given)
                answer = orjson.dumps({"pong": message["ping"]} if "ping" in message else {})
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                receiver.messages.put(message)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the demo prints what arrived."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def run(settings: Settings) -> None:
    """Ends with exit code 1 when the chart did not come."""
    began = time.monotonic()
    key = _demo_key(settings)
    with (
        _server(settings),
        httpx.Client(base_url=settings.origin, headers={"x-api-key": key}, timeout=30) as api,
    ):
        started_s = time.monotonic() - began
        receiver = Receiver()
        try:
            _story(api, receiver)
        finally:
            api.post("/settings", json={"webhookUrl": ""})
            receiver.close()
    took_s = time.monotonic() - began
    talk.print(f"\nDone in {took_s:.1f} s, of which {started_s:.1f} s for the server to start.")
    talk.print(f"The API was at {settings.origin}. Start it again with [bold]make run[/], then try:\n")
    results.print(
        f"curl -H 'x-api-key: {key}' '{settings.origin}/medical/v1/patient'", soft_wrap=True, markup=False
    )


def _story(api: httpx.Client, receiver: Receiver) -> None:
    receiver.key = _ok(api.post("/settings", json={"webhookUrl": receiver.url}))["webhookKey"]
    facilities = _ok(api.get("/medical/v1/facility"))["facilities"]
    facility = facilities[0] if facilities else _ok(api.post("/medical/v1/facility", json=FACILITY))
    patient = _ok(api.post("/medical/v1/patient", params={"facilityId": facility["id"]}, json=JANE))
    talk.print(f"Facility [bold]{facility['name']}[/], patient [bold]Jane Smith[/] ({patient['id']})")
    sources = {name: {"enabled": True} for name in ("hie", "pharmacy", "lab")}
    body = {"sources": sources, "metadata": {"demo": "yes"}}
    query = _ok(api.post("/medical/v1/network/query", params={"patientId": patient["id"]}, json=body))
    seen = _await(receiver, {f"network-query.{name}" for name in sources})
    state = _ok(api.get(f"/medical/v1/network/query/{query['requestId']}"))
    talk.print(f"Network query {state['status']}")
    where = {"patientId": patient["id"], "output": "dto"}
    documents = _ok(api.get("/medical/v1/document", params=where))["documents"]
    for document in documents:
        talk.print(f"  {document['mimeType']:<16} {document['size']:>8} bytes  {document['description']}")
    path = f"/medical/v1/patient/{patient['id']}/consolidated/query"
    _ok(api.post(path, params={"conversionType": "json"}))
    seen += _await(receiver, {"medical.consolidated-data"})
    content = seen[-1]["patients"][0]["bundle"]["entry"][0]["resource"]["content"]
    bundle = httpx.get(content[0]["attachment"]["url"], timeout=30).raise_for_status().json()
    _print_webhooks(seen)
    _print_chart(bundle)


def _ok(response: httpx.Response) -> Any:
    if response.is_error:
        fail(f"{response.request.method} {response.request.url.path}: {response.status_code} {response.text}")
    return response.json()


def _await(receiver: Receiver, kinds: set[str]) -> list[dict[str, Any]]:
    """Messages in the order they came, up to the last of the kinds wanted."""
    seen: list[dict[str, Any]] = []
    missing = set(kinds)
    deadline = time.monotonic() + WAIT_S
    while missing:
        try:
            message = receiver.messages.get(timeout=max(0.01, deadline - time.monotonic()))
        except queue.Empty:
            fail(f"no webhook within {WAIT_S:g} s: {', '.join(sorted(missing))}")
        if not message["verified"]:
            fail(f"the signature of a {message['meta']['type']} message does not fit")
        seen.append(message)
        missing.discard(message["meta"]["type"])
    return seen


def _print_webhooks(seen: list[dict[str, Any]]) -> None:
    table = Table(
        "webhook",
        "signature",
        "message",
        box=None,
        pad_edge=False,
        title="Webhooks received",
        title_justify="left",
        title_style="bold",
    )
    for message in seen:
        table.add_row(message["meta"]["type"], "verified", message["meta"]["messageId"])
    results.print(table)


def _print_chart(bundle: dict[str, Any]) -> None:
    counts = Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])
    table = Table(
        "resource",
        "count",
        box=None,
        pad_edge=False,
        title="Jane's chart",
        title_justify="left",
        title_style="bold",
    )
    for name, count in sorted(counts.items()):
        table.add_row(name, str(count))
    results.print(table)


def _demo_key(settings: Settings) -> str:
    """The demo account's key: the one kept from an earlier demo, or a new one."""
    platform = open_platform(settings)
    kept: Path = settings.resolved_data_dir / "demo.key"
    try:
        if kept.exists():
            key = kept.read_text().strip()
            if authenticate(platform.db, key) is not None:
                return key
        try:
            key = create_key(platform.db, "sandbox", ACCOUNT)
        except KeyLimitError:
            oldest = [k for k in list_keys(platform.db) if k.account == ACCOUNT and k.revoked_at is None][-1]
            revoke_key(platform.db, oldest.id)
            key = create_key(platform.db, "sandbox", ACCOUNT)
    finally:
        platform.close()
    with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key)
    return key


@contextmanager
def _server(settings: Settings) -> Iterator[None]:
    """A server process of its own on these settings, stopped at the end."""
    command = [sys.executable, "-m", "chartbridge", "serve"]
    command += ["--host", settings.host, "--port", str(settings.port)]
    command += ["--data-dir", str(settings.resolved_data_dir)]
    environment = {**os.environ, "CHARTBRIDGE_LOG_LEVEL": "warning"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stderr=said)  # noqa: S603 - ourselves
        try:
            _await_health(settings, process, said)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_health(settings: Settings, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said.seek(0)
            fail(f"the server did not start:\n{said.read().decode(errors='replace')}")
        try:
            if httpx.get(f"{settings.origin}/", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    fail("the server did not answer in time")
