"""What went wrong once, in a review, and must not again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chartbridge.db.tenancy import Tenant
from chartbridge.features.documents import conversions
from chartbridge.features.documents import service as documents
from chartbridge.features.networks.protocol import RemoteDocument, RemotePatient
from chartbridge.features.patients import service as patients
from chartbridge.features.records import service
from chartbridge.jobs import workflow
from chartbridge.jobs.pool import CpuPool, PoolTaskError
from tests.queries.conftest import Install
from tests.queries.networks import Hie, ccda, document
from tests.queries.test_running import chart_of
from tests.running import Caller, World
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

XML = {"a": "application/xml"}


def test_a_conversion_that_was_interrupted_is_reported_and_made_at_the_next_query(
    listening: Caller, receiver: Receiver, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Hie("ONE", {"a": ccda()}, types=XML)
    install(network)
    patient = listening.patient_id()

    def interrupted(_pool: CpuPool, _function: Any, arguments: list[Any]) -> list[PoolTaskError]:
        return [PoolTaskError("ended its process") for _ in arguments]

    with monkeypatch.context() as broken:
        broken.setattr(CpuPool, "map", interrupted)
        (error,) = listening.query(patient, "hie")["errors"]
    assert error["message"] == "1 of the patient's documents could not be converted"
    assert "errors" not in listening.query(patient, "hie")
    receiver.wait_for("network-query.hie", 2)
    assert chart_of(listening, receiver)["Condition"] == 1
    assert network.fetched == ["a"], "the bytes were here already"


def test_a_newer_converter_converts_again_what_is_here_even_if_it_is_no_longer_offered(
    world: World, listening: Caller, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(Hie("ONE", {"a": ccda(), "b": b"no XML"}, types={**XML, "b": "text/xml"}))
    patient = listening.patient_id()
    listening.query(patient, "hie")
    install(Hie("ONE", {}))
    for module in (conversions, documents):
        monkeypatch.setattr(module, "CONVERTER_VERSION", "next")
    listening.query(patient, "hie")
    stored = list(world.platform.store.keys(f"{world.tenant(listening)}/{patient}/conversions"))
    assert any(key.endswith("-next.json.gz") for key in stored)


def test_a_network_is_not_asked_once_the_patient_has_opted_out(
    listening: Caller, receiver: Receiver, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Hie("ONE", {"a": b"text"})
    install(network)
    patient = listening.patient_id()
    monkeypatch.setattr(
        patients,
        "ensure_queryable",
        _opting_out_after_the_start(listening, patient, patients.ensure_queryable),
    )
    ended = listening.query(patient, "hie", until="failed")
    assert [e["message"] for e in ended["errors"]] == ["Patient has opted out from the networks"]
    assert network.fetched == []
    assert receiver.wait_for("network-query.hie")[0].json["payload"]["source"]["status"] == "failed"


def _opting_out_after_the_start(api: Caller, patient: str, real: Any) -> Any:
    """``ensure_queryable`` that opts the patient out once the query has been accepted."""
    calls = []

    def ensure(found: Any, **options: Any) -> None:
        calls.append(found)
        if len(calls) == 3:  # twice at the start, then in the job
            found.hie_opt_out = True
        real(found, **options)

    return ensure


class Careless(Hie):
    """A network whose metadata are not what they should be."""

    def list_documents(self, patient: RemotePatient, *, timeout_s: float) -> list[RemoteDocument]:
        return [
            replace(document("a"), created="2024-05"),
            replace(document("b"), unique_id="x" * 301),
            replace(document("c"), description="a\0b"),
        ]


def test_careless_metadata_of_one_document_do_not_stop_the_others(api: Caller, install: Install) -> None:
    install(Careless("CARELESS", {"a": b"text"}))
    patient = api.patient_id()
    ended = api.query(patient, "hie")
    assert [e["message"] for e in ended["errors"]] == [
        "2 of 3 documents were not taken in: their description cannot be kept"
    ]
    (listed,) = api.documents(patient)
    assert listed["date"].endswith("Z")


def test_a_query_joined_by_one_who_wants_its_webhook_is_not_silent(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    patient = listening.patient_id(people.stranger())
    tenant: Tenant = world.tenant(listening)
    parameters = service.Parameters(None, None, None, "json")
    with world.platform.db.write(tenant) as session:
        first = service.start_query(
            world.platform, session, patient, parameters, metadata={}, from_dashboard=True
        )
        joined = service.start_query(
            world.platform, session, patient, parameters, metadata={"k": "v"}, from_dashboard=False
        )
        assert joined.id == first.id
    message = receiver.wait_for("medical.consolidated-data")[0].json
    assert message["meta"]["data"] == {"k": "v"}
    assert listening.get(f"{M}/patient/{patient}/consolidated/query/{first.id}")["status"] == "completed"


def test_ending_a_failed_job_is_tried_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    away = iter([True, True, False])

    def call() -> str:
        if next(away):
            raise OSError("away")
        return "done"

    monkeypatch.setattr(workflow._stopping, "wait", lambda _pause: False)
    assert workflow._insist(call) == "done"


def test_a_stopping_worker_leaves_a_job_that_waits_to_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def call() -> None:
        raise OSError("away")

    monkeypatch.setattr(workflow._stopping, "wait", lambda _pause: True)
    with pytest.raises(workflow.JobInterruptedError):
        workflow._insist(call)
