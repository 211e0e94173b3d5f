"""What the facility operations take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool
from pydantic.config import JsonDict

from chartbridge.features.facilities.address import Address, AddressInput, OptionalText, RequiredText
from chartbridge.features.facilities.models import Facility
from chartbridge.matching import values

_EXAMPLE: JsonDict = {
    "name": "North Clinic",
    "npi": "1234567893",
    "address": {"addressLine1": "9 Elm St", "city": "Boise", "state": "ID", "zip": "83702"},
}
_STORED: JsonDict = {
    "id": "0196a000-0000-7000-8000-000000000002",
    "eTag": "0c8bfbb3cd0b3f9d9e5bb1d1c9b3b0c6",
    "oid": "2.25.75313374214187311235134921634124235871",
    **_EXAMPLE,
}


class FacilityInput(BaseModel):
    """A facility to create, or to put in the place of one."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: RequiredText
    npi: Annotated[str, AfterValidator(values.npi)] = Field(
        description="National Provider Identifier, ten digits; one facility an NPI"
    )
    tin: OptionalText = Field(None, description="Tax Identification Number")
    active: StrictBool | None = Field(None, description="kept as given; nothing depends on it")
    address: AddressInput


class FacilityUpdate(FacilityInput):
    """A facility to put in the place of the stored one."""

    eTag: str | None = Field(None, description="the version read; the If-Match header wins over it")


class FacilityDto(BaseModel):
    """A stored facility."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STORED]})

    id: str
    eTag: str = Field(description="version tag; send it back in If-Match")
    oid: str = Field(description="object identifier of the facility in document exchange")
    name: str
    npi: str
    tin: str | None = None
    active: bool | None = None
    address: Address


class FacilityList(BaseModel):
    """All facilities."""

    facilities: list[FacilityDto]


def facility_dto(facility: Facility) -> FacilityDto:
    return FacilityDto(
        id=facility.id,
        eTag=facility.etag,
        oid=facility.oid,
        name=facility.name,
        npi=facility.npi,
        tin=facility.tin,
        active=facility.active,
        address=Address.model_validate(facility.address),
    )
