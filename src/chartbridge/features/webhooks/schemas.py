"""Bodies and answers of the settings operations (contract, webhooks 8.3)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict, JsonValue

from chartbridge.features.webhooks.addresses import MAX_URL_LENGTH

Section = Literal[
    "reports",
    "conditions",
    "medications",
    "allergies",
    "procedures",
    "social-history",
    "vitals",
    "labs",
    "observations",
    "immunizations",
    "family-member-history",
    "related-persons",
    "tasks",
    "coverages",
    "encounters",
    "documents",
]
SECTIONS: tuple[str, ...] = get_args(Section)


def _on_the_calendar(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"Date must be in format YYYY-MM-DD - got {text}") from None
    return text


Day = Annotated[
    str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2024-02-29"]), AfterValidator(_on_the_calendar)
]


def _absent(value: object) -> bool:
    """What was not given is not answered either."""
    return value is None


class DateFilter(BaseModel):
    """Days, both inclusive."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: Day | None = Field(None, alias="from", exclude_if=_absent, description="first day, YYYY-MM-DD")
    to: Day | None = Field(None, exclude_if=_absent, description="last day, YYYY-MM-DD")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ > self.to:
            raise ValueError("Invalid date range: 'from' must not be after 'to'")
        return self


class MedicalRecordFilter(BaseModel):
    """What one section of the medical record summary shows."""

    key: Section = Field(description="the section")
    dateFilter: DateFilter | None = Field(
        None, exclude_if=_absent, description="only what lies within these days"
    )
    stringFilter: str | None = Field(
        None, max_length=1000, exclude_if=_absent, description="only what has this text in it"
    )


JsonAnswer = Annotated[
    Any,
    WithJsonSchema({"type": ["object", "array", "string", "number", "boolean", "null"]}),
]
_URL = "https://app.example.org/chartbridge"
_FILTERS: list[JsonValue] = [{"key": section} for section in SECTIONS]
_SETTINGS: JsonDict = {
    "id": "0196a1f2-7c3e-7d4a-9b1e-3f5a6c7d8e90",
    "webhookUrl": _URL,
    "webhookKey": "V1StGXR8_Z5jdHi6B-myT",
    "mrFilters": _FILTERS,
    "rateLimits": {"general": 6000, "patient-write": 15},
}


class SettingsUpdate(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"webhookUrl": _URL}, {"mrFilters": _FILTERS}]},
    )

    webhookUrl: str | None = Field(
        None, max_length=MAX_URL_LENGTH, description="where messages go; empty or null clears URL and key"
    )
    mrFilters: list[MedicalRecordFilter] | None = Field(
        None,
        min_length=len(SECTIONS),
        max_length=len(SECTIONS),
        description="one entry for each of the 16 sections, in the order of the medical record summary; "
        "null removes them",
    )

    @field_validator("mrFilters")
    @classmethod
    def _complete(cls, value: list[MedicalRecordFilter] | None) -> list[MedicalRecordFilter] | None:
        if value is not None and sorted(f.key for f in value) != sorted(SECTIONS):
            raise ValueError(f"One filter is needed for each of: {', '.join(SECTIONS)}")
        return value


class AccountSettingsDto(BaseModel):
    """The settings of the account in the environment of its key."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SETTINGS]})

    id: str = Field(description="the account")
    webhookUrl: str | None = Field(description="where messages go; null: nowhere")
    webhookKey: str | None = Field(description="verifies the signature of messages; null without a URL")
    mrFilters: list[MedicalRecordFilter] | None = Field(
        description="what the medical record summary shows, in its order; null: everything"
    )
    rateLimits: dict[str, int] = Field(
        description="calls a minute that the account has, by operation; set by the server's operator"
    )


class WebhookStatus(BaseModel):
    """Whether messages arrive; pings do not count."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "webhookEnabled": False,
                    "webhookStatusDetail": "Request failed with status code 404",
                    "webhookRequestsProcessing": 2,
                    "webhookRequestsFailed": 1,
                    "webhookCircuit": "open",
                    "webhookRetryAt": "2026-02-01T10:15:00.000Z",
                }
            ]
        }
    )

    webhookEnabled: bool = Field(description="whether the last message arrived")
    webhookStatusDetail: str | None = Field(
        description="`OK`, or what went wrong last; null before anything was sent"
    )
    webhookRequestsProcessing: int = Field(ge=0, description="messages on their way")
    webhookRequestsFailed: int = Field(ge=0, description="messages whose attempts are used up")
    webhookCircuit: Literal["closed", "open", "probing"] = Field(
        description="open: the receiver has failed so often that it is left alone until webhookRetryAt; "
        "probing: one message is on its way to see"
    )
    webhookRetryAt: str | None = Field(
        description="when the receiver is tried next while the circuit is not closed; null when it is"
    )


class SampleMeta(BaseModel):
    """The envelope of a test event. Its other keys are sent as they are."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(strict=True, min_length=1, max_length=100)] = Field(
        description="what the receiver is to take it for, such as `patient.admit`"
    )


class SamplePayload(BaseModel):
    """A test event: any object with ``meta.type``, sent as it is."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "meta": {
                        "messageId": "3f0b6a52-1f1c-4d0a-9a57-1f0d8f4f7c11",
                        "when": "2026-02-01T10:05:00.000Z",
                        "type": "patient.admit",
                    },
                    "payload": {
                        "url": "https://example.org/encounter.json",
                        "patientId": "0196a1f2-7c3e-7d4a-9b1e-3f5a6c7d8e91",
                        "admitTimestamp": "2026-02-01T09:00:00.000Z",
                    },
                }
            ]
        },
    )

    meta: SampleMeta = Field(description="the message's envelope")

    _given: dict[str, Any] = PrivateAttr()

    @model_validator(mode="wrap")
    @classmethod
    def _keep(cls, value: Any, handler: ModelWrapValidatorHandler[SamplePayload]) -> SamplePayload:
        payload = handler(value)
        payload._given = value
        return payload

    def as_given(self) -> dict[str, Any]:
        """The body in the caller's own order."""
        return self._given


class SampleAnswer(BaseModel):
    """What the receiver made of a test event."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": 200,
                    "webhookResponse": {"received": True},
                    "url": _URL,
                    "durationMillis": 12,
                    "detail": "OK",
                }
            ]
        }
    )

    status: int | None = Field(description="HTTP status that the receiver answered; null when none came")
    webhookResponse: JsonAnswer = Field(
        description="its answer: JSON where it is JSON, else text, the first 64 KB; null when empty"
    )
    url: str = Field(description="where the event was sent")
    durationMillis: int = Field(ge=0, description="how long sending and answering took")
    detail: str = Field(description="`OK`, or what went wrong")


class Access(BaseModel):
    """Whether the account may use the Medical API."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"hasMapiAccess": True}]})

    hasMapiAccess: bool = Field(description="true: the operations below /medical/v1 may be called")
