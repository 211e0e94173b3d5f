"""Snapshots: written once for what is new, swapped whole, and never lost to a race."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from chartbridge.db import Tenant
from chartbridge.features.records import chart
from chartbridge.storage import keys
from tests.running import Caller, World
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
