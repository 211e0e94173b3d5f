"""Operations on facilities."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from chartbridge.features.facilities import service
from chartbridge.features.facilities.schemas import (
    FacilityDto,
    FacilityInput,
    FacilityList,
    FacilityUpdate,
    facility_dto,
)
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, IfMatch
from chartbridge.http.errors import ErrorEnvelope

_INVALID: dict[int | str, dict[str, Any]] = {400: {"model": ErrorEnvelope, "description": "refused"}}
_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": ErrorEnvelope, "description": "no such facility"}}
_CLASH: dict[int | str, dict[str, Any]] = {412: {"model": ErrorEnvelope, "description": "eTag mismatch"}}

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
    responses=_INVALID,
)
def create_facility(body: FacilityInput, platform: CurrentPlatform, tenant: CurrentTenant) -> FacilityDto:
    """The NPI must not belong to another facility of the account."""
    with platform.db.write(tenant) as session:
        return facility_dto(service.create_facility(session, body))


@router.get("/facility", summary="List facilities", response_model_exclude_none=True)
def list_facilities(platform: CurrentPlatform, tenant: CurrentTenant) -> FacilityList:
    """All facilities, oldest first."""
    with platform.db.read(tenant) as session:
        return FacilityList(facilities=[facility_dto(f) for f in service.list_facilities(session)])


@router.get("/facility/{id}", summary="Get a facility", response_model_exclude_none=True, responses=_MISSING)
def get_facility(id: str, platform: CurrentPlatform, tenant: CurrentTenant) -> FacilityDto:
    with platform.db.read(tenant) as session:
        return facility_dto(service.get_facility(session, id))


@router.put(
    "/facility/{id}",
    summary="Replace a facility",
    response_model_exclude_none=True,
    responses={**_INVALID, **_MISSING, **_CLASH},
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
    responses={**_INVALID, **_MISSING, **_CLASH},
)
def delete_facility(
    id: str, platform: CurrentPlatform, tenant: CurrentTenant, if_match: IfMatch = None
) -> None:
    """Refused while patients are associated with it."""
    with platform.db.write(tenant) as session:
        service.delete_facility(session, id, if_match=if_match)
