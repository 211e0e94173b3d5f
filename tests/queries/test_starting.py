"""Starting a network query: what is taken, what is refused, and what is answered."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.running import Caller, World
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

PATH = f"{M}/network/query"
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DTO_KEYS = {"requestId", "startedAt", "status", "sources"}


def check_dto(answer: Any) -> None:
    """The rules of the contract's table, which the official SDKs hold strictly."""
    assert DTO_KEYS <= answer.keys() <= DTO_KEYS | {"errors"}
    assert answer["status"] in ("processing", "completed", "partial", "failed")
    assert TIMESTAMP.fullmatch(answer["startedAt"])
    for source in answer["sources"]:
        assert (
            {"type", "status", "startedAt"} <= source.keys() <= {"type", "status", "startedAt", "completedAt"}
        )
        assert source["status"] in ("processing", "completed", "failed")
        assert all(TIMESTAMP.fullmatch(v) for k, v in source.items() if k.endswith("At"))
        assert ("completedAt" in source) == (source["status"] != "processing")
    assert len({s["type"] for s in answer["sources"]}) == len(answer["sources"])
    assert answer.get("errors", True), "left out when there are none"
    for error in answer.get("errors", []):
        assert error.keys() == {"source", "httpStatus", "message", "timestamp"}
        assert isinstance(error["httpStatus"], int)
        assert TIMESTAMP.fullmatch(error["timestamp"])


@pytest.mark.parametrize(
    ("sources", "started"),
    [
        ({"hie": {"enabled": True}}, ["hie"]),
        ({"lab": {"enabled": True}, "hie": {"enabled": False}}, ["lab"]),
        ({"pharmacy": {"enabled": True, "realtime": True}}, ["pharmacy"]),
        (["hie"], ["hie"]),
        (["lab", "hie", "pharmacy"], ["hie", "pharmacy", "lab"]),
        (["lab", "lab"], ["lab"]),
    ],
)
def test_both_forms_of_sources(api: Caller, sources: Any, started: list[str]) -> None:
    patient = api.patient_id(people.stranger())
    begun = api.post(PATH, {"sources": sources}, patientId=patient)
    check_dto(begun)
    assert [s["type"] for s in begun["sources"]] == started
    assert begun["status"] == "processing"
    ended = api.poll(f"{PATH}/{begun['requestId']}")
    check_dto(ended)
    assert [s["type"] for s in ended["sources"]] == started


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Required, on [sources]"),
        ({"sources": {}}, "At least one source must be enabled, on [sources]"),
        ({"sources": []}, "At least one source must be enabled, on [sources]"),
        ({"sources": {"hie": {"enabled": False}}}, "At least one source must be enabled, on [sources]"),
        (
            {"sources": ["laboratory"]},
            "Invalid enum value. Expected 'hie' | 'pharmacy' | 'lab', received 'laboratory', on [sources]",
        ),
        (
            {"sources": {"laboratory": {"enabled": True}}},
            "Unrecognized key(s) in object: 'laboratory', on [sources]",
        ),
        (
            {"sources": {"hie": {"enabled": True, "realtime": True}}},
            "Unrecognized key(s) in object: 'realtime', on [sources,hie]",
        ),
        (
            {"sources": {"hie": {"enabled": "true"}}},
            "Expected boolean, received string, on [sources,hie,enabled]",
        ),
        ({"sources": {"hie": {}}}, "Required, on [sources,hie,enabled]"),
        ({"sources": {"hie": True}}, "Expected object, received boolean, on [sources,hie]"),
        ({"sources": "hie"}, "Expected object, received string, on [sources]"),
        (
            {"sources": ["hie"], "metadata": {f"k{n}": "v" for n in range(51)}},
            "Record has too many properties, on [metadata]",
        ),
        (
            {"sources": ["hie"], "metadata": {"k": 1}},
            "Expected string, received number, on [metadata,k]",
        ),
    ],
)
def test_a_body_that_is_not_right_starts_nothing(api: Caller, body: Any, detail: str) -> None:
    error = api.post(PATH, body, status=400, patientId=api.patient_id(people.stranger()))
    assert (error["title"], error["detail"]) == ("Missing or invalid parameters", detail)


