"""What the patient operations take and give, with the contract's rules for every value."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
)
from pydantic.config import JsonDict

from chartbridge.features.facilities.address import (
    MAX_TEXT,
    OptionalText,
    RequiredText,
)
from chartbridge.features.facilities.schemas import FacilityDto
from chartbridge.features.patients.models import Patient
from chartbridge.features.patients.parts import (
    Contact,
    ContactInput,
    PatientAddress,
    PatientAddressInput,
    PersonalIdentifier,
    PersonalIdentifierInput,
    count_items,
    one_or_many,
    without_blanks,
)
from chartbridge.features.patients.reading import StoredPatient
from chartbridge.http.paging import PageMeta
from chartbridge.ids import timestamp, utcnow
from chartbridge.matching import values

_EXAMPLE: JsonDict = {
    "firstName": "Ana",
    "lastName": "Ruiz",
    "dob": "1980-04-02",
    "genderAtBirth": "F",
    "address": [{"addressLine1": "1 Pine St", "city": "Boise", "state": "ID", "zip": "83702"}],
    "contact": [{"phone": "2085550100"}],
}
_STORED: JsonDict = {
    **_EXAMPLE,
    "id": "0196a000-0000-7000-8000-000000000004",
    "eTag": "3f1b7c9be5d0a1d2a0a9b8c7d6e5f4a3",
    "facilityIds": ["0196a000-0000-7000-8000-000000000002"],
    "dateCreated": "2026-02-01T10:00:00.000Z",
    "hieOptOut": False,
    "status": {"hieOptOut": False, "treatmentRelationship": True},
}


def _date_of_birth(value: str) -> str:
    return values.date_of_birth(value, today=utcnow().date())


def _exactly_one(value: list[str]) -> list[str]:
    if len(value) != 1:
        raise ValueError("Array must contain exactly 1 element(s)")
    return value


def _facility_ids(value: list[str]) -> list[str]:
    if not value:
        raise ValueError("At least one facility ID must be provided")
    return sorted(set(count_items(value)))


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("Invalid uuid") from None


class NetworkControl(BaseModel):
    """How a network is asked."""

    model_config = ConfigDict(extra="forbid")

    exclude: StrictBool | None = None


class HieControl(BaseModel):
    """Which networks the patient is left out of."""

    model_config = ConfigDict(extra="forbid")

    carequality: NetworkControl | None = None
    commonwell: Any = Field(None, description="not implemented: refused")
    ehex: Any = Field(None, description="not implemented: refused")
    tefca: NetworkControl | None = None

    @field_validator("commonwell", "ehex", mode="before")
    @classmethod
    def _refuse(cls, _value: Any, info: ValidationInfo) -> Any:
        raise ValueError(f"hie.{info.field_name} control is not yet implemented")


class AdditionalIds(BaseModel):
    """Ids in other systems that a caller may set."""

    model_config = ConfigDict(extra="forbid")

    healthix: Annotated[list[RequiredText], AfterValidator(_exactly_one)] | None = None


class StatusInput(BaseModel):
    """The newest place of both switches."""

    hieOptOut: StrictBool | None = None
    treatmentRelationship: StrictBool | None = None


class Demographics(BaseModel):
    """What is known of a person."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    firstName: RequiredText = Field(description="several names separated by comma or space")
    lastName: RequiredText = Field(description="several names separated by comma or space")
    dob: Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_date_of_birth)] = Field(
        description="YYYY-MM-DD, from 1900 to today"
    )
    genderAtBirth: Literal["F", "M", "O", "U"] = Field(description="female, male, other, unknown")
    personalIdentifiers: Annotated[
        list[PersonalIdentifierInput] | None,
        BeforeValidator(lambda value: count_items(value) if isinstance(value, list) else value),
        AfterValidator(without_blanks),
    ] = None
    address: Annotated[list[PatientAddressInput], one_or_many(PatientAddressInput, at_least=1)] = Field(
        description="one or several; the first is the primary one"
    )
    contact: Annotated[list[ContactInput], one_or_many(ContactInput, at_least=0)] | None = Field(
        None, description="one or several"
    )

    def wire(self) -> dict[str, Any]:
        """The demographics in the API's shape, with address, contact and identifiers as lists."""
        held = self.model_dump(include=set(Demographics.model_fields), exclude_none=True)
        return {"contact": [], "personalIdentifiers": [], **held}


