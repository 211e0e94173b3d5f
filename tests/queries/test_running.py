"""A network query at work, with networks that fail, change their minds and are slow."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest

from chartbridge.features.networks.protocol import ConnectorError
from chartbridge.features.queries.models import NetworkQuery
from chartbridge.features.records import chart
from chartbridge.storage import keys
from tests.queries.conftest import Install
from tests.queries.networks import Hie, Pharmacy, ccda
from tests.running import Caller, World, wait_until
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

both_databases = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")
TEXT = {"a": b"first", "b": b"second", "c": b"third"}


def stored_keys(world: World, api: Caller, patient: str) -> list[str]:
    return sorted(world.platform.store.keys(keys.patient_folder(world.tenant(api), patient)))


def received_keys(world: World, api: Caller, patient: str) -> list[str]:
    """Without what is made anew from what was received: charts, their search indexes, results."""
    made = ("/results/", "/charts/", "/search/")
    return [key for key in stored_keys(world, api, patient) if not any(kind in key for kind in made)]


def chart_of(api: Caller, receiver: Receiver, kind: str = "network-query.hie") -> Counter[str]:
    """Resources by type in the chart that the last message links to."""
    url = receiver.wait_for(kind)[-1].json["payload"]["consolidatedDataUrl"]
    bundle = api.fetch(url).json()
    assert bundle["total"] == len(bundle["entry"])
    return Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])


def resources_of(api: Caller, receiver: Receiver, kind: str) -> list[dict[str, Any]]:
    url = receiver.wait_for(kind)[-1].json["payload"]["consolidatedDataUrl"]
    return [entry["resource"] for entry in api.fetch(url).json()["entry"]]


@both_databases
def test_the_whole_query_of_a_persona(listening: Caller, receiver: Receiver) -> None:
    patient = listening.patient_id(people.jane(externalId="mrn-7"))
    ended = listening.query(patient)
    assert {s["type"]: s["status"] for s in ended["sources"]} == dict.fromkeys(
        ("hie", "pharmacy", "lab"), "completed"
    )
    assert "errors" not in ended
    assert Counter(d["mimeType"] for d in listening.documents(patient, output="dto")) == Counter(
        people.PERSONA_DOCUMENT_TYPES
    )
    for source in ("hie", "pharmacy", "lab"):
        (message,) = receiver.wait_for(f"network-query.{source}")
        payload = message.json["payload"]
        assert payload.keys() == {"patientId", "externalId", "consolidatedDataUrl", "source"}
        assert payload["source"].keys() == {"type", "source", "status", "completedAt"}
        assert (payload["source"]["type"], payload["source"]["status"]) == (source, "completed")
        assert (payload["patientId"], payload["externalId"]) == (patient, "mrn-7")
        assert message.is_signed_with(receiver.key or "")
    (first,) = receiver.wait_for("network-query.hie.first-data-ready")
    assert first.json["payload"]["source"].keys() == {"type", "status", "firstDataReadyAt"}
    assert chart_of(listening, receiver)["Condition"] > 0


@both_databases
def test_a_repeated_query_stores_nothing_twice(world: World, listening: Caller, receiver: Receiver) -> None:
    patient = listening.patient_id()
    listening.query(patient)
    first = chart_of(listening, receiver)
    documents = listening.documents(patient)
    kept = received_keys(world, listening, patient)
    for override in (False, True):
        listening.query(patient, override=override)
        assert override or listening.documents(patient) == documents
        assert [d["id"] for d in listening.documents(patient)] == [d["id"] for d in documents]
        assert received_keys(world, listening, patient) == kept
    receiver.wait_for("network-query.hie", 3)
    assert chart_of(listening, receiver) == first
    requests = [m.json["meta"]["requestId"] for m in receiver.of_type("network-query.hie.first-data-ready")]
    assert len(requests) == len(set(requests)), "told once a request at most"


def test_somebody_whom_no_network_knows_ends_with_an_empty_chart(
    listening: Caller, receiver: Receiver
) -> None:
    patient = listening.patient_id(people.stranger())
    assert listening.query(patient)["status"] == "completed"
    assert listening.documents(patient) == []
    assert chart_of(listening, receiver) == {"Patient": 1}
    assert receiver.of_type("network-query.hie.first-data-ready") == []


def test_a_network_that_fails_leaves_the_others_results(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    up = Hie("UP", {"x": ccda()}, types={"x": "application/xml"})
    install(up, Hie("DOWN", {}, down="the gateway answered 503"))
    patient = listening.patient_id()
    ended = listening.query(patient, "hie", until="partial")
    assert [(s["type"], s["status"]) for s in ended["sources"]] == [("hie", "completed")]
    (error,) = ended["errors"]
    assert (error["source"], error["httpStatus"], error["message"]) == (
        "hie",
        502,
        "the gateway answered 503",
    )
    (message,) = receiver.wait_for("network-query.hie")
    assert message.json["payload"]["source"]["status"] == "completed"
    assert "source" not in message.json["payload"]["source"], "it names no single network"
    assert chart_of(listening, receiver)["Condition"] == 1


def test_a_source_whose_only_network_fails_has_failed_and_still_gives_a_chart(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    install(Hie("DOWN", {}, down="no route"))
    ended = listening.query(listening.patient_id(), "hie", until="failed")
    assert [s["status"] for s in ended["sources"]] == ["failed"]
    (message,) = receiver.wait_for("network-query.hie")
    assert message.json["payload"]["source"]["status"] == "failed"
    assert chart_of(listening, receiver) == {"Patient": 1}


def test_a_document_that_cannot_be_fetched_is_told_and_fetched_by_the_next_query(
    api: Caller, install: Install
) -> None:
    contents: dict[str, Any] = {**TEXT, "b": ConnectorError("repository timed out")}
    hie = Hie("FLAKY", contents)
    install(hie)
    patient = api.patient_id()
    ended = api.query(patient, "hie")
    (error,) = ended["errors"]
    assert (error["source"], error["message"]) == ("hie", "1 of 3 documents could not be fetched")
    assert {d["description"] for d in api.documents(patient)} == {"Document a", "Document c"}
    hie.contents["b"] = TEXT["b"]
    hie.fetched.clear()
    assert "errors" not in api.query(patient, "hie")
    assert hie.fetched == ["b"], "the others are here already"
    assert {d["description"] for d in api.documents(patient)} == {f"Document {u}" for u in "abc"}


def test_a_copy_that_is_here_survives_a_failed_attempt_to_fetch_it_again(
    api: Caller, install: Install
) -> None:
    hie = Hie("FLAKY", dict(TEXT))
    install(hie)
    patient = api.patient_id()
    api.query(patient, "hie")
    before = api.documents(patient)
    hie.contents = {u: ConnectorError("gone") for u in TEXT}
    api.query(patient, "hie", override=True)
    assert api.documents(patient) == before


@pytest.mark.parametrize(
    "broken", [b"this is no XML", b"<ClinicalDocument", b"<Bundle xmlns='http://hl7.org/fhir'/>", b""]
)
def test_a_document_that_is_no_ccda_is_kept_and_the_chart_goes_on(
    listening: Caller, receiver: Receiver, install: Install, broken: bytes
) -> None:
    types = {"good": "application/xml", "bad": "text/xml"}
    install(Hie("MIXED", {"good": ccda(), "bad": broken}, types=types))
    patient = listening.patient_id()
    ended = listening.query(patient, "hie")
    assert ended["status"] == "completed"
    (error,) = ended["errors"]
    assert (error["httpStatus"], error["message"]) == (
        422,
        "1 of the patient's documents could not be converted",
    )
    listed = {d["description"]: d for d in listening.documents(patient)}
    assert listed.keys() == {"Document good", "Document bad"}
    name = listed["Document bad"]["content"][0]["attachment"]["title"]
    url = listening.get(f"{M}/document/download-url", fileName=name)["url"]
    assert listening.fetch(url).content == broken
    resources = resources_of(listening, receiver, "network-query.hie")
    assert [r["resourceType"] for r in resources].count("Condition") == 1
    assert {d["id"] for d in listed.values()} <= {r["id"] for r in resources}


def test_a_document_whose_content_becomes_unreadable_stays_in_the_chart_as_it_was(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    hie = Hie("CHANGING", {"x": ccda()}, types={"x": "application/xml"})
    install(hie)
    patient = listening.patient_id()
    listening.query(patient, "hie")
    hie.contents["x"] = b"<broken"
    listening.query(patient, "hie", override=True)
    receiver.wait_for("network-query.hie", 2)
    assert chart_of(listening, receiver)["Condition"] == 1, "the last good conversion counts"
    hie.contents["x"] = ccda("44054006", "Type 2 diabetes")
    listening.query(patient, "hie", override=True)
    receiver.wait_for("network-query.hie", 3)
    (condition,) = (
        r for r in resources_of(listening, receiver, "network-query.hie") if r["resourceType"] == "Condition"
    )
    assert condition["code"]["coding"][0]["code"] == "44054006"


def test_queries_of_one_patient_and_source_run_one_after_the_other(api: Caller, install: Install) -> None:
    hie = Hie("SLOW", {"a": b"one"}, while_fetching=lambda: time.sleep(0.2))
    install(hie)
    patient = api.patient_id()
    begun = [api.start(patient, "hie", override=True)["requestId"] for _ in range(3)]
    for request_id in begun:
        api.poll(f"{M}/network/query/{request_id}")
    assert hie.fetched == ["a", "a", "a"]
    assert hie.most_running == 1


def test_a_pharmacy_that_answers_with_less_loses_nothing(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    pharmacy = Pharmacy(["sertraline", "amlodipine"])
    install(pharmacy)
    patient = listening.patient_id()
    listening.query(patient, "pharmacy")
    for answer in (["metformin"], []):
        pharmacy.fills = answer
        listening.query(patient, "pharmacy")
    receiver.wait_for("network-query.pharmacy", 3)
    held = {
        r["medicationCodeableConcept"]["text"]
        for r in resources_of(listening, receiver, "network-query.pharmacy")
        if r["resourceType"] == "MedicationDispense"
    }
    assert held == {"sertraline", "amlodipine", "metformin"}


@both_databases
@pytest.mark.parametrize("source", ["hie", "pharmacy"])
def test_deleting_the_patient_during_a_query_ends_it_and_leaves_nothing(
    world: World, listening: Caller, receiver: Receiver, install: Install, source: str
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def wait_there() -> None:
        asked.set()
        assert go_on.wait(30)

    hie = Hie("SLOW", {"x": ccda(), "a": b"one"}, types={"x": "application/xml"}, while_fetching=wait_there)
    install(hie, Pharmacy(["sertraline"], while_asked=wait_there))
    patient = listening.patient_id()
    begun = listening.start(patient, source)
    assert asked.wait(30)
    listening.delete(f"{M}/patient/{patient}")
    wait_until(lambda: stored_keys(world, listening, patient) == [], "the first clearing away")
    go_on.set()
    job = f"network-query:{begun['requestId']}:{source}"
    client = world.platform.jobs.client()
    wait_until(lambda: client.list_workflows(workflow_ids=[job])[0].status == "SUCCESS", "the job ends")
    assert stored_keys(world, listening, patient) == []
    listening.get(f"{M}/network/query/{begun['requestId']}", status=404)
    assert [m.type for m in receiver.received if m.type != "ping"] == []


@pytest.mark.slow
def test_a_chart_that_cannot_be_made_fails_the_source_with_a_reason(
    world: World, listening: Caller, receiver: Receiver, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong, a query ends; the message links to the last chart that could be made."""
    install(Pharmacy(["sertraline"]))
    patient = listening.patient_id()
    listening.query(patient, "pharmacy")

    def broken(*_: Any) -> None:
        raise RuntimeError("no chart today")

    monkeypatch.setattr(chart, "consolidate_patient", broken)
    other = listening.patient_id(people.stranger())
    for begun in [listening.start(patient, "pharmacy"), listening.start(other, "pharmacy")]:
        ended = listening.poll(f"{M}/network/query/{begun['requestId']}", until="failed")
        assert ended["errors"][0]["message"] == "unexpected RuntimeError"
    held = {}
    for message in receiver.wait_for("network-query.pharmacy", 3)[1:]:
        payload = message.json["payload"]
        assert payload["source"]["status"] == "failed"
        bundle = listening.fetch(payload["consolidatedDataUrl"]).json()
        held[payload["patientId"]] = [e["resource"]["resourceType"] for e in bundle["entry"]]
    assert held == {patient: ["MedicationDispense", "Patient"], other: ["Patient"]}


def test_a_query_belongs_to_its_tenant(world: World, api: Caller) -> None:
    begun = api.start(api.patient_id(people.stranger()), "lab")
    with world.platform.db.read(world.tenant(world.caller())) as session:
        assert session.get(NetworkQuery, begun["requestId"]) is None