def test_the_bounds_of_metadata(api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    most = {"k" * 40: "v" * 500} | {f"k{n}": "" for n in range(49)}
    api.post(PATH, {"sources": ["lab"], "metadata": most}, patientId=patient)
    for wrong in ({"k" * 41: "v"}, {"k": "v" * 501}, {"": "v"}):
        api.post(PATH, {"sources": ["lab"], "metadata": wrong}, patientId=patient, status=400)


def test_keys_of_the_body_that_nobody_knows_are_ignored(api: Caller) -> None:
    body = {"sources": ["lab"], "commonwell": True, "somethingNew": {"a": 1}}
    check_dto(api.post(PATH, body, patientId=api.patient_id(people.stranger())))


def test_who_may_not_be_asked_about(api: Caller) -> None:
    body = {"sources": ["hie"]}
    assert api.post(PATH, body, status=400)["detail"] == "Missing patientId query param"
    missing = api.post(PATH, body, status=404, patientId="0196f0e0-0000-7000-8000-000000000000")
    assert missing["detail"] == "Could not find patient"
    patient = api.patient_id(people.stranger())
    api.put(f"{M}/patient/{patient}/hie-opt-out", hieOptOut="true")
    opted_out = api.post(PATH, body, status=400, patientId=patient)
    assert opted_out["title"] == "PatientOptedOutError"
    assert opted_out["detail"] == "Patient has opted out from the networks"
    api.put(f"{M}/patient/{patient}/hie-opt-out", hieOptOut="false")
    api.put(f"{M}/patient/{patient}/treatment-relationship", treatmentRelationship="false")
    untreated = api.post(PATH, body, status=400, patientId=patient)
    assert untreated["title"] == "PatientWithoutTreatmentRelationshipError"
    api.post(PATH, body, status=400, patientId=patient, purposeOfUse="curiosity")


def test_refused_requests_use_up_no_budget(world: World) -> None:
    api = world.with_settings(rate_limits={"network-query-hie": 1, "patient-write": 99}).caller()
    for _ in range(3):
        api.post(PATH, {"sources": ["hie"]}, status=404, patientId="nobody")
        api.post(PATH, {"sources": []}, status=400, patientId="nobody")
    assert "errors" not in api.start(api.patient_id(people.stranger()), "hie")


def test_too_many_queries_are_an_error_of_their_source_and_not_of_the_request(world: World) -> None:
    limits = {"network-query-lab": 2, "network-query-hie": 3, "patient-write": 99}
    api = world.with_settings(rate_limits=limits).caller()
    patient = api.patient_id(people.stranger())
    for _ in range(2):
        assert "errors" not in api.start(patient, "lab")
    answer = api.start(patient, "lab", "hie")
    check_dto(answer)
    assert [s["type"] for s in answer["sources"]] == ["hie"]
    (error,) = answer["errors"]
    assert (error["source"], error["httpStatus"]) == ("lab", 429)
    assert error["message"] == "Rate limit exceeded for laboratory data source"
    ended = api.poll(f"{PATH}/{answer['requestId']}")
    assert ended["errors"] == answer["errors"]
    other = world.with_settings(rate_limits=limits).caller()
    assert "errors" not in other.start(other.patient_id(people.stranger()), "lab")


def test_a_source_that_is_not_enabled_is_listed_among_the_errors(world: World) -> None:
    api = world.caller("production")
    answer = api.start(api.patient_id(), "hie", "pharmacy")
    check_dto(answer)
    assert answer["sources"] == []
    assert [(e["source"], e["httpStatus"], e["message"]) for e in answer["errors"]] == [
        (s, 400, f"Access to {s} data source is not enabled for this account") for s in ("hie", "pharmacy")
    ]
    assert answer["status"] == "failed", "nothing will ever come of it, and a caller must not wait"
    assert api.get(f"{PATH}/{answer['requestId']}") == answer


def test_an_unknown_query_is_not_found(api: Caller, world: World) -> None:
    begun = api.start(api.patient_id(people.stranger()), "lab")
    assert api.get(f"{PATH}/0196f0e0-0000-7000-8000-000000000000", status=404)["title"] == "NotFoundError"
    api.get(f"{PATH}/x", status=404)
    world.caller().get(f"{PATH}/{begun['requestId']}", status=404)


def test_metadata_come_back_in_each_message(listening: Caller, receiver: Receiver) -> None:
    begun = listening.start(listening.patient_id(), metadata={"visit": "42"})
    listening.poll(f"{PATH}/{begun['requestId']}")
    for kind in ("hie.first-data-ready", "hie", "pharmacy", "lab"):
        (message,) = receiver.wait_for(f"network-query.{kind}")
        assert message.json["meta"]["data"] == {"visit": "42"}
        assert message.json["meta"]["requestId"] == begun["requestId"]


def test_a_query_can_be_started_by_creating_the_patient(listening: Caller, receiver: Receiver) -> None:
    body = people.jane(networkQuery={"sources": ["lab"], "metadata": {"from": "create"}})
    patient = listening.patient_id(body)
    (message,) = receiver.wait_for("network-query.lab")
    assert message.json["payload"]["patientId"] == patient
    assert message.json["meta"]["data"] == {"from": "create"}
    assert listening.patient_id(body) == patient
    assert len(receiver.of_type("network-query.lab")) == 1, "who is there already starts nothing"


def test_a_query_that_is_not_right_keeps_the_patient_from_being_created(api: Caller) -> None:
    facility = api.facility_id()
    error = api.post(
        f"{M}/patient", people.jane(networkQuery={"sources": ["x"]}), status=400, facilityId=facility
    )
    assert "on [networkQuery,sources]" in error["detail"]
    assert api.get(f"{M}/patient")["patients"] == []
