"""The port on which a process shows its metrics and whether it is well.

Apart from the API's port, so that what serves clients never serves this, and so that a worker, which has no
other port, has it too. It knows three addresses, reads no body, and asks for no key: whom it serves is said
by the address it binds, which is loopback unless set otherwise.
"""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from chartbridge.config import ConfigurationError
from chartbridge.observability.readiness import OK, Readiness
from chartbridge.observability.readings import Exposition

CALLERS = 8
"""Calls at the same time; one more is closed unanswered."""
CALL_TIMEOUT_S = 5.0
JSON = "application/json"


class MetricsServer:
    """Serves ``/metrics``, ``/health`` and ``/ready`` in threads of its own until it is stopped."""

    def __init__(self, host: str, port: int, exposition: Exposition, readiness: Readiness) -> None:
        """Binds the port. Raises ConfigurationError when it may not be bound."""
        try:
            self._server = _Server(host, port, exposition, readiness)
        except OSError as error:
            raise ConfigurationError(
                f"port {port} on {host} cannot be bound for metrics ({error.strerror}); "
                "set another CHARTBRIDGE_METRICS_PORT or CHARTBRIDGE_METRICS_HOST"
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """The port that was bound, also where 0 was given."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, host: str, port: int, exposition: Exposition, readiness: Readiness) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.exposition = exposition
        self.readiness = readiness
        self._places = threading.BoundedSemaphore(CALLERS)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a caller that went away or was too slow is no event."""


class _Handler(BaseHTTPRequestHandler):
    timeout = CALL_TIMEOUT_S
    server_version = "chartbridge"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._send(200, CONTENT_TYPE_PLAIN_0_0_4, self.server.exposition.text())
        elif path == "/health":
            self._send(200, JSON, orjson.dumps({"status": OK}))
        elif path == "/ready":
            verdict = self.server.readiness.verdict()
            self._send(200 if verdict.is_ready else 503, JSON, orjson.dumps(verdict.body()))
        else:
            self._send(404, JSON, orjson.dumps({"message": "Not Found"}))

    do_HEAD = do_GET

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: probes come every few seconds."""
