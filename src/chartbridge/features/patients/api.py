"""Operations on patients."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from chartbridge.errors import (
    InvalidParametersError,
    PatientOptedOutError,
    PatientWithoutTreatmentRelationshipError,
)
from chartbridge.features.facilities.schemas import facility_dto
from chartbridge.features.patients import service
from chartbridge.features.patients.fhir import to_fhir
from chartbridge.features.patients.schemas import (
    Demographics,
    ExternalLink,
    FacilityIdsInput,
    HieOptOutDto,
    PatientCreate,
    PatientDto,
    PatientFacilities,
    PatientPage,
    PatientUpdate,
    TreatmentRelationshipDto,
    patient_dto,
)
from chartbridge.features.queries import service as queries
from chartbridge.features.queries.schemas import NetworkQueryBody
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, IfMatch, required, truth
from chartbridge.http.errors import ErrorEnvelope
from chartbridge.http.paging import PageQuery
from chartbridge.http.ratelimit import PATIENT_WRITES, rate_limited
from chartbridge.http.validation import describe_issues

Responses = dict[int | str, dict[str, Any]]


def _error(status: int, description: str) -> Responses:
    return {status: {"model": ErrorEnvelope, "description": description}}


_REFUSED = _error(400, "refused, with the reason")
_NO_PATIENT = _error(404, "no such patient")
_CLASH = _error(412, "eTag mismatch")
_THROTTLED: Responses = {
    429: {
        "description": "too many creates and updates",
        "content": {"text/plain": {"schema": {"type": "string"}}},
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


@router.post(
    "/patient",
    status_code=201,
    summary="Create a patient, or find the one that is there",
    response_model_exclude_none=True,
    responses={**_REFUSED, **_error(404, "no such facility or cohort"), **_THROTTLED},
)
def create_patient(
    _throttled: Throttled,
    facility_id: RequiredFacility,
    body: PatientCreate,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
) -> PatientDto:
    """A person who is there already is answered as stored, and nothing is changed or started."""
    query = _network_query(body)
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
        queries.admit_and_start(
            platform,
            tenant,
            dto.id,
            query.sources.enabled(),
            metadata=query.metadata or {},
            again=bool(query.override),
        )
    return dto


def _network_query(body: PatientCreate) -> NetworkQueryBody | None:
    """The query to start after creation, checked before anything is stored."""
    if body.networkQuery is None:
        return None
    try:
        query = NetworkQueryBody.model_validate(body.networkQuery)
    except ValidationError as error:
        raise InvalidParametersError(describe_issues(error.errors(), within=("networkQuery",))) from None
    if body.opted_out:
        raise PatientOptedOutError()
    if not body.in_treatment:
        raise PatientWithoutTreatmentRelationshipError()
    return query


@router.get("/patient", summary="List patients", response_model_exclude_none=True, responses=_REFUSED)
def list_patients(
    page: PageQuery,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    facility_id: Annotated[str | None, Query(alias="facilityId")] = None,
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
    responses={**_REFUSED, **_NO_PATIENT},
)
def match_patient(body: Demographics, platform: CurrentPlatform, tenant: CurrentTenant) -> PatientDto:
    """The patient that a create with these demographics would answer with."""
    with platform.db.read(tenant) as session:
        return patient_dto(service.match_patient(session, body))


@router.get(
    "/patient/external-id",
    summary="Get a patient by external id",
    response_model_exclude_none=True,
    responses={**_REFUSED, **_NO_PATIENT},
)
def get_patient_by_external_id(
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    external_id: Annotated[str | None, Query(alias="externalId", description="required")] = None,
    source: Annotated[str | None, Query(description="the system whose id it is")] = None,
) -> PatientDto:
    wanted = required(external_id, "externalId")
    with platform.db.read(tenant) as session:
        return patient_dto(service.get_by_external_id(session, wanted, source or None))


@router.get(
    "/patient/{id}",
    summary="Get a patient",
    response_model=PatientDto,
    response_model_exclude_none=True,
    responses=_NO_PATIENT,
)
def get_patient(
    id: str,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    output: Annotated[str | None, Query(description="`fhir` for a FHIR R4 Patient")] = None,
) -> PatientDto | JSONResponse:
    with platform.db.read(tenant) as session:
        patient = service.get_patient(session, id)
        return JSONResponse(to_fhir(patient)) if output == "fhir" else patient_dto(patient)


@router.put(
    "/patient/{id}",
    summary="Replace a patient's demographics",
    response_model_exclude_none=True,
    responses={**_REFUSED, **_NO_PATIENT, **_CLASH, **_THROTTLED},
)
def update_patient(
    id: str,
    _throttled: Throttled,
    body: PatientUpdate,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    facility_id: AnyFacility = None,
    if_match: IfMatch = None,
) -> PatientDto:
    """What is not given is cleared; facilities, opt-out and treatment relationship stay."""
    with platform.db.write(tenant) as session:
        return patient_dto(
            service.update_patient(session, id, body, facility_id=facility_id, if_match=if_match)
        )


@router.delete(
    "/patient/{id}",
    status_code=204,
    summary="Delete a patient and all its data",
    responses={**_REFUSED, **_NO_PATIENT, **_CLASH},
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


@router.post(
    "/patient/{id}/external/sync",
    summary="Link a patient to another system",
    responses={**_REFUSED, **_error(404, "no such patient, or no integration")},
)
def sync_patient(
    id: str,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    source: Annotated[str | None, Query(description="elation or healthie")] = None,
) -> ExternalLink:
    """No integration can be configured yet, so a request without a fault is answered 404."""
    with platform.db.read(tenant) as session:
        service.link_external(session, id, source or None)


@router.put(
    "/patient/{id}/hie-opt-out",
    summary="Opt a patient out of the networks, or in",
    responses={**_REFUSED, **_NO_PATIENT},
)
def set_hie_opt_out(
    id: str,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    opt_out: Annotated[str | None, Query(alias="hieOptOut", description="required: `true` opts out")] = None,
) -> HieOptOutDto:
    """Stored data stay readable when a patient opts out; networks are no longer asked."""
    wanted = truth(required(opt_out, "hieOptOut")) is True
    with platform.db.write(tenant) as session:
        service.set_hie_opt_out(session, id, wanted)
    message = "Patient has been opted " + ("out from the networks" if wanted else "in to the networks")
    return HieOptOutDto(id=id, hieOptOut=wanted, message=message)


@router.get(
    "/patient/{id}/hie-opt-out", summary="Has a patient opted out of the networks", responses=_NO_PATIENT
)
def get_hie_opt_out(id: str, platform: CurrentPlatform, tenant: CurrentTenant) -> HieOptOutDto:
    with platform.db.read(tenant) as session:
        opted_out = service.get_patient(session, id).hie_opt_out
    message = "Patient has opted " + ("out from the networks" if opted_out else "in to the networks")
    return HieOptOutDto(id=id, hieOptOut=opted_out, message=message)


@router.put(
    "/patient/{id}/treatment-relationship",
    summary="Say whether the account treats a patient",
    responses={**_REFUSED, **_NO_PATIENT},
)
def set_treatment_relationship(
    id: str,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    exists: Annotated[
        str | None, Query(alias="treatmentRelationship", description="required: `true` or `false`")
    ] = None,
) -> TreatmentRelationshipDto:
    """Without one, networks are not asked about the patient."""
    wanted = truth(required(exists, "treatmentRelationship")) is True
    with platform.db.write(tenant) as session:
        service.set_treatment_relationship(session, id, wanted)
    message = f"Patient {'has' if wanted else 'does not have'} a treatment relationship"
    return TreatmentRelationshipDto(id=id, treatmentRelationship=wanted, message=message)


@router.get(
    "/patient/{id}/facility",
    summary="List a patient's facilities",
    response_model_exclude_none=True,
    responses=_NO_PATIENT,
)
def list_patient_facilities(id: str, platform: CurrentPlatform, tenant: CurrentTenant) -> PatientFacilities:
    with platform.db.read(tenant) as session:
        found = service.patient_facilities(session, id)
        return PatientFacilities(facilities=[facility_dto(facility) for facility in found])


@router.post(
    "/patient/{id}/facility",
    summary="Set a patient's facilities",
    response_model_exclude_none=True,
    responses={**_REFUSED, **_error(404, "no such patient or facility"), **_CLASH},
)
def set_patient_facilities(
    id: str,
    body: FacilityIdsInput,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    if_match: IfMatch = None,
) -> PatientFacilities:
    """Replaces the whole set."""
    with platform.db.write(tenant) as session:
        found = service.set_patient_facilities(
            session, id, body.facilityIds, if_match=if_match, body_etag=body.eTag
        )
        return PatientFacilities(facilities=[facility_dto(facility) for facility in found])
