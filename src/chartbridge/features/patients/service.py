"""What can be done with patients. The session's tenant bounds everything."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, joinedload
from sqlalchemy.orm.exc import StaleDataError

from chartbridge.db import Database, TenantSession
from chartbridge.db.upsert import insert_all_new
from chartbridge.errors import (
    BadRequestError,
    NotFoundError,
    PatientOptedOutError,
    PatientWithoutTreatmentRelationshipError,
    SandboxPatientCapError,
    VersionMismatchError,
)
from chartbridge.features.cohorts import service as cohorts
from chartbridge.features.facilities import service as facilities
from chartbridge.features.networks.protocol import PatientIdentity
from chartbridge.features.patients import links, search
from chartbridge.features.patients.counts import count_patients
from chartbridge.features.patients.drafts import PatientDraft
from chartbridge.features.patients.holding import hold_all as hold_all
from chartbridge.features.patients.holding import hold_patients as hold_patients
from chartbridge.features.patients.models import Patient as Patient
from chartbridge.features.patients.models import PatientFacility
from chartbridge.features.patients.purging import is_gone as is_gone
from chartbridge.features.patients.purging import swept_if_gone as swept_if_gone
from chartbridge.features.patients.schemas import Demographics, PatientCreate, PatientInput, PatientUpdate
from chartbridge.features.patients.workflows import enqueue_purge
from chartbridge.http.context import check_etag
from chartbridge.http.kept_answers import forget_patient
from chartbridge.http.paging import Page, PageRequest, paginate
from chartbridge.ids import new_id, utcnow
from chartbridge.jobs.queue import JobQueue
from chartbridge.matching.contract_match import find_match

_COMPARED: dict[str, InstrumentedAttribute[Any]] = {
    "firstName": Patient.first_name,
    "lastName": Patient.last_name,
    "address": Patient.address,
    "contact": Patient.contact,
    "personalIdentifiers": Patient.personal_identifiers,
}
"""What of a patient is compared with another, beside the date of birth and the gender."""

_WHOLE = select(Patient).where(Patient.id == bindparam("patient_id")).options(joinedload(Patient.facilities))
"""Made once: to make it takes longer than to have it answered."""


def find_patient(session: TenantSession, patient_id: str) -> Patient | None:
    """The patient, or None: background work may find that they were deleted meanwhile."""
    return session.scalars(select(Patient).where(Patient.id == patient_id)).one_or_none()


def get_patient(session: TenantSession, patient_id: str) -> Patient:
    """Raises NotFoundError."""
    return _present(_whole(session, patient_id), patient_id)


def hold_patient(session: TenantSession, patient_id: str) -> bool:
    """Whether the patient is there, and from now on stays until this transaction ends.

    Deleting locks the patient first and then what belongs to it. A transaction that locks something of
    the patient and then writes a row that refers to the patient must come in the same order, or the two
    wait for each other; so it calls this first.
    """
    query = select(Patient).where(Patient.id == patient_id).with_for_update(read=True, key_share=True)
    # A patient that was read before takes the values that hold now, under the lock.
    return session.scalars(query, execution_options={"populate_existing": True}).one_or_none() is not None


def ensure_queryable(patient: Patient, *, needs_treatment: bool = True) -> None:
    """Raise unless networks may be asked about the patient: PatientOptedOutError, and with
    ``needs_treatment`` PatientWithoutTreatmentRelationshipError."""
    if patient.hie_opt_out:
        raise PatientOptedOutError(id=patient.id)
    if needs_treatment and not patient.treatment_relationship:
        raise PatientWithoutTreatmentRelationshipError(id=patient.id)


def identity(patient: Patient) -> PatientIdentity:
    """What a network connector is handed."""
    return PatientIdentity(
        id=patient.id,
        first_name=patient.first_name,
        last_name=patient.last_name,
        dob=patient.dob,
        gender_at_birth=patient.gender_at_birth,
        address=patient.address,
        contact=patient.contact,
        personal_identifiers=patient.personal_identifiers,
    )


def webhook_keys(patient: Patient) -> dict[str, Any]:
    """How webhooks name the patient: ``patientId`` and, where there are any, ``externalId`` and
    ``additionalIds``."""
    named: dict[str, Any] = {"patientId": patient.id}
    if patient.external_id:
        named["externalId"] = patient.external_id
    if patient.additional_ids:
        named["additionalIds"] = patient.additional_ids
    return named


def find_same_person(session: TenantSession, demographics: Demographics) -> Patient | None:
    """The patient, the oldest of several, who is that person by the contract's matching rule."""
    compared = (Patient.id, *_COMPARED.values())
    candidates = session.execute(
        select(*compared)
        .where(Patient.dob == demographics.dob, Patient.gender_at_birth == demographics.genderAtBirth)
        .order_by(Patient.id)
    ).all()
    known = {"dob": demographics.dob, "genderAtBirth": demographics.genderAtBirth}
    wire = [known | dict(zip(_COMPARED, candidate[1:], strict=True)) for candidate in candidates]
    place = find_match(demographics.wire(), wire)
    return None if place is None else _whole(session, candidates[place].id)


