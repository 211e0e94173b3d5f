"""Rounds of housekeeping: entered once, through all tenants, whatever fails in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from chartbridge.db import Tenant
from chartbridge.features.documents import uploads
from chartbridge.features.documents.models import Document
from chartbridge.features.housekeeping import calendar, sweeps, workflows
from chartbridge.features.housekeeping.sweeps import Sweep
from chartbridge.ids import utcnow
from chartbridge.jobs import control
from chartbridge.platform import Platform
from chartbridge.storage import keys
from tests.running import World, running, wait_until
from tests.support import people
from tests.support.client import M

NOON = datetime(2026, 6, 6, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_round_is_begun_once_by_however_many_workers(world: World) -> None:
    def begun() -> list[str]:
        found = control.list_jobs(world.platform, name=workflows.ROUND)
        return sorted(job.id for job in found)

    plans = [workflows.plan() for _ in range(2)]
    for now in (NOON, NOON + HOUR / 2, NOON + HOUR * 0.99):
        for plan in plans:
            plan.due(world.platform, now)
    assert begun() == ["housekeeping:2026-06-06T12:00:00+00:00"]
    assert [plan.due(world.platform, NOON + HOUR) for plan in plans] == [1, 1]
    assert len(begun()) == 2


def test_every_tenants_turn_comes_once_a_day_and_not_always_at_one_time() -> None:
    tenants = [f"sandbox/account-{number}" for number in range(200)]
    turns: dict[str, list[int]] = {tenant: [] for tenant in tenants}
    for hour in range(72):
        for tenant in tenants:
            if calendar.has_turn(tenant, NOON + HOUR * hour - HOUR * 12, 3600):
                turns[tenant].append(hour)
    assert all([hour // 24 for hour in hours] == [0, 1, 2] for hours in turns.values())
    assert sum(len({hour % 24 for hour in hours}) > 1 for hours in turns.values()) > 150
    share = Counter(hours[0] for hours in turns.values())
    assert max(share.values()) < 30, "rounds share the work"
    assert calendar.has_turn("sandbox/x", NOON, 200_000), "with rounds rarer than daily it is in each"


def test_a_sweep_that_fails_does_not_stop_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Platform, __: Tenant, ___: datetime) -> int:
        raise OSError("away")

    chosen = (Sweep("broken", broken), Sweep("good", lambda *_: 3), Sweep("idle", lambda *_: 0))
    monkeypatch.setattr(sweeps, "TENANT_SWEEPS", chosen)
    assert sweeps.sweep_tenant(world.platform, Tenant("a", "sandbox"), NOON) == {"good": 3}


def test_all_tenants_are_gone_through_in_parts(world: World) -> None:
    made = {world.tenant(world.caller()) for _ in range(3)}
    seen: list[Tenant] = []
    after = ""
    while found := sweeps.tenants_after(world.platform, after, 2):
        seen += found
        after = found[-1].account_id
    assert made <= set(seen)
    assert len(seen) == len(set(seen))


@pytest.fixture(params=["sqlite", "postgres"])
def working(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(
        request.param, tmp_path_factory, request, schedule_poll_s=3600, housekeeping_s=172_800
    ) as it:
        yield it


def test_a_worker_does_the_round_of_its_own_accord(working: World) -> None:
    """The first round is the one that a worker begins when it starts; here a second one finds work."""
    here = working.platform
    wait_until(lambda: bool(control.list_jobs(here, name=workflows.ROUND, states=["done"])), "first round")
    api = working.caller()
    tenant = working.tenant(api)
    patient = api.patient_id(people.stranger())
    reference = {
        "resourceType": "DocumentReference",
        "description": "d",
        "type": {"text": "t"},
        "context": {"period": {"start": "2026-01-01"}},
    }
    made = api.post(f"{M}/document/upload", reference, patientId=patient)
    with here.db.write(tenant) as session:
        document = session.get_one(Document, made["documentReferenceId"])
        document.created_at = utcnow() - uploads.AWAITED_FOR - HOUR
    here.store.put(keys.brief(tenant, patient), b"{}", content_type="application/json")
    assert workflows.plan().due(here, utcnow() + timedelta(days=3)) == 1
    wait_until(lambda: len(control.list_jobs(here, name=workflows.ROUND, states=["done"])) == 2, "the second")
    with here.db.read(tenant) as session:
        assert session.get(Document, made["documentReferenceId"]) is None
    newest = control.list_jobs(here, name=workflows.ROUND)[0]
    steps = [step.name.rpartition(".")[2] for step in control.show(here, newest.id).steps]
    assert steps[:3] == ["drop_jobs", "drop_monitoring_rounds", "next_tenants"]
    assert "sweep_objects" in steps
    assert here.store.size(keys.brief(tenant, patient)) == 2
