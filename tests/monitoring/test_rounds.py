"""Rounds of scheduled queries: each member once an occasion, whatever happens."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from chartbridge.features.cohorts import monitoring
from chartbridge.features.monitoring import rounds
from chartbridge.features.monitoring.models import Pace, Round, Schedule
from chartbridge.features.queries.models import NetworkQuery
from tests.monitoring.conftest import SATURDAY, Clinic
from tests.support.client import M

HIE = {"enabled": True, "frequency": "weekly"}
BEFORE = SATURDAY - timedelta(days=1)
MINUTE = timedelta(minutes=1)


def enter(clinic: Clinic, now: datetime) -> int:
    """How many rounds this account's schedules begin; what other tests left is entered with them."""
    before = _rounds_of(clinic)
    rounds.enter_due(clinic.platform, now)
    return _rounds_of(clinic) - before


def _rounds_of(clinic: Clinic) -> int:
    with clinic.platform.db.read(None) as session:
        return len(session.scalars(select(Round.id).where(Round.tenant == str(clinic.tenant))).all())


@pytest.mark.contract("10a", "network-query.hie scheduled by settings.monitoring.hie")
def test_each_member_is_asked_about_once_on_an_occasion(clinic: Clinic) -> None:
    members = clinic.patients(5)
    outsider = clinic.patients(1)
    cohort = clinic.cohort(members, hie=HIE)
    clinic.since(cohort, BEFORE)
    assert enter(clinic, SATURDAY - MINUTE) == 0
    assert enter(clinic, SATURDAY + MINUTE) == 1
    assert enter(clinic, SATURDAY + MINUTE) == 0, "an occasion is entered once"
    clinic.work(cohort, SATURDAY + MINUTE)
    assert clinic.asked() == [(patient, "hie") for patient in members]
    assert outsider[0] not in dict(clinic.asked())
    assert {query.query_metadata["cohortId"] for query in clinic.queries()} == {cohort}
    (done,) = clinic.rounds(cohort)
    assert (done.asked, done.passed_over, done.ending) == (5, 0, None)
    assert done.batch == 2, "two patients a batch at twelve a minute"
    assert enter(clinic, SATURDAY + timedelta(days=7)) == 1
    clinic.work(cohort, SATURDAY + timedelta(days=7))
    assert len(clinic.asked()) == 10


@pytest.mark.contract("10a", "network-query.pharmacy scheduled by settings.monitoring.pharmacy.schedule")
def test_hie_and_pharmacy_are_asked_each_on_its_own_schedule(clinic: Clinic) -> None:
    members = clinic.patients(1)
    cohort = clinic.cohort(
        members,
        hie={"enabled": True, "frequency": "daily"},
        pharmacy={"schedule": {"enabled": True, "frequency": "weekly"}},
    )
    clinic.since(cohort, SATURDAY - timedelta(days=3))
    for day in range(-2, 2):
        now = SATURDAY + timedelta(days=day)
        enter(clinic, now)
        clinic.work(cohort, now)
    assert sorted(source for _, source in clinic.asked()) == ["hie"] * 4 + ["pharmacy"]


def test_an_occasion_before_the_switching_on_never_runs(clinic: Clinic) -> None:
    cohort = clinic.cohort(clinic.patients(1), hie=HIE)
    clinic.since(cohort, SATURDAY)
    assert enter(clinic, SATURDAY + MINUTE) == 0
    (schedule,) = clinic.schedules(cohort)
    assert schedule.look_at == SATURDAY + timedelta(days=7)


def test_of_missed_occasions_the_latest_is_caught_up_on(clinic: Clinic) -> None:
    cohort = clinic.cohort(clinic.patients(1), hie=HIE)
    clinic.since(cohort, BEFORE)
    back = SATURDAY + timedelta(days=16)
    assert enter(clinic, back) == 1
    clinic.work(cohort, back)
    assert [one.occasion for one in clinic.rounds(cohort)] == [SATURDAY + timedelta(days=14)]
    assert enter(clinic, back + MINUTE) == 0
    assert len(clinic.asked()) == 1


