"""Operations on organizations."""

from __future__ import annotations

from fastapi import APIRouter, Response

from chartbridge.features.organizations import service
from chartbridge.features.organizations.schemas import (
    OrganizationDto,
    OrganizationInput,
    OrganizationUpdate,
    organization_dto,
)
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, IfMatch
from chartbridge.http.errors import answers

router = APIRouter(
    prefix="/medical/v1", route_class=JsonRoute, tags=["Organizations"], strict_content_type=False
)


@router.post(
    "/organization",
    status_code=201,
    summary="Create the account's organization",
    response_model_exclude_none=True,
    responses=answers({400: "a value is missing or wrong, or the account has an organization"}),
)
def create_organization(
    body: OrganizationInput, platform: CurrentPlatform, tenant: CurrentTenant
) -> OrganizationDto:
    """An account has one organization in each environment."""
    with platform.db.write(tenant) as session:
        return organization_dto(service.create_organization(session, body))


@router.get(
    "/organization",
    summary="Get the account's organization",
    response_model=OrganizationDto,
    response_model_exclude_none=True,
    response_description="the organization; an empty body when the account has none",
)
def get_organization(platform: CurrentPlatform, tenant: CurrentTenant) -> OrganizationDto | Response:
    """Answers 200 with an empty body when there is none."""
    with platform.db.read(tenant) as session:
        found = service.find_organization(session)
        return Response() if found is None else organization_dto(found)


@router.put(
    "/organization/{id}",
    summary="Replace the organization",
    response_model_exclude_none=True,
    responses=answers(
        {
            400: "a value is missing or wrong",
            404: "no such organization",
            412: "eTag mismatch",
        }
    ),
)
def update_organization(
    id: str,
    body: OrganizationUpdate,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    if_match: IfMatch = None,
) -> OrganizationDto:
    """Replaces name, type and location."""
    with platform.db.write(tenant) as session:
        return organization_dto(
            service.update_organization(session, id, body, if_match=if_match, body_etag=body.eTag)
        )
