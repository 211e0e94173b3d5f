"""The upload of an import's file: one file, once, in time, whole."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from chartbridge.features.bulk import service
from chartbridge.http import uploads
from chartbridge.ids import utcnow
from tests.bulk import importing
from tests.bulk.importing import ANA, UNKNOWN, ended, put, sheet, start, state
from tests.running import Caller, World
from tests.support.client import M

FILE = sheet([ANA])
AGAIN = "The file of this import was uploaded already; start another import"


@pytest.fixture
def api(production: Caller) -> Caller:
    """Where no network is asked: the files are what matters here."""
    return production


def test_a_second_file_is_refused(api: Caller) -> None:
    begun = start(api)
    assert put(api, begun["uploadUrl"], FILE).status_code == 200
    for _ in range(2):
        answer = put(api, begun["uploadUrl"], sheet([]))
        assert (answer.status_code, answer.json()["detail"]) == (409, AGAIN)
        done = ended(api, begun["requestId"])
    assert done["patients"]["created"] == 1
    assert put(api, begun["uploadUrl"], FILE).status_code == 409


def test_of_files_that_arrive_at_once_one_is_taken_and_nothing_of_the_others_is_kept(
    world: World, production: Caller
) -> None:
    begun = start(production, dryRun="true")
    files = [sheet([importing.somebody(n)] * (n + 1)) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda file: put(production, begun["uploadUrl"], file), files))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    winner = [answer.status_code for answer in answers].index(200)
    done = ended(production, begun["requestId"])
    assert done["rows"]["total"] == winner + 1
    assert importing.objects(world, production, begun["requestId"]) == {"result.csv"}


def test_an_upload_that_broke_off_may_be_tried_again(world: World, api: Caller) -> None:
    begun = start(api)

    def broken() -> Iterator[bytes]:
        yield FILE[:10]
        raise ClientDisconnect  # as the server has it when the line goes dead

    assert put(api, begun["uploadUrl"], broken()).json()["detail"] == "The file did not arrive whole"
    assert put(api, begun["uploadUrl"], b"").json()["detail"] == "The file is empty"
    assert state(api, begun["requestId"])["status"] == "waiting"
    assert importing.objects(world, api, begun["requestId"]) == set()
    assert put(api, begun["uploadUrl"], FILE).status_code == 200
    ended(api, begun["requestId"])


def test_a_file_that_is_too_large_is_refused_and_may_be_sent_smaller(world: World, api: Caller) -> None:
    small = world.with_settings(bulk_max_upload_bytes=1000)
    narrow = Caller(small.app, api.key)
    begun = start(narrow)
    half = b"x" * 501
    for content in (half * 2, iter((half, half))):
        answer = put(narrow, begun["uploadUrl"], content)
        assert answer.status_code == 413
        assert answer.json()["detail"] == "The file is larger than 1000 bytes"
    assert put(narrow, begun["uploadUrl"], FILE).status_code == 200
    ended(api, begun["requestId"])


def test_a_large_file_goes_by_way_of_the_disk(production: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_PART_BYTES", 4096)
    rows = [importing.somebody(n) for n in range(600)]
    done = importing.run(production, sheet(rows), dryRun="true")
    assert done["rows"] == {"total": 600, "processed": 600, "succeeded": 600, "failed": 0}


def backdate(world: World, api: Caller, import_id: str, **by: float) -> None:
    with world.platform.db.write(world.tenant(api)) as session:
        job = service.lock(session, import_id)
        assert job is not None
        job.upload_until = utcnow() - timedelta(**by)


def test_an_import_whose_file_never_came_is_expired(
    world: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "UPLOAD_URL_S", -1)
    begun = start(api)
    answer = put(api, begun["uploadUrl"], FILE)
    assert (answer.status_code, answer.json()["detail"]) == (403, "Access is forbidden: the URL has expired")
    assert state(api, begun["requestId"])["status"] == "expired"
    tenant = world.tenant(api)
    assert service.expire_waiting(world.platform, tenant) == 0, "one that began in time may still arrive"
    backdate(world, api, begun["requestId"], hours=1)
    assert service.expire_waiting(world.platform, tenant) == 1
    assert service.expire_waiting(world.platform, tenant) == 0
    assert state(api, begun["requestId"])["status"] == "expired"
    assert importing.stored(world, api, begun["requestId"]).status == "expired"


def test_one_that_arrives_late_after_a_start_in_time_is_taken(world: World, api: Caller) -> None:
    begun = start(api)
    backdate(world, api, begun["requestId"], minutes=5)
    assert state(api, begun["requestId"])["status"] == "expired"
    assert put(api, begun["uploadUrl"], FILE).status_code == 200
    ended(api, begun["requestId"])


def test_a_key_does_no_harm_and_is_not_needed(api: Caller) -> None:
    for headers in ({"x-api-key": ""}, {"x-api-key": "nonsense"}, {"content-type": "application/x-other"}):
        begun = start(api, dryRun="true")
        answer = api.http.put(begun["uploadUrl"], content=FILE, headers=headers)
        assert answer.status_code == 200
        assert answer.content == b""


@pytest.mark.parametrize("change", ["another import", "another account", "method", "no signature"])
def test_a_url_opens_its_own_import_and_nothing_else(world: World, api: Caller, change: str) -> None:
    begun, other = start(api), start(api)
    url: str = begun["uploadUrl"]
    turned: Any = {
        "another import": url.replace(begun["requestId"], other["requestId"]),
        "another account": url.replace(world.tenant(api).account_id, UNKNOWN),
        "method": url,
        "no signature": url.partition("?")[0],
    }[change]
    method = "GET" if change == "method" else "PUT"
    assert api.http.request(method, turned, content=FILE).status_code == 403
    assert {state(api, b["requestId"])["status"] for b in (begun, other)} == {"waiting"}


def test_a_forgotten_import_takes_no_file(world: World, api: Caller) -> None:
    begun = start(api)
    with world.platform.db.write(world.tenant(api)) as session:
        job = service.lock(session, begun["requestId"])
        session.delete(job)
    answer = put(api, begun["uploadUrl"], FILE)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Could not find bulk import")


def test_a_cancelled_import_takes_no_file(api: Caller) -> None:
    begun = start(api)
    api.post(f"{M}/patient/bulk/{begun['requestId']}/cancel")
    answer = put(api, begun["uploadUrl"], FILE)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Import job is not in a valid state to update to processing"
