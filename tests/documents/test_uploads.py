"""Uploading: a reference, then its file."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from chartbridge.app import create_app
from chartbridge.config import Settings
from chartbridge.features.documents import fhir, service, uploads
from chartbridge.features.documents.models import Document
from chartbridge.features.records import chart
from chartbridge.fhir.schema import violations
from chartbridge.ids import utcnow
from chartbridge.storage import StorageError, open_store
from chartbridge.storage.store import ObjectStore
from tests.ccda import builders
from tests.documents.uploading import DRAFT, PDF, UPLOAD, announce, listed, put, upload
from tests.running import Caller, World, wait_until
from tests.support import people
from tests.support.client import M

DATA_SOURCE = "https://public.metriport.com/fhir/StructureDefinition/data-source.json"
pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def api(world: World) -> Caller:
    return world.caller()


@pytest.fixture(scope="module")
def patient(api: Caller) -> str:
    """Somebody whom no network knows."""
    return api.patient_id(people.stranger())


def rows(world: World, api: Caller, document_id: str) -> Any:
    with world.platform.db.read(world.tenant(api)) as session:
        return session.get(Document, document_id)


def objects(world: World, api: Caller, patient: str) -> set[str]:
    return {k for k in world.platform.store.keys(f"{world.tenant(api)}/{patient}") if "/documents/" in k}


def test_an_uploaded_document_is_listed_once_its_file_is_here(
    api: Caller, patient: str, world: World
) -> None:
    made = announce(api, patient)
    assert made["documentReferenceId"] not in {d["id"] for d in api.documents(patient)}
    assert put(api, made["uploadUrl"], PDF).status_code == 200
    reference = listed(api, patient, made["documentReferenceId"])
    account = world.tenant(api).account_id
    name = f"{account}/{patient}/{account}_{patient}_{reference['id']}.pdf"
    source = [{"url": DATA_SOURCE, "valueCoding": {"system": DATA_SOURCE, "code": "METRIPORT"}}]
    assert reference["meta"]["source"] == name
    assert reference["extension"] == source
    assert (reference["status"], reference["docStatus"]) == ("current", "final")
    assert reference["masterIdentifier"] == {"system": "urn:ietf:rfc:3986", "value": reference["id"]}
    assert reference["subject"] == {"reference": f"Patient/{patient}"}
    assert {key: reference[key] for key in DRAFT} == DRAFT
    [content] = reference["content"]
    assert content["extension"] == source
    attachment = content["attachment"]
    assert (attachment["title"], attachment["size"]) == (name, len(PDF))
    assert attachment["contentType"] == "application/pdf"
    assert api.fetch(api.http.get(attachment["url"]).json()["url"]).content == PDF
    assert violations(reference) == []


def test_the_awaited_reference_is_temporary_and_valid(api: Caller, patient: str, world: World) -> None:
    made = announce(api, patient)
    row = rows(world, api, made["documentReferenceId"])
    waiting = fhir.document_reference(row, "http://testserver")
    assert (row.status, waiting["docStatus"]) == ("awaited", "preliminary")
    for holder in (waiting, *waiting["content"]):
        assert holder["extension"][0]["valueCoding"]["code"] == "TEMPORARY"
    assert violations(waiting) == []


def test_the_flat_form_has_what_was_said(api: Caller, patient: str) -> None:
    made = upload(api, patient, date="2026-01-06T09:00:00Z")
    [flat] = [d for d in api.documents(patient, output="dto") if d["id"] == made]
    assert flat["description"] == DRAFT["description"]
    assert flat["type"] == DRAFT["type"]
    assert flat["indexed"] == "2026-01-06T09:00:00.000Z"
    assert (flat["mimeType"], flat["size"]) == ("application/pdf", len(PDF))
    assert made in {d["id"] for d in api.documents(patient, dateFrom="2026-01-06", dateTo="2026-01-06")}
    assert made not in {d["id"] for d in api.documents(patient, dateFrom="2026-01-07")}


def test_uploads_are_found_by_their_source(api: Caller, patient: str) -> None:
    made = upload(api, patient)
    assert made in {d["id"] for d in api.documents(patient, source="METRIPORT")}
    assert api.documents(patient, source="SANDBOX") == []


def test_the_account_is_the_author(api: Caller, patient: str) -> None:
    reference = listed(api, patient, upload(api, patient))
    [organization] = reference["contained"]
    assert (organization["resourceType"], organization["name"]) == ("Organization", people.facility()["name"])
    assert reference["author"] == [{"reference": f"#{organization['id']}", "type": "Organization"}]


def test_patient_and_organization_of_a_draft_are_replaced_and_the_rest_is_kept(
    api: Caller, patient: str
) -> None:
    writer = {"resourceType": "Practitioner", "id": "writer", "name": [{"family": "Ames"}]}
    made = upload(
        api,
        patient,
        id="mine",
        status="superseded",
        docStatus="entered-in-error",
        masterIdentifier={"value": "mine"},
        identifier=[{"system": "urn:mine", "value": "42"}],
        subject={"reference": "Patient/somebody-else"},
        contained=[
            {"resourceType": "Patient", "id": "them", "name": [{"family": "Wrong"}]},
            {"resourceType": "Organization", "id": "clinic", "name": "Wrong"},
            writer,
        ],
        author=[{"reference": "#writer"}, {"reference": "#clinic"}],
        custodian={"reference": "#clinic"},
        context={**DRAFT["context"], "sourcePatientInfo": {"reference": "#them"}},
        securityLabel=[{"text": "normal"}],
        extension=[{"url": "urn:mine", "valueString": "kept"}, {"url": DATA_SOURCE, "valueString": "not"}],
        meta={"tag": [{"code": "mine"}], "source": "mine"},
        content=[
            {
                "format": {"code": "urn:mine"},
                "attachment": {"contentType": "application/pdf", "language": "de", "title": "Brief"},
            },
            {"attachment": {"url": "https://elsewhere.example.org/1"}},
        ],
    )
    reference = listed(api, patient, made)
    ours = next(r for r in reference["contained"] if r["resourceType"] == "Organization")
    assert [r for r in reference["contained"] if r["resourceType"] != "Organization"] == [writer]
    assert ours["name"] == people.facility()["name"]
    assert [a["reference"] for a in reference["author"]] == [f"#{ours['id']}", "#writer"]
    assert reference["custodian"] == {"reference": f"#{ours['id']}"}
    own = {"reference": f"Patient/{patient}"}
    assert (reference["subject"], reference["context"]["sourcePatientInfo"]) == (own, own)
    assert (reference["id"], reference["status"], reference["docStatus"]) == (made, "current", "final")
    assert reference["masterIdentifier"]["value"] == made
    assert reference["identifier"] == [{"system": "urn:mine", "value": "42"}]
    assert reference["securityLabel"] == [{"text": "normal"}]
    assert reference["extension"][0] == {"url": "urn:mine", "valueString": "kept"}
    assert [e["url"] for e in reference["extension"]] == ["urn:mine", DATA_SOURCE]
    assert reference["meta"]["tag"] == [{"code": "mine"}]
    assert reference["meta"]["source"] != "mine"
    first, second = reference["content"]
    assert first["format"] == {"code": "urn:mine"}
    assert first["attachment"]["language"] == "de"
    assert first["attachment"]["title"] == reference["meta"]["source"]
    assert second["attachment"] == {"url": "https://elsewhere.example.org/1"}
    assert violations(reference) == []


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"date": "last Tuesday"}, "Document Reference is not valid FHIR R4: "),
        ({"nonsense": 1}, "Document Reference is not valid FHIR R4: "),
        ({"securityLabel": {"text": "no list"}}, "Document Reference is not valid FHIR R4: "),
        ({"contained": "nothing"}, "Document Reference is not valid FHIR R4: "),
        ({"author": [{"reference": "#nobody"}]}, "Document Reference points to #nobody, which it does not"),
        (
            {"identifier": [{"value": "x" * 200_000}]},
            "Document Reference must not be larger than 200000 bytes",
        ),
        ({"type": {"coding": "57133-1"}}, "Document Reference is not valid FHIR R4: "),
        (
            {"resourceType": "Patient"},
            "Invalid enum value. Expected 'DocumentReference', received 'Patient', on",
        ),
        ({"description": 7}, "Expected string, received number, on [description]"),
        (
            {"content": [{"attachment": {"contentType": "application/zip"}}]},
            "Files of type application/zip are not accepted; accepted are C-CDA and other XML",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_draft_that_cannot_be_kept(
    api: Caller, patient: str, world: World, changes: dict[str, Any], detail: str
) -> None:
    before = {d["id"] for d in api.documents(patient)}
    refused = api.post(UPLOAD, {**DRAFT, **changes}, status=400, patientId=patient)
    assert refused["detail"].startswith(detail), refused
    assert {d["id"] for d in api.documents(patient)} == before


def test_an_upload_brings_its_content_into_the_chart(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    made = upload(api, patient, builders.document(builders.section("11450-4", builders.problem())))
    reference = listed(api, patient, made)
    assert reference["content"][0]["attachment"]["contentType"] == "application/xml"
    assert reference["meta"]["source"].endswith(".xml")
    wait_until(lambda: rows(world, api, made).conversion == "converted", "the document is converted")
    request = api.post(f"{M}/patient/{patient}/consolidated/query", conversionType="json")["requestId"]
    done = api.poll(f"{M}/patient/{patient}/consolidated/query/{request}")
    assert done["status"] == "completed"
    held = chart.current_resources(world.platform, world.tenant(api), patient)
    [in_chart] = [r for r in held if r["id"] == made]
    assert (in_chart["resourceType"], in_chart["description"]) == ("DocumentReference", DRAFT["description"])
    ours = ("Binary", "DocumentReference", "Patient")  # the brief, and what the platform says itself
    converted = [r for r in held if r["resourceType"] not in ours]
    assert converted
    assert {r["meta"]["source"] for r in converted} == {reference["meta"]["source"]}
    codes = {e["valueCoding"]["code"] for r in converted for e in r["extension"] if e["url"] == DATA_SOURCE}
    assert codes == {"METRIPORT"}


# The URL.


def test_the_url_needs_no_key_and_ends_after_three_minutes(api: Caller, patient: str) -> None:
    url = announce(api, patient)["uploadUrl"]
    query = parse_qs(urlsplit(url).query)
    assert 170 < int(query["expires"][0]) - time.time() <= 180
    assert url.startswith("http://testserver/storage/sandbox/")


def test_a_url_that_has_ended_or_was_changed_takes_nothing(
    api: Caller, patient: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, other = announce(api, patient), announce(api, patient)
    url = made["uploadUrl"]
    monkeypatch.setattr(uploads, "UPLOAD_URL_S", -1)
    ended = announce(api, patient)["uploadUrl"]
    swapped = url.replace(made["documentReferenceId"], other["documentReferenceId"])
    for bad in (ended, swapped, url.partition("?")[0], url + "0", re.sub("expires=", "expires=9", url)):
        answer = put(api, bad, PDF)
        assert (answer.status_code, answer.json()["title"]) == (403, "ForbiddenError"), bad
    assert api.http.get(url).status_code == 403, "it is for PUT alone"
    assert rows(world, api, made["documentReferenceId"]).status == "awaited"
    assert put(api, url, PDF).status_code == 200


def test_a_download_url_takes_no_file(api: Caller, patient: str) -> None:
    made = upload(api, patient)
    name = listed(api, patient, made)["meta"]["source"]
    url = api.get(f"{M}/document/download-url", fileName=name)["url"]
    assert put(api, url, b"%PDF-1.7 other").status_code == 403
    assert api.fetch(url).content == PDF


def test_the_same_file_may_come_again_but_no_other(api: Caller, patient: str) -> None:
    made = announce(api, patient)
    assert put(api, made["uploadUrl"], PDF).status_code == 200
    assert put(api, made["uploadUrl"], PDF).status_code == 200, "a client that heard nothing tries again"
    refused = put(api, made["uploadUrl"], PDF + b"changed")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "The document's file was uploaded already",
    )
    assert listed(api, patient, made["documentReferenceId"])["content"][0]["attachment"]["size"] == len(PDF)


def test_a_url_of_a_patient_who_was_deleted(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    url = announce(api, patient)["uploadUrl"]
    api.delete(f"{M}/patient/{patient}")
    assert put(api, url, PDF).status_code == 404


def test_deleting_the_patient_deletes_the_upload(world: World) -> None:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    made = upload(api, patient)
    assert objects(world, api, patient)
    api.delete(f"{M}/patient/{patient}")
    assert rows(world, api, made) is None
    wait_until(lambda: not objects(world, api, patient), "the file is gone")


# The file.


@pytest.fixture
def waiting(api: Caller, patient: str, world: World) -> Iterator[dict[str, Any]]:
    """An announced document; whatever a test sent, it is still awaited at the end, and takes its file."""
    before = objects(world, api, patient)
    made = announce(api, patient)
    yield made
    assert rows(world, api, made["documentReferenceId"]).status == "awaited"
    assert objects(world, api, patient) == before, "nothing was kept"
    assert put(api, made["uploadUrl"], PDF).status_code == 200


@pytest.mark.parametrize(
    ("data", "status", "detail"),
    [
        (b"", 400, "The file is empty"),
        (b"MZ\x90\0\3\0\0\0", 415, "The file is of a kind that is not accepted; accepted are C-CDA"),
        (b"\x7fELF\2\1\1\0", 415, "The file is of a kind that is not accepted"),
        (b"PK\3\4\x14\0\0\0", 415, "The file is of a kind that is not accepted"),
        (b"#!/bin/sh\nrm x\n", 415, "The file is of a kind that is not accepted"),
    ],
    ids=["empty", "Windows program", "ELF program", "archive", "script"],
)
def test_what_is_no_document_is_refused(
    api: Caller, waiting: Any, data: bytes, status: int, detail: str
) -> None:
    answer = put(api, waiting["uploadUrl"], data)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(detail)


def test_a_file_that_is_not_what_its_header_says(api: Caller, waiting: Any) -> None:
    answer = put(api, waiting["uploadUrl"], PDF, **{"content-type": "image/png"})
    assert (answer.status_code, answer.json()["detail"]) == (
        415,
        "The file was said to be image/png, but it is application/pdf",
    )


@pytest.mark.parametrize(
    "header",
    ["application/octet-stream", "application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "x/y"],
)
def test_what_clients_send_by_themselves_says_nothing(api: Caller, patient: str, header: str) -> None:
    made = announce(api, patient)
    assert put(api, made["uploadUrl"], PDF, **{"content-type": header}).status_code == 200


def test_a_file_that_is_not_what_its_reference_says(api: Caller, patient: str, world: World) -> None:
    said = [{"attachment": {"contentType": "image/jpeg"}}]
    made = announce(api, patient, content=said)
    answer = put(api, made["uploadUrl"], PDF)
    assert (answer.status_code, answer.json()["detail"]) == (
        415,
        "The file was said to be image/jpeg, but it is application/pdf",
    )
    assert rows(world, api, made["documentReferenceId"]).status == "awaited"


@pytest.fixture(scope="module")
def narrow(world: World) -> World:
    return world.with_settings(max_upload_bytes=len(PDF) + 10)


def test_a_file_that_is_too_large(api: Caller, patient: str, world: World, narrow: World) -> None:
    made = announce(api, patient)
    small = Caller(narrow.app, api.key)
    for data in (PDF + b"x" * 11, iter([PDF, b"x" * 11])):
        answer = put(small, made["uploadUrl"], data)
        assert answer.status_code == 413
        assert answer.json()["detail"] == f"The file is larger than {len(PDF) + 10} bytes"
    assert rows(world, api, made["documentReferenceId"]).status == "awaited"
    assert put(small, made["uploadUrl"], PDF + b"x" * 10).status_code == 200


def test_a_file_may_be_larger_than_any_json(api: Caller, patient: str, world: World) -> None:
    assert world.platform.settings.max_json_body_bytes == 20_000_000
    made = upload(api, patient, b"%PDF-1.7" + b"\0" * 21_000_000)
    assert listed(api, patient, made)["content"][0]["attachment"]["size"] == 21_000_008


def test_a_file_may_come_in_pieces_without_a_length(api: Caller, patient: str) -> None:
    made = announce(api, patient)
    answer = put(api, made["uploadUrl"], iter([PDF[:5], PDF[5:]]))
    assert answer.status_code == 200
    assert listed(api, patient, made["documentReferenceId"])["content"][0]["attachment"]["size"] == len(PDF)


def test_a_store_that_fails_leaves_the_document_awaited_and_the_url_good(
    api: Caller, patient: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = announce(api, patient)

    real = ObjectStore.put

    def refuse(store: ObjectStore, key: str, data: bytes, **how: Any) -> None:
        if "/documents/" in key:
            raise StorageError("the object store refused a write")
        real(store, key, data, **how)

    with monkeypatch.context() as broken:
        broken.setattr(ObjectStore, "put", refuse)
        assert put(api, made["uploadUrl"], PDF).status_code == 503
    assert rows(world, api, made["documentReferenceId"]).status == "awaited"
    assert put(api, made["uploadUrl"], PDF).status_code == 200


def test_bytes_without_a_row_do_no_harm(
    api: Caller, patient: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash after the bytes were put and before the row was committed."""
    made = announce(api, patient)
    real = service.put_bytes

    def put_and_die(*arguments: Any) -> None:
        real(*arguments)
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as dying:
        dying.setattr(service, "put_bytes", put_and_die)
        assert put(api, made["uploadUrl"], PDF).status_code == 500
    assert rows(world, api, made["documentReferenceId"]).status == "awaited"
    other = PDF + b"another version"
    assert put(api, made["uploadUrl"], other).status_code == 200
    name = listed(api, patient, made["documentReferenceId"])["meta"]["source"]
    assert api.fetch(api.get(f"{M}/document/download-url", fileName=name)["url"]).content == other


