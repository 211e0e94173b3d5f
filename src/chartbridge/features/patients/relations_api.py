"""Operations on what a patient stands in: other systems, networks, treatment, facilities."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from chartbridge.features.facilities.schemas import facility_dto
from chartbridge.features.patients import service
from chartbridge.features.patients.schemas import (
    ExternalLink,
    FacilityIdsInput,
    HieOptOutDto,
    PatientFacilities,
    TreatmentRelationshipDto,
)
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, IfMatch, required, truth
from chartbridge.http.errors import answers

_NO_PATIENT = {404: "no such patient"}
_CLASH = {412: "eTag mismatch"}

router = APIRouter(route_class=JsonRoute, strict_content_type=False)
"""A part of the router of patients."""


@router.post(
    "/patient/{id}/external/sync",
    summary="Link a patient to another system",
    responses=answers(
        {
            400: "an unknown or unsupported source, no external id, or several integrations to choose from",
            404: "no such patient, or no integration",
        }
    ),
)
def sync_patient(
    id: str,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    source: Annotated[
        str | None,
        Query(description="elation or healthie; may be left out when the account has one integration"),
    ] = None,
) -> ExternalLink:
    """Keeps the patient's external id as the other system's id of them. That system is not contacted; an
    operator enables it with `chartbridge integrations enable`."""
    with platform.db.write(tenant) as session:
        return ExternalLink(patientId=id, externalId=service.sync_patient(session, id, source or None))


@router.put(
    "/patient/{id}/hie-opt-out",
    summary="Opt a patient out of the networks, or in",
    responses=answers({400: "hieOptOut is missing", **_NO_PATIENT}),
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
    "/patient/{id}/hie-opt-out",
    summary="Has a patient opted out of the networks",
    responses=answers(_NO_PATIENT),
)
def get_hie_opt_out(id: str, platform: CurrentPlatform, tenant: CurrentTenant) -> HieOptOutDto:
    """A patient who has opted out is not asked for at any network."""
    with platform.db.read(tenant) as session:
        opted_out = service.get_patient(session, id).hie_opt_out
    message = "Patient has opted " + ("out from the networks" if opted_out else "in to the networks")
    return HieOptOutDto(id=id, hieOptOut=opted_out, message=message)


@router.put(
    "/patient/{id}/treatment-relationship",
    summary="Say whether the account treats a patient",
    responses=answers({400: "treatmentRelationship is missing", **_NO_PATIENT}),
)
def set_treatment_relationship(
    id: str,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    exists: Annotated[
        str | None, Query(alias="treatmentRelationship", description="required: `true` or `false`")
    ] = None,
) -> TreatmentRelationshipDto:
    """Without one, networks are not asked about the patient, who leaves every cohort for treatment."""
    wanted = truth(required(exists, "treatmentRelationship")) is True
    with platform.db.write(tenant) as session:
        service.set_treatment_relationship(session, id, wanted)
    message = f"Patient {'has' if wanted else 'does not have'} a treatment relationship"
    return TreatmentRelationshipDto(id=id, treatmentRelationship=wanted, message=message)


@router.get(
    "/patient/{id}/facility",
    summary="List a patient's facilities",
    response_model_exclude_none=True,
    responses=answers(_NO_PATIENT),
)
def list_patient_facilities(id: str, platform: CurrentPlatform, tenant: CurrentTenant) -> PatientFacilities:
    """The facilities that the patient is associated with, as stored now."""
    with platform.db.read(tenant) as session:
        found = service.patient_facilities(session, id)
        return PatientFacilities(facilities=[facility_dto(facility) for facility in found])


@router.post(
    "/patient/{id}/facility",
    summary="Set a patient's facilities",
    response_model_exclude_none=True,
    responses=answers(
        {400: "no facility, or what is no id of one", 404: "no such patient or facility", **_CLASH}
    ),
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
