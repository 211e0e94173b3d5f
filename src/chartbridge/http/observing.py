"""Around each request: its count, its time, its bytes, and the span of its trace."""

from __future__ import annotations

import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chartbridge.observability import metrics, tracing

MAX_TRACEPARENT = 100


class Observing:
    """Pure ASGI middleware outside of the gateway, so that what the gateway refuses is counted too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status: int | None = None
        received = sent = 0

        async def receiving() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        metrics.REQUESTS_NOW.inc()
        try:
            if not tracing.is_on():
                await self.app(scope, receiving, sending)
                return
            caller = Headers(scope=scope).get("traceparent", "")
            parent = caller if len(caller) <= MAX_TRACEPARENT else None
            with tracing.span(metrics.known_method(scope["method"]), kind="server", parent=parent) as span:
                try:
                    await self.app(scope, receiving, sending)
                finally:
                    _describe(span, scope, status)
        finally:
            metrics.REQUESTS_NOW.dec()
            metrics.RECEIVED_BYTES.inc(received)
            metrics.SENT_BYTES.inc(sent)
            metrics.request_done(scope["method"], _route(scope), status, time.perf_counter() - began)


def _route(scope: Scope) -> str | None:
    """The template, never the path itself, which holds ids."""
    route: str | None = getattr(scope.get("route"), "path", None)
    return route


def _describe(span: tracing.Open, scope: Scope, status: int | None) -> None:
    """What is known once the request was routed and answered."""
    route, method = _route(scope) or metrics.NO_ROUTE, metrics.known_method(scope["method"])
    span.rename(f"{method} {route}")
    span.note({"http.request.method": method, "http.route": route})
    if request_id := scope.get("state", {}).get("request_id"):
        span.note({"chartbridge.request_id": request_id})
    if status is not None:
        span.note({"http.response.status_code": status})
    if status is None or status >= 500:
        span.failed(str(status or "no answer"))
