"""What stands before every operation: keys, the general budget, sizes, slashes, repeated values,
Idempotency-Key, request ids."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chartbridge import __version__
from chartbridge.auth.keys import Caller
from chartbridge.http import idempotency
from chartbridge.http.errors import envelope, forbidden, unexpected_error
from chartbridge.http.ratelimit import GENERAL, GeneralBudget
from chartbridge.ids import new_id
from chartbridge.observability import metrics, tracing
from chartbridge.platform import Platform
from chartbridge.storage.signing import PATH_PREFIX

PROTECTED = ("/medical/v1", "/settings", "/convert/v1")
READING_METHODS = frozenset({"GET", "HEAD"})
READING_POSTS = frozenset({"/medical/v1/patient/match"})
"""Operations that change nothing though they are POSTs."""

MAX_QUERY_BYTES = 16_384
MAX_CONTRIBUTION_BYTES = 50_000_000
_CONTRIBUTION = re.compile(r"/medical/v1/patient/[^/]+/consolidated")
_TOO_LARGE = HTTPException(413, "request entity too large")
_CONTRIBUTION_TOO_LARGE = HTTPException(
    400, f"Cannot create bundle with size greater than {MAX_CONTRIBUTION_BYTES} bytes."
)
log = structlog.get_logger("chartbridge.http")


class Gateway:
    """Pure ASGI middleware.

    A caller's key is checked before anything of the request is read. The caller is put into
    ``scope["state"]["caller"]``, where :data:`chartbridge.http.context.CurrentTenant` finds it; what stands
    in ``scope["state"]["response_headers"]`` is added to the answer.
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
        self._budget = GeneralBudget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = new_id()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id  # contributions keep it beside what the request gave
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, **tracing.log_ids())
        path: str = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            scope["path"] = path = path.rstrip("/") or "/"

        status: int | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                added = {
                    "x-metriport-request-id": request_id,
                    "x-metriport-version": __version__,
                    **state.get("response_headers", {}),
                }
                message["headers"] = [
                    *message.get("headers", ()),
                    *((name.encode("latin-1"), value.encode("latin-1")) for name, value in added.items()),
                ]
                status = message["status"]
            await send(message)

        try:
            await self._answer(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - here, so that the answer has its headers and is logged
            answer = unexpected_error(Request(scope), error)
            if (
                status is not None
            ):  # half an answer must not look like a whole one: have the server cut it off
                raise RuntimeError("an answer broke off") from None
            await answer(scope, receive, send_with_headers)
        finally:  # the caller has the answer by now and does not wait for the log
            route = getattr(scope.get("route"), "path", None)
            log.info("request", method=metrics.known_method(scope["method"]), route=route, status=status)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """While the application runs, kept answers that are too old are deleted."""
        platform: Platform = scope["app"].state.platform
        keeping_house = asyncio.create_task(idempotency.keep_house(platform.db))
        try:
            await self.app(scope, receive, send)
        finally:
            keeping_house.cancel()
            await asyncio.gather(keeping_house, return_exceptions=True)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        headers = Headers(scope=scope)
        refusal = await self._admit(scope, headers) or _malformed(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if scope["method"] == "PUT" and path.startswith(PATH_PREFIX):  # an upload bounds its own body
            await self.app(scope, receive, send)
            return
        limit, too_large = self._max_json_body, _TOO_LARGE
        if path.startswith("/convert/"):
            limit = self._max_convert_body
        elif _is_contribution(scope):
            limit, too_large = MAX_CONTRIBUTION_BYTES - 1, _CONTRIBUTION_TOO_LARGE
            scope["state"]["many_values"] = True  # for chartbridge.http.body
        if _declared_length(headers) > limit:
            await _refuse_body(too_large)(scope, receive, send)
            return
        bounded = _bounded(receive, limit, too_large)
        caller: Caller | None = scope["state"].get("caller")
        key = headers.get(idempotency.HEADER)
        if key is None or caller is None or scope["method"] != "POST":
            await self.app(scope, bounded, send)
            return
        refusal = idempotency.refusal(key)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        platform: Platform = scope["app"].state.platform
        try:
            await idempotency.answer_once(
                self.app, scope, bounded, send, db=platform.db, tenant=caller.tenant, key=key
            )
        except HTTPException as error:  # the body, read here, grew past its limit
            await _refuse_body(error)(scope, receive, send)

    async def _admit(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        """Find out who calls, and count the call; an answer for whom may not."""
        path: str = scope["path"]
        method: str = scope["method"]
        if not path.startswith(PROTECTED) or method == "OPTIONS":
            return None
        if not any(path == p or path.startswith(p + "/") for p in PROTECTED):
            return None
        key = _key(headers)
        caller = await run_in_threadpool(self._authenticate, key) if key else None
        if caller is None:
            metrics.REFUSED.labels("unknown_key" if key else "no_key").inc()
            return forbidden()
        if not caller.medical_api_enabled and path.startswith("/medical/"):
            metrics.REFUSED.labels("not_allowed").inc()
            return PlainTextResponse("Forbidden", 403)
        platform: Platform = scope["app"].state.platform
        allowed = GENERAL.allowed(caller.rate_limits, platform.settings.rate_limits)
        usage = self._budget.use(caller.tenant, allowed)
        scope["state"]["response_headers"] = usage.headers()
        if usage.exceeded:
            return PlainTextResponse(GENERAL.message, 429)
        if caller.read_only and method not in READING_METHODS and path not in READING_POSTS:
            metrics.REFUSED.labels("read_only").inc()
            return envelope(403, "ForbiddenError", "This key may only read")
        scope["state"]["caller"] = caller
        return None


def _key(headers: Headers) -> str:
    """The key that was sent: in ``x-api-key``, or without that header as a bearer token."""
    key = headers.get("x-api-key", "").strip()
    if key:
        return key
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _malformed(scope: Scope) -> ASGIApp | None:
    query: bytes = scope["query_string"]
    if "\0" in scope["path"] or b"%00" in query or b"\0" in query:
        return envelope(400, "BadRequestError", "Text must not contain the NUL character")
    if len(query) > MAX_QUERY_BYTES:
        return envelope(414, "MetriportError", "query too long")
    if b"&" not in query:
        return None
    seen: set[str] = set()
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in seen:
            return envelope(400, "BadRequestError", f"Invalid {name} query param - must be string")
        seen.add(name)
    return None


def _refuse_body(error: HTTPException) -> Response:
    title = "BadRequestError" if error.status_code == 400 else "MetriportError"
    answer = envelope(error.status_code, title, error.detail)
    answer.headers["connection"] = "close"
    return answer


def _declared_length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isdecimal() else 0


def _is_contribution(scope: Scope) -> bool:
    """Whether FHIR is put into a chart: the one JSON body with a limit of its own (contract 6.7)."""
    return scope["method"] in ("PUT", "POST") and _CONTRIBUTION.fullmatch(scope["path"]) is not None


def _bounded(receive: Receive, limit: int, too_large: HTTPException) -> Receive:
    """``receive`` that fails once a body without a declared length has grown past ``limit``."""
    total = 0

    async def bounded() -> Message:
        nonlocal total
        message = await receive()
        if message["type"] == "http.request":
            total += len(message.get("body", b""))
            if total > limit:
                raise too_large
        return message

    return bounded
