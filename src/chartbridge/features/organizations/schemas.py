"""What the organization operations take and give."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from chartbridge.features.facilities.address import Address, AddressInput, RequiredText
from chartbridge.features.organizations.models import Organization

OrganizationType = Literal["acuteCare", "ambulatory", "hospital", "labSystems", "pharmacy", "postAcuteCare"]

_EXAMPLE: JsonDict = {
    "name": "North Health",
    "type": "ambulatory",
    "location": {"addressLine1": "9 Elm St", "city": "Boise", "state": "ID", "zip": "83702"},
}
_STORED: JsonDict = {
    "id": "0196a000-0000-7000-8000-000000000001",
    "eTag": "f6ee7fc7d1a44e2bb1a4e2fe71ed03dc",
    "oid": "2.25.164208392402829486418103416394823740189",
    **_EXAMPLE,
}


class OrganizationInput(BaseModel):
    """An organization to create, or to put in the place of the stored one."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: RequiredText
    type: OrganizationType = Field(description="what kind of care it gives")
    location: AddressInput = Field(description="its address")


class OrganizationUpdate(OrganizationInput):
    """An organization to put in the place of the stored one."""

    eTag: str | None = Field(None, description="the version read; the If-Match header wins over it")


class OrganizationDto(BaseModel):
    """The stored organization."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STORED]})

    id: str
    eTag: str = Field(description="version tag; send it back in If-Match")
    oid: str = Field(description="object identifier of the organization in document exchange")
    name: str
    type: OrganizationType
    location: Address


def organization_dto(organization: Organization) -> OrganizationDto:
    return OrganizationDto.model_validate(
        {
            "id": organization.id,
            "eTag": organization.etag,
            "oid": organization.oid,
            "name": organization.name,
            "type": organization.type,
            "location": organization.location,
        }
    )
