"""Medical record summaries (contract, consolidated 6.8)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse

from chartbridge.features.records import parameters, summaries
from chartbridge.features.records.schemas import SummaryStatus, SummaryUrl
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant
from chartbridge.http.errors import answers

router = APIRouter(prefix="/medical/v1/patient/{patient_id}", route_class=JsonRoute, tags=["FHIR"])


@router.get(
    "/medical-record",
    summary="Get the newest medical record summary",
    response_model=SummaryUrl | str,
    responses=answers({400: "no such format", 404: "no such patient, or no summary in that format yet"}),
)
def get_summary(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patient_id: str,
    conversionType: Annotated[str | None, Query(description="required: html or pdf")] = None,
    language: Annotated[
        str | None,
        Header(alias="X-Fern-Language", description="Python: the answer is the URL as a bare JSON string"),
    ] = None,
) -> JSONResponse:
    """A summary is made by a consolidated query with that conversion type."""
    form = parameters.conversion_type(conversionType, tuple(summaries.FORMATS))
    url = summaries.url(platform, tenant, patient_id, form)
    return JSONResponse(url if language == "Python" else {"url": url})


@router.get(
    "/medical-record-status",
    summary="Tell when medical record summaries were made",
    response_model_exclude_none=True,
    responses=answers({404: "no such patient"}),
)
def get_status(platform: CurrentPlatform, tenant: CurrentTenant, patient_id: str) -> SummaryStatus:
    """Tells which forms of the medical record summary were made, and when."""
    with platform.db.read(tenant) as session:
        return SummaryStatus.of(summaries.made_at(session, patient_id))
