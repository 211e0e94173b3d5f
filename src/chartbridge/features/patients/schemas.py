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
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from chartbridge.features.facilities.address import (
    MAX_TEXT,
    Address,
    AddressInput,
    OptionalText,
    RequiredText,
)
from chartbridge.features.facilities.schemas import FacilityDto
from chartbridge.features.patients.models import Patient
from chartbridge.http.paging import PageMeta
from chartbridge.ids import timestamp, utcnow
from chartbridge.matching import values

MAX_ITEMS = 100
"""Of addresses, contacts, identifiers or facilities in one request; a bound against abuse only."""

_REFINEMENTS = ("string_too_short", "string_too_long")
_EXAMPLE: JsonDict = {
    "firstName": "Ana",
    "lastName": "Ruiz",
    "dob": "1980-04-02",
    "genderAtBirth": "F",
    "address": [{"addressLine1": "1 Pine St", "city": "Boise", "state": "ID", "zip": "83702"}],
    "contact": [{"phone": "2085550100"}],
}


def _one_or_many(item: type[BaseModel], *, at_least: int) -> BeforeValidator:
    """A value that may be one ``item`` or a list of them, as a list.

    Values that only break a rule keep their own path. A wrong type or code anywhere collapses into
    ``Invalid input``: then the value is neither the one form nor the other.
    """
    one, many = TypeAdapter(item), TypeAdapter(list[item])  # type: ignore[valid-type]  # made at run time

    def parse(value: Any) -> Any:
        if isinstance(value, list):
            _count_items(value, at_least)
        try:
            return many.validate_python(value) if isinstance(value, list) else [one.validate_python(value)]
        except ValidationError as error:
            if all(_breaks_a_rule(issue) for issue in error.errors(include_url=False)):
                raise
            raise ValueError(values.INVALID_INPUT) from None

    return BeforeValidator(parse, json_schema_input_type=item | list[item])  # type: ignore[valid-type]


def _breaks_a_rule(issue: Any) -> bool:
    if issue["type"] == "value_error":
        return str(issue["ctx"]["error"]) != values.INVALID_INPUT
    return issue["type"] in _REFINEMENTS


def _count_items(value: list[Any], at_least: int = 0) -> list[Any]:
    if len(value) < at_least:
        raise ValueError(f"Array must contain at least {at_least} element(s)")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"Array must contain at most {MAX_ITEMS} element(s)")
    return value


def _date_of_birth(value: str) -> str:
    return values.date_of_birth(value, today=utcnow().date())


def _exactly_one(value: list[str]) -> list[str]:
    if len(value) != 1:
        raise ValueError("Array must contain exactly 1 element(s)")
    return value


def _facility_ids(value: list[str]) -> list[str]:
    if not value:
        raise ValueError("At least one facility ID must be provided")
    return sorted(set(_count_items(value)))


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("Invalid uuid") from None


class Coordinates(BaseModel):
    """Degrees, WGS 84."""

    lat: Annotated[float, Field(strict=True, ge=-90, le=90)]
    lon: Annotated[float, Field(strict=True, ge=-180, le=180)]


class PatientAddress(Address):
    coordinates: Coordinates | None = None


class PatientAddressInput(AddressInput):
    coordinates: Coordinates | None = None


class Contact(BaseModel):
    phone: str | None = Field(None, description="ten digits")
    email: str | None = None


class ContactInput(Contact):
    """A phone number, an e-mail address or both."""

    phone: Annotated[
        str | None,
        BeforeValidator(
            lambda value: None if value is None else values.phone(value),
            json_schema_input_type=str | int | None,
        ),
    ] = Field(None, description="ten digits, after leaving out anything else and a country code 1")
    email: Annotated[
        str | None, AfterValidator(lambda value: None if value is None else values.email(value))
    ] = None

    @model_validator(mode="after")
    def _either(self) -> ContactInput:
        if self.phone is None and self.email is None:
            raise ValueError(values.CONTACT_MISSING)
        return self


class Period(BaseModel):
    """ISO 8601 dates; one of them at least."""

    start: str | None = None
    end: str | None = None


class PeriodInput(Period):
    start: OptionalText = None
    end: OptionalText = None

    @model_validator(mode="after")
    def _check(self) -> PeriodInput:
        values.period({"start": self.start, "end": self.end}, today=utcnow().date())
        return self


class PersonalIdentifier(BaseModel):
    type: Literal["ssn", "driversLicense"]
    value: str
    state: str | None = Field(None, description="of a driver's licence")
    assigner: str | None = None
    period: Period | None = None


class PersonalIdentifierInput(PersonalIdentifier):
    """A social security number or a driver's licence; one with a blank value is left out."""

    value: Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(str.strip)]
    state: str | None = Field(None, validate_default=True, description="required for a driver's licence")
    assigner: OptionalText = None
    period: PeriodInput | None = None

    @field_validator("state", mode="before")
    @classmethod
    def _state(cls, value: Any, info: ValidationInfo) -> str | None:
        if info.data.get("type") != "driversLicense":
            return None
        if value is None:
            raise PydanticCustomError("missing", "Required")
        return values.drivers_license_state(value)


def _without_blanks(held: list[PersonalIdentifierInput] | None) -> list[PersonalIdentifierInput]:
    return [identifier for identifier in held or [] if identifier.value]


class NetworkControl(BaseModel):
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
        BeforeValidator(lambda value: _count_items(value) if isinstance(value, list) else value),
        AfterValidator(_without_blanks),
    ] = None
    address: Annotated[list[PatientAddressInput], _one_or_many(PatientAddressInput, at_least=1)] = Field(
        description="one or several; the first is the primary one"
    )
    contact: Annotated[list[ContactInput], _one_or_many(ContactInput, at_least=0)] | None = Field(
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


class PatientCreate(PatientInput):
    """A patient to create, or to find."""

    hieOptOut: StrictBool | None = Field(None, description="status.hieOptOut wins over it")
    status: StatusInput | None = None
    cohorts: Annotated[list[str] | None, AfterValidator(lambda value: _count_items(value or []))] = Field(
        None, description="cohorts to join"
    )
    networkQuery: dict[str, Any] | None = Field(
        None, description="body of a network query to start after creation"
    )

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

    eTag: str | None = Field(None, description="the version read; the If-Match header wins over it")


class PatientStatus(BaseModel):
    hieOptOut: bool
    treatmentRelationship: bool


class PatientDto(BaseModel):
    """A stored patient."""

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


class PatientPage(BaseModel):
    meta: PageMeta
    patients: list[PatientDto]


class ExternalLink(BaseModel):
    """Which id a patient has in another system."""

    patientId: str
    externalId: str


class HieOptOutDto(BaseModel):
    id: str
    hieOptOut: bool
    message: str


class TreatmentRelationshipDto(BaseModel):
    id: str
    treatmentRelationship: bool
    message: str


class FacilityIdsInput(BaseModel):
    facilityIds: Annotated[list[Annotated[str, AfterValidator(_uuid)]], AfterValidator(_facility_ids)] = (
        Field(description="the whole new set")
    )
    eTag: str | None = Field(None, description="the version read; the If-Match header wins over it")


class PatientFacilities(BaseModel):
    facilities: list[FacilityDto]


def patient_dto(patient: Patient) -> PatientDto:
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