def match_patient(session: TenantSession, demographics: Demographics) -> Patient:
    """Raises NotFoundError when nobody is that person."""
    patient = find_same_person(session, demographics)
    if patient is None:
        raise NotFoundError("Cannot find patient")
    return patient


def create_patient(
    session: TenantSession,
    db: Database,
    data: PatientCreate,
    *,
    facility_id: str,
    sandbox_max_patients: int,
) -> tuple[Patient, bool]:
    """The patient, and whether it is new; one who is there already is left as it is.

    The person is locked until the transaction ends, so any number of creates at once make one patient;
    create one patient a transaction, lest two transactions wait for each other. Raises NotFoundError
    (facility, cohort), PatientWithoutTreatmentRelationshipError (cohort) and SandboxPatientCapError; then
    the transaction must not commit. ``data.networkQuery`` is the caller's business.
    """
    db.lock(session, *person_lock(session, data))
    found = find_same_person(session, data)
    if found is not None:
        return found, False
    facilities.get_facilities(session, [facility_id], keep=True)
    if room_for_patients(session, db, sandbox_max_patients) == 0:
        raise SandboxPatientCapError(sandbox_max_patients)
    patient = Patient(
        id=new_id(),
        hie_opt_out=data.opted_out,
        treatment_relationship=data.in_treatment,
        additional_ids={},
        facilities=[PatientFacility(facility_id=facility_id)],
    )
    fill(patient, data)
    session.add(patient)
    session.flush()
    if data.cohorts:
        cohorts.join(session, patient.id, data.cohorts, in_treatment=data.in_treatment)
    return patient, True


def person_lock(session: TenantSession, data: Demographics) -> tuple[str, ...]:
    """What to lock before a patient is looked for and, if there is none, created."""
    return ("patient-create", str(session.tenant), data.dob, data.genderAtBirth)


def room_for_patients(session: TenantSession, db: Database, sandbox_max_patients: int) -> int | None:
    """How many more patients the tenant may have, held until the transaction ends; None: any number.

    To be asked after ``person_lock`` was taken: everybody takes the two in that order.
    """
    if session.tenant.environment == "sandbox":
        db.lock(session, "patient-cap", str(session.tenant))
    return room_left(session, sandbox_max_patients)


def room_left(session: TenantSession, sandbox_max_patients: int) -> int | None:
    """The same at this moment, with nothing held."""
    if session.tenant.environment != "sandbox":
        return None
    held = session.scalar(select(func.count()).select_from(Patient)) or 0
    return max(0, sandbox_max_patients - held)


def insert_drafts(session: TenantSession, drafts: Sequence[PatientDraft], facility_id: str) -> None:
    """Insert many new patients, all of that facility."""
    links = [{"patient_id": draft.id, "facility_id": facility_id} for draft in drafts]
    insert_all_new(session, Patient, [draft.row() for draft in drafts], key=("id",))
    insert_all_new(session, PatientFacility, links, key=("patient_id", "facility_id"))


