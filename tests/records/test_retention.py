"""What is replaced goes, what somebody may still read stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from chartbridge.db import Tenant
from chartbridge.features.records import chart, retention
from chartbridge.features.records.models import Record
from chartbridge.ids import new_id
from chartbridge.storage import keys
from tests.records.bundles import path
from tests.records.test_snapshots import dispensed, give, snapshots
from tests.running import Caller, World, wait_until
from tests.support import people
from tests.support.client import M

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


def id_of(age: timedelta) -> str:
    """A UUID version 7 of that age."""
    moment_ms = int((datetime.now(UTC) - age).timestamp() * 1000)
    return str(UUID(int=(moment_ms << 80) | (UUID(new_id()).int & ((1 << 80) - 1))))


def pointers(world: World, tenant: Tenant, patient: str) -> set[str]:
    with world.platform.db.read(tenant) as session:
        record = session.get(Record, patient)
    assert record is not None
    return {name for name in (record.snapshot_id, record.previous_snapshot_id) if name}


def names(world: World, tenant: Tenant, patient: str) -> set[str]:
    return {key.rpartition("/")[2].partition(".")[0] for key in snapshots(world, tenant, patient)}


def test_the_current_snapshot_and_the_one_before_it_are_kept(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    for n in range(5):
        give(world, tenant, patient, f"N{n}", "sertraline")
        made = chart.consolidate_patient(world.platform, tenant, patient)
        assert names(world, tenant, patient) == pointers(world, tenant, patient)
        assert made in names(world, tenant, patient)
    assert len(names(world, tenant, patient)) == 2


def test_whoever_read_the_pointer_before_it_moved_can_still_read(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    give(world, tenant, patient, "A", "sertraline")
    held = chart.consolidate_patient(world.platform, tenant, patient)
    assert held
    give(world, tenant, patient, "B", "amlodipine")
    chart.consolidate_patient(world.platform, tenant, patient)
    content = world.platform.store.get(keys.snapshot(tenant, patient, held))
    assert content, "one move leaves it"
    give(world, tenant, patient, "C", "ibuprofen")
    chart.consolidate_patient(world.platform, tenant, patient)
    key = chart.publish(world.platform, tenant, patient, held)
    assert b"ibuprofen" in world.platform.store.get(key), "after two the newest is given"


def test_what_a_crash_left_behind_goes_after_an_hour(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    old, fresh = id_of(timedelta(hours=2)), id_of(timedelta(minutes=50))
    for name in (old, fresh):
        world.platform.store.put(
            keys.snapshot(tenant, patient, name), b"left", content_type="application/gzip"
        )
    give(world, tenant, patient, "A", "sertraline")
    chart.consolidate_patient(world.platform, tenant, patient)
    left = names(world, tenant, patient)
    assert old not in left
    assert fresh in left, "it may be about to become the current one"


def test_an_old_current_snapshot_is_not_taken_for_a_leftover(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    give(world, tenant, patient, "A", "sertraline")
    current = chart.consolidate_patient(world.platform, tenant, patient)
    assert current
    old, older = id_of(timedelta(days=30)), id_of(timedelta(days=40))
    content = world.platform.store.get(keys.snapshot(tenant, patient, current))
    for name in (old, older):
        world.platform.store.put(
            keys.snapshot(tenant, patient, name), content, content_type="application/gzip"
        )
    with world.platform.db.write(tenant) as session:
        record = session.get(Record, patient)
        assert record is not None
        record.snapshot_id, record.previous_snapshot_id = old, older
    retention.drop_old_snapshots(world.platform, tenant, patient, None)
    assert {old, older} <= names(world, tenant, patient)
    assert dispensed(world, tenant, patient) == {"sertraline"}


def test_many_at_once_leave_two_snapshots_and_everything_in_the_chart(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    drugs = [f"drug-{n}" for n in range(8)]

    def arrive(name: str) -> None:
        give(world, tenant, patient, name, name)
        chart.consolidate_patient(world.platform, tenant, patient)
        assert name in dispensed(world, tenant, patient)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(arrive, drugs))
    assert dispensed(world, tenant, patient) == set(drugs)
    assert pointers(world, tenant, patient) <= names(world, tenant, patient)
    assert len(names(world, tenant, patient)) == 2


def put_result(world: World, tenant: Tenant, patient: str, name: str) -> str:
    key = keys.query_result(tenant, patient, name, "json")
    world.platform.store.put(key, b"{}", content_type="application/json")
    return key


def test_results_go_when_their_urls_have_ended_and_nobody_waits(world: World, api: Caller) -> None:
    api.post("/settings", {"webhookUrl": ""})
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    give(world, tenant, patient, "A", "sertraline")
    old = put_result(world, tenant, patient, id_of(timedelta(hours=2)))
    fresh = put_result(world, tenant, patient, id_of(timedelta(minutes=30)))
    foreign = put_result(world, tenant, patient, "no-uuid")
    begun = api.post(f"{path(patient)}/query", conversionType="json")
    api.poll(f"{path(patient)}/query/{begun['requestId']}")
    retention.drop_old_results(world.platform, tenant, patient)
    own = keys.query_result(tenant, patient, begun["requestId"], "json")
    sizes = {key: world.platform.store.size(key) is not None for key in (old, fresh, foreign, own)}
    assert sizes == {old: False, fresh: True, foreign: True, own: True}


def test_the_next_query_takes_old_results_away(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    old = put_result(world, tenant, patient, id_of(timedelta(hours=2)))
    begun = api.post(f"{path(patient)}/query", conversionType="json", fromDashboard="true")
    api.poll(f"{path(patient)}/query/{begun['requestId']}")
    wait_until(lambda: world.platform.store.size(old) is None, "the old result is gone")


def test_what_an_undelivered_message_links_to_stays_for_a_day(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens, so the message of the query waits to be retried."""
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    give(world, tenant, patient, "A", "sertraline")
    begun = api.post(f"{path(patient)}/query", conversionType="json")
    api.poll(f"{path(patient)}/query/{begun['requestId']}")
    key = keys.query_result(tenant, patient, begun["requestId"], "json")
    api.post(f"{path(patient)}/query", conversionType="json", resources="Goal", fromDashboard="true")
    assert begun["requestId"] not in str(api.get(f"{path(patient)}/query")), "it is listed no more"
    monkeypatch.setattr(retention, "SPARED_FOR", timedelta(0))
    retention.drop_old_results(world.platform, tenant, patient)
    assert world.platform.store.size(key) is not None
    monkeypatch.setattr(retention, "AWAITED_FOR", timedelta(0))
    retention.drop_old_results(world.platform, tenant, patient)
    assert world.platform.store.size(key) is None
    assert api.get(f"{M}/patient/{patient}")["id"] == patient
