"""Having messages sent, and reading what is kept about them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from chartbridge.features.webhooks import events, service
from chartbridge.features.webhooks.models import WebhookMessage
from tests.running import Caller, World, wait_until

EVENT = events.CONSOLIDATED_DATA


def send(world: World, api: Caller, *, kind: str = EVENT, **options: Any) -> str:
    """A message of the caller's account; returns its id."""
    content = events.EVENTS[kind].model.model_validate(options.pop("content", {"patients": []}))
    with world.platform.db.write(world.tenant(api)) as session:
        return service.send(world.platform, session, kind, content, **options)


def stored(world: World, api: Caller, message_id: str) -> WebhookMessage:
    with world.platform.db.read(world.tenant(api)) as session:
        return session.scalars(select(WebhookMessage).where(WebhookMessage.id == message_id)).one()


def ended(world: World, api: Caller, message_id: str) -> WebhookMessage:
    """The message once no attempt is due any more."""
    wait_until(lambda: stored(world, api, message_id).status != "processing", "the message ends")
    return stored(world, api, message_id)
