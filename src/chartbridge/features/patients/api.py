"""Operations on patients."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError

from chartbridge.db import Tenant
from chartbridge.errors import (
    InvalidParametersError,
    PatientLockedError,
    PatientOptedOutError,
    PatientWithoutTreatmentRelationshipError,
)
from chartbridge.features.patients import relations_api, service
from chartbridge.features.patients.fhir import to_fhir
from chartbridge.features.patients.links import SOURCES
from chartbridge.features.patients.reading import read_patient
from chartbridge.features.patients.schemas import (
    Demographics,
    FhirPatient,
    PatientCreate,
    PatientDto,
    PatientPage,
    PatientUpdate,
    patient_dto,
)
from chartbridge.features.queries import service as queries
from chartbridge.features.queries.schemas import NetworkQueryBody
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, IfMatch, required
from chartbridge.http.errors import ErrorEnvelope, answers
from chartbridge.http.paging import PageQuery
from chartbridge.http.ratelimit import PATIENT_WRITES, rate_limited
from chartbridge.http.validation import describe_issues
from chartbridge.platform import Platform

_NO_PATIENT = {404: "no such patient"}
_CLASH = {412: "eTag mismatch"}
_INVALID = "a value is missing or wrong"
_FACILITY_RULE = "the facility is not the patient's, or is missing where the patient has several"
_THROTTLED: dict[int | str, dict[str, Any]] = {
    429: {
        "description": "too many creates and updates",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


class CapRefusal(BaseModel):
    """The sandbox holds no more patients."""

    message: str = Field(examples=["Cannot create more than 20 patients in Sandbox mode!"])


_CREATE_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {
        "model": ErrorEnvelope | CapRefusal,
        "description": f"{_INVALID}; a cohort for treatment without a treatment relationship; "
        "the sandbox is full, in a form of its own",
    }
}
_LOCKED: dict[int | str, dict[str, Any]] = {
    423: {
        "description": "a document query of the patient is processing; the body is the reason alone",
        "content": {
            "application/json": {
                "schema": {"type": "string", "const": "Document querying currently in progress"}
            }
        },
    }
}

router = APIRouter(
    prefix="/medical/v1",
    tags=["Patients"],
    route_class=JsonRoute,
    strict_content_type=False,
)


def _required_facility(
    facilityId: Annotated[str | None, Query(description="required: the facility to join")] = None,
) -> str:
    return required(facilityId, "facilityId")


RequiredFacility = Annotated[str, Depends(_required_facility)]
AnyFacility = Annotated[
    str | None,
    Query(alias="facilityId", description="may be left out when the patient has exactly one facility"),
]
Throttled = Annotated[None, rate_limited(PATIENT_WRITES)]
_NO_EFFECT = "accepted and without effect: networks are asked when a query starts, by what the query says"
NoEffect = Annotated[str | None, Query(description=_NO_EFFECT)]


def _discovery_switches(
    rerunPdOnNewDemographics: NoEffect = None, commonwell: NoEffect = None, carequality: NoEffect = None
) -> None:
    """What callers may send for a discovery that other installations run by itself."""


DiscoverySwitches = Annotated[None, Depends(_discovery_switches)]


@router.post(
    "/patient",
    status_code=201,
    summary="Create a patient, or find the one that is there",
    response_model_exclude_none=True,
    responses={**_CREATE_REFUSED, **answers({404: "no such facility or cohort"}), **_THROTTLED},
)
def create_patient(
    _throttled: Throttled,
    _switches: DiscoverySwitches,
    facility_id: RequiredFacility,
    body: PatientCreate,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
) -> PatientDto:
    """A person who is there already is answered as stored, and nothing is changed or started."""
    query = _network_query(body)
    if query is not None and body.opted_out:
        raise PatientOptedOutError()
    if query is not None and not body.in_treatment:
        raise PatientWithoutTreatmentRelationshipError()
    with platform.db.write(tenant) as session:
        patient, is_new = service.create_patient(
            session,
            platform.db,
            body,
            facility_id=facility_id,
            sandbox_max_patients=platform.settings.sandbox_max_patients,
        )
        dto = patient_dto(patient)
    if is_new and query is not None:
        _start(platform, tenant, dto.id, query)
    return dto


def _network_query(body: PatientCreate | PatientUpdate) -> NetworkQueryBody | None:
    """The query to start afterwards, checked before anything is stored."""
    if body.networkQuery is None:
        return None
    try:
        return NetworkQueryBody.model_validate(body.networkQuery)
    except ValidationError as error:
        raise InvalidParametersError(describe_issues(error.errors(), within=("networkQuery",))) from None


def _start(platform: Platform, tenant: Tenant, patient_id: str, query: NetworkQueryBody) -> None:
    queries.admit_and_start(
        platform,
        tenant,
        patient_id,
        query.sources.enabled(),
        metadata=query.metadata or {},
        again=bool(query.override),
        wishes=query.wishes(),
    )


@router.get(
    "/patient",
    summary="List patients",
    response_model_exclude_none=True,
    responses=answers({400: "cursor, count or filters cannot be used"}),
)
def list_patients(
    page: PageQuery,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    facility_id: Annotated[
        str | None, Query(alias="facilityId", description="only patients of this facility")
    ] = None,
    filters: Annotated[
        str | None, Query(description='whole words: `ann ruiz`, `"ann ruiz"`, `ann or ana`, `ann -ruiz`')
    ] = None,
) -> PatientPage:
    """Newest first. The filter looks at names, date of birth, ids and facilities."""
    with platform.db.read(tenant) as session:
        found = service.list_patients(session, page, facility_id=facility_id, filters=filters)
        url = f"{platform.settings.origin}{router.prefix}/patient"
        return PatientPage(
            meta=found.meta(url, {"facilityId": facility_id, "filters": filters}),
            patients=[patient_dto(patient) for patient in found.items],
        )


@router.post(
    "/patient/match",
    summary="Find a patient by demographics",
    response_model_exclude_none=True,
    responses=answers({400: _INVALID, 404: "nobody is that person"}),
)
def match_patient(body: Demographics, platform: CurrentPlatform, tenant: CurrentTenant) -> PatientDto:
    """The patient that a create with these demographics would answer with."""
    with platform.db.glance(tenant) as session:
        return patient_dto(service.match_patient(session, body))


@router.get(
    "/patient/external-id",
    summary="Get a patient by external id",
    response_model_exclude_none=True,
    responses=answers(
        {400: "no external id, several patients with it, or an unknown source", 404: "no such patient"}
    ),
)
def get_patient_by_external_id(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    external_id: Annotated[
        str | None, Query(alias="externalId", description="required: the caller's own id, or the source's")
    ] = None,
    source: Annotated[
        str | None, Query(description=f"the other system whose id it is: {', '.join(SOURCES)}")
    ] = None,
) -> PatientDto:
    """Without a source the id is the caller's own; with one, that which a sync has kept."""
    wanted = required(external_id, "externalId")
    with platform.db.read(tenant) as session:
        return patient_dto(service.get_by_external_id(session, wanted, source or None))