def list_patients(
    session: TenantSession,
    page: PageRequest,
    *,
    facility_id: str | None = None,
    filters: str | None = None,
    among: Select[str] | None = None,
) -> Page[Patient]:
    """Patients, or those ``among`` the ids that a query gives, newest first.

    Raises BadRequestError for a filter beyond the limits.
    """
    query = select(Patient)
    if among is not None:
        query = query.where(Patient.id.in_(among))
    if facility_id:
        linked = select(PatientFacility.patient_id).where(PatientFacility.facility_id == facility_id)
        query = query.where(Patient.id.in_(linked))
    if filters and filters.strip():
        named = [
            facility.id
            for facility in facilities.list_facilities(session)
            if search.names_facility(filters, facility.id, facility.name)
        ]
        query = query.where(search.matching(session, filters, named))
        return paginate(session, query, Patient.id, page, is_search=True)
    if facility_id or among is not None:
        return paginate(session, query, Patient.id, page)
    return paginate(session, query, Patient.id, page, total=lambda: count_patients(session))


def get_by_external_id(session: TenantSession, external_id: str, source: str | None = None) -> Patient:
    """The patient of that external id, or with a ``source`` the one whom that system calls so.

    Raises NotFoundError; BadRequestError when there are several, and for a source that does not exist.
    """
    if source is not None:
        linked = links.find_linked(session, source, external_id)
        patient = None if linked is None else find_patient(session, linked)
        if patient is None:
            raise NotFoundError("Cannot find patient", externalId=external_id, source=source)
        return patient
    found = session.scalars(
        select(Patient).where(Patient.external_id == external_id).order_by(Patient.id).limit(2)
    ).all()
    if len(found) > 1:
        raise BadRequestError(f"Found multiple patients with external ID {external_id}")
    if not found:
        raise NotFoundError("Cannot find patient", externalId=external_id)
    return found[0]


def sync_patient(session: TenantSession, patient_id: str, source: str | None) -> str:
    """Keep the patient's external id as what the other system calls the patient; the id.

    Without ``source`` the system is the only one that the account has enabled. No new version: an eTag that
    was read stays good. Raises NotFoundError (patient, integration) and BadRequestError.
    """
    patient = _for_change(session, patient_id)
    links.check_source(source)
    if patient.external_id is None:
        raise BadRequestError("Patient has no external ID to attempt syncing", patientId=patient.id)
    chosen = links.source_to_link(session, source)
    links.keep(session, patient.id, chosen, patient.external_id)
    additional = {**patient.additional_ids, **links.ids_of(session, patient.id)}
    named = Patient(external_id=patient.external_id, additional_ids=additional)
    _switch(session, patient.id, additional_ids=additional, search_ids=search.ids_of(named))
    return patient.external_id


def hold_for_update(session: TenantSession, patient_id: str, facility_id: str | None) -> Patient:
    """The patient, locked until this transaction ends: for what has to be looked at before an update.

    Raises NotFoundError, and BadRequestError by the facility rule.
    """
    patient = _for_change(session, patient_id)
    _check_facility(patient, facility_id)
    return patient


def update_patient(
    session: TenantSession,
    patient_id: str,
    data: PatientUpdate,
    *,
    facility_id: str | None = None,
    if_match: str | None = None,
) -> Patient:
    """Put ``data`` in the place of what is stored; opt-out, treatment relationship and facilities stay,
    and so do network control and additional ids that are not given.

    Raises NotFoundError, VersionMismatchError, and BadRequestError by the facility rule.
    """
    patient = hold_for_update(session, patient_id, facility_id)
    check_etag(patient.etag, if_match, data.eTag)
    fill(patient, data)
    _flush(session)
    return patient


def delete_patient(
    session: TenantSession,
    jobs: JobQueue,
    patient_id: str,
    *,
    facility_id: str | None = None,
    if_match: str | None = None,
) -> None:
    """Remove the patient and everything that is kept about it: rows at once, objects by a job.

    Raises NotFoundError, VersionMismatchError, and BadRequestError by the facility rule.
    """
    patient = hold_for_update(session, patient_id, facility_id)
    check_etag(patient.etag, if_match)
    session.delete(patient)
    _flush(session)
    forget_patient(session, patient_id)
    enqueue_purge(session, jobs, patient_id)


def set_hie_opt_out(session: TenantSession, patient_id: str, opt_out: bool) -> Patient:
    """Opt the patient out of the networks, or in. No new version: the demographics are as they were."""
    return _switch(session, patient_id, hie_opt_out=opt_out)


