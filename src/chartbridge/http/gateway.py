"""What stands before every operation: keys, sizes, slashes, repeated values, request ids."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chartbridge import __version__
from chartbridge.auth.keys import Caller
from chartbridge.http.errors import envelope, forbidden, unexpected_error
from chartbridge.ids import new_id

PROTECTED = ("/medical/v1", "/settings", "/convert/v1")
MAX_QUERY_BYTES = 16_384
log = structlog.get_logger("chartbridge.http")


class Gateway:
    """Pure ASGI middleware.

    A caller's key is checked before anything of the request is read. The tenant is put into
    ``scope["state"]["caller"]``, where :func:`chartbridge.http.context.tenant` finds it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticate: Callable[[str], Caller | None],
        max_json_body: int,
        max_convert_body: int,
    ) -> None:
        self.app = app
        self._authenticate = authenticate
        self._max_json_body = max_json_body
        self._max_convert_body = max_convert_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = new_id()
        state = scope.setdefault("state", {})
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        path: str = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            scope["path"] = path = path.rstrip("/") or "/"

        answered = False

        async def send_with_headers(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                headers = MutableHeaders(scope=message)
                headers["x-metriport-request-id"] = request_id
                headers["x-metriport-version"] = __version__
                for name, value in state.get("response_headers", {}).items():
                    headers[name] = value
                log.info(
                    "request",
                    method=scope["method"],
                    route=getattr(scope.get("route"), "path", None),
                    status=message["status"],
                )
            await send(message)

        try:
            await self._answer(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - here, so that the answer has its headers and is logged
            answer = unexpected_error(Request(scope), error)
            if answered:  # half an answer must not look like a whole one: have the server cut it off
                raise RuntimeError("an answer broke off") from None
            await answer(scope, receive, send_with_headers)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        refusal = await self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        limit = self._max_convert_body if path.startswith("/convert/") else self._max_json_body
        if _declared_length(scope) > limit:
            answer = envelope(413, "MetriportError", "request entity too large")
            answer.headers["connection"] = "close"
            await answer(scope, receive, send)
            return
        await self.app(scope, _bounded(receive, limit), send)

    async def _refusal(self, scope: Scope) -> ASGIApp | None:
        path: str = scope["path"]
        query: bytes = scope["query_string"]
        if any(path == p or path.startswith(p + "/") for p in PROTECTED) and scope["method"] != "OPTIONS":
            key = Headers(scope=scope).get("x-api-key", "").strip()
            caller = await run_in_threadpool(self._authenticate, key) if key else None
            if caller is None:
                return forbidden()
            if not caller.medical_api_enabled and path.startswith("/medical/"):
                return PlainTextResponse("Forbidden", 403)
            scope["state"]["caller"] = caller
        if "\0" in path or b"%00" in query or b"\0" in query:
            return envelope(400, "BadRequestError", "Text must not contain the NUL character")
        if len(query) > MAX_QUERY_BYTES:
            return envelope(414, "MetriportError", "query too long")
        seen: set[str] = set()
        for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name in seen:
                return envelope(400, "BadRequestError", f"Invalid {name} query param - must be string")
            seen.add(name)
        return None


def _declared_length(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "0")
    return int(text) if text.isdecimal() else 0


def _bounded(receive: Receive, limit: int) -> Receive:
    """``receive`` that fails once a body without a declared length has grown past ``limit``."""
    total = 0

    async def bounded() -> Message:
        nonlocal total
        message = await receive()
        if message["type"] == "http.request":
            total += len(message.get("body", b""))
            if total > limit:
                raise HTTPException(413, "request entity too large")
        return message

    return bounded
