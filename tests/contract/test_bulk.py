"""The rows of the contract's tables about bulk patient creation (bulk patient create; webhooks 8.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chartbridge.errors import BadRequestError
from chartbridge.features.bulk import service
from chartbridge.features.bulk.models import BulkImport
from tests.bulk import importing
from tests.bulk.importing import ANA, BO, PATH, UNKNOWN, result, run, sheet, somebody, start
from tests.contract.rows import call, done, missing, refusal
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

SECOND = people.facility(name="South Clinic", npi="1245319599")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, webhook_private_addresses="allow") as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    """A caller of a production account, which has no network to ask."""
    caller = world.caller("production")
    caller.facility_id()
    return caller


@pytest.mark.contract("3.1", "POST /medical/v1/patient/bulk: 200 with these keys")
def test_the_answer_has_the_contract_s_keys(api: Caller) -> None:
    answer = done(call(api, "POST", "/patient/bulk"))
    assert answer.keys() == {"requestId", "facilityId", "status", "uploadUrl", "params", "createdAt"}
    assert (answer["facilityId"], answer["status"], answer["params"]) == (api.facility_id(), "waiting", {})


@pytest.mark.contract("3.1", "dryRun: params.dryRun is present only if given")
@pytest.mark.parametrize(("given", "told"), [("true", True), ("false", False), ("TRUE", True), ("1", False)])
def test_a_dry_run_is_told_where_it_was_asked_for(api: Caller, given: str, told: bool) -> None:
    assert start(api, dryRun=given)["params"] == {"dryRun": told}


@pytest.mark.contract("3.1", "facilityId optional only if the account has exactly one; unknown → 404")
def test_the_facility_must_be_clear(world: World, api: Caller) -> None:
    error = missing(call(api, "POST", "/patient/bulk", facilityId=UNKNOWN))
    assert error == "Could not find facility"
    second = api.post(f"{M}/facility", SECOND, status=201)["id"]
    error = refusal(call(api, "POST", "/patient/bulk"))
    assert error == "More than one facility found, please specify a facility ID"
    assert start(api, facilityId=second)["facilityId"] == second
    nobody = world.caller()
    assert missing(call(nobody, "POST", "/patient/bulk")) == "Could not find facility"


@pytest.mark.contract("3.2", "allowed transitions, else 400")
@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        ("waiting", ["processing", "failed"]),
        ("processing", ["processing", "completed", "failed"]),
        ("completed", []),
        ("failed", ["failed"]),
    ],
)
def test_only_the_contract_s_changes_of_status_are_possible(status: str, allowed: list[str]) -> None:
    job = BulkImport(status=status)
    for wanted in ("processing", "completed", "failed"):
        if wanted in allowed:
            service.check_change(job, wanted)
            continue
        with pytest.raises(BadRequestError) as error:
            service.check_change(job, wanted)
        assert error.value.detail == f"Import job is not in a valid state to update to {wanted}"
    with pytest.raises(BadRequestError) as error:
        service.check_change(job, "waiting")
    assert error.value.detail == "Waiting is not a valid status to update to"


@pytest.mark.contract("3.2", "webhook on each change to processing and completed; result with completed")
@pytest.mark.contract("8.6", "medical.bulk-patient-create")
def test_processing_is_told_and_then_completed_with_the_result(api: Caller, receiver: Receiver) -> None:
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    ended = run(api, sheet([ANA]))
    messages = receiver.wait_for(importing.KIND, 2)
    states: list[Any] = sorted((m.json["meta"]["when"], m.json["bulkPatientCreate"]) for m in messages)
    assert [state["status"] for _, state in states] == ["processing", "completed"]
    assert all(m.json["meta"]["requestId"] == ended["requestId"] for m in messages)
    assert all("data" not in m.json["meta"] for m in messages)
    assert states[0][1].keys() == {"requestId", "status"}
    assert states[1][1].keys() == {"requestId", "status", "result"}
    assert result(api, states[1][1])[0]["status"] == "succeeded"


@pytest.mark.contract("3.3", "up to 100 000 data rows: beyond that the whole job fails")
def test_a_row_too_many_fails_the_whole_file(api: Caller, receiver: Receiver) -> None:
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    file = sheet([ANA]) + b"x\n" * 100_000
    ended = importing.ended(api, importing.send(api, file), until="failed", timeout_s=120)
    assert ended["reason"] == "CSV has more rows than max (100000)"
    assert api.get(f"{M}/patient")["patients"] == []
    receiver.wait_for(importing.KIND, 2)
    last = max((m.json for m in receiver.of_type(importing.KIND)), key=lambda m: str(m["meta"]["when"]))
    assert last["bulkPatientCreate"] == {
        "requestId": ended["requestId"],
        "status": "failed",
        "reason": "CSV has more rows than max (100000)",
    }


@pytest.mark.contract("3.5", "header, one line an input row, metriportId, status, reason")
def test_the_result_is_the_contract_s_example(api: Caller) -> None:
    ended = run(api, sheet([ANA, BO]))
    text: str = api.fetch(ended["result"]).text
    patient = api.get(f"{M}/patient")["patients"][0]["id"]
    assert text.splitlines() == [
        "firstname,lastname,dob,gender,addressline1,city,state,zip,metriportId,status,reason",
        f"ana,RUIZ,1980-04-02,f,1 Pine St,Boise,ID,83702,{patient},succeeded,",
        "bo,,1979-01-01,x,2 Oak St,Boise,ID,83702,,failed,Missing lastName; Missing/invalid gender",
    ]
    assert "expires=" in ended["result"]


@pytest.mark.contract("3.1", "reading: this installation's own operations")
def test_imports_are_listed_newest_first_in_pages(api: Caller) -> None:
    ids = [start(api)["requestId"] for _ in range(3)]
    first = api.get(PATH, count=2)
    assert [i["requestId"] for i in first["imports"]] == ids[:0:-1]
    assert first["meta"]["itemsInTotal"] == 3
    older = api.http.get(first["meta"]["nextPage"]).json()
    assert [i["requestId"] for i in older["imports"]] == ids[:1]


@pytest.mark.contract("3.1", "another account's import is not found")
def test_another_account_has_other_imports(world: World, api: Caller) -> None:
    begun = start(api)
    stranger = world.caller("production")
    for method, path in (("GET", ""), ("POST", "/cancel")):
        error = missing(call(stranger, method, f"/patient/bulk/{begun['requestId']}{path}"))
        assert error == "Could not find bulk import"
    assert stranger.get(PATH)["imports"] == []
    assert importing.state(api, begun["requestId"])["status"] == "waiting"


@pytest.mark.contract("3.2", "create or update: equal names, dob, gender and a shared zip")
def test_equal_people_with_a_shared_zip_are_updated(api: Caller) -> None:
    run(api, sheet([ANA]))
    moved = (*ANA[:4], "77 Other Rd", *ANA[5:])
    ended = run(api, sheet([moved, somebody(1)]))
    assert ended["patients"] == {"created": 1, "updated": 1, "matched": 0}
    first = result(api, ended)[0]["metriportId"]
    lines = [a["addressLine1"] for a in api.get(f"{M}/patient/{first}")["address"]]
    assert lines == ["77 Other Rd", "1 Pine St"]
