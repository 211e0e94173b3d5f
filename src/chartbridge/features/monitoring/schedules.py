"""What cohorts have monitored by schedule, since when, and when the next occasions are.

Used by the cohorts' room, so it knows nothing of cohorts and patients but their ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from chartbridge.db import TenantSession
from chartbridge.db.upsert import insert_new
from chartbridge.features.monitoring import cadences
from chartbridge.features.monitoring.cadences import Frequency
from chartbridge.features.monitoring.models import Round, Schedule
from chartbridge.features.networks.protocol import Source


def keep(
    session: TenantSession, cohort_id: str, wanted: Mapping[Source, Frequency | None], since: datetime
) -> None:
    """Keep what a cohort, locked or new in this transaction, has monitored by schedule (None: not at all).

    ``since``: when that was set. A frequency that changes begins anew: occasions before the change never run.
    """
    for source, frequency in wanted.items():
        known = session.get(Schedule, (cohort_id, source), with_for_update=True)
        if frequency is None:
            if known is not None:
                session.delete(known)
        elif known is None:
            row = {
                "cohort_id": cohort_id,
                "source": source,
                "tenant": str(session.tenant),
                "frequency": frequency,
                "since": since,
                "look_at": since,
            }
            insert_new(session, Schedule, row, key=("cohort_id", "source"))
        elif known.frequency != frequency:
            known.frequency, known.since, known.look_at = frequency, since, since
    session.flush()


def forget(session: TenantSession, cohort_id: str) -> None:
    """The cohort is no more."""
    session.execute(delete(Schedule).where(Schedule.cohort_id == cohort_id))


@dataclass(frozen=True, slots=True)
class Outlook:
    """A schedule with its occasions, and how the last round went."""

    schedule: Schedule
    next_occasion: datetime
    last_round: Round | None


def outlook(session: TenantSession, now: datetime, hour: int) -> list[Outlook]:
    """All schedules of all tenants, the soonest first. ``hour``: of UTC, at which occasions are."""
    newest = select(func.max(Round.id)).group_by(Round.cohort_id, Round.source)
    rounds = {
        (one.cohort_id, one.source): one for one in session.scalars(select(Round).where(Round.id.in_(newest)))
    }
    found = []
    for schedule in session.scalars(select(Schedule)):
        frequency = frequency_of(schedule)
        missed = cadences.latest(frequency, already(schedule), now, hour)
        coming = missed or cadences.following(frequency, now, hour)
        found.append(Outlook(schedule, coming, rounds.get((schedule.cohort_id, schedule.source))))
    return sorted(found, key=lambda one: (one.next_occasion, one.schedule.cohort_id, one.schedule.source))


def already(schedule: Schedule) -> datetime:
    """Occasions not later than this one are over."""
    return max(schedule.since, schedule.last_occasion or schedule.since)


def frequency_of(schedule: Schedule) -> Frequency:
    return next(frequency for frequency in cadences.FREQUENCIES if frequency == schedule.frequency)