class PatientInput(Demographics):
    """Demographics with the caller's settings."""

    externalId: OptionalText = Field(None, description="the caller's own id; comes back in webhooks")
    hie: HieControl | None = None
    additionalIds: AdditionalIds | None = None


NetworkQueryInput = Annotated[
    dict[str, Any] | None,
    Field(
        description="body of `POST /network/query`: a query to start once this is stored",
        examples=[{"sources": {"hie": {"enabled": True}}}],
    ),
]


class PatientCreate(PatientInput):
    """A patient to create, or to find."""

    hieOptOut: StrictBool | None = Field(None, description="status.hieOptOut wins over it")
    status: StatusInput | None = None
    cohorts: Annotated[list[str] | None, AfterValidator(lambda value: count_items(value or []))] = Field(
        None, description="cohorts to join"
    )
    networkQuery: NetworkQueryInput = None

    @property
    def opted_out(self) -> bool:
        newest = self.status.hieOptOut if self.status else None
        return bool(self.hieOptOut if newest is None else newest)

    @property
    def in_treatment(self) -> bool:
        given = self.status.treatmentRelationship if self.status else None
        return True if given is None else given


class PatientUpdate(PatientInput):
    """A patient to put in the place of the stored one. Opt-out, treatment relationship and facilities are
    not changed by it."""

    networkQuery: NetworkQueryInput = None
    eTag: str | None = Field(None, description="the version read; the If-Match header wins over it")


class PatientStatus(BaseModel):
    """Whether the patient's records may be gathered."""

    hieOptOut: bool
    treatmentRelationship: bool


class PatientDto(BaseModel):
    """A stored patient."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STORED]})

    id: str
    eTag: str = Field(description="version tag; send it back in If-Match")
    facilityIds: list[str]
    externalId: str | None = None
    additionalIds: dict[str, list[str]] | None = Field(None, description="ids in other systems, by source")
    dateCreated: str = Field(description="ISO 8601 in UTC")
    hieOptOut: bool
    status: PatientStatus
    firstName: str
    lastName: str
    dob: str
    genderAtBirth: str
    personalIdentifiers: list[PersonalIdentifier] | None = None
    address: list[PatientAddress] = Field(description="the first is the primary one")
    contact: list[Contact]


class FhirPatient(BaseModel):
    """A FHIR R4 Patient."""

    model_config = ConfigDict(extra="allow")

    resourceType: Literal["Patient"]
    id: str


class PatientPage(BaseModel):
    """A page of patients, newest first."""

    meta: PageMeta
    patients: list[PatientDto]


class ExternalLink(BaseModel):
    """Which id a patient has in another system."""

    patientId: str
    externalId: str = Field(description="the other system's id, which is the patient's external id")


class HieOptOutDto(BaseModel):
    """Whether a patient has opted out of the networks."""

    id: str
    hieOptOut: bool
    message: str


class TreatmentRelationshipDto(BaseModel):
    """Whether the account treats a patient."""

    id: str
    treatmentRelationship: bool
    message: str


class FacilityIdsInput(BaseModel):
    """The facilities that a patient is to be associated with."""

    facilityIds: Annotated[list[Annotated[str, AfterValidator(_uuid)]], AfterValidator(_facility_ids)] = (
        Field(description="the whole new set")
    )
    eTag: str | None = Field(None, description="the version read; the If-Match header wins over it")


class PatientFacilities(BaseModel):
    """The facilities that a patient is associated with."""

    facilities: list[FacilityDto]


def patient_dto(patient: Patient | StoredPatient) -> PatientDto:
    return PatientDto(
        id=patient.id,
        eTag=patient.etag,
        facilityIds=patient.facility_ids,
        externalId=patient.external_id,
        additionalIds=patient.additional_ids or None,
        dateCreated=timestamp(patient.created_at),
        hieOptOut=patient.hie_opt_out,
        status=PatientStatus(
            hieOptOut=patient.hie_opt_out, treatmentRelationship=patient.treatment_relationship
        ),
        firstName=patient.first_name,
        lastName=patient.last_name,
        dob=patient.dob,
        genderAtBirth=patient.gender_at_birth,
        personalIdentifiers=[PersonalIdentifier.model_validate(i) for i in patient.personal_identifiers]
        or None,
        address=[PatientAddress.model_validate(a) for a in patient.address],
        contact=[Contact.model_validate(c) for c in patient.contact],
    )
