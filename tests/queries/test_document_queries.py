"""A document query at work: what it counts, what it tells, and how it ends."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chartbridge.features.documents import conversions
from chartbridge.features.networks.protocol import ConnectorError
from chartbridge.features.patients import service as patients
from chartbridge.features.queries import document_queries, service, workflows
from chartbridge.features.records import chart
from tests.queries.conftest import Install
from tests.queries.documents import PATH, begin, phase, progress, run, wait_for_end
from tests.queries.networks import Hie, ccda
from tests.running import Caller, Json, World, wait_until
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

both_databases = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")
DOWNLOAD, CONVERSION = "medical.document-download", "medical.document-conversion"
XML = "application/xml"


def told(receiver: Receiver, kind: str, count: int = 1) -> Json:
    """What the last of so many messages says of its patient."""
    (patient,) = receiver.wait_for(kind, count)[-1].json["patients"]
    assert isinstance(patient, dict)
    return patient


def names(listed: list[Json]) -> set[str]:
    return {document["description"] for document in listed}


class Gate:
    """Where a network waits until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.open.wait(30)


@both_databases
def test_only_what_is_new_is_counted_and_told(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    hie = Hie("ONE", {"x": ccda(), "a": b"one"}, types={"x": XML})
    install(hie)
    patient = listening.patient_id()
    first = run(listening, patient)
    assert first["download"] == phase("completed", 2, 2, 0)
    assert first["convert"] == phase("completed", 1, 1, 0)
    assert names(told(receiver, DOWNLOAD)["documents"]) == {"Document x", "Document a"}
    assert told(receiver, CONVERSION)["status"] == "completed"

    hie.contents["b"] = b"two"
    second = run(listening, patient)
    assert second["download"] == phase("completed", 1, 1, 0)
    assert second["convert"] == phase("completed", 0), "nothing new needs it"
    assert names(told(receiver, DOWNLOAD, 2)["documents"]) == {"Document b"}
    assert told(receiver, CONVERSION, 2)["status"] == "completed", "the chart has a new document"

    third = run(listening, patient)
    assert third["download"] == phase("completed", 0, 0, 0)
    assert third["convert"] == phase("completed", 0)
    assert told(receiver, DOWNLOAD, 3)["documents"] == []
    assert len(receiver.of_type(CONVERSION)) == 2
    assert sorted(hie.fetched) == ["a", "b", "x"]

    fourth = run(listening, patient, override="true")
    assert fourth["download"] == phase("completed", 3, 3, 0)
    assert fourth["convert"] == phase("completed", 1, 1, 0)
    assert len(told(receiver, DOWNLOAD, 4)["documents"]) == 3
    assert sorted(hie.fetched) == ["a", "a", "b", "b", "x", "x"]
    assert len(listening.documents(patient)) == 3


@both_databases
def test_progress_can_be_watched_while_it_runs(api: Caller, install: Install) -> None:
    gate = Gate()
    install(Hie("SLOW", {"a": b"one", "b": b"two"}, while_fetching=gate))
    patient = api.patient_id()
    begun = begin(api, patient)
    assert begun == {"requestId": begun["requestId"], "download": {"status": "processing"}}
    assert gate.reached.wait(30)
    assert progress(api, patient) == {**begun, "download": phase("processing", 2, 0, 0)}
    gate.open.set()
    ended = wait_for_end(api, patient)
    assert ended == {
        **begun,
        "download": phase("completed", 2, 2, 0),
        "convert": phase("completed", 0),
    }


def test_counts_grow_with_each_document(api: Caller, install: Install) -> None:
    gate = Gate()

    class HalfSlow(Hie):
        def fetch(self, patient: Any, document: Any, *, timeout_s: float) -> bytes:
            if document.unique_id == "late":
                gate()
            return super().fetch(patient, document, timeout_s=timeout_s)

    install(HalfSlow("SLOW", {"a": b"one", "b": ConnectorError("lost", retryable=False), "late": b"two"}))
    patient = api.patient_id()
    begin(api, patient)
    wait_until(
        lambda: progress(api, patient)["download"] == phase("processing", 3, 1, 1), "two of three are told"
    )
    gate.open.set()
    assert wait_for_end(api, patient)["download"] == phase("completed", 3, 2, 1)


@both_databases
def test_a_start_while_one_runs_gives_that_one_and_starts_nothing(
    world: World, listening: Caller, receiver: Receiver, install: Install
) -> None:
    gate = Gate()
    install(Hie("SLOW", {"a": b"one"}, while_fetching=gate))
    patient = listening.patient_id()
    with ThreadPoolExecutor(6) as pool:
        starts = [pool.submit(begin, listening, patient, {"metadata": {"n": str(n)}}) for n in range(6)]
        ids = {start.result()["requestId"] for start in starts}
    assert len(ids) == 1
    with world.platform.db.read(world.tenant(listening)) as session:
        assert service.is_document_query_running(session, patient)
    assert gate.reached.wait(30)
    joined = begin(listening, patient)
    assert joined == {"requestId": ids.pop(), "download": phase("processing", 1, 0, 0)}
    gate.open.set()
    wait_for_end(listening, patient)
    assert len(receiver.wait_for(CONVERSION)) == len(receiver.of_type(DOWNLOAD)) == 1
    with world.platform.db.read(world.tenant(listening)) as session:
        assert not service.is_document_query_running(session, patient)
    assert run(listening, patient)["requestId"] != joined["requestId"], "the next one is another"


def test_queries_of_different_patients_do_not_meet(api: Caller, install: Install) -> None:
    gate = Gate()
    install(Hie("SLOW", {"a": b"one"}, while_fetching=gate))
    one, other = api.patient_id(), api.patient_id(people.stranger())
    assert begin(api, one)["requestId"] != begin(api, other)["requestId"]
    gate.open.set()
    wait_for_end(api, one)
    wait_for_end(api, other)


def test_it_is_no_network_query(listening: Caller, receiver: Receiver, install: Install) -> None:
    install(Hie("ONE", {"x": ccda()}, types={"x": XML}))
    patient = listening.patient_id()
    request_id = run(listening, patient)["requestId"]
    listening.get(f"{M}/network/query/{request_id}", status=404)
    receiver.wait_for(CONVERSION)
    assert [m.type for m in receiver.received if m.type.startswith("network-query")] == []


def test_it_and_network_queries_of_the_hies_take_turns(api: Caller, install: Install) -> None:
    hie = Hie("SLOW", {"a": b"one"})
    install(hie)
    patient = api.patient_id()
    network = [api.start(patient, "hie", override=True)["requestId"] for _ in range(2)]
    run(api, patient, override="true")
    for request_id in network:
        api.poll(f"{M}/network/query/{request_id}")
    assert hie.fetched == ["a", "a", "a"]
    assert hie.most_running == 1


def test_its_chart_can_be_asked_for_when_the_conversion_is_told(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    install(Hie("ONE", {"x": ccda()}, types={"x": XML}))
    patient = listening.patient_id(people.jane(externalId="mrn-7"))
    run(listening, patient, {"metadata": {"visit": "42"}})
    (message,) = receiver.wait_for(CONVERSION)
    assert message.json["meta"]["data"] == {"visit": "42"}
    assert message.json["patients"] == [
        {
            "patientId": patient,
            "externalId": "mrn-7",
            "type": "document-conversion",
            "status": "completed",
        }
    ]
    listening.post(f"{M}/patient/{patient}/consolidated/query", conversionType="json")
    (answer,) = receiver.wait_for("medical.consolidated-data")
    attachments = answer.json["patients"][0]["bundle"]["entry"][0]["resource"]["content"]
    bundle = listening.fetch(attachments[0]["attachment"]["url"]).json()
    assert "Condition" in {entry["resource"]["resourceType"] for entry in bundle["entry"]}


def test_all_networks_failing_is_a_failed_download(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    install(Hie("DOWN", {}, down="no route"), Hie("ALSO_DOWN", {}, down="503"))
    ended = run(listening, listening.patient_id())
    assert ended["download"] == {"status": "failed"}, "how many documents there are is not known"
    assert ended["convert"] == phase("completed", 0)
    message = told(receiver, DOWNLOAD)
    assert (message["status"], message["documents"]) == ("failed", [])
    assert receiver.of_type(CONVERSION) == []


def test_one_network_failing_leaves_the_others_documents(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    install(Hie("DOWN", {}, down="no route"), Hie("UP", {"a": b"one"}))
    ended = run(listening, listening.patient_id())
    assert ended["download"] == phase("completed", 1, 1, 0)
    message = told(receiver, DOWNLOAD)
    assert (message["status"], names(message["documents"])) == ("completed", {"Document a"})


def test_a_document_that_cannot_be_fetched_is_an_error_and_new_to_the_next_query(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    hie = Hie("FLAKY", {"a": b"one", "x": ConnectorError("lost", retryable=False)}, types={"x": XML})
    install(hie)
    patient = listening.patient_id()
    ended = run(listening, patient)
    assert ended["download"] == phase("completed", 2, 1, 1)
    assert ended["convert"] == phase("completed", 0), "its bytes are not here"
    assert names(told(receiver, DOWNLOAD)["documents"]) == {"Document a"}
    hie.contents["x"] = ccda()
    ended = run(listening, patient)
    assert ended["download"] == phase("completed", 1, 1, 0)
    assert ended["convert"] == phase("completed", 1, 1, 0)


def test_a_document_that_cannot_be_converted_is_an_error_of_the_conversion(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    install(Hie("MIXED", {"x": ccda(), "bad": b"<no"}, types={"x": XML, "bad": XML}))
    ended = run(listening, listening.patient_id())
    assert ended["download"] == phase("completed", 2, 2, 0)
    assert ended["convert"] == phase("completed", 2, 1, 1)
    assert told(receiver, CONVERSION)["status"] == "completed"


def test_a_conversion_that_an_older_query_left_is_made_up_for(
    listening: Caller, receiver: Receiver, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    hie = Hie("ONE", {"x": ccda()}, types={"x": XML})
    install(hie)
    patient = listening.patient_id()
    with monkeypatch.context() as broken:
        broken.setattr(conversions, "convert_stored", lambda *_: 0)
        assert run(listening, patient)["convert"] == phase("completed", 1, 0, 1)
    ended = run(listening, patient)
    assert ended["download"] == phase("completed", 0, 0, 0), "the bytes were here"
    assert ended["convert"] == phase("completed", 1, 1, 0)
    assert told(receiver, DOWNLOAD, 2)["documents"] == []
    assert told(receiver, CONVERSION, 2)["status"] == "completed"


@both_databases
def test_a_step_that_is_repeated_counts_nothing_twice(
    world: World, listening: Caller, receiver: Receiver, install: Install
) -> None:
    hie = Hie("ONE", {"x": ccda(), "a": b"one"}, types={"x": XML})
    install(hie)
    patient = listening.patient_id()
    ended = run(listening, patient)
    receiver.wait_for(CONVERSION)
    tenant, query_id = str(world.tenant(listening)), ended["requestId"]
    ids = [d["id"] for d in listening.documents(patient)]
    workflows.fetch_documents(tenant, query_id, ids)
    workflows.end_downloads(tenant, query_id, [])
    workflows.convert_documents(tenant, query_id, ids)
    workflows.finish_documents(tenant, query_id)
    workflows._fail_documents(tenant, query_id, reason="too late")
    assert progress(listening, patient) == ended
    assert sorted(hie.fetched) == ["a", "x"]
    assert listening.get("/settings/webhook")["webhookRequestsProcessing"] == 0
    assert len(receiver.of_type(DOWNLOAD)) == len(receiver.of_type(CONVERSION)) == 1


def test_bytes_that_came_before_the_worker_died_are_counted(
    api: Caller, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are kept, then it goes wrong before that is noted: the step is made again."""
    hie = Hie("ONE", {"a": b"one"})
    install(hie)
    real, broken = document_queries.mark_fetched, iter([True])

    def mark(*arguments: Any, **options: Any) -> None:
        if next(broken, False):
            raise RuntimeError("the worker died")
        real(*arguments, **options)

    monkeypatch.setattr(document_queries, "mark_fetched", mark)
    assert run(api, api.patient_id())["download"] == phase("completed", 1, 1, 0)
    assert hie.fetched == ["a"]


def test_no_network_is_asked_once_the_patient_has_opted_out(
    listening: Caller, receiver: Receiver, install: Install
) -> None:
    gate = Gate()
    slow = Hie("SLOW", {"a": b"one"}, while_fetching=gate)
    install(slow)
    patient = listening.patient_id()
    listening.start(patient, "hie")
    assert gate.reached.wait(30)  # so the document query waits for its turn
    begin(listening, patient)
    listening.put(f"{M}/patient/{patient}/hie-opt-out", hieOptOut="true")
    slow.contents["b"] = b"two"
    gate.open.set()
    assert wait_for_end(listening, patient)["download"] == {"status": "failed"}
    assert told(receiver, DOWNLOAD)["status"] == "failed"
    assert slow.fetched == ["a"]


def test_opting_out_while_documents_come_leaves_the_others_unfetched(
    api: Caller, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "FETCH_BATCH", 1)
    gate = Gate()
    slow = Hie("SLOW", {"a": b"one", "b": b"two"}, while_fetching=gate)
    install(slow)
    patient = api.patient_id()
    begin(api, patient)
    assert gate.reached.wait(30)
    api.put(f"{M}/patient/{patient}/hie-opt-out", hieOptOut="true")
    gate.open.set()
    assert wait_for_end(api, patient)["download"] == phase("completed", 2, 1, 1)
    assert len(slow.fetched) == 1


@both_databases
def test_deleting_the_patient_ends_it_without_a_word(
    world: World, listening: Caller, receiver: Receiver, install: Install
) -> None:
    gate = Gate()
    install(Hie("SLOW", {"x": ccda()}, types={"x": XML}, while_fetching=gate))
    patient = listening.patient_id()
    request_id = begin(listening, patient)["requestId"]
    assert gate.reached.wait(30)
    listening.delete(f"{M}/patient/{patient}")
    gate.open.set()
    client, job = world.platform.jobs.client(), f"document-query:{request_id}"
    wait_until(lambda: client.list_workflows(workflow_ids=[job])[0].status == "SUCCESS", "the job ends")
    listening.get(PATH, status=404, patientId=patient)
    assert [m.type for m in receiver.received if m.type != "ping"] == []
    assert list(world.platform.store.keys(f"{world.tenant(listening)}/{patient}")) == []


class TestGivingUp:
    """A job that cannot be done ends as failed, with its messages, at whatever point it was."""

    def give_up(self, world: World, api: Caller, request_id: str) -> None:
        with world.platform.db.write(world.tenant(api)) as session:
            document_queries.fail(world.platform, session, request_id, "begun too often")

    @both_databases
    def test_before_anything_was_found(self, world: World, listening: Caller, receiver: Receiver) -> None:
        patient = listening.patient_id()
        with world.platform.db.write(world.tenant(listening)) as session:
            query = document_queries.start(world.platform, session, patient, metadata={})
            document_queries.fail(world.platform, session, query.id, "begun too often")
        assert progress(listening, patient) == {
            "requestId": query.id,
            "download": {"status": "failed"},
            "convert": phase("completed", 0),
        }
        assert told(receiver, DOWNLOAD) == {
            "patientId": patient,
            "type": "document-download",
            "status": "failed",
            "documents": [],
        }
        assert receiver.of_type(CONVERSION) == []

    def test_while_documents_come(
        self, world: World, listening: Caller, receiver: Receiver, install: Install
    ) -> None:
        gate = Gate()

        class HalfSlow(Hie):
            def fetch(self, patient: Any, document: Any, *, timeout_s: float) -> bytes:
                if document.unique_id == "late":
                    gate()
                return super().fetch(patient, document, timeout_s=timeout_s)

        install(HalfSlow("SLOW", {"x": ccda(), "late": b"two"}, types={"x": XML}))
        patient = listening.patient_id()
        request_id = begin(listening, patient)["requestId"]
        wait_until(
            lambda: progress(listening, patient)["download"] == phase("processing", 2, 1, 0), "one is here"
        )
        self.give_up(world, listening, request_id)
        ended = progress(listening, patient)
        assert ended["download"] == phase("failed", 2, 1, 0)
        assert ended["convert"] == phase("failed", 1, 0, 0)
        message = told(receiver, DOWNLOAD)
        assert (message["status"], names(message["documents"])) == ("failed", {"Document x"})
        assert told(receiver, CONVERSION)["status"] == "failed"
        gate.open.set()
        assert run(listening, patient)["convert"] == phase("completed", 1, 1, 0), "the next one goes on"

    @pytest.mark.slow
    def test_when_the_chart_cannot_be_made(
        self, listening: Caller, receiver: Receiver, install: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install(Hie("ONE", {"x": ccda()}, types={"x": XML}))

        def broken(*_: Any) -> None:
            raise RuntimeError("no chart today")

        monkeypatch.setattr(chart, "consolidate_patient", broken)
        ended = run(listening, listening.patient_id())
        assert ended["download"] == phase("completed", 1, 1, 0)
        assert ended["convert"] == phase("failed", 1, 1, 0)
        assert told(receiver, DOWNLOAD)["status"] == "completed"
        assert told(receiver, CONVERSION)["status"] == "failed"


class TestWhichNetworksAreAsked:
    def test_not_those_that_the_patient_is_left_out_of(self, api: Caller, install: Install) -> None:
        left_out, asked = Hie("CAREQUALITY", {"a": b"one"}), Hie("COMMONWELL", {"b": b"two"})
        install(left_out, asked)
        patient = api.patient_id(people.jane(hie={"carequality": {"exclude": True}}))
        assert run(api, patient, carequality="true")["download"] == phase("completed", 1, 1, 0)
        assert "errors" not in api.query(patient, "hie", carequality=True)
        assert (left_out.fetched, asked.fetched) == ([], ["b"])

    def test_not_those_that_the_request_leaves_out(self, api: Caller, install: Install) -> None:
        left_out, asked = Hie("CAREQUALITY", {"a": b"one"}), Hie("TEFCA", {"b": b"two"})
        install(left_out, asked)
        patient = api.patient_id(people.jane(hie={"carequality": {"exclude": False}}))
        run(api, patient, {"hie": {"carequality": {"exclude": True}}})
        assert (left_out.fetched, asked.fetched) == ([], ["b"])
        run(api, patient)
        assert left_out.fetched == ["a"], "it was left out of that query only"

    def test_none_left_is_a_failed_download(
        self, listening: Caller, receiver: Receiver, install: Install
    ) -> None:
        install(Hie("TEFCA", {"a": b"one"}))
        patient = listening.patient_id()
        ended = run(listening, patient, {"hie": {"tefca": {"exclude": True}}})
        assert ended["download"] == {"status": "failed"}
        assert told(receiver, DOWNLOAD)["status"] == "failed"

    def test_a_network_that_is_gone_when_its_turn_comes_has_failed(
        self, listening: Caller, install: Install
    ) -> None:
        gate = Gate()
        install(Hie("FIRST", {"a": b"one"}, while_fetching=gate))
        patient = listening.patient_id()
        listening.start(patient, "hie")
        assert gate.reached.wait(30)
        begin(listening, patient)
        install(Hie("SECOND", {"b": b"two"}))
        gate.open.set()
        assert wait_for_end(listening, patient)["download"] == {"status": "failed"}


def test_what_the_operator_can_read_of_a_failure(world: World, api: Caller, install: Install) -> None:
    install(Hie("DOWN", {}, down="no route"), Hie("UP", {"a": b"one"}))
    patient = api.patient_id()
    run(api, patient)
    with world.platform.db.read(world.tenant(api)) as session:
        query = document_queries.latest(session, patient)
        assert query is not None
        assert query.failure == "DOWN: no route"
        assert query.facility_id == patients.get_patient(session, patient).facility_ids[0]
