"""Messages that were sent: looking them up, and sending them again; below ``/settings/webhook``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from chartbridge.db import TenantSession
from chartbridge.errors import BadRequestError
from chartbridge.features.webhooks import messages, retrying
from chartbridge.features.webhooks.message_schemas import (
    ReplayBody,
    ReplayStarted,
    WebhookAttemptDto,
    WebhookMessageDetails,
    WebhookMessageDto,
    WebhookMessagePage,
)
from chartbridge.features.webhooks.models import WebhookMessage
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant
from chartbridge.http.errors import answers
from chartbridge.http.paging import PageQuery
from chartbridge.ids import timestamp

STATUSES = ("processing", "success", "failure")
NO_URL = "no webhook URL is set"
router = APIRouter(prefix="/settings/webhook", route_class=JsonRoute, tags=["Settings"])


@router.get(
    "/message",
    summary="List webhook messages",
    operation_id="listWebhookMessages",
    response_model_exclude_none=True,
    responses=answers({400: "page or filter cannot be used"}),
)
def list_messages(
    page: PageQuery,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    status: Annotated[
        str | None, Query(description="`processing`, `success` or `failure`; all unless given")
    ] = None,
    type: Annotated[str | None, Query(description="messages of that type only")] = None,
    patientId: Annotated[str | None, Query(description="messages about that patient")] = None,
    requestId: Annotated[str | None, Query(description="messages that that request caused")] = None,
    since: Annotated[
        str | None, Query(alias="from", description="made at that time or later; a date or a time")
    ] = None,
    until: Annotated[
        str | None, Query(alias="to", description="made at that time or earlier; a date or a time")
    ] = None,
) -> WebhookMessagePage:
    """Newest first, without what they say. All filters that are given must hold. Messages that arrived
    are kept for some weeks, failed ones longer; the server's operator says how long."""
    caller = {
        "status": status,
        "type": type,
        "patientId": patientId,
        "requestId": requestId,
        "from": since,
        "to": until,
    }
    given = {name: text.strip() for name, text in caller.items() if text and text.strip()}
    if "status" in given and given["status"] not in STATUSES:
        raise BadRequestError(f"status has to be one of: {', '.join(STATUSES)}")
    filters = messages.Filters(
        given.get("status"),
        given.get("type"),
        given.get("patientId"),
        given.get("requestId"),
        messages.parse_moment("from", given["from"]) if "from" in given else None,
        messages.parse_moment("to", given["to"]) if "to" in given else None,
    )
    with platform.db.read(tenant) as session:
        found = messages.list_messages(session, page, filters)
    return WebhookMessagePage(
        meta=found.meta(f"{platform.settings.origin}{router.prefix}/message", given),
        messages=[WebhookMessageDto(**WebhookMessageDto.values(message)) for message in found.items],
    )


@router.get(
    "/message/{id}",
    summary="Get a webhook message",
    operation_id="getWebhookMessage",
    response_model_exclude_none=True,
    responses=answers({404: "no such message"}),
)
def get_message(id: str, platform: CurrentPlatform, tenant: CurrentTenant) -> WebhookMessageDetails:
    """How far the message came, with each attempt: when, how long, what the receiver answered."""
    with platform.db.read(tenant) as session:
        return _details(session, messages.get_message(session, id))


@router.post(
    "/message/{id}/replay",
    summary="Send a message again",
    operation_id="replayWebhookMessage",
    response_model_exclude_none=True,
    responses=answers({400: NO_URL, 404: "no such message"}),
)
def replay_message(id: str, platform: CurrentPlatform, tenant: CurrentTenant) -> WebhookMessageDetails:
    """Whether it arrived or failed, it is sent again with the same id, time and content, and all its attempts
    anew; presigned URLs in it are made anew too. A message that is on its way stays so. Takes no body."""
    with platform.db.write(tenant) as session:
        message = messages.get_message(session, id, locked=True)
        retrying.replay(platform, session, message)
        session.flush()
        return _details(session, message)


@router.post(
    "/replay",
    summary="Send messages of a time again",
    operation_id="replayWebhookMessages",
    responses=answers({400: f"times or types cannot be used, or {NO_URL}"}),
)
def replay_messages(platform: CurrentPlatform, tenant: CurrentTenant, body: ReplayBody) -> ReplayStarted:
    """Answers at once; the chosen messages are then sent again in the background, oldest first, as when each
    is sent again by itself."""
    return ReplayStarted(requestId=retrying.start_replay(platform, tenant, body.selection()))


def _details(session: TenantSession, message: WebhookMessage) -> WebhookMessageDetails:
    planned = messages.next_attempt_at(session, message)
    return WebhookMessageDetails(
        **WebhookMessageDto.values(message),
        nextAttemptAt=timestamp(planned) if planned else None,
        attemptLog=[WebhookAttemptDto.of(attempt) for attempt in messages.attempts_of(session, message)],
    )
