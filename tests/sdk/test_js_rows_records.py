"""The JavaScript SDK's methods on networks, documents and charts, one test or more a row of the table of its
methods (``test_row_NN``)."""

from __future__ import annotations

import gzip
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sdk.conftest import Scene, await_network_query, message_of
from tests.sdk.drivers import Sdk, SdkError
from tests.sdk.test_js_rows_people import UNKNOWN, facility, status_of
from tests.support import people
from tests.support.receiver import Receiver

pytestmark = pytest.mark.sdk

HERE = Path(__file__).parent
LATER = {17, 18, 19, 20, 59}
"""Messages between practitioners and embed tokens, which are not built yet."""
PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
DRAFT = {
    "resourceType": "DocumentReference",
    "description": "Referral letter",
    "type": {"text": "Referral note", "coding": [{"system": "http://loinc.org", "code": "57133-1"}]},
    "context": {"period": {"start": "2026-01-05", "end": "2026-01-05"}},
    "content": [{"attachment": {"contentType": "application/pdf"}}],
}


def test_every_row_has_a_test() -> None:
    text = "".join(path.read_text() for path in HERE.glob("test_js_rows_*.py"))
    names = re.findall(r"def test_rows?_(\d+)(?:_and_(\d+))?", text)
    held = {int(number) for pair in names for number in pair if number}
    assert held == set(range(1, 60)) - LATER


# --- networks


def test_rows_13_and_14_list_network_entries_in_pages(js: Sdk) -> None:
    first = js.call("listNetworkEntries", {"pagination": {"count": 3}})
    assert first["meta"]["itemsOnPage"] == 3
    for entry in first["networkEntries"]:
        assert entry["network"] in ("COMMONWELL", "CAREQUALITY", "EHEX")
        assert isinstance(entry["supportsMessaging"], bool)
        assert entry["name"]
    second = js.call("listNetworkEntriesPage", first["meta"]["nextPage"])
    oids = [e["oid"] for e in (*first["networkEntries"], *second["networkEntries"])]
    assert len(set(oids)) == len(oids)
    one = first["networkEntries"][0]
    assert js.call("listNetworkEntries", {"oid": one["oid"]})["networkEntries"] == [one]
    assert js.call("listNetworkEntries", {"destination": one["oid"]})["networkEntries"] == [one]
    able = js.call("listNetworkEntries", {"supportsMessaging": True, "active": True})["networkEntries"]
    assert able
    assert all(entry["supportsMessaging"] for entry in able)
    named = js.call("listNetworkEntries", {"filter": f'"{one["name"]}"'})["networkEntries"]
    assert one in named


def test_rows_15_and_16_a_network_query_and_its_status(js: Sdk, receiver: Receiver) -> None:
    js.call("updateSettings", receiver.url)
    patient = js.call("createPatient", people.stranger(), facility(js))["id"]
    started = js.call(
        "startNetworkQuery", {"patientId": patient, "sources": people.ALL_SOURCES, "metadata": {"k": "v"}}
    )
    assert started["status"] == "processing"
    assert {source["type"] for source in started["sources"]} == {"hie", "pharmacy", "lab"}
    assert await_network_query(js, started["requestId"])["status"] == "completed"
    parsed = js.call(
        "parseWebhook", message_of(receiver, "network-query.pharmacy", started["requestId"]).json
    )
    assert parsed["meta"]["data"] == {"k": "v"}
    assert js.call("listDocuments", patient)["documents"] == []
    assert status_of(js, "getNetworkQueryStatus", {"requestId": UNKNOWN}) == 404


# --- consolidated data


def _types(bundle: dict[str, Any]) -> set[str]:
    return {entry["resource"]["resourceType"] for entry in bundle["entry"]}


def test_row_31_get_patient_consolidated(scene: Scene) -> None:
    bundle = scene.js.call("getPatientConsolidated", scene.jane, ["Condition", "Immunization"])
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    assert bundle["total"] == len(bundle["entry"])
    assert {"Patient", "Condition", "Immunization"} <= _types(bundle)
    assert "Observation" not in _types(bundle)
    assert status_of(scene.js, "getPatientConsolidated", scene.jane, ["Conditions"]) == 400


