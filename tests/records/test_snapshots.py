"""Snapshots: written once for what is new, swapped whole, and never lost to a race."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import orjson
import pytest

from chartbridge.db import Tenant
from chartbridge.features.patients import service as patients
from chartbridge.features.records import chart
from chartbridge.features.records.turns import Turns
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.storage import ObjectNotFoundError, keys
from tests.running import Caller, World, wait_until
from tests.support import people
from tests.support.client import M

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")


def give(world: World, tenant: Tenant, patient: str, connector: str, *names: str) -> None:
    """Put a network's answer where a query keeps it."""
    resources = [
        {
            "resourceType": "MedicationDispense",
            "id": f"00000000-0000-4000-8000-{sum(map(ord, connector + name)):012d}",
            "status": "completed",
            "medicationCodeableConcept": {"text": name},
            "subject": {"reference": f"Patient/{patient}"},
        }
        for name in names
    ]
    key = keys.source_resources(tenant, patient, "pharmacy", connector)
    world.platform.store.put(key, gzip.compress(orjson.dumps(resources)), content_type="application/gzip")


def snapshots(world: World, tenant: Tenant, patient: str) -> list[str]:
    return list(world.platform.store.keys(f"{keys.patient_folder(tenant, patient)}/charts"))


def dispensed(world: World, tenant: Tenant, patient: str) -> set[str]:
    return {
        r["medicationCodeableConcept"]["text"]
        for r in chart.current_resources(world.platform, tenant, patient)
        if r["resourceType"] == "MedicationDispense"
    }


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


def test_consolidating_what_has_not_changed_writes_nothing(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    give(world, tenant, patient, "A", "sertraline")
    first = chart.consolidate_patient(world.platform, tenant, patient)
    assert first
    assert chart.consolidate_patient(world.platform, tenant, patient) == first
    assert len(snapshots(world, tenant, patient)) == 1
    give(world, tenant, patient, "A", "sertraline", "amlodipine")
    assert chart.consolidate_patient(world.platform, tenant, patient) != first


def test_new_demographics_make_a_new_chart(world: World, api: Caller) -> None:
    body = people.stranger()
    patient, tenant = api.patient_id(body), world.tenant(api)
    first = chart.consolidate_patient(world.platform, tenant, patient)
    api.put(f"{M}/patient/{patient}", {**body, "lastName": "Moreno"}, facilityId=api.facility_id())
    assert chart.consolidate_patient(world.platform, tenant, patient) != first
    (resource,) = chart.current_resources(world.platform, tenant, patient)
    assert resource["name"][0]["family"] == "Moreno"


def test_sources_that_arrive_during_a_consolidation_are_not_lost(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slower of two gathered before the other's data came; it must begin again, not overwrite."""
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    give(world, tenant, patient, "A", "sertraline")
    gathered, go_on = threading.Event(), threading.Event()
    gather = chart._gather
    slow = threading.local()

    def gather_slowly(*arguments: Any) -> Any:
        inputs = gather(*arguments)
        if getattr(slow, "waits", False):
            slow.waits = False
            gathered.set()
            assert go_on.wait(30)
        return inputs

    monkeypatch.setattr(chart, "_gather", gather_slowly)
    monkeypatch.setattr(chart, "_turns", Turns(patience_s=0))  # as in two processes

    def consolidate_slowly() -> None:
        slow.waits = True
        chart.consolidate_patient(world.platform, tenant, patient)

    with ThreadPoolExecutor(1) as pool:
        slower = pool.submit(consolidate_slowly)
        assert gathered.wait(30)
        give(world, tenant, patient, "B", "amlodipine")
        chart.consolidate_patient(world.platform, tenant, patient)
        assert dispensed(world, tenant, patient) == {"sertraline", "amlodipine"}
        go_on.set()
        slower.result()
    assert dispensed(world, tenant, patient) == {"sertraline", "amlodipine"}
    assert len(snapshots(world, tenant, patient)) == 1, "the loser's snapshot is gone"


def test_any_number_at_once_end_with_everything(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    names = [f"drug-{n}" for n in range(6)]

    def arrive(name: str) -> None:
        give(world, tenant, patient, name, name)
        chart.consolidate_patient(world.platform, tenant, patient)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(arrive, names))
    assert dispensed(world, tenant, patient) == set(names)


def test_a_deleted_patient_has_no_chart(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    api.delete(f"{M}/patient/{patient}")
    assert chart.consolidate_patient(world.platform, tenant, patient) is None
    assert chart.publish_last(world.platform, tenant, patient) is None
    assert snapshots(world, tenant, patient) == []


def test_a_patient_deleted_while_the_first_chart_is_made_has_none(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion is under way, and not committed, when the pointer is about to be written."""
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    hold = patients.hold_patient
    held: list[Future[Any]] = []

    with ThreadPoolExecutor(1) as pool:

        def hold_and_delete(session: Any, patient_id: str) -> bool:
            found = hold(session, patient_id)
            if not held:
                held.append(pool.submit(api.delete, f"{M}/patient/{patient}"))
                wait(held, timeout=0.5)
            return found

        monkeypatch.setattr(patients, "hold_patient", hold_and_delete)
        chart.consolidate_patient(world.platform, tenant, patient)
        held[0].result()
    assert chart.current_resources(world.platform, tenant, patient) == []
    wait_until(lambda: snapshots(world, tenant, patient) == [], "its snapshot goes with the patient")


def test_objects_that_a_deletion_took_during_a_read_are_no_error(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    give(world, tenant, patient, "A", "sertraline")
    read = world.platform.store.get

    def delete_first(key: str) -> bytes:
        if key.startswith(f"{keys.patient_folder(tenant, patient)}/resources/"):
            api.http.delete(f"{M}/patient/{patient}")
            world.platform.store.delete(key)
        return read(key)

    monkeypatch.setattr(world.platform.store, "get", delete_first)
    api.get(f"{M}/patient/{patient}/consolidated", status=404)


def test_an_object_that_is_missing_for_another_reason_is_one(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    give(world, tenant, patient, "A", "sertraline")
    listed = world.platform.store.keys

    def list_and_lose(prefix: str) -> list[str]:
        found = list(listed(prefix))
        for key in found:
            world.platform.store.delete(key)
        return found

    monkeypatch.setattr(world.platform.store, "keys", list_and_lose)
    with pytest.raises(ObjectNotFoundError):
        chart.consolidate_patient(world.platform, tenant, patient)


def test_a_chart_that_cannot_be_made_now_is_answered_so(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = api.patient_id(people.stranger())
    with monkeypatch.context() as patch:
        patch.setattr(world.platform.cpu, "run", fail)
        for path in ("consolidated", "consolidated/count", "consolidated/search", "export"):
            detail = api.get(f"{M}/patient/{patient}/{path}", status=503)["detail"]
            assert detail == "The chart could not be made: that took longer than it may"
        patch.setattr(chart, "MAX_RACES", 0)
        detail = api.get(f"{M}/patient/{patient}/consolidated", status=503)["detail"]
        assert detail == "The chart keeps changing; try again later"
    assert api.get(f"{M}/patient/{patient}/consolidated")["total"] == 1


def fail(*_arguments: Any) -> Any:
    raise PoolTaskError("took longer than it may")
