"""What a patient's demographics are made of: addresses, contacts, identifiers, with the contract's rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from chartbridge.features.facilities.address import MAX_TEXT, Address, AddressInput, OptionalText
from chartbridge.ids import utcnow
from chartbridge.matching import values

MAX_ITEMS = 100
"""Of addresses, contacts, identifiers or facilities in one request; a bound against abuse only."""

_REFINEMENTS = ("string_too_short", "string_too_long")


def one_or_many(item: type[BaseModel], *, at_least: int) -> BeforeValidator:
    """A value that may be one ``item`` or a list of them, as a list.

    Values that only break a rule keep their own path. A wrong type or code anywhere collapses into
    ``Invalid input``: then the value is neither the one form nor the other.
    """
    one, many = TypeAdapter(item), TypeAdapter(list[item])  # type: ignore[valid-type]  # made at run time

    def parse(value: Any) -> Any:
        if isinstance(value, list):
            count_items(value, at_least)
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


def count_items(value: list[Any], at_least: int = 0) -> list[Any]:
    if len(value) < at_least:
        raise ValueError(f"Array must contain at least {at_least} element(s)")
    if len(value) > MAX_ITEMS:
        raise ValueError(f"Array must contain at most {MAX_ITEMS} element(s)")
    return value


class Coordinates(BaseModel):
    """Degrees, WGS 84."""

    lat: Annotated[float, Field(strict=True, ge=-90, le=90)]
    lon: Annotated[float, Field(strict=True, ge=-180, le=180)]


class PatientAddress(Address):
    """A patient's address."""

    coordinates: Coordinates | None = None


class PatientAddressInput(AddressInput):
    """A patient's address."""

    coordinates: Coordinates | None = None


class Contact(BaseModel):
    """How to reach a patient."""

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
    """From when to when something holds."""

    start: OptionalText = None
    end: OptionalText = None

    @model_validator(mode="after")
    def _check(self) -> PeriodInput:
        values.period({"start": self.start, "end": self.end}, today=utcnow().date())
        return self


class PersonalIdentifier(BaseModel):
    """An identifier such as a driver's licence."""

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


def without_blanks(held: list[PersonalIdentifierInput] | None) -> list[PersonalIdentifierInput]:
    return [identifier for identifier in held or [] if identifier.value]
