"""Idempotency-Key on every POST (draft-ietf-httpapi-idempotency-key-header): the same call again gives the
answer that it had, and is not done again. What is kept, and for how long, is :mod:`.kept_answers`' matter."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chartbridge import repeating
from chartbridge.db import Database, Tenant
from chartbridge.http import kept_answers
from chartbridge.http.errors import envelope
from chartbridge.http.kept_answers import Answer, Claim
from chartbridge.logs import describe

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_LENGTH = 255
RENEW_S = kept_answers.CLAIM_S / 3
HOUSEKEEPING_S = 600.0
_KEPT_HEADERS = (b"content-type", b"location", b"content-disposition")
log = structlog.get_logger(__name__)


def refusal(key: str) -> Response | None:
    """The answer to a key that cannot be one."""
    if 1 <= len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable():
        return None
    return envelope(
        400, "BadRequestError", f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable characters"
    )


async def answer_once(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, db: Database, tenant: Tenant, key: str
) -> None:
    """Have ``app`` answer, or send the answer that it gave to the same request under the same key.

    ``receive`` bounds the body. An answer is kept before it is sent. 500 and above and 429 are not kept:
    the call may be tried again under its key.
    """
    body = await _whole_body(receive)
    if body is None:
        return  # the caller has gone, and nothing was begun
    asked = (scope["path"].encode(), scope["query_string"], body)
    digest = hashlib.sha256(scope["method"].encode())
    for part in asked:
        digest.update(len(part).to_bytes(8, "big") + part)
    try:
        found = await run_in_threadpool(kept_answers.claim, db, tenant, key, digest.hexdigest(), asked)
    except kept_answers.KeyOfAnotherRequestError:
        detail = "This Idempotency-Key was used for another request"
        await envelope(422, "MetriportError", detail)(scope, receive, send)
        return
    except kept_answers.StillRunningError:
        detail = "The request with this Idempotency-Key is still being processed"
        await envelope(409, "MetriportError", detail)(scope, receive, send)
        return
    if isinstance(found, Answer):
        headers = {**found.headers, REPLAYED: "true"}
        await Response(found.body, found.status, headers)(scope, receive, send)
        return
    await _do(app, scope, _again(body, receive), send, db, found, asked)


async def _do(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    db: Database,
    claim: Claim,
    asked: tuple[bytes, ...],
) -> None:
    held = _Held(send)
    renewing = asyncio.create_task(_renew(db, claim))
    try:
        with repeating.call(claim.begun, f"{claim.tenant}\x1f{claim.key}"):
            await app(scope, receive, held.send)
    except Exception:
        await run_in_threadpool(kept_answers.release, db, claim)
        raise
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
    answer = held.answer()
    try:
        if answer is None or answer.status >= 500 or answer.status == 429:
            await run_in_threadpool(kept_answers.release, db, claim)
        else:
            await run_in_threadpool(kept_answers.keep, db, claim, answer, asked)
    except SQLAlchemyError as error:  # it was done: the caller must learn so all the same
        log.error("an answer could not be kept", error=describe(error))
    await held.let_go()


class _Held:
    """Holds an answer back until it is kept, unless it grows past what is kept."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Message] = []
        self._size = 0
        self._passing = False

    async def send(self, message: Message) -> None:
        if self._passing:
            await self._send(message)
            return
        self._messages.append(message)
        self._size += len(message.get("body", b""))
        if self._size > kept_answers.MAX_ANSWER_BYTES:
            await self.let_go()

    async def let_go(self) -> None:
        self._passing = True
        for message in self._messages:
            await self._send(message)
        self._messages.clear()

    def answer(self) -> Answer | None:
        """The whole answer; None when it was let go already."""
        if self._passing or not self._messages:
            return None
        start, *parts = self._messages
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in start.get("headers", ())
            if name.lower() in _KEPT_HEADERS
        }
        return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in parts))


async def _whole_body(receive: Receive) -> bytes | None:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body which was read."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


async def _renew(db: Database, claim: Claim) -> None:
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            await run_in_threadpool(kept_answers.renew, db, claim)
        except SQLAlchemyError as error:
            log.warning("a claim could not be renewed", error=describe(error))


async def keep_house(db: Database) -> None:
    """Delete what was kept for long enough, now and every ten minutes, until cancelled."""
    while True:
        try:
            await run_in_threadpool(kept_answers.forget_old, db)
        except SQLAlchemyError as error:
            log.warning("kept answers that are old could not be deleted", error=describe(error))
        await asyncio.sleep(HOUSEKEEPING_S)
