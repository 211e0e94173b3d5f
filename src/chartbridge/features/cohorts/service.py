"""What can be done with cohorts, and with the cohorts of one patient. The session's tenant bounds
everything. Adding and removing many patients stands in ``membership``."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.exc import IntegrityError

from chartbridge.config import Settings
from chartbridge.db import Environment, TenantSession
from chartbridge.db.upsert import insert_all_new, insert_new
from chartbridge.errors import (
    BadRequestError,
    NotFoundError,
    PatientWithoutTreatmentRelationshipError,
)
from chartbridge.features.cohorts import monitoring
from chartbridge.features.cohorts.models import Cohort as Cohort
from chartbridge.features.cohorts.models import CohortMember
from chartbridge.features.cohorts.schemas import (
    CohortInput,
    CohortSettings,
    CohortUpdate,
    Monitoring,
    SettingsChange,
)
from chartbridge.features.monitoring import schedules
from chartbridge.features.networks import service as networks
from chartbridge.http.context import check_etag
from chartbridge.ids import utcnow
from chartbridge.repeating import repeatable_id

TREATMENT = "treatment"


def active_services(settings: Settings, environment: Environment) -> frozenset[str]:
    """The services (``adt``, ``pharmacy``, ``laboratory``) that an account can have monitored.

    Pharmacy and laboratory are active where a connector serves them; ADT in the sandbox, and in
    production where the operator says so.
    """
    active = {
        "adt": environment == "sandbox" or settings.adt_enabled,
        "pharmacy": bool(networks.connectors(environment, "pharmacy")),
        "laboratory": bool(networks.connectors(environment, "lab")),
    }
    return frozenset(name for name, is_active in active.items() if is_active)


def create_cohort(session: TenantSession, data: CohortInput, active: Collection[str]) -> Cohort:
    """A call that is done again finds the cohort that it made. Raises BadRequestError when the name is taken,
    or a service to monitor is not ``active``."""
    cohort_id = repeatable_id("cohort")
    if (made := session.get(Cohort, cohort_id)) is not None:
        return made
    settings = _changed(CohortSettings(), data.settings, active)
    cohort = Cohort(
        id=cohort_id,
        name=data.name,
        color=data.color,
        description=data.description,
        purpose_of_use=data.purposeOfUse,
        settings=settings.model_dump(),
    )
    try:
        with session.begin_nested():
            session.add(cohort)
    except IntegrityError:
        raise _name_taken(data.name) from None
    monitoring.hand_on(session, cohort)
    return cohort


def list_cohorts(session: TenantSession) -> list[Cohort]:
    """All cohorts, oldest first."""
    return list(session.scalars(select(Cohort).order_by(Cohort.id)))


def get_cohort(session: TenantSession, cohort_id: str) -> Cohort:
    """Raises NotFoundError."""
    found = session.scalars(select(Cohort).where(Cohort.id == cohort_id)).one_or_none()
    return _present(found, cohort_id)


def update_cohort(
    session: TenantSession,
    cohort_id: str,
    data: CohortUpdate,
    active: Collection[str],
    *,
    if_match: str | None = None,
) -> Cohort:
    """Change what is given. Raises NotFoundError, VersionMismatchError, and BadRequestError when the name
    is taken, a service to monitor is not ``active``, or the purpose is another one."""
    cohort = get_for_change(session, cohort_id)
    check_etag(cohort.etag, if_match, data.eTag)
    if data.purposeOfUse not in (None, cohort.purpose_of_use):
        raise BadRequestError("The purposeOfUse of a cohort cannot be changed")
    stored = CohortSettings.model_validate(cohort.settings)
    cohort.settings = _changed(stored, data.settings, active).model_dump()
    if data.name is not None:
        cohort.name = data.name
    if data.color is not None:
        cohort.color = data.color
    if data.description is not None:
        cohort.description = data.description
    cohort.updated_at = utcnow()  # an update that changes nothing else is a new version too
    try:
        session.flush()
    except IntegrityError:
        raise _name_taken(data.name or "") from None
    monitoring.hand_on(session, cohort)
    return cohort


def delete_cohort(session: TenantSession, cohort_id: str) -> None:
    """Raises NotFoundError, and BadRequestError when the cohort has members."""
    session.delete(get_for_change(session, cohort_id))
    try:
        session.flush()
    except IntegrityError:
        # The foreign key of the members is what knows, also about those being added now.
        raise BadRequestError("Cannot delete cohort with patients in it", cohortId=cohort_id) from None
    schedules.forget(session, cohort_id)


def get_for_change(session: TenantSession, cohort_id: str) -> Cohort:
    """The cohort, locked: its members change in one transaction at a time. Raises NotFoundError."""
    query = select(Cohort).where(Cohort.id == cohort_id).with_for_update(key_share=True)
    return _present(session.scalars(query).one_or_none(), cohort_id)


def sizes(session: TenantSession, cohorts: Iterable[Cohort]) -> dict[str, int]:
    """The number of members of each, by the cohort's id."""
    ids = [cohort.id for cohort in cohorts]
    query = (
        select(CohortMember.cohort_id, func.count())
        .where(CohortMember.cohort_id.in_(ids))
        .group_by(CohortMember.cohort_id)
    )
    counted = dict(session.execute(query).all())
    return {cohort_id: counted.get(cohort_id, 0) for cohort_id in ids}