def test_row_32_start_consolidated_query_as_json(scene: Scene) -> None:
    resources = ["Condition", "Immunization"]
    query = scene.js.call(
        "startConsolidatedQuery",
        *(scene.jane, resources, "2000-01-01", "2100-01-01", "json", False, {"ticket": "17"}),
    )
    assert sorted(query["resources"]) == resources
    message = scene.message("medical.consolidated-data", query["requestId"])
    parsed = scene.js.call("parseWebhook", message.json)
    assert parsed["meta"]["data"] == {"ticket": "17"}
    [sent] = parsed["patients"]
    assert (sent["patientId"], sent["externalId"]) == (scene.jane, "mrn-jane")
    assert sorted(sent["filters"]["resources"].split(",")) == resources
    assert sent["filters"]["dateFrom"] == "2000-01-01"
    plain, packed = (c["attachment"] for c in sent["bundle"]["entry"][0]["resource"]["content"])
    chart = httpx.get(plain["url"]).json()
    assert {"Patient", "Condition", "Immunization"} <= _types(chart)
    assert "Observation" not in _types(chart)
    with httpx.stream("GET", packed["url"]) as answer:
        assert gzip.decompress(b"".join(answer.iter_raw())) == httpx.get(plain["url"]).content


@pytest.mark.parametrize(("kind", "content_type"), [("pdf", "application/pdf"), ("html", "text/html")])
def test_rows_32_and_37_a_medical_record_summary(scene: Scene, kind: str, content_type: str) -> None:
    query = scene.js.call("startConsolidatedQuery", scene.jane, None, None, None, kind)
    message = scene.message("medical.consolidated-data", query["requestId"])
    [sent] = scene.js.call("parseWebhook", message.json)["patients"]
    [attachment] = [c["attachment"] for c in sent["bundle"]["entry"][0]["resource"]["content"]]
    assert (sent["status"], attachment["contentType"]) == ("completed", content_type)
    url = scene.js.call("getPatientMedicalRecord", scene.jane, kind)["url"]
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == content_type
    assert answer.content[:5] == b"%PDF-" if kind == "pdf" else "Jane" in answer.text


def test_row_33_get_consolidated_query_status(js: Sdk) -> None:
    patient = js.call("createPatient", people.stranger(), facility(js))["id"]
    assert js.call("getConsolidatedQueryStatus", patient)["queries"] == []
    query = js.call("startConsolidatedQuery", patient)
    status = js.call("getConsolidatedQueryStatus", patient)
    assert [q["requestId"] for q in status["queries"]] == [query["requestId"]]
    assert status["message"]


def test_row_34_get_single_consolidated_query_status(js: Sdk, receiver: Receiver) -> None:
    js.call("updateSettings", receiver.url)
    patient = js.call("createPatient", people.stranger(), facility(js))["id"]
    query = js.call("startConsolidatedQuery", patient)
    [message] = receiver.wait_for("medical.consolidated-data")
    [sent] = js.call("parseWebhook", message.json)["patients"]
    assert (sent["status"], sent["bundle"]["total"]) == ("completed", 0)
    status = js.call("getSingleConsolidatedQueryStatus", patient, query["requestId"])
    assert (status["status"], status["requestId"]) == ("completed", query["requestId"])
    assert status_of(js, "getSingleConsolidatedQueryStatus", patient, UNKNOWN) == 404


def test_row_35_create_patient_consolidated(js: Sdk) -> None:
    patient = js.call("createPatient", people.stranger(), facility(js))["id"]
    mine = "0d5c6f0e-6f0e-4c3e-8d55-6a2f1f0c9a11"
    resource = {
        "resourceType": "Condition",
        "id": mine,
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"text": "Knee pain"},
        "onsetDateTime": "2026-01-03",
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource}]}
    answer = js.call("createPatientConsolidated", patient, bundle)
    assert answer["type"] == "transaction-response"
    assert answer["entry"][0]["response"]["location"] == f"Condition/{mine}/_history/1"
    assert answer["lastRequestId"]
    again = js.call("createPatientConsolidated", patient, bundle)
    assert again["entry"][0]["response"]["location"].endswith("_history/2")
    chart = js.call("getPatientConsolidated", patient, ["Condition"])
    [stored] = [e["resource"] for e in chart["entry"] if e["resource"]["resourceType"] == "Condition"]
    assert (stored["code"], stored["onsetDateTime"]) == ({"text": "Knee pain"}, "2026-01-03")
    another = {**resource, "subject": {"reference": f"Patient/{UNKNOWN}"}}
    with pytest.raises(SdkError, match="Patient reference is pointing to another patient!"):
        js.call("createPatientConsolidated", patient, {**bundle, "entry": [{"resource": another}]})


