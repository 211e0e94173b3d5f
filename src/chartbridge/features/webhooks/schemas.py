"""Bodies and answers of the settings operations (contract, webhooks 8.3)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

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


Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_on_the_calendar)]


class DateFilter(BaseModel):
    """Days, both inclusive."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    from_: Day | None = Field(None, alias="from")
    to: Day | None = None


class MedicalRecordFilter(BaseModel):
    """What one section of the medical record summary shows."""

    key: Section
    dateFilter: DateFilter | None = None
    stringFilter: str | None = Field(None, max_length=1000)


class SettingsUpdate(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    webhookUrl: str | None = Field(
        None, max_length=MAX_URL_LENGTH, description="where messages go; empty or null clears URL and key"
    )
    mrFilters: list[MedicalRecordFilter] | None = Field(
        None, description="one entry for each of the 16 sections, in the order of the summary"
    )

    @field_validator("mrFilters")
    @classmethod
    def _complete(cls, value: list[MedicalRecordFilter] | None) -> list[MedicalRecordFilter] | None:
        if value is not None and sorted(f.key for f in value) != sorted(SECTIONS):
            raise ValueError(f"One filter is needed for each of: {', '.join(SECTIONS)}")
        return value


class AccountSettingsDto(BaseModel):
    """The tenant's settings; ``webhookKey`` verifies the signature of messages."""

    id: str
    webhookUrl: str | None
    webhookKey: str | None
    mrFilters: list[MedicalRecordFilter] | None


class WebhookStatus(BaseModel):
    """Whether messages arrive."""

    webhookEnabled: bool
    webhookStatusDetail: str | None
    webhookRequestsProcessing: int
    webhookRequestsFailed: int


class Access(BaseModel):
    hasMapiAccess: bool
