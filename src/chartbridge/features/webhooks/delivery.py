"""One attempt to hand a message to its receiver (contract, webhooks 8.1)."""

from __future__ import annotations

import re
import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Self

import anyio
import httpcore
import orjson

from chartbridge.features.webhooks import signing
from chartbridge.features.webhooks.addresses import AddressRefusedError, GuardedBackend, LookUp, look_up
from chartbridge.ids import new_message_id
from chartbridge.observability import metrics

USER_AGENT = b"Metriport API"
MAX_ANSWER_BYTES = 65_536
KEPT_OPEN_S = 30.0
MAX_KEPT_OPEN = 8
MAX_LANES = 200
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_ON_NEW_CONNECTION: ContextVar[list[bool]] = ContextVar("on_new_connection")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt. ``detail`` is shown to the account; ``answer`` holds the first bytes of
    what the receiver said; ``kind`` is how it is counted, None when nothing was sent."""

    delivered: bool
    detail: str
    http_status: int | None
    duration_ms: int
    answer: bytes = b""
    kind: metrics.WebhookOutcome | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent where: the body's bytes, and what the receiver's answer is measured by."""

    url: str
    key: str
    message_id: str
    body: bytes
    ping: str | None
    timeout_s: float
    allow_private: bool
    lane: str

    @classmethod
    def write(
        cls,
        url: str,
        key: str,
        message: dict[str, Any],
        *,
        timeout_s: float,
        allow_private: bool,
        lane: str = "",
    ) -> Self:
        """Serialise once: what is signed is what is sent. Letters of one ``lane`` share connections."""
        named, ping = message.get("meta", {}).get("messageId"), message.get("ping")
        usable = isinstance(named, str) and _MESSAGE_ID.fullmatch(named)
        return cls(
            url,
            key,
            str(named) if usable else new_message_id(),
            orjson.dumps(message),
            ping if isinstance(ping, str) else None,
            timeout_s,
            allow_private,
            lane,
        )


@dataclass(slots=True)
class _Lane:
    """The connections of one lane; ``used`` counts the letters that are on them now."""

    pool: httpcore.AsyncConnectionPool
    used: int = 0
    last_used: float = 0.0


class Courier:
    """Hands letters over, keeping connections open for the next ones of the same lane. Use as an asynchronous
    context manager.

    Every new connection's address is checked; one that is kept open leads where it was checked to lead. A
    pool looks at all its connections for each letter, so each lane has a pool of its own, which is short.
    """

    def __init__(self, look_up: LookUp = look_up) -> None:
        self._look_up = look_up
        self._lanes: OrderedDict[tuple[str, bool], _Lane] = OrderedDict()

    def _pool(self, allow_private: bool, kept_open: int) -> httpcore.AsyncConnectionPool:
        return httpcore.AsyncConnectionPool(
            ssl_context=_tls(),
            max_connections=None,
            max_keepalive_connections=kept_open,
            keepalive_expiry=KEPT_OPEN_S,
            network_backend=_Noticing(allow_private=allow_private, look_up=self._look_up),
        )

    @asynccontextmanager
    async def _lane(self, letter: Letter) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        """The pool of the letter's lane. Those that may lead into private networks are kept apart."""
        await self._close_unused()
        key = (letter.lane, letter.allow_private)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(self._pool(letter.allow_private, MAX_KEPT_OPEN))
        lane.used += 1
        try:
            yield lane.pool
        finally:
            lane.used -= 1
            lane.last_used = time.monotonic()
            self._lanes.move_to_end(key)

    async def _close_unused(self) -> None:
        """Close the connections of the lane that was used least recently, once it lies idle for long, or when
        there are too many."""
        if not self._lanes:
            return
        key, lane = next(iter(self._lanes.items()))
        idle = time.monotonic() - lane.last_used > KEPT_OPEN_S
        if lane.used:
            self._lanes.move_to_end(key)
        elif idle or len(self._lanes) > MAX_LANES:
            del self._lanes[key]
            await lane.pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lane in self._lanes.values():
            await lane.pool.aclose()

    async def deliver(self, letter: Letter) -> Outcome:
        """Send the letter. Never raises for what the receiver does."""
        began = time.monotonic()
        status: int | None = None
        answer = b""
        kind: metrics.WebhookOutcome
        try:
            with anyio.fail_after(letter.timeout_s):
                status, answer = await self._send(letter)
            detail = _judge(letter, status, answer)
            kind = "delivered" if detail == "OK" else "answered"
        except TimeoutError:
            detail, kind = f"timeout of {letter.timeout_s:g}s exceeded", "timeout"
        except AddressRefusedError as error:
            detail, kind = str(error), "refused"
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError):
            detail, kind = "Failed to send payload", "unreachable"
        duration_s = time.monotonic() - began
        metrics.webhook_attempted(kind, duration_s)
        return Outcome(detail == "OK", detail, status, round(duration_s * 1000), answer, kind)

    async def _send(self, letter: Letter) -> tuple[int, bytes]:
        """Status and the first bytes of the answer; redirects are not followed.

        A connection that was kept open may have ended at the other side in just this moment: then the
        letter is sent once more on a new one.
        """
        is_new = [False]
        _ON_NEW_CONNECTION.set(is_new)
        try:
            async with self._lane(letter) as pool:
                return await _exchange(pool, letter, [])
        except (httpcore.NetworkError, httpcore.RemoteProtocolError):
            if is_new[0]:
                raise
        async with self._pool(letter.allow_private, 0) as pool:
            return await _exchange(pool, letter, [(b"Connection", b"close")])


class _Noticing(GuardedBackend):
    """Tells the request that a connection was made for it."""

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        _ON_NEW_CONNECTION.get()[0] = True
        return await super().connect_tcp(*args, **options)


async def _exchange(
    pool: httpcore.AsyncConnectionPool, letter: Letter, more: list[tuple[bytes, bytes]]
) -> tuple[int, bytes]:
    headers = [
        (b"Content-Type", b"application/json"),
        (b"User-Agent", USER_AGENT),
        *signing.headers(letter.key, letter.message_id, int(time.time()), letter.body),
        *more,
    ]
    async with pool.stream("POST", letter.url, headers=headers, content=letter.body) as response:
        answer = b""
        async for chunk in response.aiter_stream():
            answer += chunk
            if len(answer) >= MAX_ANSWER_BYTES:
                break
        return response.status, answer[:MAX_ANSWER_BYTES]


def post(url: str, key: str, message: dict[str, Any], *, timeout_s: float, allow_private: bool) -> Outcome:
    """Send one message and wait for its outcome, in a thread without an event loop."""
    letter = Letter.write(url, key, message, timeout_s=timeout_s, allow_private=allow_private)

    async def send() -> Outcome:
        async with Courier() as courier:
            return await courier.deliver(letter)

    return anyio.run(send)


def _judge(letter: Letter, status: int, answer: bytes) -> str:
    if not 200 <= status < 300:
        return f"Request failed with status code {status}"
    if letter.ping is not None and not _is_pong(answer, letter.ping):
        return "Bad response from webhook call"
    return "OK"


def _is_pong(answer: bytes, ping: str) -> bool:
    try:
        parsed = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return False
    return isinstance(parsed, dict) and parsed.get("pong") == ping


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