def opt_out(session: TenantSession, patient_ids: Collection[str]) -> None:
    """Opt several patients out of the networks, as ``set_hie_opt_out`` does one."""
    if patient_ids:
        query = update(Patient).where(Patient.id.in_(patient_ids)).values(hie_opt_out=True)
        session.execute(query.execution_options(synchronize_session=False))


def set_treatment_relationship(session: TenantSession, patient_id: str, exists: bool) -> Patient:
    """Say whether the account treats the patient; one whom it does not leaves every treatment cohort.

    No new version: the demographics are as they were.
    """
    patient = _switch(session, patient_id, treatment_relationship=exists)
    if not exists:
        cohorts.leave_treatment_cohorts(session, patient_id)
    return patient


def patient_facilities(session: TenantSession, patient_id: str) -> list[facilities.Facility]:
    """Oldest first. Raises NotFoundError."""
    return facilities.get_facilities(session, get_patient(session, patient_id).facility_ids, keep=False)


def set_patient_facilities(
    session: TenantSession,
    patient_id: str,
    facility_ids: list[str],
    *,
    if_match: str | None = None,
    body_etag: str | None = None,
) -> list[facilities.Facility]:
    """Make these the patient's facilities, in place of those before; a new version of the patient.

    Raises NotFoundError for the patient or a facility, and VersionMismatchError.
    """
    patient = _for_change(session, patient_id)
    check_etag(patient.etag, if_match, body_etag)
    wanted = facilities.get_facilities(session, facility_ids, keep=True)
    kept = [link for link in patient.facilities if link.facility_id in facility_ids]
    present = {link.facility_id for link in kept}
    patient.facilities = kept + [
        PatientFacility(facility_id=facility.id) for facility in wanted if facility.id not in present
    ]
    patient.updated_at = utcnow()
    _flush(session)
    return wanted


def fill(patient: Patient | PatientDraft, data: PatientInput, wire: Mapping[str, Any] | None = None) -> None:
    """Put ``data`` into the patient: all but opt-out, treatment relationship and facilities.

    ``wire``: what ``data.wire()`` has given the caller already.
    """
    wire = data.wire() if wire is None else wire
    patient.first_name = data.firstName
    patient.last_name = data.lastName
    patient.dob = data.dob
    patient.gender_at_birth = data.genderAtBirth
    patient.address = wire["address"]
    patient.contact = wire["contact"]
    patient.personal_identifiers = wire["personalIdentifiers"]
    patient.external_id = data.externalId
    if data.hie is not None:
        patient.hie = data.hie.model_dump(exclude_none=True)
    if data.additionalIds is not None:
        given = data.additionalIds.model_dump(exclude_none=True)
        patient.additional_ids = {**patient.additional_ids, **given}
    patient.search_text = search.text_of(patient)
    patient.search_ids = search.ids_of(patient)
    patient.updated_at = utcnow()  # an update that changes nothing else is a new version too


def _whole(session: TenantSession, patient_id: str) -> Patient | None:
    """The patient with the facilities, in one statement."""
    return session.scalars(_WHOLE, {"patient_id": patient_id}).unique().one_or_none()


def _check_facility(patient: Patient, facility_id: str | None) -> None:
    held = patient.facility_ids
    if facility_id:
        if facility_id not in held:
            raise BadRequestError(
                "Patient not associated with given facility", patientId=patient.id, facilityId=facility_id
            )
    elif len(held) != 1:
        raise BadRequestError(
            "Patient is associated with more than one facility (facilityId is required)", patientId=patient.id
        )


def _switch(session: TenantSession, patient_id: str, **values: Any) -> Patient:
    session.execute(update(Patient).where(Patient.id == patient_id).values(**values))
    return get_patient(session, patient_id)


def _for_change(session: TenantSession, patient_id: str) -> Patient:
    query = select(Patient).where(Patient.id == patient_id).with_for_update()
    return _present(session.scalars(query).one_or_none(), patient_id)


def _present(patient: Patient | None, patient_id: str) -> Patient:
    if patient is None:
        raise NotFoundError("Could not find patient", id=patient_id)
    return patient


def _flush(session: TenantSession) -> None:
    try:
        session.flush()
    except StaleDataError:
        raise VersionMismatchError() from None
