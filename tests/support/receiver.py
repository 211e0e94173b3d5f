"""An application that receives webhooks, as our users write them (contract, webhooks 8.8)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.ports import LOOPBACK

SIGNATURE_HEADER = "x-metriport-signature"


@dataclass(frozen=True)
class Received:
    """One request as it came in. ``answered`` is the status it got, ``at`` a monotonic time in seconds."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    answered: int
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        return str(self.json["meta"]["type"])

    @property
    def signature(self) -> str:
        return self.headers.get(SIGNATURE_HEADER, "")

    def is_signed_with(self, key: str) -> bool:
        expected = hmac.new(key.encode(), self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, self.signature)


@dataclass
class _Trouble:
    """What the receiver does wrong, ``times`` times, to messages of ``type`` (None: to any but pings)."""

    times: int
    type: str | None
    status: int
    delay_s: float
    headers: Mapping[str, str]

    def applies_to(self, kind: str) -> bool:
        return self.times > 0 and (kind == self.type or (self.type is None and kind != "ping"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    """Connections that may wait to be taken: with the usual five, the sixth waits a second to be seen."""


class Receiver:
    """Use as a context manager. ``key``, once set, makes it refuse messages that are not signed with it.

    ``received`` holds every request, also those it refused or was told to fail.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.key: str | None = None
        self._is_open = True
        self._troubles: list[_Trouble] = []
        self._changed = threading.Condition()
        self._server = _Server((LOOPBACK, 0), self._handler_class())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://{LOOPBACK}:{self._server.server_port}/webhooks"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail_next(
        self,
        times: int,
        *,
        status: int = 500,
        type: str | None = None,
        delay_s: float = 0.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next ``times`` messages of ``type`` with ``status``, after ``delay_s`` seconds."""
        with self._changed:
            self._troubles.append(_Trouble(times, type, status, delay_s, headers or {}))

    def recover(self) -> None:
        """Take all messages from now on."""
        with self._changed:
            self._troubles.clear()

    def of_type(self, kind: str) -> list[Received]:
        """The accepted messages of one type, in the order of their coming."""
        with self._changed:
            return [r for r in self.received if r.answered == 200 and r.type == kind]

    def wait_for(self, kind: str, count: int = 1, timeout_s: float = 30.0) -> list[Received]:
        """The accepted messages of one type once there are ``count``; fails the test when they stay away."""
        self.wait_until(lambda: len(self.of_type(kind)) >= count, timeout_s, f"{count} × {kind}")
        return self.of_type(kind)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    seen = [(r.type, r.answered) for r in self.received]
                    raise AssertionError(f"no {what} after {timeout_s:g} s; received {seen}")

    def _answer(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, _Trouble | None]:
        try:
            message = json.loads(body)
            kind = str(message["meta"]["type"])
        except (ValueError, KeyError, TypeError):
            return 400, b"", None
        with self._changed:
            trouble = next((t for t in self._troubles if t.applies_to(kind)), None)
            if trouble is not None:
                trouble.times -= 1
                return trouble.status, b"", trouble
        if self.key is not None and not Received("", headers, body, 0).is_signed_with(self.key):
            return 401, b"", None
        if kind == "ping":
            return 200, json.dumps({"pong": message["ping"]}).encode(), None
        return 200, b"", None

    def _record(self, request: Received) -> None:
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionResetError:
                    self.close_connection = True  # the sender left a connection that it had kept open

            def do_POST(self) -> None:
                if not receiver._is_open:
                    self.close_connection = True  # this connection outlived the server
                    return
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, answer, trouble = receiver._answer(body, headers)
                if trouble is not None and trouble.delay_s:
                    time.sleep(trouble.delay_s)
                receiver._record(Received(self.path, headers, body, status))
                try:
                    self._send(status, answer, trouble.headers if trouble else {})
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the sender lost patience, which some tests want

            def _send(self, status: int, answer: bytes, headers: Mapping[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: a test that fails shows what was received."""

        return Handler
