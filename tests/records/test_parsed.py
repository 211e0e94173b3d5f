"""Charts that are kept as parsed, and the index that stands beside a snapshot."""

from __future__ import annotations

import gzip

import orjson

from chartbridge.features.records import chart
from chartbridge.features.records.parsed import ParsedCharts
from chartbridge.storage import ObjectNotFoundError, keys
from tests.records.bundles import pulse, put
from tests.records.conftest import Charted
from tests.running import World
from tests.support.client import M


def snapshot(name: str, size: int = 100) -> bytes:
    entry = {"resource": {"resourceType": "Basic", "id": name, "text": "x" * size}}
    return gzip.compress(orjson.dumps({"entry": [entry]}))


def test_what_was_read_lately_is_kept_up_to_a_size_in_bytes() -> None:
    kept = ParsedCharts(max_json_bytes=500)
    for name in ("a", "b", "c"):
        assert kept.read(name, snapshot(name))[0]["id"] == name
        assert kept.get("a") is not None  # asked for again and again, so it stays
    kept.read("d", snapshot("d"))
    assert kept.get("b") is None
    assert (kept.get("a") or [])[0]["id"] == "a"
    assert kept.read("huge", snapshot("huge", 1000))[0]["id"] == "huge"
    assert kept.get("huge") is None
    assert kept.get("d") is not None


def test_a_changed_chart_is_read_anew(world: World) -> None:
    api = world.caller()
    patient = api.patient_id()
    for number in range(1, 4):
        put(api, patient, pulse(patient, value=60 + number))
        count = api.get(f"{M}/patient/{patient}/consolidated/count")
        assert count["resources"]["Observation"] == number


def test_one_patients_chart_is_never_given_for_anothers(world: World) -> None:
    first, second = world.caller(), world.caller()
    patients = [(api, api.patient_id()) for api in (first, second)]
    for api, patient in patients:
        put(api, patient, pulse(patient))
    for api, patient in patients:
        held = api.get(f"{M}/patient/{patient}/consolidated", resources="Observation")["entry"]
        (told,) = [one["resource"] for one in held if one["resource"]["resourceType"] == "Observation"]
        assert told["subject"]["reference"] == f"Patient/{patient}"


def test_an_index_goes_with_its_snapshot_and_is_made_again_when_it_is_missing(
    world: World, jane: Charted
) -> None:
    tenant = world.tenant(jane.api)
    held = chart.current_snapshot(world.platform, tenant, jane.patient)
    assert held is not None
    key = keys.search_index(tenant, jane.patient, held[0])
    before = world.platform.store.get(key)
    search = f"{M}/patient/{jane.patient}/consolidated/search"
    count = jane.api.get(search, query="depression")["resourceCount"]
    world.platform.store.delete(key)
    assert jane.api.get(search, query="depression")["resourceCount"] == count > 1
    assert world.platform.store.get(key) == before


def test_an_index_is_removed_with_its_snapshot(world: World) -> None:
    api = world.caller()
    patient, tenant = api.patient_id(), world.tenant(api)
    made = []
    for number in range(3):
        put(api, patient, pulse(patient, value=60 + number))
        made.append(chart.consolidate_patient(world.platform, tenant, patient))
    there = []
    for name in made:
        assert name is not None
        try:
            world.platform.store.get(keys.search_index(tenant, patient, name))
            there.append(name)
        except ObjectNotFoundError:
            continue
    assert there == made[1:]
