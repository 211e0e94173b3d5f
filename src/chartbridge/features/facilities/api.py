"""Operations on facilities."""

from __future__ import annotations

from fastapi import APIRouter

from chartbridge.features.facilities import service
from chartbridge.features.facilities.schemas import (
    FacilityDto,
    FacilityInput,
    FacilityList,
    FacilityUpdate,
    facility_dto,
)
from chartbridge.features.organizations import service as organizations
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, IfMatch
from chartbridge.http.errors import answers

_NO_FACILITY = {404: "no such facility"}
_CLASH = {412: "eTag mismatch"}

router = APIRouter(
    prefix="/medical/v1",
    tags=["Facilities"],
    route_class=JsonRoute,
    strict_content_type=False,
)


@router.post(
    "/facility",
    status_code=201,
    summary="Create a facility",
    response_model_exclude_none=True,
    responses=answers({400: "a value is missing or wrong, or another facility has the NPI"}),
)
def create_facility(body: FacilityInput, platform: CurrentPlatform, tenant: CurrentTenant) -> FacilityDto:
    """The NPI must not belong to another facility of the account. In the sandbox the first facility also
    makes the account's organization."""
    with platform.db.write(tenant) as session:
        facility = service.create_facility(session, body)
        organizations.ensure_for_facility(session, facility)
        return facility_dto(facility)


@router.get("/facility", summary="List facilities", response_model_exclude_none=True)
def list_facilities(platform: CurrentPlatform, tenant: CurrentTenant) -> FacilityList:
    """All facilities, oldest first."""
    with platform.db.read(tenant) as session:
        return FacilityList(facilities=[facility_dto(f) for f in service.list_facilities(session)])


@router.get(
    "/facility/{id}",
    summary="Get a facility",
    response_model_exclude_none=True,
    responses=answers(_NO_FACILITY),
)
def get_facility(id: str, platform: CurrentPlatform, tenant: CurrentTenant) -> FacilityDto:
    """The facility as it is stored now."""
    with platform.db.read(tenant) as session:
        return facility_dto(service.get_facility(session, id))


@router.put(
    "/facility/{id}",
    summary="Replace a facility",
    response_model_exclude_none=True,
    responses=answers(
        {400: "a value is missing or wrong, or the NPI is another one", **_NO_FACILITY, **_CLASH}
    ),
)
def update_facility(
    id: str, body: FacilityUpdate, platform: CurrentPlatform, tenant: CurrentTenant, if_match: IfMatch = None
) -> FacilityDto:
    """Replaces everything but the NPI, which never changes."""
    with platform.db.write(tenant) as session:
        return facility_dto(
            service.update_facility(session, id, body, if_match=if_match, body_etag=body.eTag)
        )


@router.delete(
    "/facility/{id}",
    status_code=204,
    summary="Delete a facility",
    responses=answers({400: "patients are associated with it", **_NO_FACILITY, **_CLASH}),
)
def delete_facility(
    id: str, platform: CurrentPlatform, tenant: CurrentTenant, if_match: IfMatch = None
) -> None:
    """Refused while patients are associated with it."""
    with platform.db.write(tenant) as session:
        service.delete_facility(session, id, if_match=if_match)
