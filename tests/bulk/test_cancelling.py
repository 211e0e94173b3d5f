"""Cancelling an import, and what is left of one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from chartbridge.db import Tenant
from chartbridge.features.bulk import creating, querying, service
from chartbridge.features.bulk.models import BulkImport
from chartbridge.features.bulk.retention import drop_old_imports
from chartbridge.ids import utcnow
from chartbridge.platform import Platform
from tests.bulk import importing
from tests.bulk.importing import ANA, KIND, PATH, ended, put, result, run, send, sheet, somebody, start
from tests.running import Caller, Json, World, wait_until
from tests.support.client import M
from tests.support.receiver import Receiver


def cancel(api: Caller, import_id: str, status: int = 200) -> Json:
    answer: Json = api.post(f"{PATH}/{import_id}/cancel", status=status)
    return answer


def test_it_stops_before_the_next_batch_and_the_result_says_what_was_done(
    world: World, production: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating, "BATCH", 10)
    import_id = send(production, sheet([somebody(n) for n in range(2000)]))
    importing.wait_for_rows(production, import_id, 20)
    answer = cancel(production, import_id)
    assert (answer["status"], answer["cancelRequested"]) == ("processing", True)
    done = ended(production, import_id, until="failed")
    assert done["reason"] == "Cancelled"
    made = done["rows"]["processed"]
    assert made < 2000
    assert made % 10 == 0
    lines = result(production, done)
    assert len(lines) == 2000
    assert [line["status"] for line in lines] == ["succeeded"] * made + ["failed"] * (2000 - made)
    assert lines[-1]["reason"] == "Not processed: the import was cancelled"
    assert production.get(f"{M}/patient")["meta"]["itemsInTotal"] == made
    assert importing.objects(world, production, import_id) == {"result.csv"}


def test_a_waiting_import_ends_at_once_and_is_told(listening: Caller, receiver: Receiver) -> None:
    import_id = start(listening)["requestId"]
    answer = cancel(listening, import_id)
    assert (answer["status"], answer["reason"]) == ("failed", "Cancelled")
    (message,) = receiver.wait_for(KIND)
    state = {"requestId": import_id, "status": "failed", "reason": "Cancelled"}
    assert message.json["bulkPatientCreate"] == state
    again = cancel(listening, import_id)
    assert (again["status"], again["endedAt"]) == ("failed", answer["endedAt"])


def test_no_more_queries_are_started(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    start_next = querying._start_next

    def one_a_turn(platform: Platform, tenant: Tenant, import_id: str, turn: int) -> bool:
        return turn == 0 and start_next(platform, tenant, import_id, turn) and False

    monkeypatch.setattr(querying, "_start_next", one_a_turn)
    import_id = send(api, sheet([somebody(n) for n in range(5)]))
    wait_until(lambda: importing.state(api, import_id)["queries"]["started"] == 1, "a query")
    cancel(api, import_id)
    done = ended(api, import_id, until="failed")
    assert done["queries"]["started"] == 1
    assert [line["status"] for line in result(api, done)] == ["succeeded"] * 5


def test_a_completed_import_cannot_be_cancelled(api: Caller) -> None:
    done = run(api, sheet([ANA]), dryRun="true")
    error = cancel(api, done["requestId"], status=400)
    assert error["detail"] == "Import job is not in a valid state to update to failed"


def test_a_query_that_does_not_end_is_not_waited_for_for_ever(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(_session: object, query_ids: list[str]) -> dict[str, str]:
        return dict.fromkeys(query_ids, "processing")

    monkeypatch.setattr("chartbridge.features.queries.service.statuses", stuck)
    import_id = send(api, sheet([ANA]))
    wait_until(lambda: importing.state(api, import_id)["queries"]["started"] == 1, "a query")
    with world.platform.db.write(world.tenant(api)) as session:
        job = service.lock(session, import_id)
        assert job is not None
        job.running = [[query_id, "2026-01-01T00:00:00.000+00:00"] for query_id, _ in job.running]
    done = ended(api, import_id)
    assert done["queries"] == {"started": 1, "ended": 1}


def age(world: World, api: Caller, import_id: str) -> None:
    with world.platform.db.write(world.tenant(api)) as session:
        long_ago = utcnow() - timedelta(days=31)
        session.execute(update(BulkImport).where(BulkImport.id == import_id).values(ended_at=long_ago))


def test_imports_are_forgotten_after_their_time(world: World, production: Caller) -> None:
    api = production
    old = run(api, sheet([ANA]), dryRun="true")
    kept = run(api, sheet([ANA]), dryRun="true")
    waiting = start(api)["requestId"]
    age(world, api, old["requestId"])
    tenant = world.tenant(api)
    assert drop_old_imports(world.platform, tenant) == 1
    assert drop_old_imports(world.platform, tenant) == 0
    assert importing.objects(world, api, old["requestId"]) == set()
    assert importing.stored_rows(world, api, old["requestId"]) == []
    api.get(f"{PATH}/{old['requestId']}", status=404)
    assert [i["requestId"] for i in api.get(PATH)["imports"]] == [waiting, kept["requestId"]]
    assert result(api, kept)


def test_a_result_that_names_a_deleted_patient_is_withdrawn(world: World, production: Caller) -> None:
    api = production
    done = run(api, sheet([ANA, somebody(1)]))
    patient = result(api, done)[0]["metriportId"]
    tenant = world.tenant(api)
    drop_old_imports(world.platform, tenant)
    assert importing.state(api, done["requestId"])["result"]
    api.delete(f"{M}/patient/{patient}")
    rows = importing.stored_rows(world, api, done["requestId"])
    assert [row.patient_id is None for row in rows] == [True, False]
    drop_old_imports(world.platform, tenant)
    assert "result" not in importing.state(api, done["requestId"])
    assert importing.objects(world, api, done["requestId"]) == set()


def test_deleting_patients_while_their_import_runs_does_no_harm(
    production: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating, "BATCH", 10)
    begun = start(production)
    rows = [somebody(n) for n in range(80)]
    assert put(production, begun["uploadUrl"], sheet([*rows, *rows])).status_code == 200
    deleted = 0
    while importing.state(production, begun["requestId"])["status"] == "processing":
        for patient in production.get(f"{M}/patient", count=3)["patients"]:
            production.delete(f"{M}/patient/{patient['id']}")
            deleted += 1
    done = ended(production, begun["requestId"])
    assert done["rows"]["succeeded"] == 160
    left = production.get(f"{M}/patient")["meta"].get("itemsInTotal", 0)
    assert left == done["patients"]["created"] - deleted
