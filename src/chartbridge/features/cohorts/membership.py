"""Adding patients to a cohort and removing them: those named, or all, however many.

Locks come in one order, cohort before patients and patients by id, so that changes at once wait for each
other and never in a circle. Patients stay locked until the end: whether the account treats them cannot
change in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import delete

from chartbridge.db import TenantSession
from chartbridge.db.upsert import insert_all_new
from chartbridge.errors import NotFoundError, PatientWithoutTreatmentRelationshipError
from chartbridge.features.cohorts import service
from chartbridge.features.cohorts.models import Cohort, CohortMember
from chartbridge.features.patients import service as patients

BATCH = 1000


def add(session: TenantSession, cohort_id: str, patient_ids: Iterable[str]) -> Cohort:
    """Make those patients members; who is one already stays one.

    Raises NotFoundError for the cohort or a patient, and PatientWithoutTreatmentRelationshipError when the
    cohort is for treatment and the account does not treat one of them.
    """
    cohort = service.get_for_change(session, cohort_id)
    for treated in _hold_named(session, patient_ids):
        untreated = [patient_id for patient_id, is_treated in treated.items() if not is_treated]
        if untreated and cohort.purpose_of_use == service.TREATMENT:
            raise PatientWithoutTreatmentRelationshipError(id=untreated[0], cohortId=cohort_id)
        _insert(session, cohort_id, list(treated))
    return cohort


def add_all(session: TenantSession, cohort_id: str) -> Cohort:
    """Make all patients of the account members, of a cohort for treatment those whom the account treats.

    Raises NotFoundError.
    """
    cohort = service.get_for_change(session, cohort_id)
    treated_only = cohort.purpose_of_use == service.TREATMENT
    for ids in patients.hold_all(session, BATCH, treated_only=treated_only):
        _insert(session, cohort_id, ids)
    return cohort


def remove(session: TenantSession, cohort_id: str, patient_ids: Iterable[str]) -> Cohort:
    """Make those patients members no longer; who is none stays none.

    Raises NotFoundError for the cohort or a patient.
    """
    cohort = service.get_for_change(session, cohort_id)
    for held in _hold_named(session, patient_ids):
        _delete(session, cohort_id, list(held))
    return cohort


def remove_all(session: TenantSession, cohort_id: str) -> Cohort:
    """Leave the cohort without members. Raises NotFoundError."""
    cohort = service.get_for_change(session, cohort_id)
    for _ in patients.hold_all(session, BATCH, among=service.members(cohort_id)):
        pass  # one statement takes all away; what it needs of each member is the patient, locked in order
    session.execute(
        delete(CohortMember)
        .where(CohortMember.cohort_id == cohort_id)
        .execution_options(synchronize_session=False)
    )
    return cohort


def add_to_cohorts(session: TenantSession, patient_id: str, cohort_ids: Iterable[str]) -> None:
    """Make one patient a member of the cohorts. Raises NotFoundError for the patient or a cohort, and
    PatientWithoutTreatmentRelationshipError."""
    treated = patients.hold_patients(session, [patient_id])
    if patient_id not in treated:
        raise NotFoundError("Could not find patient", id=patient_id)
    service.join(session, patient_id, cohort_ids, in_treatment=treated[patient_id])


def _hold_named(session: TenantSession, patient_ids: Iterable[str]) -> Iterator[dict[str, bool]]:
    """The patients in batches, locked, with whether the account treats them. Raises NotFoundError."""
    ids = sorted(set(patient_ids))
    for batch in (ids[start : start + BATCH] for start in range(0, len(ids), BATCH)):
        treated = patients.hold_patients(session, batch)
        for patient_id in batch:
            if patient_id not in treated:
                raise NotFoundError("Could not find patient", id=patient_id)
        yield treated


def _insert(session: TenantSession, cohort_id: str, patient_ids: Sequence[str]) -> None:
    rows = [{"cohort_id": cohort_id, "patient_id": patient_id} for patient_id in patient_ids]
    insert_all_new(session, CohortMember, rows, key=("cohort_id", "patient_id"))


def _delete(session: TenantSession, cohort_id: str, patient_ids: Sequence[str]) -> None:
    session.execute(
        delete(CohortMember)
        .where(CohortMember.cohort_id == cohort_id, CohortMember.patient_id.in_(patient_ids))
        .execution_options(synchronize_session=False)
    )
