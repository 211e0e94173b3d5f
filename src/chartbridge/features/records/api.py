"""Consolidated queries."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query

from chartbridge.consolidate.resource_types import parse_resource_types
from chartbridge.errors import BadRequestError, InvalidParametersError
from chartbridge.features.records import service
from chartbridge.features.records.schemas import QueryDto, QueryList
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, query_date, required, truth
from chartbridge.http.metadata import MetadataBody
from chartbridge.http.ratelimit import CONSOLIDATED_QUERIES, rate_limited

MESSAGE = "Trigger a new query by POST /patient/:id/consolidated/query; data will be sent through Webhook"
CONVERSION_TYPES = ("json", "pdf", "html")

router = APIRouter(
    prefix="/medical/v1/patient/{patient_id}/consolidated", route_class=JsonRoute, tags=["FHIR"]
)


@router.post(
    "/query",
    summary="Start a consolidated data query",
    response_model_exclude_unset=True,
    dependencies=[rate_limited(CONSOLIDATED_QUERIES)],
)
def start_query(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patient_id: str,
    body: Annotated[MetadataBody, Body()],
    conversionType: Annotated[str | None, Query(description="json")] = None,
    resources: Annotated[str | None, Query(description="comma-separated types; all unless given")] = None,
    dateFrom: Annotated[str | None, Query(description="first day, YYYY-MM-DD")] = None,
    dateTo: Annotated[str | None, Query(description="last day, YYYY-MM-DD")] = None,
    fromDashboard: Annotated[str | None, Query(description="true: send no webhook")] = None,
) -> QueryDto:
    kind = required(conversionType, "conversionType")
    if kind not in CONVERSION_TYPES:
        expected = " | ".join(f"'{name}'" for name in CONVERSION_TYPES)
        raise InvalidParametersError(
            f"Invalid enum value. Expected {expected}, received '{kind}', on [conversionType]"
        )
    if kind != "json":
        raise BadRequestError("Medical record summaries are not available in this version")
    try:
        types = parse_resource_types(resources)
    except ValueError as error:
        raise BadRequestError(str(error)) from None
    parameters = service.Parameters(types, query_date(dateFrom), query_date(dateTo), kind)
    with platform.db.write(tenant) as session:
        query = service.start_query(
            platform,
            session,
            patient_id,
            parameters,
            metadata=body.metadata or {},
            from_dashboard=truth(fromDashboard) is True,
        )
        return QueryDto.of(query)


@router.get("/query", summary="List consolidated data queries", response_model_exclude_unset=True)
def list_queries(platform: CurrentPlatform, tenant: CurrentTenant, patient_id: str) -> QueryList:
    with platform.db.read(tenant) as session:
        found = [QueryDto.of(query) for query in service.list_queries(session, patient_id)]
    return QueryList(status=found[0].status if found else None, queries=found, message=MESSAGE)


@router.get("/query/{request_id}", summary="Get a consolidated data query", response_model_exclude_unset=True)
def get_query(platform: CurrentPlatform, tenant: CurrentTenant, patient_id: str, request_id: str) -> QueryDto:
    with platform.db.read(tenant) as session:
        return QueryDto.of(service.get_query(session, patient_id, request_id))
