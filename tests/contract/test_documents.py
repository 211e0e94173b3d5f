"""The rows of the contract's tables about listing, downloading and uploading documents."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ccda import builders
from tests.contract.rows import UNKNOWN, call, refusal
from tests.documents.uploading import DRAFT, PDF, announce, put, upload
from tests.running import Caller, World
from tests.support import people

LIST, DOWNLOAD = "/document", "/document/download-url"
UPLOADS = ("/document/upload", "/document/upload/", "/document/upload-url", "/document/upload-url/")


@pytest.fixture
def patient(api: Caller) -> str:
    return api.patient_id(people.stranger())


def missing(answer: tuple[int, Any], detail: str) -> None:
    status, body = answer
    assert (status, body["name"], body["title"], body["detail"]) == (
        404,
        "NOT_FOUND",
        "NotFoundError",
        detail,
    )


# 4, for all operations.


@pytest.mark.contract("4", "patientId missing; unknown")
@pytest.mark.parametrize(("method", "path"), [("GET", LIST), *(("POST", path) for path in UPLOADS)])
def test_whose_documents(api: Caller, method: str, path: str) -> None:
    body = DRAFT if method == "POST" else None
    assert refusal(call(api, method, path, body)) == "Missing patientId query param"
    missing(call(api, method, path, body, patientId=UNKNOWN), "Could not find patient")
    missing(call(api, method, path, body, patientId="nobody"), "Could not find patient")


# 4.2 List documents.


@pytest.mark.contract("4.2", "dateFrom, dateTo: bad")
@pytest.mark.parametrize("name", ["dateFrom", "dateTo"])
def test_a_bad_date(api: Caller, patient: str, name: str) -> None:
    assert refusal(call(api, "GET", LIST, patientId=patient, **{name: "yesterday"})) == "Invalid ISO date"


@pytest.mark.contract("4.2", "dateFrom, dateTo: inclusive whole days (UTC) of DocumentReference.date")
def test_days_are_those_of_the_date(api: Caller, patient: str) -> None:
    made = upload(api, patient, date="2026-01-05T23:30:00-07:00")
    assert [d["id"] for d in api.documents(patient, dateFrom="2026-01-06", dateTo="2026-01-06")] == [made]
    assert api.documents(patient, dateTo="2026-01-05") == []


@pytest.mark.contract("4.2", "count; newest first")
def test_the_newest_so_many(api: Caller, patient: str) -> None:
    years = ("2021", "2023", "2022")
    made = {year: upload(api, patient, date=f"{year}-01-01T00:00:00Z") for year in years}
    newest_first = [made[year] for year in ("2023", "2022", "2021")]
    assert [d["id"] for d in api.documents(patient)] == newest_first
    assert [d["id"] for d in api.documents(patient, count=2)] == newest_first[:2]


@pytest.mark.contract("4.2", "source")
def test_by_source(api: Caller, patient: str) -> None:
    made = upload(api, patient)
    assert [d["id"] for d in api.documents(patient, source="METRIPORT")] == [made]
    assert api.documents(patient, source="COMMONWELL") == []


@pytest.mark.contract("4.2", "docStatus preliminary is left out")
def test_preliminary_is_left_out(api: Caller, patient: str) -> None:
    made = announce(api, patient)
    for output in ("fhir", "dto"):
        assert api.documents(patient, output=output) == []
    assert put(api, made["uploadUrl"], PDF).status_code == 200
    assert [d["docStatus"] for d in api.documents(patient)] == ["final"]


@pytest.mark.contract("4.2", "DTO output")
def test_the_flat_form(api: Caller, patient: str) -> None:
    made = upload(api, patient)
    [flat] = api.documents(patient, output="dto")
    assert flat.keys() == {"id", "fileName", "description", "type", "status", "indexed", "mimeType", "size"}
    assert (flat["id"], flat["size"], flat["mimeType"]) == (made, len(PDF), "application/pdf")


# 4.3 Download URL.


@pytest.mark.contract("4.3", "fileName absent")
def test_no_file_name(api: Caller) -> None:
    assert refusal(call(api, "GET", DOWNLOAD)) == "Missing fileName query param"


@pytest.mark.contract("4.3", "name does not contain the caller's account id (production only)")
@pytest.mark.parametrize("query", [{}, {"conversionType": "docx"}], ids=["alone", "before the conversion"])
def test_a_name_of_somebody_else_in_production(world: World, query: dict[str, str]) -> None:
    status, body = call(world.caller("production"), "GET", DOWNLOAD, fileName="a/p/a_p_d.xml", **query)
    assert (status, body["name"], body["title"]) == (403, "FORBIDDEN", "ForbiddenError")
    assert body["detail"] == "File name is invalid or does not exist"


@pytest.mark.contract("4.3", "no such file")
def test_no_such_file(api: Caller) -> None:
    for query in ({}, {"conversionType": "html"}):
        missing(call(api, "GET", DOWNLOAD, fileName="a/p/a_p_d.xml", **query), "File does not exist")


@pytest.mark.contract("4.3", "a file that has not arrived")
def test_a_file_that_has_not_arrived(api: Caller, patient: str, world: World) -> None:
    made = announce(api, patient)["documentReferenceId"]
    account = world.tenant(api).account_id
    for extension in (".pdf", ".bin"):
        name = f"{account}/{patient}/{account}_{patient}_{made}{extension}"
        missing(call(api, "GET", DOWNLOAD, fileName=name), "File does not exist")


@pytest.mark.contract("4.3", "conversionType not html/pdf")
def test_another_conversion(api: Caller) -> None:
    answer = call(api, "GET", DOWNLOAD, fileName="a", conversionType="docx")
    assert refusal(answer, "Missing or invalid parameters") == (
        "Invalid enum value. Expected 'html' | 'pdf' | 'hl7', received 'docx', on [conversionType]"
    )


@pytest.mark.contract("4.3", "conversion of a non-XML file")
@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_a_file_that_is_no_xml(api: Caller, patient: str, kind: str) -> None:
    upload(api, patient)
    [flat] = api.documents(patient, output="dto")
    answer = call(api, "GET", DOWNLOAD, fileName=flat["fileName"], conversionType=kind)
    assert refusal(answer) == f"Source file must be xml to convert to {kind}, but it was application/pdf"


@pytest.mark.contract("4.3", "name starting location_hl7/")
@pytest.mark.parametrize("environment", ["sandbox", "production"])
@pytest.mark.parametrize("query", [{}, {"conversionType": "hl7"}], ids=["alone", "hl7"])
def test_a_message_that_is_not_there(world: World, environment: Any, query: dict[str, str]) -> None:
    answer = call(world.caller(environment), "GET", DOWNLOAD, fileName="location_hl7/1", **query)
    missing(answer, "File does not exist")


@pytest.mark.contract("4.3", "conversionType renders C-CDA XML as HTML or PDF")
@pytest.mark.parametrize(("kind", "start"), [("html", b"<!DOCTYPE html>"), ("pdf", b"%PDF-")])
def test_a_c_cda_is_rendered(api: Caller, patient: str, kind: str, start: bytes) -> None:
    upload(api, patient, builders.document(builders.section("1", text="words")))
    [flat] = api.documents(patient, output="dto")
    status, body = call(api, "GET", DOWNLOAD, fileName=flat["fileName"], conversionType=kind)
    assert (status, body.keys()) == (200, {"url"})
    assert api.fetch(body["url"]).content.startswith(start)


# 4.4 Upload.


@pytest.mark.contract("4.4", "upload answers documentReferenceId and uploadUrl; with a slash at its end")
@pytest.mark.parametrize("path", UPLOADS[:2])
def test_announcing_a_document(api: Caller, patient: str, path: str) -> None:
    status, body = call(api, "POST", path, DRAFT, patientId=patient)
    assert (status, body.keys()) == (200, {"documentReferenceId", "uploadUrl"})


@pytest.mark.contract("4.4", "upload-url answers the bare URL as a JSON string; with a slash at its end")
@pytest.mark.parametrize("path", UPLOADS[2:])
def test_nothing_but_the_url(api: Caller, patient: str, path: str) -> None:
    status, body = call(api, "POST", path, DRAFT, patientId=patient)
    assert (status, type(body)) == (200, str)
    assert put(api, body, PDF).status_code == 200
    assert len(api.documents(patient)) == 1


@pytest.mark.contract("4.4", "description, type, context: required")
@pytest.mark.parametrize("path", [UPLOADS[0], UPLOADS[2]])
@pytest.mark.parametrize("name", ["description", "type", "context"])
def test_what_a_draft_must_have(api: Caller, patient: str, path: str, name: str) -> None:
    for draft in ({k: v for k, v in DRAFT.items() if k != name}, {**DRAFT, name: None}):
        answer = call(api, "POST", path, draft, patientId=patient)
        assert refusal(answer) == f"Document Reference must have a {name}"
    assert api.documents(patient) == []


@pytest.mark.contract("4.4", "checks in the order of the table")
def test_the_first_that_is_missing_is_told(api: Caller, patient: str) -> None:
    answer = call(api, "POST", UPLOADS[0], {}, patientId=patient)
    assert refusal(answer) == "Document Reference must have a description"
    answer = call(api, "POST", UPLOADS[0], {"description": "x"}, patientId=patient)
    assert refusal(answer) == "Document Reference must have a type"


@pytest.mark.contract("4.4", "PUT: no API key needed")
def test_the_file_needs_no_key(api: Caller, patient: str) -> None:
    made = announce(api, patient)
    answer = put(api, made["uploadUrl"], PDF)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.contract("1.11", "document upload: 50 MB a file")
def test_a_file_of_more_than_50_mb(api: Caller, patient: str) -> None:
    made = announce(api, patient)
    answer = put(api, made["uploadUrl"], b"", **{"content-length": "50000001"})
    assert (answer.status_code, answer.json()["name"]) == (413, "PAYLOAD_TOO_LARGE")
    assert api.documents(patient) == []


@pytest.mark.contract("1.12", "a presigned URL fails with 403")
def test_a_url_that_was_changed(api: Caller, patient: str) -> None:
    url = announce(api, patient)["uploadUrl"]
    answer = put(api, url.replace("expires=", "expires=1"), PDF)
    assert (answer.status_code, answer.json()["title"]) == (403, "ForbiddenError")
