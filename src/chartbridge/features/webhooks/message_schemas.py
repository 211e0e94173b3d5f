"""Messages and attempts as the API shows them, and what chooses those to be sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chartbridge.errors import BadRequestError
from chartbridge.features.webhooks.events import EVENTS
from chartbridge.features.webhooks.examples import PATIENT_ID, REQUEST_ID
from chartbridge.features.webhooks.messages import parse_moment
from chartbridge.features.webhooks.models import WebhookAttempt, WebhookMessage
from chartbridge.features.webhooks.retrying import Selection
from chartbridge.http.paging import PageMeta
from chartbridge.ids import timestamp, utcnow

Status = Literal["processing", "success", "failure"]
MAX_RANGE = timedelta(days=90)
_MESSAGE: dict[str, Any] = {
    "id": "5a0c1f6e-3f1b-4a53-9d3e-6f2b8c7d1e20",
    "type": "network-query.hie",
    "requestId": REQUEST_ID,
    "patientId": PATIENT_ID,
    "status": "processing",
    "statusDetail": "Request failed with status code 503",
    "httpStatus": 503,
    "durationMillis": 12,
    "requestUrl": "https://app.example.org/webhooks",
    "attempts": 1,
    "createdAt": "2026-02-01T10:05:00.000Z",
    "updatedAt": "2026-02-01T10:05:00.020Z",
}
_ATTEMPT: dict[str, Any] = {
    "number": 1,
    "when": "2026-02-01T10:05:00.008Z",
    "url": "https://app.example.org/webhooks",
    "httpStatus": 503,
    "durationMillis": 12,
    "detail": "Request failed with status code 503",
    "answer": "upstream is down",
}


class WebhookMessageDto(BaseModel):
    """A message and how far it came; what it says is not repeated here."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MESSAGE]})

    id: str = Field(description="the `messageId` that the receiver sees")
    type: str = Field(description="what it tells of")
    requestId: str | None = Field(None, description="the id that the starting call answered")
    patientId: str | None = Field(None, description="the patient it is about")
    status: Status = Field(description="processing until it arrived or its attempts are used up")
    statusDetail: str | None = Field(None, description="`OK`, or what went wrong last")
    httpStatus: int | None = Field(None, description="what the receiver answered last")
    durationMillis: int | None = Field(None, description="how long the last attempt took")
    requestUrl: str | None = Field(None, description="where it was sent last")
    attempts: int = Field(ge=0, description="how often it was sent")
    createdAt: str = Field(description="when it was made")
    updatedAt: str = Field(description="when its status last changed")

    @staticmethod
    def values(message: WebhookMessage) -> dict[str, Any]:
        return {
            "id": message.id,
            "type": message.type,
            "requestId": message.request_id,
            "patientId": message.patient_id,
            "status": message.status,
            "statusDetail": message.status_detail,
            "httpStatus": message.http_status,
            "durationMillis": message.duration_ms,
            "requestUrl": message.request_url,
            "attempts": message.attempts,
            "createdAt": timestamp(message.created_at),
            "updatedAt": timestamp(message.updated_at),
        }


class WebhookMessagePage(BaseModel):
    """A page of messages, newest first."""

    meta: PageMeta
    messages: list[WebhookMessageDto] = Field(description="newest first")


class WebhookAttemptDto(BaseModel):
    """One time that a message was sent."""

    number: int = Field(ge=1, description="which of the message's attempts it was")
    when: str = Field(description="when it began")
    url: str = Field(description="where it went")
    httpStatus: int | None = Field(None, description="what the receiver answered; absent when nothing came")
    durationMillis: int = Field(ge=0, description="how long sending and answering took")
    detail: str = Field(description="`OK`, or what went wrong")
    answer: str | None = Field(None, description="the first 1024 characters of the answer")

    @classmethod
    def of(cls, attempt: WebhookAttempt) -> Self:
        return cls(
            number=attempt.number,
            when=timestamp(attempt.began_at),
            url=attempt.url,
            httpStatus=attempt.http_status,
            durationMillis=attempt.duration_ms,
            detail=attempt.detail,
            answer=attempt.answer,
        )


class WebhookMessageDetails(WebhookMessageDto):
    """A message with its attempts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_MESSAGE, "nextAttemptAt": "2026-02-01T10:05:10.000Z", "attemptLog": [_ATTEMPT]}]
        }
    )

    nextAttemptAt: str | None = Field(
        None, description="when it may be sent next; absent when it is not, or is being sent"
    )
    attemptLog: list[WebhookAttemptDto] = Field(description="the last 200 attempts, newest first")


class ReplayBody(BaseModel):
    """Which messages are to be sent again."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"from": "2026-02-01T00:00:00.000Z", "to": "2026-02-02", "types": ["network-query.hie"]}
            ]
        },
    )

    from_: Annotated[str, Field(strict=True, max_length=40)] = Field(
        alias="from", description="made at that time or later; a date or a time"
    )
    to: Annotated[str, Field(strict=True, max_length=40)] | None = Field(
        None, description="made at that time or earlier; now unless given; 90 days after `from` at most"
    )
    types: list[str] | None = Field(
        None, min_length=1, max_length=50, description="of these types only; all but pings unless given"
    )
    statuses: list[Literal["success", "failure"]] | None = Field(
        None, min_length=1, max_length=2, description="that ended so; failure unless given"
    )

    _selection: Selection

    @model_validator(mode="after")
    def _choose(self) -> Self:
        try:
            since = parse_moment("from", self.from_)
            now = utcnow()
            until = min(now, parse_moment("to", self.to)) if self.to is not None else now
        except BadRequestError as error:
            raise ValueError(error.detail) from None
        if since > until:
            raise ValueError("from must not be after to, nor in the future")
        if until - since > MAX_RANGE:
            raise ValueError(f"from and to may lie {MAX_RANGE.days} days apart at most")
        unknown = [kind for kind in self.types or [] if kind not in EVENTS]
        if unknown:
            raise ValueError(f"there are no messages of type {unknown[0][:100]}")
        self._selection = Selection(
            since, until, tuple(self.statuses or ("failure",)), tuple(dict.fromkeys(self.types or ()))
        )
        return self

    def selection(self) -> Selection:
        return self._selection


class ReplayStarted(BaseModel):
    """The messages are sent again in the background."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requestId": REQUEST_ID}]})

    requestId: str = Field(description="names this replay; the messages keep their own ids")
