"""Operations on cohorts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from chartbridge.db import TenantSession
from chartbridge.errors import BadRequestError
from chartbridge.features.cohorts import membership, service
from chartbridge.features.cohorts.schemas import (
    CohortDto,
    CohortIdsInput,
    CohortInput,
    CohortList,
    CohortUpdate,
    MembershipAnswer,
    MembersInput,
    Uuid,
    cohort_dto,
)
from chartbridge.features.patients import service as patients
from chartbridge.features.patients.schemas import PatientPage, patient_dto
from chartbridge.http.body import JsonRoute
from chartbridge.http.context import CurrentPlatform, CurrentTenant, IfMatch
from chartbridge.http.errors import answers
from chartbridge.http.paging import PageRequest, parse_count

MAX_PAGE = 100
_BAD_ID = "the id is no UUID"
_NO_COHORT = {404: "no such cohort"}
_NO_PATIENT = {404: "no such patient"}
_MEMBERS = {
    400: "neither or both of patientIds and allPatients, or the id is no UUID",
    404: "no such cohort, or no such patient; nothing was changed",
}

router = APIRouter(prefix="/medical/v1", route_class=JsonRoute, tags=["Cohorts"], strict_content_type=False)

CohortId = Annotated[Uuid, Path(description="the cohort's id, a UUID")]


def _member_page(
    fromItem: Annotated[
        str | None, Query(description="first patient of the page; goes on to older ones")
    ] = None,
    toItem: Annotated[str | None, Query(description="last patient of the page")] = None,
    count: Annotated[
        str | None, Query(description="patients on a page, 50 unless given, 100 at most")
    ] = None,
) -> PageRequest:
    if fromItem and toItem:
        raise BadRequestError("Either fromItem or toItem can be provided, but not both")
    return PageRequest(fromItem or None, toItem or None, parse_count(count, MAX_PAGE))


MemberPage = Annotated[PageRequest, Depends(_member_page)]


def _dto(session: TenantSession, cohort: service.Cohort) -> CohortDto:
    return _dtos(session, [cohort])[0]


def _dtos(session: TenantSession, cohorts: list[service.Cohort]) -> list[CohortDto]:
    sizes = service.sizes(session, cohorts)
    return [cohort_dto(cohort, sizes[cohort.id]) for cohort in cohorts]


@router.post(
    "/cohort",
    status_code=201,
    summary="Create a cohort",
    responses=answers(
        {400: "a value is missing or wrong, the name is taken, or a service to monitor is not active"}
    ),
)
def create_cohort(body: CohortInput, platform: CurrentPlatform, tenant: CurrentTenant) -> CohortDto:
    """Settings given in part are laid over the defaults."""
    active = service.active_services(platform.settings, tenant.environment)
    with platform.db.write(tenant) as session:
        return _dto(session, service.create_cohort(session, body, active))


@router.get("/cohort", summary="List cohorts")
def list_cohorts(platform: CurrentPlatform, tenant: CurrentTenant) -> CohortList:
    """All cohorts, oldest first."""
    with platform.db.read(tenant) as session:
        return CohortList(cohorts=_dtos(session, service.list_cohorts(session)))


@router.get("/cohort/{id}", summary="Get a cohort", responses=answers({400: _BAD_ID, **_NO_COHORT}))
def get_cohort(id: CohortId, platform: CurrentPlatform, tenant: CurrentTenant) -> CohortDto:
    """The cohort as stored now, with the number of its patients."""
    with platform.db.read(tenant) as session:
        return _dto(session, service.get_cohort(session, id))


_UPDATE = answers(
    {
        400: "a value is wrong, the name is taken, a service to monitor is not active, or another purpose",
        **_NO_COHORT,
        412: "eTag mismatch",
    }
)


@router.patch("/cohort/{id}", summary="Change a cohort", responses=_UPDATE)
def change_cohort(
    id: CohortId,
    body: CohortUpdate,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    if_match: IfMatch = None,
) -> CohortDto:
    """What is not given stays; settings given in part are laid over the stored ones."""
    active = service.active_services(platform.settings, tenant.environment)
    with platform.db.write(tenant) as session:
        return _dto(session, service.update_cohort(session, id, body, active, if_match=if_match))


@router.put("/cohort/{id}", summary="Change a cohort, as PATCH does", responses=_UPDATE)
def update_cohort(
    id: CohortId,
    body: CohortUpdate,
    platform: CurrentPlatform,
    tenant: CurrentTenant,
    if_match: IfMatch = None,
) -> CohortDto:
    """What is not given stays; settings given in part are laid over the stored ones."""
    return change_cohort(id, body, platform, tenant, if_match)


@router.delete(
    "/cohort/{id}",
    status_code=204,
    summary="Delete a cohort",
    responses=answers({400: "it has members, or the id is no UUID", **_NO_COHORT}),
)
def delete_cohort(id: CohortId, platform: CurrentPlatform, tenant: CurrentTenant) -> None:
    """Refused while it has members."""
    with platform.db.write(tenant) as session:
        service.delete_cohort(session, id)


@router.get(
    "/cohort/{id}/patient",
    summary="List a cohort's patients",
    response_model_exclude_none=True,
    responses=answers({400: "the id is no UUID, or cursor or count cannot be used", **_NO_COHORT}),
)
def list_members(
    id: CohortId, page: MemberPage, platform: CurrentPlatform, tenant: CurrentTenant
) -> PatientPage:
    """Newest patients first."""
    with platform.db.read(tenant) as session:
        service.get_cohort(session, id)
        found = patients.list_patients(session, page, among=service.members(id))
        url = f"{platform.settings.origin}{router.prefix}/cohort/{id}/patient"
        return PatientPage(
            meta=found.meta(url, {}), patients=[patient_dto(patient) for patient in found.items]
        )


@router.post(
    "/cohort/{id}/patient",
    summary="Add patients to a cohort",
    responses=answers({**_MEMBERS, 400: f"{_MEMBERS[400]}; a patient without a treatment relationship"}),
)
def add_members(
    id: CohortId, body: MembersInput, platform: CurrentPlatform, tenant: CurrentTenant
) -> MembershipAnswer:
    """Who is a member stays one. With `allPatients` a cohort for treatment gets those of the account's
    patients who have a treatment relationship."""
    with platform.db.write(tenant) as session:
        if body.patientIds is None:
            cohort = membership.add_all(session, id)
        else:
            cohort = membership.add(session, id, body.patientIds)
        return MembershipAnswer(message="Patient(s) added to cohort", cohort=_dto(session, cohort))


@router.delete("/cohort/{id}/patient", summary="Remove patients from a cohort", responses=answers(_MEMBERS))
def remove_members(
    id: CohortId, body: MembersInput, platform: CurrentPlatform, tenant: CurrentTenant
) -> MembershipAnswer:
    """Who is no member stays none; the patients themselves are not touched."""
    with platform.db.write(tenant) as session:
        if body.patientIds is None:
            cohort = membership.remove_all(session, id)
        else:
            cohort = membership.remove(session, id, body.patientIds)
        return MembershipAnswer(message="Patient(s) removed from cohort", cohort=_dto(session, cohort))


@router.post(
    "/patient/{id}/cohort",
    summary="Add a patient to cohorts",
    responses=answers(
        {
            400: "no cohort, what is no UUID, or a cohort for treatment without a treatment relationship",
            404: "no such patient or cohort",
        }
    ),
)
def add_to_cohorts(
    id: str, body: CohortIdsInput, platform: CurrentPlatform, tenant: CurrentTenant
) -> CohortList:
    """Answers with all cohorts of the patient, those from before too."""
    with platform.db.write(tenant) as session:
        membership.add_to_cohorts(session, id, body.cohortIds)
        return CohortList(cohorts=_dtos(session, service.cohorts_of(session, id)))


@router.get("/patient/{id}/cohort", summary="List a patient's cohorts", responses=answers(_NO_PATIENT))
def list_patient_cohorts(id: str, platform: CurrentPlatform, tenant: CurrentTenant) -> CohortList:
    """Oldest cohort first."""
    with platform.db.read(tenant) as session:
        patients.get_patient(session, id)
        return CohortList(cohorts=_dtos(session, service.cohorts_of(session, id)))
