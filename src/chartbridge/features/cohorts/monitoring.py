"""Handing on what a cohort has monitored by schedule to those who do it."""

from __future__ import annotations

from sqlalchemy import select

from chartbridge.db import TenantSession
from chartbridge.features.cohorts.models import Cohort
from chartbridge.features.cohorts.schemas import CohortSettings
from chartbridge.features.monitoring import schedules
from chartbridge.features.monitoring.cadences import Frequency
from chartbridge.features.networks.protocol import Source


def scheduled(cohort: Cohort) -> dict[Source, Frequency | None]:
    """How often each source that can be monitored by schedule is to be asked; None: not at all."""
    monitoring = CohortSettings.model_validate(cohort.settings).monitoring
    pharmacy = monitoring.pharmacy.schedule
    return {
        "hie": monitoring.hie.frequency if monitoring.hie.enabled else None,
        "pharmacy": pharmacy.frequency if pharmacy.enabled else None,
    }


def hand_on(session: TenantSession, cohort: Cohort) -> None:
    """To be called in the transaction that created or changed the cohort, when it is flushed."""
    schedules.keep(session, cohort.id, scheduled(cohort), cohort.updated_at)


def hand_on_all(session: TenantSession) -> None:
    """The same for all cohorts: those that were changed by a program that had no schedules."""
    for cohort in session.scalars(select(Cohort).order_by(Cohort.id).with_for_update(key_share=True)):
        hand_on(session, cohort)
