"""Network queries."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from chartbridge.errors import BadRequestError, InvalidParametersError
from chartbridge.features.queries import service
from chartbridge.features.queries.schemas import NetworkQueryBody, NetworkQueryStatus
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, required

router = APIRouter(prefix="/medical/v1/network/query", route_class=JsonRoute, tags=["Network queries"])


@router.post("", summary="Start a network query", response_model_exclude_unset=True)
def start_query(
    request: Request,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    body: NetworkQueryBody,
    patientId: Annotated[str | None, Query(description="required")] = None,
    purposeOfUse: Annotated[str | None, Query(description="treatment")] = None,
) -> NetworkQueryStatus:
    patient_id = required(patientId, "patientId")
    if purposeOfUse not in (None, "treatment", "ias"):
        raise InvalidParametersError(
            f"Invalid enum value. Expected 'treatment' | 'ias', received '{purposeOfUse}', on [purposeOfUse]"
        )
    if purposeOfUse == "ias":
        raise BadRequestError("Individual access queries are not available in this version")
    query, usages = service.admit_and_start(
        platform,
        tenant,
        patient_id,
        body.sources.enabled(),
        metadata=body.metadata or {},
        again=bool(body.override),
    )
    if usages:
        request.state.response_headers = min(usages, key=lambda u: u.limit - u.used).headers()
    return NetworkQueryStatus.of(query)


@router.get("/{request_id}", summary="Get a network query", response_model_exclude_unset=True)
def get_query(platform: CurrentPlatform, tenant: CurrentTenant, request_id: str) -> NetworkQueryStatus:
    with platform.db.read(tenant) as session:
        return NetworkQueryStatus.of(service.get_query(session, request_id))
