"""What the cohort operations take and give (contract, cohorts 2.5)."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic.config import JsonDict

from chartbridge.features.cohorts.models import Cohort
from chartbridge.features.facilities.address import MAX_TEXT
from chartbridge.matching import values

MAX_DESCRIPTION = 2000
MAX_MEMBERS = 10_000
"""Patients named in one request; a bound against abuse only."""
MAX_COHORTS = 100

NAME_MISSING = "Cohort name cannot be empty"

Color = Literal[
    "red", "green", "blue", "yellow", "purple", "orange", "pink", "brown", "gray", "black", "white"
]
PurposeOfUse = Literal["treatment", "operations"]
HieFrequency = Literal["daily", "weekly", "biweekly", "monthly"]
PharmacyFrequency = Literal["weekly", "biweekly", "monthly"]


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("Invalid uuid") from None


Uuid = Annotated[str, AfterValidator(_uuid)]
"""An id that is checked to be a UUID, in lower case."""


def _count(value: list[str], maximum: int) -> list[str]:
    if not value:
        raise ValueError("Array must contain at least 1 element(s)")
    if len(value) > maximum:
        raise ValueError(f"Array must contain at most {maximum} element(s)")
    return value


class Switch(BaseModel):
    """On or off."""

    enabled: bool = False


class HieMonitoring(BaseModel):
    """Regular queries of the HIEs."""

    enabled: bool = False
    frequency: HieFrequency = "monthly"


class PharmacySchedule(BaseModel):
    """Regular queries of the pharmacies."""

    enabled: bool = False
    frequency: PharmacyFrequency = "monthly"


class PharmacyMonitoring(BaseModel):
    """What is watched at pharmacies."""

    notifications: bool = Field(False, description="of fills, as they happen")
    schedule: PharmacySchedule = PharmacySchedule()


class LaboratoryMonitoring(BaseModel):
    """What is watched at laboratories."""

    notifications: bool = Field(False, description="of results, as they come")


class Monitoring(BaseModel):
    """What is watched for the members."""

    adt: Switch = Field(Switch(), description="admissions, transfers and discharges, as they happen")
    hie: HieMonitoring = HieMonitoring()
    pharmacy: PharmacyMonitoring = PharmacyMonitoring()
    laboratory: LaboratoryMonitoring = LaboratoryMonitoring()


class CohortSettings(BaseModel):
    """What is done for a cohort's patients."""

    monitoring: Monitoring = Monitoring()


class SwitchChange(BaseModel):
    """On or off."""

    enabled: StrictBool | None = None


class HieChange(BaseModel):
    """What to change of the health information exchanges."""

    enabled: StrictBool | None = None
    frequency: HieFrequency | None = None


class PharmacyScheduleChange(BaseModel):
    """What to change of the pharmacies' schedule."""

    enabled: StrictBool | None = None
    frequency: PharmacyFrequency | None = None


class PharmacyChange(BaseModel):
    """What to change of the pharmacies."""

    notifications: StrictBool | None = None
    schedule: PharmacyScheduleChange | None = None


class LaboratoryChange(BaseModel):
    """A ``schedule`` given here is accepted and ignored: laboratories are not asked by schedule."""

    notifications: StrictBool | None = None


class MonitoringChange(BaseModel):
    """What to change of the monitoring."""

    adt: SwitchChange | None = None
    hie: HieChange | None = None
    pharmacy: PharmacyChange | None = None
    laboratory: LaboratoryChange | None = None


class SettingsChange(BaseModel):
    """Settings in part: what is not given stays as it is, or as it is by default."""

    monitoring: MonitoringChange | None = None

    def onto(self, stored: CohortSettings) -> CohortSettings:
        """The settings with these in them."""
        return CohortSettings.model_validate(_merged(stored.model_dump(), self.model_dump(exclude_none=True)))


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    deeper = {
        key: _merged(below[key], value) if isinstance(value, dict) else value for key, value in above.items()
    }
    return below | deeper


Name = Annotated[
    str,
    Field(max_length=MAX_TEXT),
    AfterValidator(partial(values.required_text, message=NAME_MISSING)),
]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION), AfterValidator(str.strip)]

