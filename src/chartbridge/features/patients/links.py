"""What other systems (EHRs) call a patient: the systems an account has enabled, and the ids kept.

Nobody is asked: the caller says by the patient's external id what the system calls the patient, and an
operator says which systems an account uses.
"""

from __future__ import annotations

from sqlalchemy import delete, select

from chartbridge.db import TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.errors import BadRequestError, NotFoundError
from chartbridge.features.patients.models import Integration, PatientLink

SOURCES = ("athenahealth", "canvas", "elation", "healthie", "eclinicalworks", "salesforce", "practicefusion")
"""Systems whose ids of a patient can be looked up."""

LINKED_SOURCES = ("elation", "healthie")
"""Those of them that an account can enable, and a patient be linked to."""


def enable(session: TenantSession, source: str) -> bool:
    """Let the account link patients to that system. True when it could not before.

    Raises BadRequestError for a system that is not among ``LINKED_SOURCES``.
    """
    if source not in LINKED_SOURCES:
        raise BadRequestError(f"Unsupported source: {source}. Must be one of: {', '.join(LINKED_SOURCES)}")
    return insert_new(session, Integration, {"source": source}, key=("account_id", "environment", "source"))


def disable(session: TenantSession, source: str) -> bool:
    """Link no more patients to that system; ids kept stay. True when it was enabled."""
    query = delete(Integration).where(Integration.source == source).returning(Integration.source)
    return session.scalar(query) is not None


def enabled(session: TenantSession) -> list[str]:
    """The systems that the account has enabled, by name."""
    return list(session.scalars(select(Integration.source).order_by(Integration.source)))


def source_to_link(session: TenantSession, wanted: str | None) -> str:
    """The system to link a patient to: the one wanted, or the only one the account has enabled.

    Raises NotFoundError when it is not enabled, and BadRequestError when one has to be chosen.
    """
    found = [source for source in enabled(session) if wanted in (None, source)]
    if not found:
        raise NotFoundError("No integration mapping found")
    if len(found) > 1:
        raise BadRequestError("Multiple source integrations found. Please specify a source")
    return found[0]


def check_source(source: str | None) -> None:
    """Raise BadRequestError unless patients can be linked to the system, when one is named."""
    if source is not None and source not in SOURCES:
        raise BadRequestError(f"Invalid source: {source}. Must be one of: {', '.join(SOURCES)}")
    if source is not None and source not in LINKED_SOURCES:
        raise BadRequestError("Unsupported mapping source", source=source)


def find_linked(session: TenantSession, source: str, external_id: str) -> str | None:
    """The id of the patient whom the system calls so. Raises BadRequestError for a system not known."""
    if source not in SOURCES:
        raise BadRequestError("Invalid source", source=source)
    return session.scalar(
        select(PatientLink.patient_id).where(
            PatientLink.source == source, PatientLink.external_id == external_id
        )
    )


def keep(session: TenantSession, patient_id: str, source: str, external_id: str) -> None:
    """Note what the system calls the patient; nothing changes when that is noted already.

    Raises BadRequestError when the system calls another patient so: an id there is one person's.
    """
    row = {"source": source, "external_id": external_id, "patient_id": patient_id}
    insert_new(session, PatientLink, row, key=("account_id", "environment", "source", "external_id"))
    if find_linked(session, source, external_id) != patient_id:
        raise BadRequestError(
            f"External ID {external_id} is already mapped to another patient", source=source
        )


def ids_of(session: TenantSession, patient_id: str) -> dict[str, list[str]]:
    """What the patient is called, by system."""
    query = (
        select(PatientLink.source, PatientLink.external_id)
        .where(PatientLink.patient_id == patient_id)
        .order_by(PatientLink.source, PatientLink.external_id)
    )
    held: dict[str, list[str]] = {}
    for source, external_id in session.execute(query):
        held.setdefault(source, []).append(external_id)
    return held
