"""Answers of the directory (contract, network query 5.4)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from chartbridge.features.directory.entries import Network
from chartbridge.features.directory.models import NetworkEntry
from chartbridge.http.paging import PageMeta

_EXAMPLE: dict[str, JsonValue] = {
    "id": "01960f3c-7b1a-7c40-9d1e-5b0e6a3f2c11",
    "name": "Saguaro Family Medicine",
    "oid": "2.16.840.1.113883.3.9999.1.2",
    "network": "COMMONWELL",
    "supportsMessaging": True,
    "addressLine": "900 Roosevelt Row Suite 210",
    "city": "Phoenix",
    "state": "AZ",
    "zipCode": "85004",
    "zip": "85004",
    "rootOrganization": "Copper Basin Health Alliance",
    "managingOrgOid": "2.16.840.1.113883.3.9999.1",
}


class NetworkEntryDto(BaseModel):
    """An organization that takes part in a network. What its network does not tell is left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str = Field(description="for pages: what fromItem and toItem take")
    name: str
    oid: str = Field(description="its home community: what a message is addressed to")
    network: Network
    supportsMessaging: bool = Field(description="whether documents can be sent to it")
    npi: str | None = Field(None, description="National Provider Identifier")
    addressLine: str | None = None
    city: str | None = None
    state: str | None = None
    zipCode: str | None = None
    zip: str | None = Field(None, description="the same as zipCode", deprecated=True)
    rootOrganization: str | None = Field(
        None, description="name of the organization at the top of those that manage it"
    )
    managingOrgOid: str | None = Field(None, description="OID of the organization that manages it")

    @classmethod
    def of(cls, entry: NetworkEntry) -> NetworkEntryDto:
        return cls(
            id=entry.id,
            name=entry.name,
            oid=entry.oid,
            network=Network(entry.network),
            supportsMessaging=entry.supports_messaging,
            npi=entry.npi,
            addressLine=entry.address_line,
            city=entry.city,
            state=entry.state,
            zipCode=entry.zip_code,
            zip=entry.zip_code,
            rootOrganization=entry.root_organization,
            managingOrgOid=entry.managing_org_oid,
        )


class NetworkEntryPage(BaseModel):
    """Entries, those entered last first."""

    meta: PageMeta
    networkEntries: list[NetworkEntryDto]
