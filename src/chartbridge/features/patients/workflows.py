"""Background work on patients: removing what the object store keeps of one who was deleted."""

from __future__ import annotations

import structlog

from chartbridge.db import Tenant, TenantSession
from chartbridge.jobs.queue import HOUSEKEEPING, JobQueue
from chartbridge.jobs.workflow import platform, step, workflow
from chartbridge.storage import keys

QUEUE = HOUSEKEEPING
PURGE = "purge-patient"
SECOND_PASS_S = 3600.0

log = structlog.get_logger(__name__)


def enqueue_purge(session: TenantSession, jobs: JobQueue, patient_id: str) -> None:
    """Have the patient's objects removed once the session's transaction commits.

    A second pass an hour later takes away what work that was under way at that moment still wrote.
    """
    arguments = (str(session.tenant), patient_id)
    jobs.enqueue(session, QUEUE, PURGE, *arguments, job_id=f"{PURGE}:{patient_id}")
    jobs.enqueue(
        session, QUEUE, PURGE, *arguments, job_id=f"{PURGE}:{patient_id}:again", delay_s=SECOND_PASS_S
    )


def _failed(tenant: str, patient_id: str, reason: str) -> None:
    """The patient is gone already; only an operator can find out why the store keeps the objects."""
    log.error("a deleted patient's objects remain", tenant=tenant, patient=patient_id, reason=reason)


@workflow(PURGE, failed=_failed)
def purge_patient(tenant: str, patient_id: str) -> None:
    """Remove every object of a patient that was deleted."""
    delete_objects(tenant, patient_id)


@step
def delete_objects(tenant: str, patient_id: str) -> int:
    """How many objects there were."""
    return platform().store.delete_below(keys.patient_folder(Tenant.parse(tenant), patient_id))
