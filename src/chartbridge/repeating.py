"""Ids that a call makes again when it is done again.

A process may die between doing what a call asked and keeping its answer; the call is then done once more
under its Idempotency-Key (:mod:`chartbridge.http.idempotency`). What is made under an id of the call is found
there by then, and not made a second time.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from chartbridge.ids import new_id

_call: ContextVar[tuple[datetime, str] | None] = ContextVar("call", default=None)


@contextmanager
def call(begun: datetime, name: str) -> Iterator[None]:
    """Within it ids are those of the call. ``begun``: when it was made first; ``name`` is no other call's."""
    token = _call.set((begun, name))
    try:
        yield
    finally:
        _call.reset(token)


def repeatable_id(kind: str) -> str:
    """A UUID version 7: the same one each time that the call which this serves is done, for each ``kind``; a
    new one where it is not done under a key. A call makes one thing of a kind."""
    current = _call.get()
    if current is None:
        return new_id()
    begun, name = current
    milliseconds = int(begun.timestamp() * 1000).to_bytes(6, "big")
    digest = hashlib.sha256(f"{name}\x1f{kind}".encode()).digest()
    octets = bytearray(milliseconds + digest[:10])
    octets[6] = 0x70 | octets[6] & 0x0F  # RFC 9562: version 7, variant 10
    octets[8] = 0x80 | octets[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(octets)))
