"""One attempt to get the summary of a stay: asking the HIEs, unless it is here, and then the next attempt."""

from __future__ import annotations

from datetime import datetime

from chartbridge.db import Tenant, TenantSession
from chartbridge.features.documents import discharge_summary
from chartbridge.features.monitoring import service
from chartbridge.features.monitoring.asking import ask
from chartbridge.features.monitoring.models import FollowUp
from chartbridge.features.networks.protocol import Source
from chartbridge.features.patients import service as patients
from chartbridge.platform import Platform

SOURCE: Source = "hie"


def attempt(
    platform: Platform, tenant: Tenant, patient_id: str, encounter_id: str, number: int, now: datetime
) -> bool:
    """Make the attempt of that number, unless it was made; whether the networks are asked.

    All of it is one transaction: the query, the count, and the job of the next attempt.
    """
    with platform.db.write(tenant) as session:
        follow_up = _held(session, patient_id, encounter_id)
        if follow_up is None or follow_up.ended_at is not None or follow_up.attempt != number:
            return False
        if discharge_summary.is_here(session, patient_id, follow_up.discharged_at):
            _end(follow_up, now, "the discharge summary is here")
            return False
        refusal = ask(platform, session, patient_id, SOURCE, metadata={"encounterId": encounter_id})
        if refusal is not None:
            _end(follow_up, now, refusal)
            return False
        # Of several whose time is past, because no worker ran, this one was for all.
        follow_up.attempt = max(number + 1, service.past_attempts(follow_up.discharged_at, now))
        if follow_up.attempt >= len(service.ATTEMPTS_AFTER):
            _end(follow_up, now, "the last attempt was made")
            return True
        service.enqueue_attempt(
            platform, session, patient_id, encounter_id, follow_up.discharged_at, follow_up.attempt, now
        )
        return True


def give_up(
    platform: Platform, tenant: Tenant, patient_id: str, encounter_id: str, reason: str, now: datetime
) -> None:
    """End the follow-up: an attempt could not be made."""
    with platform.db.write(tenant) as session:
        follow_up = _held(session, patient_id, encounter_id)
        if follow_up is not None and follow_up.ended_at is None:
            _end(follow_up, now, reason[:500])


def _held(session: TenantSession, patient_id: str, encounter_id: str) -> FollowUp | None:
    """The follow-up, locked after its patient; None when the patient is gone."""
    if not patients.hold_patient(session, patient_id):
        return None
    return session.get(FollowUp, (patient_id, encounter_id), with_for_update=True)


def _end(follow_up: FollowUp, now: datetime, ending: str) -> None:
    follow_up.ended_at, follow_up.ending = now, ending
