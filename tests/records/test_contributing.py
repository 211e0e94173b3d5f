"""What the application puts into a chart is there, at once and for good, however much comes at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from chartbridge.features.records import chart as charts
from tests.records.bundles import chart, collection, new_id, of_type, path, pulse, put
from tests.records.test_snapshots import give
from tests.running import Caller, World, wait_until
from tests.support import people
from tests.support.client import M

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")
MANY = 50


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


def test_fifty_puts_at_once_of_different_resources_lose_nothing(world: World, api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    ids = [new_id() for _ in range(MANY)]

    def contribute(id_: str) -> int:
        return api.http.put(path(patient), json=collection(pulse(patient, id_))).status_code

    with ThreadPoolExecutor(MANY) as pool:
        assert list(pool.map(contribute, ids)) == [200] * MANY
    assert {r["id"] for r in of_type(chart(api, patient), "Observation")} == set(ids)
    tenant = world.tenant(api)

    def background_chart() -> set[str]:
        held = charts.current_resources(world.platform, tenant, patient)
        return {r["id"] for r in of_type(held, "Observation")}

    wait_until(lambda: background_chart() == set(ids), "the chart made in the background")


def test_fifty_puts_at_once_of_one_id_are_versions_one_to_fifty(api: Caller) -> None:
    patient, id_ = api.patient_id(people.stranger()), new_id()

    def contribute(value: int) -> tuple[int, int]:
        answer = api.http.put(path(patient), json=collection(pulse(patient, id_, value)))
        assert answer.status_code == 200
        location = answer.json()["entry"][0]["response"]["location"]
        return int(location.rpartition("/")[2]), value

    with ThreadPoolExecutor(MANY) as pool:
        versions = dict(pool.map(contribute, range(1, MANY + 1)))
    assert sorted(versions) == list(range(1, MANY + 1))
    (kept,) = of_type(chart(api, patient), "Observation")
    assert kept["valueQuantity"]["value"] == versions[MANY], "the last one stands"
    assert kept["meta"]["versionId"] == str(MANY)


def test_a_contribution_reaches_the_chart_without_anybody_reading_it(world: World, api: Caller) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    put(api, patient, pulse(patient))
    wait_until(
        lambda: bool(of_type(charts.current_resources(world.platform, tenant, patient), "Observation")),
        "the chart made in the background",
    )


def test_contributions_and_a_networks_resources_of_the_same_id_are_both_kept(
    world: World, api: Caller
) -> None:
    patient, tenant = api.patient_id(people.stranger()), world.tenant(api)
    give(world, tenant, patient, "A", "sertraline")
    (dispensed,) = of_type(chart(api, patient), "MedicationDispense")
    own = {
        "resourceType": "MedicationDispense",
        "id": dispensed["id"],
        "status": "completed",
        "medicationCodeableConcept": {"text": "amlodipine"},
        "subject": {"reference": f"Patient/{patient}"},
    }
    put(api, patient, own)
    found = of_type(chart(api, patient), "MedicationDispense")
    named = {r["medicationCodeableConcept"]["text"]: r["id"] for r in found}
    assert set(named) == {"sertraline", "amlodipine"}
    assert named["amlodipine"] == dispensed["id"], "what the application was answered stays true"


def test_a_chart_that_is_given_back_doubles_nothing(world: World) -> None:
    api = world.caller("production")
    patient = api.patient_id(people.stranger())
    given = [pulse(patient), pulse(patient, value=80)]
    put(api, patient, *given)
    before = chart(api, patient)
    put(api, patient, *(r for r in before if r["resourceType"] != "Patient"))
    after = chart(api, patient)
    assert {(r["resourceType"], r["id"]) for r in after} == {(r["resourceType"], r["id"]) for r in before}


def test_what_was_contributed_goes_with_the_patient(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    id_ = new_id()
    put(api, patient, pulse(patient, id_))
    api.delete(f"{M}/patient/{patient}")
    again = api.patient_id(people.stranger())
    assert of_type(chart(api, again), "Observation") == []
    answer = put(api, again, pulse(again, id_))
    assert answer["entry"][0]["response"]["location"].endswith("/_history/1")


def test_two_patients_may_have_resources_of_one_id(api: Caller) -> None:
    one, other, id_ = api.patient_id(people.stranger()), api.patient_id(), new_id()
    for patient, value in ((one, 60), (other, 90)):
        answer = put(api, patient, pulse(patient, id_, value))
        assert answer["entry"][0]["response"]["location"] == f"Observation/{id_}/_history/1"
    for patient, value in ((one, 60), (other, 90)):
        (kept,) = of_type(chart(api, patient), "Observation")
        assert kept["valueQuantity"]["value"] == value


def test_an_id_in_capitals_is_the_same_id(api: Caller) -> None:
    patient, id_ = api.patient_id(people.stranger()), new_id()
    put(api, patient, pulse(patient, id_))
    answer = put(api, patient, pulse(patient, id_.upper()))
    assert answer["entry"][0]["response"]["location"] == f"Observation/{id_.upper()}/_history/2"
    assert [r["resourceType"] for r in chart(api, patient)] == ["Observation", "Patient"]


def test_an_id_given_again_for_another_type_replaces_the_earlier_resource(api: Caller) -> None:
    patient, id_ = api.patient_id(people.stranger()), new_id()
    put(api, patient, pulse(patient, id_))
    goal = {
        "resourceType": "Goal",
        "id": id_,
        "lifecycleStatus": "active",
        "description": {"text": "Walk daily"},
        "subject": {"reference": f"Patient/{patient}"},
    }
    answer = put(api, patient, goal)
    assert answer["entry"][0]["response"]["location"] == f"Goal/{id_}/_history/2"
    assert [r["resourceType"] for r in chart(api, patient)] == ["Goal", "Patient"]