def members(cohort_id: str) -> Select[str]:
    """The query for the ids of a cohort's patients."""
    return select(CohortMember.patient_id).where(CohortMember.cohort_id == cohort_id)


def cohorts_of(session: TenantSession, patient_id: str) -> list[Cohort]:
    """The cohorts that the patient is in, oldest first."""
    ids = select(CohortMember.cohort_id).where(CohortMember.patient_id == patient_id)
    return list(session.scalars(select(Cohort).where(Cohort.id.in_(ids)).order_by(Cohort.id)))


def join(session: TenantSession, patient_id: str, cohort_ids: Iterable[str], *, in_treatment: bool) -> None:
    """Add a patient, locked or new in this transaction, to the cohorts; those it is in already stay.

    Raises NotFoundError for a cohort, and PatientWithoutTreatmentRelationshipError when one of them is for
    treatment and the account does not treat the patient; then the transaction must not commit.
    """
    wanted = set(cohort_ids)
    query = select(Cohort).where(Cohort.id.in_(wanted)).order_by(Cohort.id).with_for_update(key_share=True)
    found = list(session.scalars(query))
    missing = wanted - {cohort.id for cohort in found}
    if missing:
        raise NotFoundError("Could not find cohort", cohortId=min(missing))
    for cohort in found:
        if cohort.purpose_of_use == TREATMENT and not in_treatment:
            raise PatientWithoutTreatmentRelationshipError(id=patient_id, cohortId=cohort.id)
        row = {"cohort_id": cohort.id, "patient_id": patient_id}
        insert_new(session, CohortMember, row, key=("cohort_id", "patient_id"))


def hold_named(session: TenantSession, wanted: Collection[str]) -> dict[str, Cohort]:
    """The cohorts that are called so, by name or id, kept from being deleted until this transaction ends;
    what names no cohort is left out."""
    return _by_name(session, _named(wanted).with_for_update(read=True, key_share=True), wanted)


def find_named(session: TenantSession, wanted: Collection[str]) -> dict[str, Cohort]:
    """The same at this moment, with nothing held."""
    return _by_name(session, _named(wanted), wanted)


def _named(wanted: Collection[str]) -> Select[Cohort]:
    return select(Cohort).where(or_(Cohort.id.in_(wanted), Cohort.name.in_(wanted))).order_by(Cohort.id)


def _by_name(session: TenantSession, query: Select[Cohort], wanted: Collection[str]) -> dict[str, Cohort]:
    found = list(session.scalars(query)) if wanted else []
    # An id is nobody's choice, so it wins over a cohort that somebody named like it.
    known = {cohort.name: cohort for cohort in found} | {cohort.id: cohort for cohort in found}
    return {name: cohort for name, cohort in known.items() if name in wanted}


def join_many(session: TenantSession, pairs: Iterable[tuple[str, str]]) -> None:
    """Add patients to cohorts, as pairs of their ids; who is a member already stays one.

    The caller holds the cohorts and the patients, and knows that each may join.
    """
    rows = [{"cohort_id": cohort_id, "patient_id": patient_id} for cohort_id, patient_id in pairs]
    insert_all_new(session, CohortMember, rows, key=("cohort_id", "patient_id"))


def leave_treatment_cohorts(session: TenantSession, patient_id: str) -> None:
    """Take a patient, locked in this transaction, out of every cohort whose purpose is treatment."""
    for_treatment = select(Cohort.id).where(Cohort.purpose_of_use == TREATMENT)
    session.execute(
        delete(CohortMember)
        .where(CohortMember.patient_id == patient_id, CohortMember.cohort_id.in_(for_treatment))
        .execution_options(synchronize_session=False)
    )


def _changed(
    stored: CohortSettings, change: SettingsChange | None, active: Collection[str]
) -> CohortSettings:
    """The settings after the change; what it turns on must be active."""
    if change is None:
        return stored
    changed = change.onto(stored)
    for service in sorted(_monitored(changed.monitoring) - _monitored(stored.monitoring) - set(active)):
        raise BadRequestError(
            f"Cannot turn on {service} monitoring: the service is not active on this account"
        )
    return changed


def _monitored(wanted: Monitoring) -> set[str]:
    """The services in use that an account must have active."""
    used = {
        "adt": wanted.adt.enabled,
        "pharmacy": wanted.pharmacy.notifications or wanted.pharmacy.schedule.enabled,
        "laboratory": wanted.laboratory.notifications,
    }
    return {name for name, is_used in used.items() if is_used}


def _name_taken(name: str) -> BadRequestError:
    return BadRequestError(f"A cohort with the name {name} already exists")


def _present(cohort: Cohort | None, cohort_id: str) -> Cohort:
    if cohort is None:
        raise NotFoundError("Could not find cohort", cohortId=cohort_id)
    return cohort