def test_row_36_count_patient_consolidated(scene: Scene) -> None:
    counted = scene.js.call("countPatientConsolidated", scene.jane)
    assert js_count(scene.js, counted)["filter"]["resources"] == "all"
    assert counted["total"] == sum(counted["resources"].values()) > 100
    assert "Patient" not in counted["resources"]
    some = scene.js.call("countPatientConsolidated", scene.jane, ["Immunization"], "2000-01-01", "2100-01-01")
    assert some["filter"] == {"resources": "Immunization", "dateFrom": "2000-01-01", "dateTo": "2100-01-01"}
    assert some["resources"]["Immunization"] == counted["resources"]["Immunization"]
    assert some["total"] < counted["total"]


def js_count(js: Sdk, counted: dict[str, Any]) -> dict[str, Any]:
    """The count as the SDK's own schema reads it."""
    parsed: dict[str, Any] = js.call("parse", "consolidatedCountSchema", counted)
    return parsed


def test_row_37_there_is_no_summary_before_one_was_asked_for(js: Sdk) -> None:
    patient = js.call("createPatient", people.stranger(), facility(js))["id"]
    assert status_of(js, "getPatientMedicalRecord", patient, "pdf") == 404


# --- documents


def test_rows_51_and_52_list_documents_in_both_forms(scene: Scene) -> None:
    js, jane = scene.js, scene.jane
    listed = js.call("listDocumentsAsDTO", jane)
    assert sorted(d["mimeType"] for d in listed) == people.PERSONA_DOCUMENT_TYPES
    references = js.call("listDocuments", jane)["documents"]
    assert [r["id"] for r in references] == [d["id"] for d in listed]
    assert {r["content"][0]["attachment"]["title"] for r in references} == {d["fileName"] for d in listed}
    assert js.call("listDocumentsAsDTO", jane, {"count": 2}) == listed[:2]
    assert js.call("listDocumentsAsDTO", jane, {"dateTo": {"$date": "1900-01-01"}}) == []
    assert js.call("listDocuments", jane, {"dateFrom": "1900-01-01"})["documents"] == references


def test_rows_51_and_52_search_the_content_of_documents(scene: Scene) -> None:
    found = scene.js.call("listDocumentsAsDTO", scene.jane, {"content": "+amoxicillin +emergency"})
    assert found
    assert len(found) < 6
    assert scene.js.call("listDocumentsAsDTO", scene.jane, {"content": "quetzalcoatlus"}) == []
    assert status_of(scene.js, "listDocuments", scene.jane, {"content": "ab"}) == 400


