"""Reading charts: at once, and by queries whose results arrive by webhook (contract, consolidated 6.1)."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Body, Query
from fastapi.responses import Response

from chartbridge.consolidate.bundle import searchset
from chartbridge.features.records import (
    contribution_api,
    export_api,
    medical_record_api,
    parameters,
    reading,
    service,
)
from chartbridge.features.records.schemas import (
    Count,
    CountFilter,
    QueryDto,
    QueryList,
    QueryResult,
    Searchset,
)
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, required, truth
from chartbridge.http.errors import answers
from chartbridge.http.metadata import MetadataBody
from chartbridge.http.ratelimit import CONSOLIDATED_QUERIES, rate_limited

MESSAGE = "Trigger a new query by POST /patient/:id/consolidated/query; data will be sent through Webhook"
CONVERSION_TYPES = ("json", "pdf", "html")
_NO_PATIENT = answers({404: "no such patient"})
_NO_QUERY = answers({404: "no such patient, or no such query of the patient"})
_REFUSED = answers({400: "a parameter is missing or wrong", 404: "no such patient"})

Silently = Annotated[str | None, Query(description="true: send no webhook")]

consolidated = APIRouter(
    prefix="/medical/v1/patient/{patient_id}/consolidated", route_class=JsonRoute, tags=["FHIR"]
)


@consolidated.post(
    "/query",
    summary="Start a consolidated data query",
    response_model_exclude_unset=True,
    dependencies=[rate_limited(CONSOLIDATED_QUERIES)],
    responses=_REFUSED,
)
def start_query(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patient_id: str,
    body: Annotated[MetadataBody, Body()],
    conversionType: Annotated[str | None, Query(description="required: json, html or pdf")] = None,
    resources: parameters.Types = None,
    dateFrom: parameters.FirstDay = None,
    dateTo: parameters.LastDay = None,
    fromDashboard: Silently = None,
) -> QueryDto:
    """A running query with the same filters and conversion type is joined: its id is answered."""
    kind = parameters.conversion_type(conversionType, CONVERSION_TYPES)
    what = parameters.filters(resources, dateFrom, dateTo)
    asked = service.Parameters(what.types, what.date_from, what.date_to, kind)
    with platform.db.write(tenant) as session:
        query = service.start_query(
            platform,
            session,
            patient_id,
            asked,
            metadata=body.metadata or {},
            from_dashboard=truth(fromDashboard) is True,
        )
        return QueryDto.of(query)


@consolidated.get(
    "/query",
    summary="List consolidated data queries",
    response_model_exclude_unset=True,
    responses=_NO_PATIENT,
)
def list_queries(platform: CurrentPlatform, tenant: CurrentTenant, patient_id: str) -> QueryList:
    """Running queries, and those finished since the last start."""
    with platform.db.read(tenant) as session:
        found = [QueryDto.of(query) for query in service.list_queries(session, patient_id)]
    return QueryList(status=found[0].status if found else None, queries=found, message=MESSAGE)


@consolidated.get(
    "/query/{request_id}",
    summary="Get a consolidated data query",
    response_model_exclude_unset=True,
    responses=_NO_QUERY,
)
def get_query(platform: CurrentPlatform, tenant: CurrentTenant, patient_id: str, request_id: str) -> QueryDto:
    """The result itself comes by webhook when the query ends."""
    with platform.db.read(tenant) as session:
        return QueryDto.of(service.get_query(session, patient_id, request_id))


@consolidated.get(
    "/webhook",
    summary="Get the files of a consolidated data query",
    response_model_exclude_unset=True,
    responses=answers({400: "no requestId", 404: "no such patient, or no such query of the patient"}),
)
def get_result(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patient_id: str,
    requestId: Annotated[str | None, Query(description="required: id of the query")] = None,
) -> QueryResult:
    """What the query's webhook links to, for callers without a webhook."""
    request_id = required(requestId, "requestId")
    with platform.db.read(tenant) as session:
        query = service.get_query(session, patient_id, request_id)
    return QueryResult.of(query, service.result_urls(platform, tenant, query))


@consolidated.get(
    "/count", summary="Count consolidated data", response_model_exclude_unset=True, responses=_REFUSED
)
def count(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patient_id: str,
    resources: parameters.Types = None,
    dateFrom: parameters.FirstDay = None,
    dateTo: parameters.LastDay = None,
) -> Count:
    """Counted is what fits the filters and what that refers to, so other types than those asked for may
    appear."""
    what = parameters.filters(resources, dateFrom, dateTo)
    counted = reading.count(platform, tenant, patient_id, what)
    days = {"dateFrom": what.date_from, "dateTo": what.date_to}
    shown = {name: day.isoformat() for name, day in days.items() if day}
    return Count(
        total=sum(counted.values()),
        resources=counted,
        filter=CountFilter(resources=",".join(sorted(what.types or ())) or "all", **shown),
    )


@consolidated.get(
    "", summary="Get consolidated data", deprecated=True, response_model=Searchset, responses=_REFUSED
)
def read(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patient_id: str,
    resources: parameters.Types = None,
    dateFrom: parameters.FirstDay = None,
    dateTo: parameters.LastDay = None,
    _silently: Annotated[
        str | None, Query(alias="fromDashboard", description="accepted; no webhook is sent anyway")
    ] = None,
) -> Response:
    """Answers at once, from a chart that is brought up to date first. Prefer a query: a large chart takes
    its time."""
    what = parameters.filters(resources, dateFrom, dateTo)
    found = reading.read(platform, tenant, patient_id, what)
    return Response(orjson.dumps(searchset(found)), media_type="application/json")


router = APIRouter()
for part in (consolidated, contribution_api.router, medical_record_api.router, export_api.router):
    router.include_router(part)