_EXAMPLE: JsonDict = {
    "name": "High risk",
    "color": "red",
    "description": "Seen in the last three months",
    "purposeOfUse": "treatment",
    "settings": {"monitoring": {"hie": {"enabled": True, "frequency": "weekly"}}},
}
_STORED: JsonDict = {
    "id": "0196a000-0000-7000-8000-000000000003",
    "eTag": "ccf9a2a8f3a2a7b0b9f6f7b6f6f0d7c1",
    "name": "High risk",
    "color": "red",
    "description": "Seen in the last three months",
    "purposeOfUse": "treatment",
    "settings": {
        "monitoring": {
            "adt": {"enabled": False},
            "hie": {"enabled": True, "frequency": "weekly"},
            "pharmacy": {"notifications": False, "schedule": {"enabled": False, "frequency": "monthly"}},
            "laboratory": {"notifications": False},
        }
    },
    "size": 12,
}


class CohortInput(BaseModel):
    """A cohort to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name = Field(description="unique in the account")
    color: Color = "white"
    description: Description = ""
    purposeOfUse: PurposeOfUse = Field(
        "treatment", description="treatment: only patients with a treatment relationship may be members"
    )
    settings: SettingsChange | None = Field(None, description="in part or whole; the rest is by default")


class CohortUpdate(BaseModel):
    """What to change of a cohort; what is not given stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Highest risk", "description": ""}]})

    name: Name | None = Field(None, description="unique in the account")
    color: Color | None = None
    description: Description | None = Field(None, description="an empty text clears it")
    purposeOfUse: PurposeOfUse | None = Field(
        None, description="may be sent back as it was read; another value is refused"
    )
    settings: SettingsChange | None = Field(None, description="in part or whole; the rest stays")
    eTag: str | None = Field(None, description="the version read; the If-Match header wins over it")


class CohortDto(BaseModel):
    """A stored cohort."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STORED]})

    id: str
    eTag: str = Field(description="version tag; send it back in If-Match")
    name: str
    color: Color
    description: str
    purposeOfUse: PurposeOfUse
    settings: CohortSettings
    size: int = Field(description="number of members")


class CohortList(BaseModel):
    """All cohorts."""

    cohorts: list[CohortDto]


class MembershipAnswer(BaseModel):
    """What was done, and the cohort as it is now."""

    message: str
    cohort: CohortDto


class MembersInput(BaseModel):
    """Which patients: those named, or all."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"patientIds": ["0196a000-0000-7000-8000-000000000004"]}, {"allPatients": True}]
        },
    )

    patientIds: Annotated[list[str], AfterValidator(partial(_count, maximum=MAX_MEMBERS))] | None = Field(
        None, description=f"1 to {MAX_MEMBERS} ids of patients, instead of allPatients"
    )
    allPatients: StrictBool | None = Field(None, description="only true, instead of patientIds")

    @model_validator(mode="after")
    def _exactly_one(self) -> MembersInput:
        if self.patientIds is not None and self.allPatients is not None:
            raise ValueError("Either patientIds or allPatients can be provided, but not both")
        if self.patientIds is None and not self.allPatients:
            raise ValueError("Either patientIds or allPatients: true must be provided")
        return self


class CohortIdsInput(BaseModel):
    """Cohorts to join."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"cohortIds": ["0196a000-0000-7000-8000-000000000003"]}]}
    )

    cohortIds: Annotated[list[Uuid], AfterValidator(partial(_count, maximum=MAX_COHORTS))] = Field(
        description=f"1 to {MAX_COHORTS} ids of cohorts; the patient stays in those it is in already"
    )


def cohort_dto(cohort: Cohort, size: int) -> CohortDto:
    return CohortDto.model_validate(
        {
            "id": cohort.id,
            "eTag": cohort.etag,
            "name": cohort.name,
            "color": cohort.color,
            "description": cohort.description,
            "purposeOfUse": cohort.purpose_of_use,
            "settings": cohort.settings,
            "size": size,
        }
    )