def test_a_patient_in_two_cohorts_is_asked_about_once(clinic: Clinic) -> None:
    members = clinic.patients(3)
    cohorts = [clinic.cohort(members[:2], "One", hie=HIE), clinic.cohort(members[1:], "Two", hie=HIE)]
    for cohort in cohorts:
        clinic.since(cohort, BEFORE)
    assert enter(clinic, SATURDAY + MINUTE) == 2
    for cohort in cohorts:
        clinic.work(cohort, SATURDAY + MINUTE)
    assert clinic.asked() == [(patient, "hie") for patient in members]


def test_who_may_not_be_asked_about_is_passed_over(clinic: Clinic) -> None:
    opted_out, untreated, deleted, stays = clinic.patients(4)
    cohort = clinic.cohort([opted_out, untreated, deleted, stays], hie=HIE)
    operations = clinic.api.post(
        f"{M}/cohort",
        {"name": "Operations", "purposeOfUse": "operations", "settings": {"monitoring": {"hie": HIE}}},
        status=201,
    )["id"]
    clinic.api.post(f"{M}/cohort/{operations}/patient", {"patientIds": [untreated]})
    clinic.api.put(f"{M}/patient/{opted_out}/hie-opt-out", {}, hieOptOut="true")
    clinic.api.put(f"{M}/patient/{untreated}/treatment-relationship", {}, treatmentRelationship="false")
    for one in (cohort, operations):
        clinic.since(one, BEFORE)
    enter(clinic, SATURDAY + MINUTE)
    clinic.api.delete(f"{M}/patient/{deleted}")
    for one in (cohort, operations):
        clinic.work(one, SATURDAY + MINUTE)
    assert clinic.asked() == [(stays, "hie")]
    (done,) = clinic.rounds(operations)
    assert (done.asked, done.passed_over) == (0, 1)


@pytest.mark.parametrize("change", ["off", "rarer", "deleted"])
def test_what_is_switched_off_meanwhile_ends(clinic: Clinic, change: str) -> None:
    members = clinic.patients(3)
    cohort = clinic.cohort(members, hie=HIE)
    clinic.since(cohort, BEFORE)
    enter(clinic, SATURDAY + MINUTE)
    (begun,) = clinic.rounds(cohort)
    rounds.ask_batch(clinic.platform, clinic.tenant, begun.id, 0)
    if change == "deleted":
        for patient in members:
            clinic.api.delete(f"{M}/patient/{patient}")
        clinic.api.delete(f"{M}/cohort/{cohort}")
    else:
        hie = {"enabled": False} if change == "off" else {"frequency": "monthly"}
        clinic.api.put(f"{M}/cohort/{cohort}", {"settings": {"monitoring": {"hie": hie}}})
    assert not rounds.go_on(clinic.platform, clinic.tenant, begun.id, 0, SATURDAY)
    assert len(clinic.asked()) == (0 if change == "deleted" else 2), "those of deleted patients go along"
    (ended,) = clinic.rounds(cohort)
    assert ended.ending in ("the cohort was deleted", "the monitoring was switched off or over")
    assert len(clinic.schedules(cohort)) == (1 if change == "rarer" else 0)


def test_a_batch_that_runs_twice_asks_about_nobody_twice(clinic: Clinic) -> None:
    members = clinic.patients(5)
    cohort = clinic.cohort(members, hie=HIE)
    clinic.since(cohort, BEFORE)
    enter(clinic, SATURDAY + MINUTE)
    (begun,) = clinic.rounds(cohort)
    here, tenant = clinic.platform, clinic.tenant
    for _ in range(2):
        rounds.ask_batch(here, tenant, begun.id, 0)
    assert rounds.go_on(here, tenant, begun.id, 0, SATURDAY)
    with here.db.read(None) as session:
        free_at = session.get_one(Pace, "network-queries").free_at
    assert rounds.go_on(here, tenant, begun.id, 0, SATURDAY)
    with here.db.read(None) as session:
        assert session.get_one(Pace, "network-queries").free_at == free_at, "no time is taken twice"
    rounds.ask_batch(here, tenant, begun.id, 0)
    clinic.work(cohort, SATURDAY)
    assert clinic.asked() == [(patient, "hie") for patient in members]