def _await_document_query(js: Sdk, patient: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        progress: dict[str, Any] = js.call("getDocumentQueryStatus", patient)
        states = [progress.get(phase, {}).get("status") for phase in ("download", "convert")]
        if "processing" not in states and None not in states:
            return progress
        assert time.monotonic() < deadline, progress
        time.sleep(0.1)


def test_rows_53_and_55_a_document_query_of_a_persona(js: Sdk, receiver: Receiver) -> None:
    js.call("updateSettings", receiver.url)
    clinic = facility(js)
    jane = js.call("createPatient", people.jane(), clinic)["id"]
    assert js.call("getDocumentQueryStatus", jane) == {}
    started = js.call("startDocumentQuery", jane, clinic, {"visit": "42"})
    assert started["download"]["status"] == "processing"
    assert js.call("startDocumentQuery", jane, clinic)["requestId"] == started["requestId"]
    done = _await_document_query(js, jane)
    assert done["download"] == {"status": "completed", "total": 6, "successful": 6, "errors": 0}
    assert done["convert"] == {"status": "completed", "total": 1, "successful": 1, "errors": 0}
    downloaded = js.call(
        "parseWebhook", message_of(receiver, "medical.document-download", started["requestId"]).json
    )
    assert downloaded["meta"]["data"] == {"visit": "42"}
    assert len(downloaded["patients"][0]["documents"]) == 6
    converted = message_of(receiver, "medical.document-conversion", started["requestId"])
    assert js.call("parseWebhook", converted.json)["patients"][0]["status"] == "completed"
    again = js.call("startDocumentQuery", jane, clinic, {"metadata": {"visit": "43"}})
    assert again["requestId"] != started["requestId"]
    _await_document_query(js, jane)
    nothing_new = js.call(
        "parseWebhook", message_of(receiver, "medical.document-download", again["requestId"]).json
    )
    assert nothing_new["patients"][0]["documents"] == []
    assert nothing_new["meta"]["data"] == {"visit": "43"}


def test_rows_53_and_55_a_document_query_of_somebody_unknown(js: Sdk, receiver: Receiver) -> None:
    js.call("updateSettings", receiver.url)
    patient = js.call("createPatient", people.stranger(), facility(js))["id"]
    started = js.call("startDocumentQuery", patient)
    done = _await_document_query(js, patient)
    assert done["download"]["status"] == "completed"
    assert done["convert"]["status"] == "completed"
    assert done["convert"]["total"] == 0
    sent = js.call(
        "parseWebhook", message_of(receiver, "medical.document-download", started["requestId"]).json
    )
    assert sent["patients"][0]["documents"] == []


def test_row_54_start_bulk_get_document_url(scene: Scene) -> None:
    started = scene.js.call("startBulkGetDocumentUrl", scene.jane, {"batch": "1"})
    assert started["status"] == "processing"
    message = scene.message("medical.document-bulk-download-urls", started["requestId"])
    parsed = scene.js.call("parseWebhook", message.json)
    assert parsed["meta"]["data"] == {"batch": "1"}
    documents = parsed["patients"][0]["documents"]
    assert len(documents) == 6
    for document in documents:
        assert len(httpx.get(document["url"]).content) == document["size"]


def test_row_56_get_document_url(scene: Scene) -> None:
    listed = scene.js.call("listDocumentsAsDTO", scene.jane)
    for document in listed:
        answer = httpx.get(scene.js.call("getDocumentUrl", document["fileName"])["url"])
        assert answer.status_code == 200
        assert len(answer.content) == document["size"], document
        assert answer.headers["content-type"].partition(";")[0] == document["mimeType"]
    assert status_of(scene.js, "getDocumentUrl", "no-such-file.xml") == 404
    [ccd] = [d["fileName"] for d in listed if d["mimeType"] == "application/xml"]
    page = httpx.get(scene.js.call("getDocumentUrl", ccd, "html")["url"])
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text
    paper = httpx.get(scene.js.call("getDocumentUrl", ccd, "pdf")["url"])
    assert paper.content.startswith(b"%PDF-")
    [photograph] = [d["fileName"] for d in listed if d["mimeType"] == "image/jpeg"]
    with pytest.raises(SdkError, match="Source file must be xml to convert to html, but it was image/jpeg"):
        scene.js.call("getDocumentUrl", photograph, "html")


@pytest.fixture
def stranger(js: Sdk) -> str:
    return str(js.call("createPatient", people.stranger(), facility(js))["id"])


def test_row_57_get_document_upload_url(js: Sdk, stranger: str) -> None:
    url = js.call("getDocumentUploadUrl", stranger, DRAFT)
    assert js.call("listDocuments", stranger)["documents"] == [], "preliminary until the file arrives"
    put = httpx.put(url, content=PDF, headers={"content-type": "application/pdf"})
    assert put.status_code < 300, put.text
    [document] = js.call("listDocumentsAsDTO", stranger)
    assert (document["mimeType"], document["size"]) == ("application/pdf", len(PDF))


def test_row_58_create_document_reference(js: Sdk, stranger: str) -> None:
    made = js.call("createDocumentReference", stranger, DRAFT)
    httpx.put(made["uploadUrl"], content=PDF, headers={"content-type": "application/pdf"}).raise_for_status()
    [reference] = js.call("listDocuments", stranger)["documents"]
    assert (reference["id"], reference["docStatus"]) == (made["documentReferenceId"], "final")
    assert reference["description"] == "Referral letter"
    name = reference["content"][0]["attachment"]["title"]
    assert httpx.get(js.call("getDocumentUrl", name)["url"]).content == PDF
    for missing in ("description", "type", "context"):
        draft = {key: value for key, value in DRAFT.items() if key != missing}
        with pytest.raises(SdkError, match=f"Document Reference must have a {missing}"):
            js.call("createDocumentReference", stranger, draft)
