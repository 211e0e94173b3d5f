"""The rows of the contract's tables about bulk download URLs (documents 4.5, webhooks 8.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.documents.bulk import PATH, ask, page_by_page
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M
from tests.support.receiver import Receiver

UNKNOWN = "0196f0e0-0000-7000-8000-000000000000"
WHOLE, PAGED = "medical.document-bulk-download-urls", "medical.document-bulk-download-paged"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


@pytest.fixture
def listening(world: World, receiver: Receiver) -> Caller:
    api = world.caller()
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    return api


@pytest.mark.contract("4.5", "older: a single medical.document-bulk-download-urls; the default")
@pytest.mark.contract("8.6", "medical.document-bulk-download-urls")
def test_one_message_has_all_urls(listening: Caller, receiver: Receiver) -> None:
    patient = listening.patient_id(people.jane(externalId="mrn-7"))
    listening.query(patient, "hie")
    answer = ask(listening, patient, {"metadata": {"visit": "42"}})
    assert answer == {"status": "processing", "requestId": answer["requestId"]}
    (message,) = receiver.wait_for(WHOLE)
    assert message.is_signed_with(receiver.key or "")
    assert message.json["meta"]["requestId"] == answer["requestId"]
    assert message.json["meta"]["data"] == {"visit": "42"}
    (told,) = message.json["patients"]
    assert told.keys() == {"patientId", "externalId", "status", "documents"}
    assert (told["patientId"], told["externalId"], told["status"]) == (patient, "mrn-7", "completed")
    listed = listening.documents(patient, output="dto")
    assert [d["id"] for d in told["documents"]] == [d["id"] for d in listed]
    for document, known in zip(told["documents"], listed, strict=True):
        own = {k: v for k, v in document.items() if k not in ("url", "organizationIdentifiers")}
        assert own == known
        assert len(listening.fetch(document["url"]).content) == known["size"]
        (organization,) = document["organizationIdentifiers"]
        assert organization.keys() == {"name"}
    assert receiver.of_type(PAGED) == [], "only one kind is sent"


@pytest.mark.contract("4.5", "newest: one or more medical.document-bulk-download-paged; a setting")
@pytest.mark.contract("8.6", "medical.document-bulk-download-paged")
def test_an_account_may_have_pages(
    world: World, listening: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_by_page(world, listening)
    monkeypatch.setattr("chartbridge.features.documents.bulk.PAGE_SIZE", 4)
    patient = listening.patient_id()
    listening.query(patient, "hie")
    request_id = ask(listening, patient)["requestId"]
    messages = receiver.wait_for(PAGED, 2)
    assert {m.json["meta"]["requestId"] for m in messages} == {request_id}
    assert len({m.json["meta"]["messageId"] for m in messages}) == 2
    pages: dict[int, dict[str, Any]] = {}
    for message in messages:
        (told,) = message.json["patients"]
        assert told["pagination"].keys() == {"page", "totalPages", "totalItems"}
        assert (told["pagination"]["totalPages"], told["pagination"]["totalItems"]) == (2, 6)
        pages[told["pagination"]["page"]] = told
    assert sorted(pages) == [1, 2], "numbered from 1"
    assert [len(pages[n]["documents"]) for n in (1, 2)] == [4, 2]
    sent = [d for n in (1, 2) for d in pages[n]["documents"]]
    assert [d["id"] for d in sent] == [d["id"] for d in listening.documents(patient, output="dto")]
    assert all(d["downloadUrl"] == d["url"] for d in sent)
    listening.fetch(sent[0]["downloadUrl"])
    assert receiver.of_type(WHOLE) == [], "only one kind is sent"


@pytest.mark.contract("4.5", "page size 500 [X]")
def test_a_page_has_five_hundred_documents() -> None:
    from chartbridge.features.documents import bulk

    assert bulk.PAGE_SIZE == 500


@pytest.mark.contract("4.5", "URLs live 10 min (an operator's setting)")
def test_urls_live_ten_minutes_and_the_operator_may_say_otherwise(world: World) -> None:
    assert world.platform.settings.bulk_url_s == 600


@pytest.mark.contract("4.5", "patientId required; unknown patient")
def test_the_patient_must_be_named_and_known(listening: Caller) -> None:
    assert listening.post(PATH, status=400)["detail"] == "Missing patientId query param"
    assert listening.post(PATH, status=404, patientId=UNKNOWN)["detail"] == "Could not find patient"


@pytest.mark.contract("4.5", "body {metadata?}")
@pytest.mark.parametrize("body", [None, {}, {"visit": "42"}, {"metadata": None}])
def test_the_body_may_be_left_out(listening: Caller, receiver: Receiver, body: Any) -> None:
    ask(listening, listening.patient_id(people.stranger()), body)
    (message,) = receiver.wait_for(WHOLE)
    assert message.json["meta"].get("data") == (body if body == {"visit": "42"} else None)


@pytest.mark.contract("4.5", "body {metadata?}")
def test_metadata_are_bounded(listening: Caller) -> None:
    patient = listening.patient_id(people.stranger())
    body = {"metadata": {f"k{n}": "v" for n in range(51)}}
    error = listening.post(PATH, body, status=400, patientId=patient)
    assert error["detail"] == "Record has too many properties, on [metadata]"


@pytest.mark.contract("4.6", "opted-out patient: of queries; what is stored stays readable")
def test_an_opted_out_patients_stored_documents_stay_readable(listening: Caller, receiver: Receiver) -> None:
    patient = listening.patient_id()
    listening.query(patient, "hie")
    listening.put(f"{M}/patient/{patient}/hie-opt-out", hieOptOut="true")
    ask(listening, patient)
    (message,) = receiver.wait_for(WHOLE)
    assert len(message.json["patients"][0]["documents"]) == 6


@pytest.mark.contract("1.1", "with and without a trailing slash")
def test_a_trailing_slash_makes_no_difference(listening: Caller, receiver: Receiver) -> None:
    listening.post(f"{PATH}/", patientId=listening.patient_id(people.stranger()))
    receiver.wait_for(WHOLE)