def test_batches_of_all_rounds_share_one_pace(clinic: Clinic) -> None:
    cohorts = [clinic.cohort([], name, hie=HIE) for name in ("One", "Two", "Three")]
    for cohort in cohorts:
        clinic.since(cohort, BEFORE + timedelta(days=364))
    now = SATURDAY + timedelta(days=364)
    assert enter(clinic, now) == 3
    ids = [f"{rounds.BATCH_JOB}:{clinic.rounds(cohort)[0].id}:0" for cohort in cohorts]
    with clinic.platform.db.read(None) as session:
        free_at = session.get_one(Pace, "network-queries").free_at
    assert free_at - now >= 3 * timedelta(seconds=10)
    jobs = clinic.platform.jobs.client().list_workflows(workflow_ids=ids, load_input=False, load_output=False)
    waits = sorted(job.delay_until_epoch_ms or 0 for job in jobs)
    assert len(jobs) == 3
    assert waits[2] - waits[1] > 9_000, "each after the other's ten seconds"


def test_a_round_that_still_goes_on_keeps_the_next_one_waiting(clinic: Clinic) -> None:
    cohort = clinic.cohort(clinic.patients(1), hie=HIE)
    clinic.since(cohort, BEFORE)
    assert enter(clinic, SATURDAY) == 1
    later = SATURDAY + timedelta(days=7)
    assert enter(clinic, later) == 0
    clinic.work(cohort, later)
    assert enter(clinic, later + MINUTE) == 0
    assert enter(clinic, later + 6 * MINUTE) == 1


def test_a_batch_that_fails_for_good_ends_its_round(clinic: Clinic) -> None:
    cohort = clinic.cohort(clinic.patients(1), hie=HIE)
    clinic.since(cohort, BEFORE)
    enter(clinic, SATURDAY)
    (begun,) = clinic.rounds(cohort)
    rounds.give_up(clinic.platform, clinic.tenant, begun.id, "unexpected OSError", SATURDAY)
    rounds.ask_batch(clinic.platform, clinic.tenant, begun.id, 0)
    assert clinic.asked() == []
    assert clinic.rounds(cohort)[0].ending == "unexpected OSError"
    assert rounds.drop_old(clinic.platform, SATURDAY + timedelta(days=91)) >= 1
    assert clinic.rounds(cohort) == []


def test_cohorts_of_an_older_program_get_their_schedules(clinic: Clinic) -> None:
    cohort = clinic.cohort([], hie=HIE)
    (made,) = clinic.schedules(cohort)
    with clinic.platform.db.write(None) as session:
        session.delete(session.get_one(Schedule, (cohort, "hie")))
    for _ in range(2):
        with clinic.platform.db.write(clinic.tenant) as session:
            monitoring.hand_on_all(session)
    (again,) = clinic.schedules(cohort)
    assert (again.since, again.frequency, again.tenant) == (made.since, "weekly", str(clinic.tenant))


def test_a_query_of_a_round_counts_against_no_limit_of_requests(clinic: Clinic) -> None:
    cohort = clinic.cohort(clinic.patients(1), hie=HIE)
    clinic.since(cohort, BEFORE)
    enter(clinic, SATURDAY)
    clinic.work(cohort, SATURDAY)
    with clinic.platform.db.read(clinic.tenant) as session:
        (query,) = session.scalars(select(NetworkQuery)).all()
    assert query.errors == []
