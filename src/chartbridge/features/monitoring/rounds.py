"""Rounds: on an occasion of a schedule each member of the cohort is asked about, in batches, at a pace.

A round is entered, with its first job, in one transaction under a key that only one can take. Each patient is
dealt with in a transaction that moves the round's position too, so whatever stops a batch, it goes on with
the next patient and asks about nobody twice. Batches of all rounds share one pace: each takes the next piece
of time that is free, so a large cohort does not keep a small one waiting.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Select, delete, select, update

from chartbridge.config import Settings
from chartbridge.db import Tenant, TenantSession
from chartbridge.db.upsert import insert_new, upsert
from chartbridge.errors import NotFoundError
from chartbridge.features.cohorts import monitoring as settings_of
from chartbridge.features.cohorts import service as cohorts
from chartbridge.features.monitoring import cadences
from chartbridge.features.monitoring.asking import ask
from chartbridge.features.monitoring.models import MonitoredPatient, Pace, Round, Schedule
from chartbridge.features.monitoring.schedules import already, frequency_of
from chartbridge.features.networks.protocol import Source
from chartbridge.features.patients import service as patients
from chartbridge.ids import new_id
from chartbridge.jobs.queue import HOUSEKEEPING
from chartbridge.platform import Platform

BATCH_JOB = "monitoring-batch"
KEPT_FOR = timedelta(days=90)
"""How long a round that ended is remembered."""

_AT_ONCE = 100
_LOOK_AGAIN = timedelta(minutes=5)
_MAX_BATCH = 50
_A_BATCH_S = 10
_PACE = "network-queries"


def enter_due(platform: Platform, now: datetime) -> int:
    """Enter a round for each schedule of which an occasion has come; returns how many.

    Of occasions that were missed the latest counts. While the schedule's last round is still going on, the
    next one waits for its end.
    """
    with platform.db.glance(None) as session:
        due = session.execute(
            select(Schedule.cohort_id, Schedule.source, Schedule.tenant)
            .where(Schedule.look_at <= now)
            .order_by(Schedule.look_at)
            .limit(_AT_ONCE)
        ).all()
    return sum(
        _enter(platform, Tenant.parse(tenant), (cohort, source), now) for cohort, source, tenant in due
    )


def _enter(platform: Platform, tenant: Tenant, key: tuple[str, str], now: datetime) -> bool:
    hour = platform.settings.monitoring_hour_utc
    with platform.db.write(tenant) as session:
        schedule = session.get(Schedule, key, with_for_update=True)
        if schedule is None or schedule.look_at > now:
            return False  # another worker was faster, or it was switched off
        frequency = frequency_of(schedule)
        occasion = cadences.latest(frequency, already(schedule), now, hour)
        if occasion is None:
            schedule.look_at = cadences.following(frequency, now, hour)
            return False
        if _is_running(session, schedule):
            schedule.look_at = now + _LOOK_AGAIN
            return False
        schedule.last_occasion = occasion
        schedule.look_at = cadences.following(frequency, now, hour)
        row = {
            "id": new_id(),
            "cohort_id": schedule.cohort_id,
            "source": schedule.source,
            "occasion": occasion,
            "tenant": schedule.tenant,
            "frequency": frequency,
            "position": "",
            "batch": 0,
            "asked": 0,
            "passed_over": 0,
            "begun_at": now,
        }
        if not insert_new(session, Round, row, key=("cohort_id", "source", "occasion")):
            return False
        _enqueue(platform, session, session.get_one(Round, row["id"]), now)
        return True


def _is_running(session: TenantSession, schedule: Schedule) -> bool:
    running = select(Round.id).where(
        Round.cohort_id == schedule.cohort_id, Round.source == schedule.source, Round.ended_at.is_(None)
    )
    return session.scalars(running).first() is not None


def ask_batch(platform: Platform, tenant: Tenant, round_id: str, number: int) -> None:
    """Deal with the members of the batch of that number that were not dealt with yet."""
    with platform.db.read(tenant) as session:
        round_ = session.get(Round, round_id)
        if round_ is None or round_.ended_at is not None or round_.batch != number:
            return
        if _why_not_wanted(session, round_) is not None:
            return
        rest = _after(cohorts.members(round_.cohort_id), round_.position)
        ids = list(session.scalars(rest.limit(batch_size(platform.settings))))
    for patient_id in ids:
        if not _deal_with(platform, tenant, round_id, number, patient_id):
            return


def _after(patient_ids: Select[str], position: str) -> Select[str]:
    (column,) = patient_ids.selected_columns
    return patient_ids.where(column > position).order_by(column)


def _deal_with(platform: Platform, tenant: Tenant, round_id: str, number: int, patient_id: str) -> bool:
    """Ask about one member and move the position; whether the round goes on."""
    with platform.db.write(tenant) as session:
        is_there = patients.hold_patient(session, patient_id)
        round_ = session.get(Round, round_id, with_for_update=True)
        if round_ is None or round_.ended_at is not None or round_.batch != number:
            return False
        if round_.position >= patient_id:
            return True
        round_.position = patient_id
        if is_there and _is_first_today(session, round_, patient_id) and _asked(platform, session, round_):
            round_.asked += 1
        else:
            round_.passed_over += 1
        return True


def _asked(platform: Platform, session: TenantSession, round_: Round) -> bool:
    source = cast(Source, round_.source)
    metadata = {"cohortId": round_.cohort_id}
    return ask(platform, session, round_.position, source, metadata=metadata) is None


def _is_first_today(session: TenantSession, round_: Round, patient_id: str) -> bool:
    """Whether nobody asked about the patient at this source for an occasion of that day; says so from now."""
    day = round_.occasion.date().isoformat()
    row = {"patient_id": patient_id, "source": round_.source, "day": day}
    if insert_new(session, MonitoredPatient, row, key=("patient_id", "source")):
        return True
    known = session.get_one(
        MonitoredPatient, (patient_id, round_.source), with_for_update=True, populate_existing=True
    )
    if known.day >= day:
        return False
    known.day = day
    return True


def go_on(platform: Platform, tenant: Tenant, round_id: str, number: int, now: datetime) -> bool:
    """After a batch: end the round when nobody is left or it is not wanted any longer, else have the next
    batch done in its time. Whether there is one."""
    with platform.db.write(tenant) as session:
        round_ = session.get(Round, round_id, with_for_update=True)
        if round_ is None or round_.ended_at is not None:
            return False
        if round_.batch != number:
            return True
        ending = _why_not_wanted(session, round_)
        rest = _after(cohorts.members(round_.cohort_id), round_.position).limit(1)
        if ending is not None or session.scalars(rest).first() is None:
            round_.ended_at, round_.ending = now, ending
            return False
        round_.batch += 1
        _enqueue(platform, session, round_, now)
        return True


def _why_not_wanted(session: TenantSession, round_: Round) -> str | None:
    try:
        cohort = cohorts.get_cohort(session, round_.cohort_id)
    except NotFoundError:
        return "the cohort was deleted"
    if settings_of.scheduled(cohort)[cast(Source, round_.source)] != round_.frequency:
        return "the monitoring was switched off or over"
    return None


def give_up(platform: Platform, tenant: Tenant, round_id: str, reason: str, now: datetime) -> None:
    """End a round whose batch failed for good; the next occasion begins a new one."""
    with platform.db.write(tenant) as session:
        session.execute(
            update(Round)
            .where(Round.id == round_id, Round.ended_at.is_(None))
            .values(ended_at=now, ending=reason[:500])
        )


def drop_old(platform: Platform, now: datetime) -> int:
    """Forget rounds that ended long ago; returns how many."""
    with platform.db.write(None) as session:
        old = session.scalars(select(Round.id).where(Round.ended_at < now - KEPT_FOR).limit(1000)).all()
        session.execute(delete(Round).where(Round.id.in_(old)))
    return len(old)


def batch_size(settings: Settings) -> int:
    """Patients a batch: what the pace allows in ten seconds."""
    return max(1, min(_MAX_BATCH, settings.monitoring_queries_per_minute * _A_BATCH_S // 60))


def _enqueue(platform: Platform, session: TenantSession, round_: Round, now: datetime) -> None:
    """Have the round's present batch done as soon as the pace allows."""
    begins = _reserve(platform, session, now)
    platform.jobs.enqueue(
        session,
        HOUSEKEEPING,
        BATCH_JOB,
        round_.tenant,
        round_.id,
        str(round_.batch),
        job_id=f"{BATCH_JOB}:{round_.id}:{round_.batch}",
        delay_s=(begins - now).total_seconds() if begins > now else None,
    )


def _reserve(platform: Platform, session: TenantSession, now: datetime) -> datetime:
    """When a batch may begin; the time it takes is nobody else's then."""
    minutes = batch_size(platform.settings) / platform.settings.monitoring_queries_per_minute
    takes = timedelta(minutes=minutes)
    platform.db.lock(session, "monitoring-pace")
    known = session.get(Pace, _PACE)
    begins = max(now, known.free_at) if known else now
    row = {"name": _PACE, "free_at": begins + takes}
    upsert(session, Pace, row, key=("name",), update={"free_at": begins + takes}, returning=Pace.free_at)
    return begins
