"""The rows of the contract's tables about network queries (network query 5.1 to 5.3, webhooks 8.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chartbridge.features.networks import service as networks
from chartbridge.http.ratelimit import NETWORK_QUERIES
from tests.queries.networks import Hie
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

PATH = f"{M}/network/query"
UNKNOWN = "0196f0e0-0000-7000-8000-000000000000"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
STEERED = ("commonwell", "carequality", "ehex", "healthix")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def listening(api: Caller, receiver: Receiver) -> Caller:
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    return api


@pytest.fixture
def patient(api: Caller) -> str:
    """Whom no network knows."""
    return api.patient_id(people.stranger())


def refused(api: Caller, patient: str | None, body: Any, status: int = 400, **query: Any) -> str:
    """What a request that starts nothing is answered."""
    return str(api.post(PATH, body, status=status, patientId=patient, **query)["detail"])


# --- 5.1: the request


@pytest.mark.contract("5.1", "patientId")
def test_the_patient_must_be_named_and_known(api: Caller) -> None:
    assert refused(api, None, {"sources": ["hie"]}) == "Missing patientId query param"
    assert refused(api, UNKNOWN, {"sources": ["hie"]}, 404) == "Could not find patient"


@pytest.mark.contract("5.1", "purposeOfUse: treatment or ias")
def test_the_purpose_of_use(api: Caller, patient: str) -> None:
    body = {"sources": ["lab"]}
    api.post(PATH, body, patientId=patient, purposeOfUse="treatment")
    assert refused(api, patient, body, purposeOfUse="research").startswith("Invalid enum value.")
    assert "not available" in refused(api, patient, body, purposeOfUse="ias"), "until it is built"


@pytest.mark.contract("5.1", "sources: object (recommended; strict at each level)")
@pytest.mark.parametrize(
    ("sources", "types"),
    [
        ({"hie": {"enabled": True}}, ["hie"]),
        ({"pharmacy": {"enabled": True, "realtime": True}}, ["pharmacy"]),
        ({"hie": {"enabled": False}, "lab": {"enabled": True}}, ["lab"]),
        ({"lab": {"enabled": True}, "pharmacy": {"enabled": True}, "hie": {"enabled": True}},
         ["hie", "pharmacy", "lab"]),
        (["hie"], ["hie"]),
        (["hie", "pharmacy", "lab"], ["hie", "pharmacy", "lab"]),
    ],
)  # fmt: skip
def test_sources_in_both_forms(api: Caller, patient: str, sources: Any, types: list[str]) -> None:
    begun = api.post(PATH, {"sources": sources}, patientId=patient)
    assert [s["type"] for s in begun["sources"]] == types


@pytest.mark.contract("5.1", "At least one source must be enabled")
@pytest.mark.parametrize("sources", [{}, [], {"hie": {"enabled": False}}])
def test_one_source_must_be_enabled(api: Caller, patient: str, sources: Any) -> None:
    assert refused(api, patient, {"sources": sources}) == "At least one source must be enabled, on [sources]"


@pytest.mark.contract("5.1", "the value laboratory is not valid")
@pytest.mark.parametrize("sources", [["laboratory"], {"laboratory": {"enabled": True}}])
def test_laboratory_is_no_source(api: Caller, patient: str, sources: Any) -> None:
    assert "'laboratory'" in refused(api, patient, {"sources": sources})


@pytest.mark.contract("5.1", "override and the networks are booleans")
@pytest.mark.parametrize("name", ["override", *STEERED])
def test_switches_are_booleans(api: Caller, patient: str, name: str) -> None:
    for value in (True, False, None):
        api.post(PATH, {"sources": ["lab"], name: value}, patientId=patient)
    expected = f"Expected boolean, received string, on [{name}]"
    assert refused(api, patient, {"sources": ["lab"], name: "true"}) == expected


@pytest.mark.contract("5.1", "commonwell, carequality, ehex, healthix steer which HIE networks are asked")
@pytest.mark.parametrize("name", STEERED)
def test_a_network_that_is_switched_off_is_not_asked(
    api: Caller, patient: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    steered, other = Hie(name.upper(), {"a": b"one"}), Hie("OTHER", {"b": b"two"})
    monkeypatch.setitem(networks._CONNECTORS, "sandbox", (steered, other))
    off: dict[str, Any] = {name: False}
    assert "errors" not in api.query(patient, "hie", **off)
    assert (steered.fetched, other.fetched) == ([], ["b"])
    on: dict[str, Any] = {name: True}
    assert "errors" not in api.query(patient, "hie", **on)
    assert (steered.fetched, other.fetched) == (["a"], ["b"])


@pytest.mark.contract("5.1", "commonwell, carequality, ehex, healthix steer which HIE networks are asked")
def test_a_source_of_which_no_network_is_left_is_an_error(
    api: Caller, patient: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(networks._CONNECTORS, "sandbox", (Hie("CAREQUALITY", {}),))
    begun = api.start(patient, "hie", carequality=False)
    assert (begun["status"], begun["sources"]) == ("failed", [])
    (error,) = begun["errors"]
    assert (error["source"], error["httpStatus"]) == ("hie", 400)
    assert error["message"] == "All networks of hie are excluded"


@pytest.mark.contract("5.1", "opted-out patient; no treatment relationship")
def test_who_may_not_be_asked_about(api: Caller, patient: str) -> None:
    body = {"sources": ["hie"]}
    api.put(f"{M}/patient/{patient}/hie-opt-out", hieOptOut="true")
    assert refused(api, patient, body) == "Patient has opted out from the networks"
    api.put(f"{M}/patient/{patient}/hie-opt-out", hieOptOut="false")
    api.put(f"{M}/patient/{patient}/treatment-relationship", treatmentRelationship="false")
    assert refused(api, patient, body) == "Patient does not have a treatment relationship"


# --- 5.1 and 5.2: the answer


@pytest.mark.contract("5.1", "the answer's fields")
@pytest.mark.contract("5.2", "GET: the same DTO")
def test_the_form_of_the_answer(api: Caller, patient: str) -> None:
    begun = api.start(patient, "hie", "lab")
    ended = api.poll(f"{PATH}/{begun['requestId']}")
    for answer in (begun, ended):
        assert answer.keys() == {"requestId", "startedAt", "status", "sources"}, (
            "errors only where there are any"
        )
        assert INSTANT.fullmatch(answer["startedAt"])
        assert [s["type"] for s in answer["sources"]] == ["hie", "lab"], "one entry a type"
    assert (begun["status"], ended["status"]) == ("processing", "completed")
    assert all(s.keys() == {"type", "status", "startedAt", "completedAt"} for s in ended["sources"])
    assert all(INSTANT.fullmatch(s["completedAt"]) for s in ended["sources"])


@pytest.mark.contract("5.1", "200 even when sources fail to start: not enabled")
def test_a_source_that_is_not_enabled(api: Caller, patient: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(networks._CONNECTORS, "sandbox", (Hie("ONE", {}),))
    begun = api.start(patient, "hie", "pharmacy", "lab")
    assert [s["type"] for s in begun["sources"]] == ["hie"]
    assert [(e["source"], e["httpStatus"], e["message"]) for e in begun["errors"]] == [
        (s, 400, f"Access to {s} data source is not enabled for this account") for s in ("lab", "pharmacy")
    ]
    assert all(e.keys() == {"source", "httpStatus", "message", "timestamp"} for e in begun["errors"])
    ended = api.poll(f"{PATH}/{begun['requestId']}")
    assert ended["errors"] == begun["errors"]


@pytest.mark.contract("5.1", "Rate limit exceeded for laboratory data source; analogous for the others")
@pytest.mark.contract("1.10", "network query: HIE / pharmacy / lab, each")
@pytest.mark.parametrize(
    ("source", "name"), [("hie", "hie"), ("pharmacy", "pharmacy"), ("lab", "laboratory")]
)
def test_a_source_has_a_limit_of_its_own(
    api: Caller, patient: str, monkeypatch: pytest.MonkeyPatch, source: str, name: str
) -> None:
    monkeypatch.setitem(NETWORK_QUERIES, source, replace(NETWORK_QUERIES[source], window_s=10**9))
    for _ in range(20):
        assert "errors" not in api.start(patient, source)
    begun = api.start(patient, source)
    (error,) = begun["errors"]
    assert (error["source"], error["httpStatus"]) == (source, 429)
    assert error["message"] == f"Rate limit exceeded for {name} data source"
    others = {"hie", "pharmacy", "lab"} - {source}
    assert "errors" not in api.start(patient, *others)


@pytest.mark.contract("5.2", "404 when unknown to the account")
def test_an_unknown_query(api: Caller, world: World, patient: str) -> None:
    request_id = api.start(patient, "lab")["requestId"]
    for caller, wanted in ((api, UNKNOWN), (api, "nonsense"), (world.caller(), request_id)):
        assert caller.get(f"{PATH}/{wanted}", status=404)["detail"] == "Could not find network query"


@pytest.mark.contract("5.2", "overall: none → processing; here failed, a known difference")
def test_a_query_of_which_nothing_could_start_does_not_make_a_client_poll_for_ever(world: World) -> None:
    api = world.caller("production")
    begun = api.start(api.patient_id(), "hie", "lab")
    assert (begun["status"], begun["sources"]) == ("failed", [])
    assert [e["source"] for e in begun["errors"]] == ["hie", "lab"]


# --- 5.3: webhooks


@pytest.mark.contract("5.3", "one message per source type; first-data-ready at most once, for HIE")
@pytest.mark.contract("8.6", "network-query.*")
@pytest.mark.contract("10b", "network query: persona")
def test_the_messages_of_a_persona(listening: Caller, receiver: Receiver) -> None:
    jane = listening.patient_id(people.jane(externalId="mrn-7"))
    request_id = listening.query(jane, metadata={"visit": "42"})["requestId"]
    for source in ("hie", "pharmacy", "lab"):
        (message,) = receiver.wait_for(f"network-query.{source}")
        assert message.json["meta"]["requestId"] == request_id
        assert message.json["meta"]["data"] == {"visit": "42"}
        payload = message.json["payload"]
        assert payload.keys() == {"patientId", "externalId", "consolidatedDataUrl", "source"}
        assert payload["source"].keys() == {"type", "source", "status", "completedAt"}
        assert (payload["source"]["type"], payload["source"]["status"]) == (source, "completed")
        assert listening.fetch(payload["consolidatedDataUrl"]).json()["resourceType"] == "Bundle"
    (first,) = receiver.wait_for("network-query.hie.first-data-ready")
    source = first.json["payload"]["source"]
    assert source.keys() == {"type", "status", "firstDataReadyAt"}
    assert (source["type"], source["status"]) == ("hie", "processing")


@pytest.mark.contract("5.3", "a failed source still has a consolidatedDataUrl")
def test_a_failed_source_is_told_with_a_url(
    listening: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(networks._CONNECTORS, "sandbox", (Hie("DOWN", {}, down="no route"),))
    listening.query(listening.patient_id(), "hie", until="failed")
    (message,) = receiver.wait_for("network-query.hie")
    assert message.json["payload"]["source"]["status"] == "failed"
    assert listening.fetch(message.json["payload"]["consolidatedDataUrl"]).json()["total"] == 1
