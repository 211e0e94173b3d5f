"""Starting consolidated queries, where no worker runs: what is joined, listed and refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chartbridge.consolidate.resource_types import COMPARTMENT_TYPES
from chartbridge.features.records import service
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, worker=False) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


def path(patient: str) -> str:
    return f"{M}/patient/{patient}/consolidated/query"


def start(api: Caller, patient: str, **query: Any) -> Any:
    return api.post(path(patient), **{"conversionType": "json", **query})


def finish(world: World, api: Caller, request_id: str) -> None:
    with world.platform.db.write(world.tenant(api)) as session:
        service.finish(world.platform, session, request_id, has_data=False)


def test_what_a_start_answers(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    begun = start(api, patient, resources="Observation, 'Condition'", dateFrom="2024-01-01")
    assert begun == {
        "requestId": begun["requestId"],
        "status": "processing",
        "startedAt": begun["startedAt"],
        "conversionType": "json",
        "resources": ["Condition", "Observation"],
        "dateFrom": "2024-01-01",
    }
    assert api.get(f"{path(patient)}/{begun['requestId']}") == begun
    assert start(api, patient, resources="")["resources"] == []


def test_an_equal_query_joins_the_running_one(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    first = start(api, patient, resources="Condition,Observation", dateFrom="2024-01-01")
    joined = start(api, patient, resources="Observation,Condition,Condition", dateFrom="2024-01-01")
    assert joined == first
    others = [
        start(api, patient, resources="Condition", dateFrom="2024-01-01"),
        start(api, patient, resources="Condition,Observation"),
        start(api, patient, resources="Condition,Observation", dateTo="2024-01-01"),
    ]
    assert len({q["requestId"] for q in (first, *others)}) == 4
    assert len(api.get(path(patient))["queries"]) == 4, "several run side by side"


def test_a_filter_that_names_every_type_is_no_filter(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    first = start(api, patient)
    assert (
        start(api, patient, resources=",".join(sorted(COMPARTMENT_TYPES)))["requestId"] == first["requestId"]
    )
    fewer = ",".join(sorted(COMPARTMENT_TYPES - {"Account"}))
    assert start(api, patient, resources=fewer)["requestId"] != first["requestId"]


def test_patients_do_not_share_a_query(api: Caller) -> None:
    jane, stranger = api.patient_id(), api.patient_id(people.stranger())
    assert start(api, jane)["requestId"] != start(api, stranger)["requestId"]


def test_a_start_drops_finished_queries_from_the_list(world: World, api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    assert api.get(path(patient)) == {
        "status": None,
        "queries": [],
        "message": "Trigger a new query by POST /patient/:id/consolidated/query; "
        "data will be sent through Webhook",
    }
    done, running_one = start(api, patient), start(api, patient, resources="Condition")
    finish(world, api, done["requestId"])
    listed = api.get(path(patient))
    assert [q["requestId"] for q in listed["queries"]] == [running_one["requestId"], done["requestId"]]
    assert listed["status"] == "processing"
    again = start(api, patient)
    assert again["requestId"] != done["requestId"], "only running queries are joined"
    listed = api.get(path(patient))
    assert [q["requestId"] for q in listed["queries"]] == [again["requestId"], running_one["requestId"]]
    assert api.get(f"{path(patient)}/{done['requestId']}")["status"] == "completed"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({}, "Missing conversionType query param"),
        ({"conversionType": ""}, "Missing conversionType query param"),
        (
            {"conversionType": "xml"},
            "Invalid enum value. Expected 'json' | 'pdf' | 'html', received 'xml', on [conversionType]",
        ),
        ({"resources": "condition"}, "Invalid resource type: condition"),
        ({"resources": "Condition,Foo,Bar"}, "Invalid resource types: Foo, Bar"),
        ({"dateFrom": "2024-1-1"}, "Date must be in format YYYY-MM-DD - got 2024-1-1"),
        ({"dateTo": "2023-02-29"}, "Date must be in format YYYY-MM-DD - got 2023-02-29"),
    ],
    ids=str,
)
def test_values_that_cannot_be_used(api: Caller, query: dict[str, str], detail: str) -> None:
    patient = api.patient_id(people.stranger())
    given = query if "conversionType" in query or not query else {"conversionType": "json", **query}
    assert api.post(path(patient), status=400, **given)["detail"] == detail
    assert api.get(path(patient))["queries"] == []


def test_unknown_and_foreign_ids_are_not_found(world: World, api: Caller) -> None:
    jane, stranger = api.patient_id(), api.patient_id(people.stranger())
    begun = start(api, jane)["requestId"]
    nobody = "0196f0e0-0000-7000-8000-000000000000"
    for patient, request_id in ((jane, nobody), (stranger, begun)):
        error = api.get(f"{path(patient)}/{request_id}", status=404)
        assert error["detail"] == "Consolidated query not found"
    assert api.get(f"{path(nobody)}/{begun}", status=404)["detail"] == "Could not find patient"
    assert api.post(path(nobody), status=404, conversionType="json")["detail"] == "Could not find patient"
    other = world.caller()
    other.get(f"{path(jane)}/{begun}", status=404)
    other.get(path(jane), status=404)
    other.get(f"{path(other.patient_id())}/{begun}", status=404)


def test_metadata_are_checked(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    too_many = {f"k{n}": "v" for n in range(51)}
    error = api.post(path(patient), {"metadata": too_many}, status=400, conversionType="json")
    assert error["detail"] == "Record has too many properties, on [metadata]"


def test_starts_are_limited(world: World) -> None:
    limits = {"consolidated-query": 1, "patient-write": 99}
    api = world.with_settings(rate_limits=limits).caller()
    patient = api.patient_id(people.stranger())
    start(api, patient)
    refused = api.post(path(patient), status=429, conversionType="json")
    assert refused == "Too many patient consolidated data query starts, please try again later."
