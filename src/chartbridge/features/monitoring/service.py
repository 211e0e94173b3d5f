"""Following discharges: what intake of admissions and discharges calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chartbridge.db import TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.features.monitoring.models import FollowUp
from chartbridge.features.patients import service as patients
from chartbridge.ids import utcnow
from chartbridge.jobs.queue import HOUSEKEEPING
from chartbridge.platform import Platform

FOLLOW_DISCHARGE = "follow-discharge"
ATTEMPTS_AFTER = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=4),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=4),
)
"""How long after a discharge the networks are asked (contract, real-time notifications 10a)."""


def follow_discharge(
    platform: Platform,
    session: TenantSession,
    patient_id: str,
    discharged_at: datetime,
    encounter_id: str,
    *,
    now: datetime | None = None,
) -> bool:
    """Have the networks asked after a discharge until its summary is here, once this transaction commits.

    Told again of an encounter that is followed, nothing more is begun: a later time of discharge replaces the
    one known. Of one that was followed to the end it is begun anew for a later time alone. What of the times
    to ask is past already, because the discharge was told of late, is made up for by asking once. Whether
    anything was begun; not for a patient who is gone.
    """
    if not patients.hold_patient(session, patient_id):
        return False
    now = now or utcnow()
    first = max(0, past_attempts(discharged_at, now) - 1)
    row = {
        "patient_id": patient_id,
        "encounter_id": encounter_id,
        "discharged_at": discharged_at,
        "attempt": first,
    }
    if not insert_new(session, FollowUp, row, key=("patient_id", "encounter_id")):
        known = session.get_one(
            FollowUp, (patient_id, encounter_id), with_for_update=True, populate_existing=True
        )
        if discharged_at <= known.discharged_at:
            return False
        known.discharged_at = discharged_at
        if known.ended_at is None:
            return False
        known.attempt, known.ended_at, known.ending = first, None, None
        session.flush()
    enqueue_attempt(platform, session, patient_id, encounter_id, discharged_at, first, now)
    return True


def enqueue_attempt(
    platform: Platform,
    session: TenantSession,
    patient_id: str,
    encounter_id: str,
    discharged_at: datetime,
    attempt: int,
    now: datetime,
) -> None:
    """Have an attempt made in its time. The job's id says which it is, so it is made once."""
    delay_s = (discharged_at + ATTEMPTS_AFTER[attempt] - now).total_seconds()
    moment = discharged_at.astimezone(UTC).isoformat()
    platform.jobs.enqueue(
        session,
        HOUSEKEEPING,
        FOLLOW_DISCHARGE,
        str(session.tenant),
        patient_id,
        encounter_id,
        str(attempt),
        job_id=f"{FOLLOW_DISCHARGE}:{patient_id}:{encounter_id}:{moment}:{attempt}",
        delay_s=delay_s if delay_s > 0 else None,
    )


def past_attempts(discharged_at: datetime, now: datetime) -> int:
    """How many of the times to ask are past."""
    return sum(discharged_at + pause <= now for pause in ATTEMPTS_AFTER)
