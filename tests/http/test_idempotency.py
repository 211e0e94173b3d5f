"""Idempotency-Key on POST: a call is done once, and its answer is given again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from sqlalchemy import text

from chartbridge.app import create_app
from chartbridge.auth import authenticate, create_key
from chartbridge.db import Tenant
from chartbridge.http import kept_answers
from chartbridge.http.kept_answers import (
    MAX_ANSWER_BYTES,
    MAX_MENTIONS,
    Answer,
    Claim,
    KeyOfAnotherRequestError,
    StillRunningError,
)
from chartbridge.ids import new_id, utcnow
from chartbridge.platform import Platform
from tests.support import people

FACILITIES = "/medical/v1/facility"
TENANT = Tenant("account", "sandbox")


class Work:
    """An operation that counts how often it ran."""

    def __init__(self, app: FastAPI) -> None:
        self.runs = 0
        self.answer: tuple[int, str] = (200, "done")
        self.may_end = threading.Event()
        self.may_end.set()
        self.begun = threading.Event()
        self._lock = threading.Lock()
        app.add_api_route("/medical/v1/work", self._run, methods=["POST"])
        app.add_api_route("/medical/v1/other", self._run, methods=["POST", "PUT"])

    def _run(self, _request: Request) -> Response:
        with self._lock:
            self.runs += 1
        self.begun.set()
        assert self.may_end.wait(20)
        status, body = self.answer
        if status == 0:
            raise ValueError(body)
        return Response(body, status, {"Location": "/here", "X-Other": "no"}, "text/plain")


@pytest.fixture
def app(platform: Platform) -> FastAPI:
    return create_app(platform)


@pytest.fixture
def work(app: FastAPI) -> Work:
    return Work(app)


@pytest.fixture
def client(app: FastAPI, key: str) -> Iterator[TestClient]:
    with TestClient(app, headers={"x-api-key": key}, raise_server_exceptions=False) as caller:
        yield caller


@pytest.fixture
def tenant(platform: Platform, key: str) -> Tenant:
    caller = authenticate(platform.db, key)
    assert caller is not None
    return caller.tenant


def post(client: TestClient, key: str, path: str = "/medical/v1/work", **given: Any) -> httpx.Response:
    answer: httpx.Response = client.post(path, headers={"Idempotency-Key": key}, **given)
    return answer


def is_replay(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("idempotency-replayed") == "true")


def test_the_same_call_again_gives_the_same_answer_and_is_not_done(client: TestClient, work: Work) -> None:
    first, second = (post(client, "k 1", json={"a": 1}) for _ in range(2))
    assert work.runs == 1
    assert (first.status_code, first.text) == (second.status_code, second.text) == (200, "done")
    assert second.headers["content-type"] == first.headers["content-type"]
    assert second.headers["location"] == "/here"
    assert "x-other" not in second.headers
    assert [is_replay(answer) for answer in (first, second)] == [False, True]
    assert first.headers["x-metriport-request-id"] != second.headers["x-metriport-request-id"]
    assert "ratelimit-limit" in second.headers


def test_a_facility_is_made_once(client: TestClient) -> None:
    answers = [post(client, "facility", FACILITIES, json=people.facility()) for _ in range(3)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert len(client.get(FACILITIES).json()["facilities"]) == 1


def test_fifty_calls_at_once_are_done_once(client: TestClient, work: Work) -> None:
    with ThreadPoolExecutor(25) as threads:
        answers = list(threads.map(lambda _: post(client, "many", content=b"x"), range(50)))
    assert work.runs == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len([answer for answer in answers if answer.status_code == 200 and not is_replay(answer)]) == 1
    assert is_replay(post(client, "many", content=b"x"))


def test_while_the_first_runs_the_second_is_told_so(client: TestClient, work: Work) -> None:
    work.may_end.clear()
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(post, client, "slow")
        assert work.begun.wait(20)
        second = post(client, "slow")
        work.may_end.set()
        assert first.result(20).status_code == 200
    body = second.json()
    assert (second.status_code, body["status"], body["name"], body["title"]) == (
        409,
        409,
        "CONFLICT",
        "MetriportError",
    )
    assert is_replay(post(client, "slow"))
    assert work.runs == 1


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_key_belongs_to_one_request(client: TestClient, work: Work) -> None:
    assert post(client, "one", params={"x": "1"}, content=b"body").status_code == 200
    others: list[dict[str, Any]] = [
        {"params": {"x": "1"}, "content": b"another body"},
        {"params": {"x": "2"}, "content": b"body"},
        {"path": "/medical/v1/other", "params": {"x": "1"}, "content": b"body"},
    ]
    for other in others:
        answer = post(client, "one", **other)
        assert (answer.status_code, answer.json()["name"]) == (422, "UNPROCESSABLE_ENTITY")
    assert work.runs == 1


def test_tenants_do_not_share_keys(client: TestClient, work: Work, platform: Platform) -> None:
    assert post(client, "shared").status_code == 200
    for environment, account in (("production", "default"), ("sandbox", "other")):
        client.headers["x-api-key"] = create_key(platform.db, environment, account)  # type: ignore[arg-type]
        assert not is_replay(post(client, "shared", content=b"another"))
    assert work.runs == 3


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("status", [0, 500, 503, 429])
def test_an_answer_that_asks_to_try_again_is_not_kept(client: TestClient, work: Work, status: int) -> None:
    work.answer = (status, "not now")
    assert post(client, "again").status_code == (status or 500)
    work.answer = (200, "done")
    assert post(client, "again").text == "done"
    assert work.runs == 2


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_refusal_is_kept(client: TestClient, work: Work) -> None:
    work.answer = (400, "no")
    post(client, "refused")
    work.answer = (200, "done")
    assert (post(client, "refused").text, work.runs) == ("no", 1)


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("given", ["", "a" * 256, "tab\there"])
def test_a_key_that_is_none_is_refused(client: TestClient, work: Work, given: str) -> None:
    answer = post(client, given)
    assert (answer.status_code, answer.json()["title"]) == (400, "BadRequestError")
    assert work.runs == 0
    assert post(client, "a" * 255).status_code == 200


@pytest.mark.parametrize("backend", ["sqlite"])
def test_without_a_key_and_for_other_methods_nothing_is_kept(client: TestClient, work: Work) -> None:
    for _ in range(2):
        client.post("/medical/v1/work")
        client.put("/medical/v1/other", headers={"Idempotency-Key": "put"})
    assert work.runs == 4


@pytest.mark.parametrize("backend", ["sqlite"])
def test_an_answer_that_is_too_large_is_given_whole_and_not_kept(client: TestClient, work: Work) -> None:
    work.answer = (200, "x" * (MAX_ANSWER_BYTES + 1))
    for run in (1, 2):
        answer = post(client, "large")
        assert (len(answer.text), is_replay(answer), work.runs) == (MAX_ANSWER_BYTES + 1, False, run)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_body_over_the_limit_is_refused(client: TestClient, work: Work) -> None:
    for content in (b"x" * 6_000, iter([b"x" * 3_000] * 2)):
        answer = post(client, "big", content=content)
        assert (answer.status_code, answer.json()["name"]) == (413, "PAYLOAD_TOO_LARGE")
    assert work.runs == 0
    assert post(client, "big", content=b"x").status_code == 200


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_converter_takes_keys_too(client: TestClient) -> None:
    path = "/convert/v1/ccda/to/fhir?patientId=p"
    first, second = (post(client, "convert", path, content=b"<no/>") for _ in range(2))
    assert (first.status_code, first.text) == (second.status_code, second.text)
    assert is_replay(second)


def claimed(platform: Platform, key: str = "k", request: str = "a", **given: Any) -> Claim:
    found = kept_answers.claim(platform.db, TENANT, key, request, **given)
    assert isinstance(found, Claim)
    return found


def kept(platform: Platform, claim: Claim, body: bytes = b"{}") -> None:
    kept_answers.keep(platform.db, claim, Answer(200, {}, body), [])


def test_what_a_dead_process_left_is_done_again_after_a_minute(platform: Platform) -> None:
    claimed(platform)
    with pytest.raises(StillRunningError):
        kept_answers.claim(platform.db, TENANT, "k", "a", now=utcnow() + timedelta(seconds=55))
    later = utcnow() + timedelta(seconds=65)
    with pytest.raises(KeyOfAnotherRequestError):
        kept_answers.claim(platform.db, TENANT, "k", "b", now=later)
    again = claimed(platform, now=later)
    with pytest.raises(StillRunningError):
        kept_answers.claim(platform.db, TENANT, "k", "a", now=later)
    kept(platform, again)
    assert kept_answers.claim(platform.db, TENANT, "k", "a") == Answer(200, {}, b"{}")


def forget_the_answer(platform: Platform) -> None:
    """As when the process died after it had done the call, a while ago."""
    with platform.db.write(None) as session:
        session.execute(
            text(
                "UPDATE idempotency_keys SET status = NULL, body = NULL, claimed_until = NULL WHERE key = 'k'"
            )
        )


def test_what_is_done_again_finds_what_it_made_before(client: TestClient, platform: Platform) -> None:
    clinic = client.post(FACILITIES, json=people.facility()).json()["id"]
    patient = client.post("/medical/v1/patient", params={"facilityId": clinic}, json=people.jane()).json()[
        "id"
    ]
    sources = {"sources": {"lab": {"enabled": True}}}
    of_patient = {"patientId": patient}
    calls: list[tuple[str, dict[str, str], object, str]] = [
        (FACILITIES, {}, people.facility(npi="1588667638"), "id"),
        ("/medical/v1/cohort", {}, {"name": "A cohort"}, "id"),
        ("/medical/v1/patient", {"facilityId": clinic}, people.stranger(), "id"),
        ("/medical/v1/patient/bulk", {"facilityId": clinic}, None, "requestId"),
        ("/medical/v1/network/query", of_patient, sources, "requestId"),
        ("/medical/v1/document/query", of_patient, {}, "requestId"),
        (f"/medical/v1/patient/{patient}/consolidated/query", {"conversionType": "json"}, {}, "requestId"),
    ]
    for path, query, body, name in calls:
        first = post(client, "k", path, params=query, json=body)
        assert first.status_code < 300, first.text
        forget_the_answer(platform)
        end_what_runs(platform)
        again = post(client, "k", path, params=query, json=body)
        assert not is_replay(again)
        assert (again.status_code, again.json()[name]) == (first.status_code, first.json()[name]), path
        other = post(client, "other", path, params=query, json=body)
        assert other.status_code >= 400 or name == "id" or other.json()[name] != first.json()[name], path
        with platform.db.write(None) as session:
            session.execute(text("DELETE FROM idempotency_keys"))


def end_what_runs(platform: Platform) -> None:
    """Otherwise a running query is joined, whoever asks."""
    with platform.db.write(None) as session:
        session.execute(text("UPDATE consolidated_queries SET status = 'completed'"))
        session.execute(text("UPDATE document_queries SET ended_at = started_at"))


def test_work_that_goes_on_keeps_its_claim(platform: Platform) -> None:
    claim = claimed(platform, now=utcnow() - timedelta(seconds=59))
    kept_answers.renew(platform.db, claim)
    with pytest.raises(StillRunningError):
        kept_answers.claim(platform.db, TENANT, "k", "a", now=utcnow() + timedelta(seconds=50))


def test_whoever_lost_the_claim_changes_nothing(platform: Platform) -> None:
    late = claimed(platform)
    newer = claimed(platform, now=utcnow() + timedelta(seconds=65))
    kept(platform, late, b"late")
    kept_answers.release(platform.db, late)
    kept(platform, newer, b"newer")
    assert kept_answers.claim(platform.db, TENANT, "k", "a") == Answer(200, {}, b"newer")


def rows(platform: Platform) -> int:
    with platform.db.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one())


def test_after_a_day_nothing_is_left(platform: Platform) -> None:
    yesterday = utcnow() - timedelta(hours=24, seconds=1)
    for key in ("old", "older"):
        kept(platform, claimed(platform, key, now=yesterday))
    other = Tenant("other", "sandbox")
    assert isinstance(kept_answers.claim(platform.db, other, "k", "a", now=yesterday), Claim)
    claimed(platform, "old")
    assert rows(platform) == 2, "the tenant's own are gone with its next key"
    assert kept_answers.forget_old(platform.db) == 1
    assert rows(platform) == 1


def test_a_deleted_patients_answers_are_forgotten(client: TestClient, platform: Platform) -> None:
    clinic = client.post(FACILITIES, json=people.facility()).json()["id"]
    query = {"facilityId": clinic}
    made = post(client, "make", "/medical/v1/patient", json=people.jane(), params=query)
    post(client, "match", "/medical/v1/patient/match", json=people.jane())
    post(client, "bystander", FACILITIES, json=people.facility(npi="1245319599"))
    patient = made.json()["id"]
    post(client, "query", f"/medical/v1/patient/{patient}/facility", json={"facilityIds": [clinic]})
    assert rows(platform) == 4
    assert client.delete(f"/medical/v1/patient/{patient}").status_code == 204
    assert rows(platform) == 1
    assert is_replay(post(client, "bystander", FACILITIES, json=people.facility(npi="1245319599")))


def test_the_answer_to_a_call_that_ran_while_its_patient_was_deleted_is_not_kept(platform: Platform) -> None:
    patient = new_id()
    about = kept_answers.claim(platform.db, TENANT, "k", "a", [f"/patient/{patient}/x".encode()])
    other = kept_answers.claim(platform.db, TENANT, "other", "a", [f"/patient/{new_id()}/x".encode()])
    assert isinstance(about, Claim)
    assert isinstance(other, Claim)
    with platform.db.write(TENANT) as session:
        kept_answers.forget_patient(session, patient)
    kept(platform, about, b"of the patient")
    kept(platform, other, b"of another")
    assert rows(platform) == 1
    assert kept_answers.claim(platform.db, TENANT, "other", "a") == Answer(200, {}, b"of another")


def test_ids_in_a_large_text_are_found_at_once_and_no_more_than_are_kept() -> None:
    text = b" ".join(new_id().encode() for _ in range(2 * MAX_MENTIONS))
    began = time.process_time()
    assert kept_answers.mentions(b"0123abcd" * 5_000_000) == set()
    assert time.process_time() - began < 5
    assert len(kept_answers.mentions(text)) == MAX_MENTIONS + 1
    assert kept_answers.mentions(b"2345678-0000-7000-8000-000000000000") == set()


def test_ids_are_found_in_any_text() -> None:
    first, second = new_id(), new_id()
    assert kept_answers.mentions(f'{{"id":"{first.upper()}"}}'.encode(), f"/x/{second}?y=1".encode()) == {
        first,
        second,
    }
