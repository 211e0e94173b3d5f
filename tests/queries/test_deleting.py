"""Deleting a patient at the very moment when something about them ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from sqlalchemy import event

from chartbridge.features.documents.models import Document
from chartbridge.features.patients import service as patients
from chartbridge.features.queries import document_queries
from chartbridge.features.queries import service as queries
from chartbridge.features.records import service as records
from chartbridge.features.webhooks import service as webhooks
from chartbridge.ids import new_id
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, worker=False) as started:
        yield started


def end_network_query(world: World, api: Caller, patient: str) -> Callable[[], None]:
    request_id = api.start(patient, "lab")["requestId"]

    def end() -> None:
        with world.platform.db.write(world.tenant(api)) as session:
            queries.finish_source(world.platform, session, request_id, "lab", [], "a-key")

    return end


def end_consolidated_query(world: World, api: Caller, patient: str) -> Callable[[], None]:
    path = f"{M}/patient/{patient}/consolidated/query"
    request_id = api.post(path, conversionType="json")["requestId"]

    def end() -> None:
        with world.platform.db.write(world.tenant(api)) as session:
            records.finish(world.platform, session, request_id, has_data=False)

    return end


@pytest.mark.parametrize("prepare", [end_network_query, end_consolidated_query])
def test_neither_waits_for_the_other_for_ever(
    world: World, prepare: Callable[..., Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query's row is locked, then the patient is deleted, then the query's message is written."""
    api = world.caller()
    patient = api.patient_id(people.stranger())
    end = prepare(world, api, patient)
    send, sending = webhooks.send, threading.Event()

    def send_late(*arguments: Any, **options: Any) -> str:
        sending.set()
        time.sleep(0.7)
        return send(*arguments, **options)

    monkeypatch.setattr(webhooks, "send", send_late)
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(end)
        assert sending.wait(30)
        api.delete(f"{M}/patient/{patient}")
        ending.result()
    api.get(f"{M}/patient/{patient}", status=404)


@pytest.mark.parametrize("prepare", [end_network_query, end_consolidated_query])
def test_what_ends_after_the_deletion_ends_without_a_word(
    world: World, prepare: Callable[..., Callable[[], None]]
) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    end = prepare(world, api, patient)
    api.delete(f"{M}/patient/{patient}")
    end()
    assert api.get("/settings/webhook")["webhookRequestsFailed"] == 0


def test_a_patient_deleted_while_a_query_starts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the patient and the row that refers to them there is room for a deletion."""
    api = world.caller()
    patient = api.patient_id(people.stranger())
    check: Any = patients.ensure_queryable
    checks: list[Any] = []
    with ThreadPoolExecutor(1) as pool:

        def check_and_delete(*arguments: Any, **options: Any) -> None:
            check(*arguments, **options)
            if not checks:  # before anything is counted against a limit; the next one is within the start
                checks.append(None)
                return
            checks.append(pool.submit(api.delete, f"{M}/patient/{patient}"))
            wait([checks[-1]], timeout=0.7)

        monkeypatch.setattr(patients, "ensure_queryable", check_and_delete)
        path, body = f"{M}/network/query", {"sources": ["lab"]}
        started = api.http.post(path, json=body, params={"patientId": patient})
        checks[1].result()
    assert started.status_code in (200, 404), started.text
    api.get(f"{M}/patient/{patient}", status=404)


def documents_of(world: World, api: Caller, patient: str, *conversions: str) -> list[str]:
    """Documents with those outcomes of their conversion, the ids ascending."""
    made = [
        Document(
            id=new_id(),
            patient_id=patient,
            source="hie",
            connector="carequality",
            home_community_id="1.2.3",
            unique_id=f"1.2.3.{place}",
            assigning_authority="",
            remote_patient_id="",
            remote={},
            description="",
            mime_type="application/xml",
            file_name="",
            status="stored",
            conversion=conversion,
        )
        for place, conversion in enumerate(conversions)
    ]
    with world.platform.db.write(world.tenant(api)) as session:
        session.add_all(made)
    return [document.id for document in made]


def test_conversions_noted_in_several_statements_wait_for_no_deletion(world: World) -> None:
    """The note of the one document is written, then the patient is deleted, then that of the other."""
    api, platform = world.caller(), world.platform
    patient = api.patient_id(people.stranger())
    query_id = api.post(f"{M}/document/query", patientId=patient)["requestId"]
    ids = documents_of(world, api, patient, "failed", "converted")
    with platform.db.write(world.tenant(api)) as session:
        document_queries.enter_items(session, query_id, to_fetch=(), convertible=ids, others=())
    deleting: list[Any] = []
    with ThreadPoolExecutor(1) as pool:

        def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("UPDATE document_query_items") and not deleting:
                deleting.append(pool.submit(api.delete, f"{M}/patient/{patient}"))
                wait(deleting, timeout=0.7)

        event.listen(platform.db.engine, "after_cursor_execute", after)
        try:
            with platform.db.write(world.tenant(api)) as session:
                document_queries.mark_converted(session, query_id, ids)
        finally:
            event.remove(platform.db.engine, "after_cursor_execute", after)
        deleting[0].result()
    with platform.db.write(world.tenant(api)) as session:
        document_queries.mark_converted(session, query_id, ids)
        document_queries.mark_fetched(session, query_id, ids, arrived=True)
        document_queries.enter_items(session, query_id, to_fetch=ids, convertible=ids, others=())
    api.get(f"{M}/patient/{patient}", status=404)
