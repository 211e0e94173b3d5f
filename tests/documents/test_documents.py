"""Listing documents and downloading them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.documents.conftest import Fetched
from tests.networks.sandbox.support import contents
from tests.running import Caller, World
from tests.support import people
from tests.support.client import M

PATH = f"{M}/document"
DOWNLOAD = f"{PATH}/download-url"
DATA_SOURCE = "https://public.metriport.com/fhir/StructureDefinition/data-source.json"
pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")


def test_documents_as_fhir(jane: Fetched) -> None:
    listed = jane.api.documents(jane.patient)
    assert listed == jane.api.documents(jane.patient, output="fhir")
    assert len(listed) == 6
    for reference in listed:
        assert reference["resourceType"] == "DocumentReference"
        assert (reference["status"], reference["docStatus"]) == ("current", "final")
        assert reference["subject"] == {"reference": f"Patient/{jane.patient}"}
        assert reference["description"]
        assert reference["masterIdentifier"]["value"]
        assert reference["type"]["coding"][0]["system"] == "http://loinc.org"
        assert reference["context"]["period"].keys() == {"start", "end"}
        assert reference["author"] == [{"reference": "#author"}]
        assert reference["contained"][0]["id"] == "author"
        (content,) = reference["content"]
        attachment = content["attachment"]
        assert attachment.keys() >= {"contentType", "title", "size", "url", "creation"}
        assert reference["meta"]["source"] == attachment["title"]
        for holder in (reference, content):
            assert holder["extension"] == [
                {"url": DATA_SOURCE, "valueCoding": {"system": DATA_SOURCE, "code": "SANDBOX"}}
            ]
    dates = [datetime.fromisoformat(reference["date"]) for reference in listed]
    assert dates == sorted(dates, reverse=True), "newest first"


def test_documents_as_dto(jane: Fetched, world: World) -> None:
    listed = jane.api.documents(jane.patient, output="dto")
    account = world.tenant(jane.api).account_id
    assert Counter(d["mimeType"] for d in listed) == Counter(people.PERSONA_DOCUMENT_TYPES)
    by_id = {d["id"]: d for d in jane.api.documents(jane.patient)}
    for document in listed:
        assert document.keys() == {
            "id", "fileName", "description", "type", "status", "indexed", "mimeType", "size",
        }  # fmt: skip
        assert isinstance(document["size"], int)
        pattern = rf"{account}/{jane.patient}/{account}_{jane.patient}_{document['id']}\.(xml|pdf|jpeg|tiff)"
        assert re.fullmatch(pattern, document["fileName"])
        attachment = by_id[document["id"]]["content"][0]["attachment"]
        assert attachment["title"] == document["fileName"]
        assert attachment["size"] == document["size"]


def utc_day(reference: Any) -> str:
    return str(datetime.fromisoformat(reference["date"]).astimezone(UTC).date())


def test_dates_are_whole_days_and_inclusive(jane: Fetched) -> None:
    dates = sorted(map(utc_day, jane.api.documents(jane.patient)))
    first, last = dates[0], dates[-1]
    assert len(jane.api.documents(jane.patient, dateFrom=first, dateTo=last)) == 6
    assert set(map(utc_day, jane.api.documents(jane.patient, dateTo=first))) == {first}
    assert set(map(utc_day, jane.api.documents(jane.patient, dateFrom=last))) == {last}
    assert jane.api.documents(jane.patient, dateFrom="2099-01-01") == []
    assert len(jane.api.documents(jane.patient, dateFrom="", dateTo="")) == 6


def test_count_cuts_to_the_newest(jane: Fetched) -> None:
    whole = jane.api.documents(jane.patient)
    assert jane.api.documents(jane.patient, count=2) == whole[:2]
    assert jane.api.documents(jane.patient, count="999") == whole


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"dateFrom": "2024-13-01"}, "Invalid ISO date"),
        ({"dateTo": "01/02/2024"}, "Invalid ISO date"),
        ({"dateTo": "20240102"}, "Invalid ISO date"),
        ({"count": "0"}, "Count has to be a positive integer"),
        ({"count": "-1"}, "Count has to be a positive integer"),
        ({"count": "two"}, "Count has to be a positive integer"),
        ({"count": "9" * 5000}, "Count has to be a positive integer"),
        ({"output": "pdf"}, "Invalid enum value. Expected 'fhir' | 'dto', on [output]"),
    ],
    ids=str,
)
def test_values_that_cannot_be_used(jane: Fetched, query: dict[str, str], detail: str) -> None:
    assert jane.api.get(PATH, status=400, patientId=jane.patient, **query)["detail"][:200] == detail


def test_whose_documents(jane: Fetched, world: World) -> None:
    assert jane.api.get(PATH, status=400)["detail"] == "Missing patientId query param"
    assert jane.api.get(PATH, status=404, patientId="x")["detail"] == "Could not find patient"
    stranger = world.caller()
    stranger.get(PATH, status=404, patientId=jane.patient)
    assert stranger.documents(stranger.patient_id(people.stranger())) == []


def test_what_is_downloaded_is_what_the_network_gave(jane: Fetched) -> None:
    given = {(key.split(" ")[1], data) for key, data in contents("Jane").items()}
    arrived = set()
    for document in jane.api.documents(jane.patient, output="dto"):
        url = jane.api.get(DOWNLOAD, fileName=document["fileName"])["url"]
        answer = jane.api.fetch(url)
        assert answer.headers["content-type"].split(";")[0] == document["mimeType"]
        assert len(answer.content) == document["size"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        arrived.add((document["mimeType"], answer.content))
    assert arrived == given


def test_the_link_in_a_reference_leads_to_the_document(jane: Fetched) -> None:
    attachment = jane.api.documents(jane.patient)[0]["content"][0]["attachment"]
    split = urlsplit(attachment["url"])
    assert parse_qs(split.query)["fileName"] == [attachment["title"]]
    assert jane.api.fetch(jane.api.http.get(attachment["url"]).json()["url"]).content


def test_the_older_path_gives_the_same(jane: Fetched) -> None:
    name = jane.api.documents(jane.patient, output="dto")[0]["fileName"]
    assert jane.api.fetch(jane.api.get(f"{PATH}/downloadUrl", fileName=name)["url"]).content


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ({}, 400, "Missing fileName query param"),
        ({"fileName": " "}, 400, "Missing fileName query param"),
        ({"fileName": "nothing.xml"}, 404, "File does not exist"),
        ({"fileName": "../../etc/passwd"}, 404, "File does not exist"),
        (
            {"fileName": "a", "conversionType": "docx"},
            400,
            "Invalid enum value. Expected 'html' | 'pdf' | 'hl7', received 'docx', on [conversionType]",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_downloaded(jane: Fetched, query: Any, status: int, detail: str) -> None:
    assert jane.api.get(DOWNLOAD, status=status, **query)["detail"] == detail


def test_in_production_a_name_must_hold_the_callers_account(jane: Fetched, world: World) -> None:
    production = world.caller("production")
    name = jane.api.documents(jane.patient, output="dto")[0]["fileName"]
    refused = production.get(DOWNLOAD, status=403, fileName=name)
    assert (refused["title"], refused["detail"]) == (
        "ForbiddenError",
        "File name is invalid or does not exist",
    )
    own = name.replace(world.tenant(jane.api).account_id, world.tenant(production).account_id)
    assert production.get(DOWNLOAD, status=404, fileName=own)["detail"] == "File does not exist"


def test_another_sandbox_account_cannot_download_it(jane: Fetched, world: World) -> None:
    name = jane.api.documents(jane.patient, output="dto")[0]["fileName"]
    world.caller().get(DOWNLOAD, status=404, fileName=name)


def test_a_download_url_ends_and_cannot_be_changed(jane: Fetched) -> None:
    documents = jane.api.documents(jane.patient, output="dto")
    url = jane.api.get(DOWNLOAD, fileName=documents[0]["fileName"])["url"]
    (expires,) = parse_qs(urlsplit(url).query)["expires"]
    later = url.replace(f"expires={expires}", f"expires={int(expires) + 60}")
    other = url.replace(documents[0]["id"], documents[1]["id"])
    for changed in (later, other, url.replace("type=", "type=text%2F"), url.partition("?")[0]):
        assert changed != url
        assert jane.api.http.get(changed).status_code == 403
    assert Caller.fetch(jane.api, url).content
