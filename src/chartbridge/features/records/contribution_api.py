"""Putting FHIR into a chart (contract, consolidated 6.7)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request

from chartbridge.errors import BadRequestError
from chartbridge.features.records import contributions
from chartbridge.features.records.schemas import Contribution, TransactionResponse
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant
from chartbridge.http.errors import answers
from chartbridge.http.ratelimit import CONTRIBUTIONS, rate_limited

router = APIRouter(prefix="/medical/v1/patient/{patient_id}", route_class=JsonRoute, tags=["FHIR"])

_ERRORS = answers(
    {400: "the bundle is refused, and nothing is stored", 404: "no such patient or organization"}
)


@router.put(
    "/consolidated",
    summary="Put FHIR resources into a patient's chart",
    dependencies=[rate_limited(CONTRIBUTIONS)],
    responses=_ERRORS,
)
@router.post(
    "/consolidated",
    summary="Put FHIR resources into a patient's chart",
    deprecated=True,
    dependencies=[rate_limited(CONTRIBUTIONS)],
    responses=_ERRORS,
)
def contribute(
    request: Request,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patient_id: str,
    body: Annotated[Contribution, Body()],
) -> TransactionResponse:
    """All resources are stored, or none. The same id again replaces the earlier resource. The request's id,
    which is in the header x-metriport-request-id and in the doc-id extension of each resource, tells which
    request gave it."""
    if body.type != "collection":
        raise BadRequestError("Bundle must be a collection")
    accepted = contributions.contribute(
        platform,
        tenant,
        patient_id,
        [entry.resource for entry in body.entry],
        request_id=request.state.request_id,
    )
    return TransactionResponse.of(accepted)