@router.get(
    "/patient/{id}",
    summary="Get a patient",
    response_model=PatientDto,
    response_model_exclude_none=True,
    responses={200: {"model": PatientDto | FhirPatient}, **answers(_NO_PATIENT)},
)
def get_patient(
    id: str,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    output: Annotated[str | None, Query(description="`fhir` for a FHIR R4 Patient")] = None,
) -> PatientDto | JSONResponse:
    """The patient as stored now, with the `eTag` that a change must name."""
    patient = read_patient(platform.db, tenant, id)
    return JSONResponse(to_fhir(patient)) if output == "fhir" else patient_dto(patient)


@router.put(
    "/patient/{id}",
    summary="Replace a patient's demographics",
    response_model_exclude_none=True,
    responses={
        **answers({400: f"{_INVALID}; {_FACILITY_RULE}", **_NO_PATIENT, **_CLASH}),
        **_LOCKED,
        **_THROTTLED,
    },
)
def update_patient(
    id: str,
    _throttled: Throttled,
    _switches: DiscoverySwitches,
    body: PatientUpdate,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    facility_id: AnyFacility = None,
    if_match: IfMatch = None,
) -> PatientDto:
    """What is not given is cleared; facilities, opt-out and treatment relationship stay."""
    query = _network_query(body)
    with platform.db.write(tenant) as session:
        held = service.hold_for_update(session, id, facility_id)
        if queries.is_document_query_running(session, id):
            raise PatientLockedError()
        if query is not None:
            service.ensure_queryable(held)
        patient = service.update_patient(session, id, body, facility_id=facility_id, if_match=if_match)
        dto = patient_dto(patient)
    if query is not None:
        _start(platform, tenant, id, query)
    return dto


@router.delete(
    "/patient/{id}",
    status_code=204,
    summary="Delete a patient and all its data",
    responses=answers({400: _FACILITY_RULE, **_NO_PATIENT, **_CLASH}),
)
def delete_patient(
    id: str,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    facility_id: AnyFacility = None,
    if_match: IfMatch = None,
) -> None:
    """The facility serves only to name the requester: the whole patient is deleted."""
    with platform.db.write(tenant) as session:
        service.delete_patient(session, platform.jobs, id, facility_id=facility_id, if_match=if_match)


router.include_router(relations_api.router)
