"""Operations on the directory."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from chartbridge.features.directory import service
from chartbridge.features.directory.schemas import NetworkEntryDto, NetworkEntryPage
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, truth
from chartbridge.http.errors import answers
from chartbridge.http.paging import PageQuery

router = APIRouter(prefix="/medical/v1", route_class=JsonRoute, tags=["Directory"], strict_content_type=False)


@router.get(
    "/network-entry",
    summary="Search the networks' directory",
    response_model_exclude_none=True,
    responses=answers({400: "page or filter out of bounds"}),
)
def list_network_entries(
    page: PageQuery,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    filter: Annotated[
        str | None,
        Query(
            description='whole words of name, address, OID and NPI: `mercy phoenix`, `"mercy clinic"`, '
            "`mercy or grace`, `mercy -dental`"
        ),
    ] = None,
    npi: Annotated[str | None, Query(description="the entries of that NPI, ten digits")] = None,
    oid: Annotated[str | None, Query(description="the entry of that OID")] = None,
    destination: Annotated[str | None, Query(description="the same as oid")] = None,
    supportsMessaging: Annotated[
        str | None, Query(description="`true`: only those that documents can be sent to")
    ] = None,
    active: Annotated[
        str | None, Query(description="`true`: only active ones, `false`: only others; both unless given")
    ] = None,
) -> NetworkEntryPage:
    """All accounts of an environment see the same directory. All filters that are given must hold."""
    caller = {
        "filter": filter,
        "npi": npi,
        "oid": oid,
        "destination": destination,
        "supportsMessaging": supportsMessaging,
        "active": active,
    }
    given = {name: text for name, text in caller.items() if text and text.strip()}
    found = service.list_entries(
        platform.db,
        tenant.environment,
        page,
        text=given.get("filter"),
        npi=given.get("npi", "").strip(),
        oids=[given[name].strip() for name in ("oid", "destination") if name in given],
        supports_messaging=truth(given.get("supportsMessaging")) is True,
        active=truth(given.get("active")),
    )
    return NetworkEntryPage(
        meta=found.meta(f"{platform.settings.origin}{router.prefix}/network-entry", given),
        networkEntries=[NetworkEntryDto.of(entry) for entry in found.items],
    )
