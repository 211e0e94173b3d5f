"""Answers that are kept for a day under the caller's Idempotency-Key, and who is at work on one.

In: a tenant, a key and what was asked. Out: leave to do it, or what became of it. An answer to a call about
a patient holds the patient's data, so it never outlives the patient nor :data:`KEPT_FOR`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, Integer, LargeBinary, String, Text, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Database, Tenant, TenantOwned, TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.ids import new_id, utcnow

KEPT_FOR = timedelta(hours=24)
CLAIM_S = 60.0
"""How long a claim holds that nobody renews: then its process is taken for dead."""

MAX_ANSWER_BYTES = 1_000_000
MAX_MENTIONS = 1_000
_UUID_FROM_DASH = re.compile(rb"-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
"""A UUID without its first eight digits: what begins with a fixed character is found ten times as fast."""

_FIRST_DIGITS = re.compile(rb"[0-9a-fA-F]{8}")
_ATTEMPTS = 3


class KeptAnswer(TenantOwned, Base):
    """What was asked under a key, and the answer once there is one (``status`` is set then).

    ``claim`` names whoever is at work on it until ``claimed_until``. ``mentions`` are the ids that stand in
    question and answer, so that those of a patient can be found. ``body`` is compressed.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)

    account_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    environment: Mapped[str] = mapped_column(String(10), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    claim: Mapped[str] = mapped_column(String(36))
    claimed_until: Mapped[datetime | None]
    status: Mapped[int | None] = mapped_column(Integer)
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    mentions: Mapped[str] = mapped_column(Text)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """Leave to do what was asked. ``id`` tells this attempt from a later one under the same key; ``begun`` is
    when the first of them was."""

    tenant: Tenant
    key: str
    id: str
    begun: datetime


class KeyOfAnotherRequestError(Exception):
    """The key was used for a request with another method, path, query or body."""


class StillRunningError(Exception):
    """The request that the key was used for has no answer yet."""


def claim(
    db: Database,
    tenant: Tenant,
    key: str,
    request_sha256: str,
    asked: Iterable[bytes] = (),
    now: datetime | None = None,
) -> Claim | Answer:
    """Leave to do the request, or the answer it had. Raises KeyOfAnotherRequestError and StillRunningError.

    Of any number of calls at once, in any number of processes, one is given leave. ``asked`` are the texts of
    the request, for the ids in them: when one of those patients is deleted meanwhile, no answer is kept.
    """
    now = now or utcnow()
    ids = _listed(mentions(*asked))
    for _ in range(_ATTEMPTS):  # a claim may be let go between our attempt to make one and our look at it
        with db.write(tenant) as session:
            found = _claim(session, key, request_sha256, ids, now)
        if found is not None:
            return found
    raise StillRunningError(key)


def _claim(
    session: TenantSession, key: str, request_sha256: str, ids: str, now: datetime
) -> Claim | Answer | None:
    session.execute(
        delete(KeptAnswer).where(KeptAnswer.created_at < now - KEPT_FOR),
        execution_options={"synchronize_session": False},
    )
    ours = new_id()
    until = now + timedelta(seconds=CLAIM_S)
    values: dict[str, Any] = {
        "key": key,
        "request_sha256": request_sha256,
        "claim": ours,
        "claimed_until": until,
        "headers": {},
        "mentions": ids,
        "created_at": now,
    }
    if insert_new(session, KeptAnswer, values, key=("account_id", "environment", "key")):
        return Claim(session.tenant, key, ours, now)
    held = session.scalars(select(KeptAnswer).where(KeptAnswer.key == key).with_for_update()).one_or_none()
    if held is None:
        return None
    if held.request_sha256 != request_sha256:
        raise KeyOfAnotherRequestError(key)
    if held.status is not None:
        return Answer(held.status, held.headers, zlib.decompress(held.body or zlib.compress(b"")))
    if held.claimed_until is not None and held.claimed_until > now:
        raise StillRunningError(key)
    held.claim, held.claimed_until = ours, until
    return Claim(session.tenant, key, ours, held.created_at)


def renew(db: Database, held: Claim) -> None:
    """Say that the work on it goes on."""
    _change(db, held, claimed_until=utcnow() + timedelta(seconds=CLAIM_S))


def keep(db: Database, held: Claim, answer: Answer, asked: Iterable[bytes]) -> None:
    """Keep the answer; ``asked`` are the texts of the request, for the ids in them. One that is too large
    is not kept, and the key is free again."""
    ids = mentions(*asked, answer.body)
    if len(answer.body) > MAX_ANSWER_BYTES or len(ids) > MAX_MENTIONS:
        release(db, held)
        return
    _change(
        db,
        held,
        claimed_until=None,
        status=answer.status,
        headers=answer.headers,
        body=zlib.compress(answer.body),
        mentions=_listed(ids),
    )


def release(db: Database, held: Claim) -> None:
    """Let the key go: what was asked was not done, or its answer is not one to keep."""
    with db.write(held.tenant) as session:
        session.execute(
            delete(KeptAnswer).where(
                KeptAnswer.key == held.key, KeptAnswer.claim == held.id, KeptAnswer.status.is_(None)
            ),
            execution_options={"synchronize_session": False},
        )


def mentions(*texts: bytes) -> set[str]:
    """The UUIDs in the texts; no more are looked for once there are more than :data:`MAX_MENTIONS`."""
    ids: set[str] = set()
    for text in texts:
        for found in _UUID_FROM_DASH.finditer(text):
            begin = found.start() - 8
            if begin >= 0 and _FIRST_DIGITS.fullmatch(text, begin, begin + 8):
                ids.add(text[begin : found.end()].decode().lower())
                if len(ids) > MAX_MENTIONS:
                    return ids
    return ids


def _listed(ids: set[str]) -> str:
    return " ".join(sorted(ids))


def forget_patient(session: TenantSession, patient_id: str) -> None:
    """Delete every kept answer in which, or in whose request, the patient's id stands, and the claims of such
    requests that still run, so that their answers are not kept."""
    session.execute(
        delete(KeptAnswer).where(KeptAnswer.mentions.contains(patient_id.lower(), autoescape=True)),
        execution_options={"synchronize_session": False},
    )


def forget_old(db: Database, now: datetime | None = None) -> int:
    """Delete what is older than a day, of every tenant; returns how many there were."""
    old = KeptAnswer.__table__.c.created_at < (now or utcnow()) - KEPT_FOR
    with db.engine.begin() as connection:
        return connection.execute(KeptAnswer.__table__.delete().where(old)).rowcount  # type: ignore[attr-defined]


def _change(db: Database, held: Claim, **values: Any) -> None:
    with db.write(held.tenant) as session:
        session.execute(
            update(KeptAnswer)
            .where(KeptAnswer.key == held.key, KeptAnswer.claim == held.id)
            .values(**values),
            execution_options={"synchronize_session": False},
        )
