"""Deleting a patient at the very moment when something about them ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chartbridge.features.queries import service as queries
from chartbridge.features.records import service as records
from chartbridge.features.webhooks import service as webhooks
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
