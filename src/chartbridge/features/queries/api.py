"""Network queries, and document queries, their forerunner."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request

from chartbridge.errors import BadRequestError, InvalidParametersError
from chartbridge.features.queries import document_queries, service
from chartbridge.features.queries.schemas import (
    DocumentQueryBody,
    DocumentQueryProgress,
    NetworkQueryBody,
    NetworkQueryStatus,
)
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, required, truth
from chartbridge.http.errors import answers
from chartbridge.http.ratelimit import DOCUMENT_QUERIES, rate_limited

_NOT_ASKED = "refused: the body or a parameter is not right, the patient has opted out or is not treated"
_THROTTLED: dict[int | str, dict[str, Any]] = {
    429: {
        "description": "too many starts",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}

network = APIRouter(prefix="/medical/v1/network/query", route_class=JsonRoute, tags=["Network queries"])
document = APIRouter(prefix="/medical/v1/document/query", route_class=JsonRoute, tags=["Documents"])


@network.post(
    "",
    summary="Start a network query",
    response_model_exclude_unset=True,
    responses=answers({400: _NOT_ASKED, 404: "no such patient"}),
)
def start_query(
    request: Request,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    body: NetworkQueryBody,
    patientId: Annotated[str | None, Query(description="required")] = None,
    purposeOfUse: Annotated[
        str | None, Query(description="treatment, which is the default; ias is refused in this version")
    ] = None,
) -> NetworkQueryStatus:
    """The answer is 200 even when sources could not be started: these stand in ``errors``."""
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
        wishes=body.wishes(),
    )
    if usages:
        request.state.response_headers = min(usages, key=lambda u: u.limit - u.used).headers()
    return NetworkQueryStatus.of(query)


@network.get(
    "/{request_id}",
    summary="Get a network query",
    response_model_exclude_unset=True,
    responses=answers({404: "no such query"}),
)
def get_query(platform: CurrentPlatform, tenant: CurrentTenant, request_id: str) -> NetworkQueryStatus:
    """Each source ends by itself, and sends a message when it does."""
    with platform.db.read(tenant) as session:
        return NetworkQueryStatus.of(service.get_query(session, request_id))


@document.post(
    "",
    summary="Start a document query",
    response_model_exclude_none=True,
    dependencies=[rate_limited(DOCUMENT_QUERIES)],
    responses={**answers({400: _NOT_ASKED, 404: "no such patient"}), **_THROTTLED},
)
def start_document_query(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    body: Annotated[DocumentQueryBody, Body(default_factory=DocumentQueryBody)],
    patientId: Annotated[str | None, Query(description="required")] = None,
    facilityId: Annotated[
        str | None, Query(description="the facility that asks; else the patient's first one")
    ] = None,
    override: Annotated[str | None, Query(description="true: fetch again what is already held")] = None,
    commonwell: Annotated[  # noqa: ARG001 - every configured network is asked in any case
        str | None, Query(description="taken and without effect: every network is asked")
    ] = None,
    carequality: Annotated[  # noqa: ARG001
        str | None, Query(description="taken and without effect: every network is asked")
    ] = None,
) -> DocumentQueryProgress:
    """Ask the HIEs for documents that are not here yet. While a query of the patient runs, its progress is
    answered and nothing is started. Network queries are the successor."""
    patient_id = required(patientId, "patientId")
    with platform.db.write(tenant) as session:
        query = document_queries.start(
            platform,
            session,
            patient_id,
            facility_id=(facilityId or "").strip() or None,
            metadata=body.metadata or {},
            again=bool(truth(override)),
            hie=body.control(),
        )
        return DocumentQueryProgress.of(query, *document_queries.progress(session, query))


@document.get(
    "",
    summary="Get the progress of a patient's last document query",
    response_model_exclude_none=True,
    responses=answers({400: "patientId is missing", 404: "no such patient"}),
)
def get_document_query(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    patientId: Annotated[str | None, Query(description="required")] = None,
) -> DocumentQueryProgress:
    """How far the downloads and conversions of the last document query have come."""
    patient_id = required(patientId, "patientId")
    with platform.db.read(tenant) as session:
        query = document_queries.latest(session, patient_id)
        if query is None:
            return DocumentQueryProgress()
        return DocumentQueryProgress.of(query, *document_queries.progress(session, query))


router = APIRouter()
router.include_router(network)
router.include_router(document)
