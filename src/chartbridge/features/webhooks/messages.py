"""Looking up what was sent: messages by what they tell of, and the attempts made for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import defer

from chartbridge.db import TenantSession
from chartbridge.errors import BadRequestError, NotFoundError
from chartbridge.features.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookMessage
from chartbridge.http.paging import Page, PageRequest

MAX_ATTEMPTS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """What the messages must have, where it is not None; ``since`` and ``until`` are of their making."""

    status: str | None = None
    type: str | None = None
    patient_id: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def narrow(self, statement: Select[WebhookMessage]) -> Select[WebhookMessage]:
        given = (
            (WebhookMessage.status, self.status),
            (WebhookMessage.type, self.type),
            (WebhookMessage.patient_id, self.patient_id),
            (WebhookMessage.request_id, self.request_id),
        )
        for column, value in given:
            if value is not None:
                statement = statement.where(column == value)
        if self.since is not None:
            statement = statement.where(WebhookMessage.created_at >= self.since)
        if self.until is not None:
            statement = statement.where(WebhookMessage.created_at <= self.until)
        return statement


def parse_moment(name: str, text: str) -> datetime:
    """An instant, or the beginning of a day in UTC. Raises BadRequestError for anything else."""
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequestError(f"{name} has to be a date or a time in ISO 8601") from None


def list_messages(session: TenantSession, page: PageRequest, filters: Filters) -> Page[WebhookMessage]:
    """Messages without their bodies, newest first; the cursors are their ids, the order that of their making.

    Raises BadRequestError for a cursor that is no message's.
    """
    wanted = filters.narrow(select(WebhookMessage).options(defer(WebhookMessage.body)))
    place = tuple_(WebhookMessage.created_at, WebhookMessage.id)
    newest_first = (WebhookMessage.created_at.desc(), WebhookMessage.id.desc())
    oldest_first = (WebhookMessage.created_at, WebhookMessage.id)
    older: str | None
    newer: str | None
    if page.to_item:
        at = _place(session, page.to_item)
        rows = session.scalars(wanted.where(place >= at).order_by(*oldest_first).limit(page.count + 1)).all()
        items = list(reversed(rows[: page.count]))
        newer = rows[page.count].id if len(rows) > page.count else None
        older = _first_id(session, wanted.where(place < at).order_by(*newest_first))
    else:
        newer, following = None, wanted
        if page.from_item:
            at = _place(session, page.from_item)
            following = wanted.where(place <= at)
            newer = _first_id(session, wanted.where(place > at).order_by(*oldest_first))
        rows = session.scalars(following.order_by(*newest_first).limit(page.count + 1)).all()
        items = list(rows[: page.count])
        older = rows[page.count].id if len(rows) > page.count else None
    total = None
    if newer is None and items:
        ids = wanted.with_only_columns(WebhookMessage.id).subquery()
        total = session.scalar(select(func.count()).select_from(ids))
    return Page(items, older, newer, total, page.count)


def _place(session: TenantSession, message_id: str) -> tuple[datetime, str]:
    made = session.scalar(select(WebhookMessage.created_at).where(WebhookMessage.id == message_id))
    if made is None:
        raise BadRequestError("No message has that id: begin with the first page again", id=message_id)
    return made, message_id


def _first_id(session: TenantSession, statement: Select[WebhookMessage]) -> str | None:
    return session.scalar(statement.with_only_columns(WebhookMessage.id).limit(1))


def get_message(session: TenantSession, message_id: str, *, locked: bool = False) -> WebhookMessage:
    """The message without its body. Raises NotFoundError."""
    wanted = select(WebhookMessage).options(defer(WebhookMessage.body)).where(WebhookMessage.id == message_id)
    found = session.scalars(wanted.with_for_update() if locked else wanted).one_or_none()
    if found is None:
        raise NotFoundError("Could not find webhook message", id=message_id)
    return found


def attempts_of(session: TenantSession, message: WebhookMessage) -> Sequence[WebhookAttempt]:
    """The message's attempts, newest first, the last 200."""
    return session.scalars(
        select(WebhookAttempt)
        .where(WebhookAttempt.message_id == message.id)
        .order_by(WebhookAttempt.began_at.desc(), WebhookAttempt.id.desc())
        .limit(MAX_ATTEMPTS_SHOWN)
    ).all()


def next_attempt_at(session: TenantSession, message: WebhookMessage) -> datetime | None:
    """When the next attempt may begin; None when none is to follow, or one is being made."""
    return session.scalar(
        select(WebhookDelivery.due_at).where(
            WebhookDelivery.message_id == message.id,
            WebhookDelivery.tenant == str(session.tenant),
            WebhookDelivery.claimed_by.is_(None),
        )
    )
