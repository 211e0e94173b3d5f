"""A run that sends the URLs of all documents: once at a time, once each, and to its end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chartbridge.features.documents import bulk, outcomes
from chartbridge.features.documents.models import Document
from chartbridge.features.webhooks.models import WebhookMessage
from tests.documents.bulk import ask, page_by_page
from tests.running import Caller, Json, World, running
from tests.support import people
from tests.support.client import M

KINDS = {False: "medical.document-bulk-download-urls", True: "medical.document-bulk-download-paged"}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Nobody takes the jobs: the tests do what a job does, when they want it done."""
    with running(request.param, tmp_path_factory, request, worker=False) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


def messages(world: World, api: Caller) -> list[Json]:
    with world.platform.db.read(world.tenant(api)) as session:
        return [row.body for row in session.query(WebhookMessage).order_by(WebhookMessage.created_at)]


def finish(world: World, api: Caller, run_id: str) -> None:
    with world.platform.db.write(world.tenant(api)) as session:
        bulk.finish(world.platform, session, run_id)


def fail(world: World, api: Caller, run_id: str) -> None:
    with world.platform.db.write(world.tenant(api)) as session:
        bulk.fail(world.platform, session, run_id, "unexpected OSError")


def test_a_call_during_a_run_gives_that_run(world: World, api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    with ThreadPoolExecutor(6) as pool:
        starts = [pool.submit(ask, api, patient) for _ in range(6)]
        (run_id,) = {start.result()["requestId"] for start in starts}
    other = api.patient_id(people.jane())
    assert ask(api, other)["requestId"] != run_id, "another patient's run is another"
    finish(world, api, run_id)
    assert ask(api, patient)["requestId"] != run_id, "it has ended"


@pytest.mark.parametrize("paged", [False, True])
def test_a_patient_without_documents_has_an_empty_list(world: World, api: Caller, paged: bool) -> None:
    if paged:
        page_by_page(world, api)
    finish(world, api, ask(api, api.patient_id(people.stranger()))["requestId"])
    (message,) = messages(world, api)
    assert message["meta"]["type"] == KINDS[paged]
    (told,) = message["patients"]
    assert (told["status"], told["documents"]) == ("completed", [])
    if paged:
        assert told["pagination"] == {"page": 1, "totalPages": 1, "totalItems": 0}


@pytest.mark.parametrize("paged", [False, True])
def test_ending_twice_sends_once(world: World, api: Caller, paged: bool) -> None:
    if paged:
        page_by_page(world, api)
    run_id = ask(api, api.patient_id(people.stranger()))["requestId"]
    finish(world, api, run_id)
    finish(world, api, run_id)
    fail(world, api, run_id)
    assert len(messages(world, api)) == 1


@pytest.mark.parametrize("paged", [False, True])
def test_a_run_that_is_given_up_ends_as_failed(world: World, api: Caller, paged: bool) -> None:
    if paged:
        page_by_page(world, api)
    patient = api.patient_id(people.stranger())
    run_id = ask(api, patient)["requestId"]
    fail(world, api, run_id)
    (message,) = messages(world, api)
    assert message["meta"]["type"] == KINDS[paged]
    assert (message["patients"][0]["status"], message["patients"][0]["documents"]) == ("failed", [])
    assert ask(api, patient)["requestId"] != run_id
    with world.platform.db.read(world.tenant(api)) as session:
        ended = session.get(bulk.DocumentUrlRun, run_id)
        assert ended is not None
        assert (ended.status, ended.failure) == ("failed", "unexpected OSError")


def test_deleting_the_patient_ends_it_without_a_word(world: World, api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    run_id = ask(api, patient)["requestId"]
    api.delete(f"{M}/patient/{patient}")
    finish(world, api, run_id)
    fail(world, api, run_id)
    assert messages(world, api) == []


def test_another_tenants_run_is_not_there(world: World, api: Caller) -> None:
    run_id = ask(api, api.patient_id(people.stranger()))["requestId"]
    stranger = world.caller()
    finish(world, stranger, run_id)
    assert messages(world, stranger) == messages(world, api) == []


def document(number: int, patient: str, **remote: Any) -> Document:
    name = f"a/{patient}/a_{patient}_{number}.txt"
    return Document(
        patient_id=patient,
        source="hie",
        connector="ONE",
        home_community_id="1.2.3",
        unique_id=str(number),
        assigning_authority="1.2.3",
        remote_patient_id="r",
        remote={"created": f"2024-05-01T10:{number % 60:02d}:00+00:00", **remote},
        description=f"Document {number}",
        mime_type="text/plain",
        file_name=name,
        size=1,
        sha256="0" * 64,
        status="stored",
        conversion="none",
    )


def test_pages_hold_five_hundred_and_none_is_lost(world: World, api: Caller) -> None:
    page_by_page(world, api)
    patient = api.patient_id(people.stranger())
    with world.platform.db.write(world.tenant(api)) as session:
        session.add_all([document(n, patient) for n in range(1001)])
    finish(world, api, ask(api, patient)["requestId"])
    sent = {
        m["patients"][0]["pagination"]["page"]: m["patients"][0]["documents"] for m in messages(world, api)
    }
    assert {page: len(documents) for page, documents in sent.items()} == {1: 500, 2: 500, 3: 1}
    assert len({d["id"] for documents in sent.values() for d in documents}) == 1001


def test_urls_live_as_long_as_the_operator_says(world: World, api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    with world.platform.db.write(world.tenant(api)) as session:
        session.add(document(1, patient))
    run_id = ask(api, patient)["requestId"]
    finish(world.with_settings(bulk_url_s=60), api, run_id)
    (message,) = messages(world, api)
    assert message["patients"][0]["documents"][0]["url"]["$object"]["expires_in_s"] == 60


def test_author_organizations_are_told_as_far_as_they_are_known(world: World, api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    uploaded = document(3, patient)
    uploaded.reference = {
        "resourceType": "DocumentReference",
        "id": "d",
        "contained": [
            {
                "resourceType": "Organization",
                "id": "author",
                "name": "North Clinic",
                "identifier": [{"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3"}, {"system": "s"}],
            },
            {"resourceType": "Practitioner", "id": "p", "identifier": [{"value": "1234567893"}]},
        ],
    }
    with world.platform.db.write(world.tenant(api)) as session:
        session.add_all(
            [document(1, patient), document(2, patient, author_organization="Elsewhere"), uploaded]
        )
    finish(world, api, ask(api, patient)["requestId"])
    (message,) = messages(world, api)
    assert {
        d["description"]: d.get("organizationIdentifiers") for d in message["patients"][0]["documents"]
    } == {
        "Document 1": None,
        "Document 2": [{"name": "Elsewhere"}],
        "Document 3": [{"name": "North Clinic", "identifierValues": ["urn:oid:1.2.3"]}],
    }


@pytest.mark.parametrize(
    ("type_code", "described"),
    [
        ({"coding": [{"system": "s", "code": "c", "version": "9", "userSelected": True}], "id": "x"},
         {"coding": [{"system": "s", "code": "c"}]}),
        ({"coding": "no list"}, None),
        ({"text": ["no text"]}, None),
        ({}, None),
    ],
    ids=["more than the form has", "coding", "text", "none"],
)  # fmt: skip
def test_what_a_network_says_of_a_type_cannot_stop_a_message(
    type_code: Json, described: Json | None, world: World, api: Caller
) -> None:
    patient = api.patient_id(people.stranger())
    with world.platform.db.write(world.tenant(api)) as session:
        row = document(1, patient, type_code=type_code)
        session.add(row)
        session.flush()
        assert outcomes.described(row).get("type") == described
    finish(world, api, ask(api, patient)["requestId"])
    (message,) = messages(world, api)
    assert message["patients"][0]["documents"][0].get("type") == described
