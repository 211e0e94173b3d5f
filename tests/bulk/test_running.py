"""Imports from the request to their end, as an application meets them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from chartbridge.features.bulk import querying
from chartbridge.http.ratelimit import RateWindow
from tests.bulk import importing
from tests.bulk.importing import ANA, BO, KIND, ended, result, run, send, sheet, somebody, start
from tests.running import Caller, Json, World
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver


def told(receiver: Receiver, import_id: str) -> list[Json]:
    """What the messages said of an import, in the order in which they were made."""
    messages = [m.json for m in receiver.of_type(KIND) if m.json["meta"]["requestId"] == import_id]
    return [m["bulkPatientCreate"] for m in sorted(messages, key=lambda m: m["meta"]["when"])]


def test_a_file_becomes_patients_whose_records_are_gathered(listening: Caller, receiver: Receiver) -> None:
    jane = people.jane()
    address = jane["address"][0]
    row = ("Jane", "Smith", jane["dob"], "f", *(address[k] for k in ("addressLine1", "city", "state", "zip")))
    done = run(listening, sheet([ANA, BO, row]))
    assert done["rows"] == {"total": 3, "processed": 3, "succeeded": 2, "failed": 1}
    assert done["patients"] == {"created": 2, "updated": 0, "matched": 0}
    assert done["queries"] == {"started": 2, "ended": 2}
    assert receiver.wait_for("network-query.hie", 2)
    receiver.wait_for(KIND, 2)
    processing, completed = told(receiver, done["requestId"])
    assert processing == {"requestId": done["requestId"], "status": "processing"}
    assert completed.keys() == {"requestId", "status", "result"}
    assert completed["status"] == "completed"
    lines = result(listening, completed)
    assert lines == result(listening, done)
    assert [line["status"] for line in lines] == ["succeeded", "failed", "succeeded"]
    assert lines[1]["reason"] == "Missing lastName; Missing/invalid gender"
    assert lines[1]["metriportId"] == ""
    ana, found = (listening.get(f"{M}/patient/{lines[place]['metriportId']}") for place in (0, 2))
    assert (ana["firstName"], ana["lastName"]) == ("Ana", "Ruiz")
    assert listening.documents(found["id"], output="dto"), "the sandbox knows Jane"


def test_completed_is_told_only_after_the_queries_have_ended(listening: Caller, receiver: Receiver) -> None:
    done = run(listening, sheet([somebody(n) for n in range(3)]))
    receiver.wait_for(KIND, 2)
    for kind in ("network-query.hie", "network-query.pharmacy", "network-query.lab"):
        receiver.wait_for(kind, 3)
    sent = sorted((m.json["meta"]["when"], m.type) for m in receiver.received)
    assert sent[-1][1] == KIND
    assert done["queries"] == {"started": 3, "ended": 3}


def test_a_dry_run_creates_nobody_and_has_a_result_and_both_messages(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    done = run(listening, sheet([ANA, BO]), dryRun="true")
    assert done["params"] == {"dryRun": True}
    assert "patients" not in done
    assert done["rows"] == {"total": 2, "processed": 2, "succeeded": 1, "failed": 1}
    assert done["queries"] == {"started": 0, "ended": 0}
    receiver.wait_for(KIND, 2)
    assert [state["status"] for state in told(receiver, done["requestId"])] == ["processing", "completed"]
    lines = result(listening, done)
    assert [(line["metriportId"], line["status"]) for line in lines] == [("", "succeeded"), ("", "failed")]
    assert listening.get(f"{M}/patient")["patients"] == []
    assert importing.objects(world, listening, done["requestId"]) == {"result.csv"}, "the upload is gone"


def test_the_sandbox_s_cap_refuses_rows_and_not_the_file(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(querying, "_sources", lambda *_: [])
    rows = [somebody(n) for n in range(22)]
    for dry in ("true", "false"):
        done = run(api, sheet(rows), dryRun=dry)
        assert done["rows"] == {"total": 22, "processed": 22, "succeeded": 20, "failed": 2}
        lines = result(api, done)
        assert [line["status"] for line in lines] == ["succeeded"] * 20 + ["failed"] * 2
        assert lines[21]["reason"] == "Cannot create more than 20 patients in Sandbox mode!"


def test_a_file_that_cannot_be_used_fails_as_a_whole(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    done = run(listening, b"\r\n", until="failed")
    assert done["reason"] == "CSV has no header"
    assert "result" not in done
    receiver.wait_for(KIND, 2)
    assert told(receiver, done["requestId"])[1] == {
        "requestId": done["requestId"],
        "status": "failed",
        "reason": "CSV has no header",
    }
    assert importing.objects(world, listening, done["requestId"]) == set()


def test_a_file_with_a_header_alone_has_an_empty_result(api: Caller) -> None:
    done = run(api, sheet([]))
    assert done["rows"]["total"] == 0
    header = "firstname,lastname,dob,gender,addressline1,city,state,zip,metriportId,status,reason\n"
    assert api.fetch(done["result"]).text == header


def test_the_facility_may_go_before_the_file_comes(api: Caller) -> None:
    begun = start(api)
    api.delete(f"{M}/facility/{begun['facilityId']}")
    importing.put(api, begun["uploadUrl"], sheet([ANA]))
    done = ended(api, begun["requestId"], until="failed")
    assert done["reason"] == "Could not find facility"


def test_who_opted_out_is_not_asked_about(api: Caller) -> None:
    done = run(api, sheet([(*ANA, "true"), (*somebody(1), "")], "hieOptOut"))
    assert done["patients"]["created"] == 2
    assert done["queries"] == {"started": 1, "ended": 1}
    (line, _) = result(api, done)
    assert api.get(f"{M}/patient/{line['metriportId']}")["hieOptOut"] is True


def test_a_patient_of_several_rows_is_asked_about_once(api: Caller) -> None:
    done = run(api, sheet([ANA, ANA, ANA]))
    assert done["patients"] == {"created": 1, "updated": 0, "matched": 2}
    assert done["queries"] == {"started": 1, "ended": 1}
    assert len({line["metriportId"] for line in result(api, done)}) == 1


def test_queries_do_not_use_up_the_account_s_limit(world: World, api: Caller) -> None:
    done = run(api, sheet([ANA]))
    assert done["queries"] == {"started": 1, "ended": 1}
    with world.platform.db.read(world.tenant(api)) as session:
        assert session.scalars(select(RateWindow.operation)).all() == []


def test_in_production_without_networks_it_ends_with_the_rows(production: Caller) -> None:
    done = run(production, sheet([somebody(n) for n in range(300)]))
    assert done["patients"]["created"] == 300
    assert done["queries"] == {"started": 0, "ended": 0}


def test_the_progress_can_be_read_while_it_runs(production: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chartbridge.features.bulk.creating.BATCH", 5)
    import_id = send(production, sheet([somebody(n) for n in range(200)]))
    seen = []
    while (now := importing.state(production, import_id))["status"] == "processing":
        seen.append(now["rows"]["processed"])
    assert seen == sorted(seen)
    assert now["rows"]["processed"] == 200
    assert now["uploadedAt"] <= now["endedAt"]
    assert len({line["metriportId"] for line in result(production, now)}) == 200
