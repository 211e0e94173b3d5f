"""An S3 server behind a bad line: a proxy that spoils a share of the requests."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.ports import LOOPBACK

UPSTREAM_TIMEOUT_S = 60
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_ERROR = b"<Error><Code>%s</Code><Message>no luck</Message></Error>"

TROUBLES = {
    "error": 3,  # 500, and nothing was done
    "busy": 3,  # 503, and nothing was done
    "reset": 2,  # the connection ends before anything was done
    "lost": 2,  # it was done, and the connection ends before the answer
    "cut": 2,  # half of the answer, and then the connection ends
    "slow": 4,  # answered, after a while
}
"""What may go wrong with a request, and how often in comparison."""


class FaultyStore:
    """Passes requests on to the S3 server at ``upstream``. Use as a context manager.

    ``share`` of the requests (0 to 1) meet one of TROUBLES, drawn from a generator that starts with
    ``seed``; ``slow`` ones wait for at most ``delay_s``. ``met`` counts what happened.
    """

    def __init__(self, upstream: str, *, seed: int, share: float, delay_s: float = 1.0) -> None:
        self.share = share
        self.met: Counter[str] = Counter()
        self._upstream = urlsplit(upstream)
        self._random = random.Random(seed)
        self._delay_s = delay_s
        self._away = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler_class())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.endpoint = f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Every request is answered 503 while the block runs."""
        self._away.set()
        try:
            yield
        finally:
            self._away.clear()

    def _draw(self) -> tuple[str, float]:
        """What is to happen to the next request, and after how many seconds."""
        with self._lock:
            if self._away.is_set():
                trouble, delay = "away", 0.0
            elif self._random.random() >= self.share:
                trouble, delay = "none", 0.0
            else:
                trouble = self._random.choices(list(TROUBLES), list(TROUBLES.values()))[0]
                delay = self._random.uniform(0, self._delay_s) if trouble == "slow" else 0.0
            self.met[trouble] += 1
        return trouble, delay

    def _pass_on(
        self, handler: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        # The Host header stays as the client sent it, for the signature covers it.
        connection = http.client.HTTPConnection(
            str(self._upstream.hostname), self._upstream.port, timeout=UPSTREAM_TIMEOUT_S
        )
        try:
            connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                trouble, delay_s = store._draw()
                time.sleep(delay_s)
                if trouble in ("away", "busy"):
                    self._send(503, [], _ERROR % b"SlowDown")
                elif trouble == "error":
                    self._send(500, [], _ERROR % b"InternalError")
                elif trouble == "reset":
                    self._reset()
                else:
                    status, headers, content = store._pass_on(self, body)
                    if trouble == "lost":
                        self._reset()
                    else:
                        self._send(status, headers, content, half=trouble == "cut")

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle

            def _send(
                self, status: int, headers: list[tuple[str, str]], content: bytes, *, half: bool = False
            ) -> None:
                try:
                    self.send_response_only(status)
                    for name, value in headers:
                        if name.lower() not in _HOP_BY_HOP:
                            self.send_header(name, value)
                    length = {n.lower(): v for n, v in headers}.get("content-length")
                    is_head = self.command == "HEAD"
                    self.send_header("content-length", (length or "0") if is_head else str(len(content)))
                    self.end_headers()
                    if not is_head:
                        self.wfile.write(content[: len(content) // 2] if half else content)
                    if half:
                        self._reset()
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # a worker that was killed no longer waits

            def _reset(self) -> None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: ``met`` tells what happened."""

        return Handler