# With the objects in S3.


@pytest.fixture(scope="module")
def in_s3(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, world: World) -> World:
    """The same database; its objects lie in a real S3 server."""
    server = request.getfixturevalue("s3_server")
    settings = world.platform.settings.model_copy(
        update=Settings.model_validate(server.settings(server.fresh_bucket())).model_dump(exclude_unset=True)
    )
    platform = replace(world.platform, settings=settings, store=open_store(settings))
    return World(platform, create_app(platform))


def test_an_upload_goes_through_us_and_is_downloaded_from_s3(in_s3: World) -> None:
    api = in_s3.caller()
    patient = api.patient_id(people.stranger())
    made = announce(api, patient)
    assert made["uploadUrl"].startswith("http://testserver/storage/")
    assert put(api, made["uploadUrl"], b"MZ\0").status_code == 415
    document = builders.document(builders.section("1", text="words"))
    assert put(api, made["uploadUrl"], document).status_code == 200
    name = listed(api, patient, made["documentReferenceId"])["meta"]["source"]
    url = api.get(f"{M}/document/download-url", fileName=name)["url"]
    assert not url.startswith("http://testserver/")
    answer = httpx.get(url)
    assert answer.content == document
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name.rsplit("/", 1)[-1]}"'
    page = httpx.get(api.get(f"{M}/document/download-url", fileName=name, conversionType="html")["url"])
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-disposition"].startswith("inline; filename=")
    assert "words" in page.text


def test_a_document_whose_file_never_came_is_forgotten_a_day_later(world: World, api: Caller) -> None:
    patient = api.patient_id(people.stranger())
    other = api.patient_id(people.stranger(firstName="Ilka", lastName="Brandt", dob="1980-01-02"))
    never, late, arrived = announce(api, patient), announce(api, patient), upload(api, patient)
    elsewhere = announce(api, other)
    old = [never["documentReferenceId"], arrived, elsewhere["documentReferenceId"]]
    with world.platform.db.write(world.tenant(api)) as session:
        for document_id in old:
            found = session.get(Document, document_id)
            assert found
            found.created_at = utcnow() - uploads.AWAITED_FOR - timedelta(minutes=1)
    with world.platform.db.write(world.tenant(api)) as session:
        assert uploads.forget_unsent(session, utcnow()) == 2
    for forgotten in (never, elsewhere):
        assert rows(world, api, forgotten["documentReferenceId"]) is None
        assert put(api, forgotten["uploadUrl"], PDF).status_code == 404
    assert listed(api, patient, arrived)
    assert put(api, late["uploadUrl"], PDF).status_code == 200
