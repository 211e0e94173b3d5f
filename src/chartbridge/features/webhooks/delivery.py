"""One attempt to hand a message to its receiver (contract, webhooks 8.1)."""

from __future__ import annotations

import hashlib
import hmac
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import anyio
import httpcore
import orjson

from chartbridge.features.webhooks.addresses import AddressRefusedError, GuardedBackend

USER_AGENT = b"Metriport API"
MAX_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt. ``detail`` is shown to the account; ``answer`` holds the first bytes of
    what the receiver said."""

    delivered: bool
    detail: str
    http_status: int | None
    duration_ms: int
    answer: bytes = b""


def sign(key: str, body: bytes) -> str:
    """Lower-case hex HMAC-SHA-256 of the exact bytes."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def post(url: str, key: str, message: dict[str, Any], *, timeout_s: float, allow_private: bool) -> Outcome:
    """Serialise once, sign and send the same bytes. Never raises for what the receiver does."""
    body = orjson.dumps(message)
    began = time.monotonic()
    status: int | None = None
    answer = b""
    try:
        status, answer = anyio.run(_send, url, body, sign(key, body), timeout_s, allow_private)
        detail = _judge(message, status, answer)
    except TimeoutError:
        detail = f"timeout of {timeout_s:g}s exceeded"
    except AddressRefusedError as error:
        detail = str(error)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError):
        detail = "Failed to send payload"
    duration_ms = round((time.monotonic() - began) * 1000)
    return Outcome(detail == "OK", detail, status, duration_ms, answer)


def _judge(message: dict[str, Any], status: int, answer: bytes) -> str:
    if not 200 <= status < 300:
        return f"Request failed with status code {status}"
    if "ping" in message and not _is_pong(answer, message["ping"]):
        return "Bad response from webhook call"
    return "OK"


def _is_pong(answer: bytes, ping: str) -> bool:
    try:
        parsed = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return False
    return isinstance(parsed, dict) and parsed.get("pong") == ping


async def _send(
    url: str, body: bytes, signature: str, timeout_s: float, allow_private: bool
) -> tuple[int, bytes]:
    """Status and the first bytes of the answer; redirects are not followed. Raises TimeoutError."""
    headers = [
        (b"Content-Type", b"application/json"),
        (b"User-Agent", USER_AGENT),
        (b"x-metriport-signature", signature.encode()),
        (b"Connection", b"close"),
    ]
    backend = GuardedBackend(allow_private=allow_private)
    async with httpcore.AsyncConnectionPool(ssl_context=_tls(), network_backend=backend) as pool:
        with anyio.fail_after(timeout_s):
            async with pool.stream("POST", url, headers=headers, content=body) as response:
                answer = b""
                async for chunk in response.aiter_stream():
                    answer += chunk
                    if len(answer) >= MAX_ANSWER_BYTES:
                        break
                return response.status, answer[:MAX_ANSWER_BYTES]


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
