"""Every method of the official Python SDK, unchanged but for its base URL, against a running server."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sdk.conftest import Scene
from tests.sdk.drivers import Driver, Sdk, SdkError
from tests.support import people

pytestmark = pytest.mark.sdk

UNKNOWN = "01a00000-0000-7000-8000-000000000000"
ADDRESS = {
    "$type": "commons.Address",
    "address_line_1": "77 Quarry Rd",
    "address_line_2": "Apt 4",
    "city": "Boise",
    "state": "ID",
    "zip": "83702",
}
PERSON = {
    "first_name": "Orsolya",
    "last_name": "Vance",
    "dob": "1961-07-30",
    "gender_at_birth": "F",
    "address": [ADDRESS],
    "contact": [{"$type": "medical.patient.Contact", "phone": "2085550143"}],
    "personal_identifiers": [
        {"$type": "medical.patient.PersonalIdentifier_DriversLicense", "value": "VX123456", "state": "ID"}
    ],
}
JANE = {
    **{"first_name": "Jane", "last_name": "Smith", "dob": "1996-02-10", "gender_at_birth": "F"},
    "address": [
        {
            **{"$type": "commons.Address", "address_line_1": "123 Arsenal St"},
            **{"city": "Phoenix", "state": "AZ", "zip": "85300"},
        }
    ],
}


METHODS = {
    "facility": {"create", "get", "update", "list", "delete"},
    "patient": {
        *{"create", "get", "update", "list", "delete", "match"},
        *{"get_medical_record_summary", "get_medical_record_summary_status"},
    },
    "document": {
        *{"start_query", "get_query_status", "list", "get_url"},
        *{"create_document_reference", "start_bulk_get_document_url"},
    },
    "fhir": {
        *{"start_consolidated_query", "get_consolidated_query_status"},
        *{"get_single_consolidated_query_status", "create_patient_consolidated", "count_patient_data"},
    },
}


def test_every_method_is_called() -> None:
    text = Path(__file__).read_text()
    for group, names in METHODS.items():
        assert set(re.findall(rf'"{group}\.([a-z_]+)"', text)) == names


def _facility(py: Sdk) -> str:
    created = py.call("facility.create", name="North Clinic", npi="1234567893", address=ADDRESS)
    return str(created["id"])


def _status_of(py: Sdk, method: str, **arguments: Any) -> int | None:
    with pytest.raises(SdkError) as raised:
        py.call(method, **arguments)
    return raised.value.status


def test_a_facility_is_created_read_updated_listed_and_deleted(py: Sdk) -> None:
    created = py.call(
        "facility.create", name="North Clinic", npi="1234567893", address=ADDRESS, tin="12-3456789"
    )
    assert created["address"]["addressLine2"] == "Apt 4"
    assert py.call("facility.get", id=created["id"]) == created
    updated = py.call(
        "facility.update", id=created["id"], name="South Clinic", npi="1234567893", address=ADDRESS
    )
    assert (updated["id"], updated["name"]) == (created["id"], "South Clinic")
    assert [f["name"] for f in py.call("facility.list")["facilities"]] == ["South Clinic"]
    assert py.call("facility.delete", id=created["id"]) is None
    assert _status_of(py, "facility.get", id=created["id"]) == 404


def test_a_refused_request_is_an_api_error_with_the_envelope(py: Sdk) -> None:
    with pytest.raises(SdkError) as raised:
        py.call("facility.create", name="North Clinic", npi="1234567890", address=ADDRESS)
    assert raised.value.status == 400
    assert raised.value.body["name"] == "BAD_REQUEST"


def test_a_patient_is_created_read_updated_matched_listed_and_deleted(py: Sdk) -> None:
    facility_id = _facility(py)
    created = py.call("patient.create", facility_id=facility_id, external_id="mrn-1", **PERSON)
    assert (created["firstName"], created["facilityIds"]) == ("Orsolya", [facility_id])
    assert created["personalIdentifiers"] == people.stranger()["personalIdentifiers"]
    assert py.call("patient.get", id=created["id"]) == created
    changed = {**PERSON, "last_name": "Vance-Okafor"}
    updated = py.call("patient.update", id=created["id"], facility_id=facility_id, **changed)
    assert updated["lastName"] == "Vance-Okafor"
    assert py.call("patient.match", **changed)["id"] == created["id"]
    assert _status_of(py, "patient.match", **JANE) == 404
    assert [p["id"] for p in py.call("patient.list", facility_id=facility_id)["patients"]] == [created["id"]]
    assert py.call("patient.delete", id=created["id"], facility_id=facility_id) is None
    assert _status_of(py, "patient.get", id=created["id"]) == 404


@pytest.fixture
def jane(scene: Scene, python: Driver) -> tuple[Sdk, str]:
    """This SDK with the account that has Jane and all her records, and Jane's id."""
    return Sdk(python, scene.js.origin, scene.js.key), scene.jane


def test_documents_are_listed_and_downloaded(jane: tuple[Sdk, str]) -> None:
    py, patient = jane
    documents = py.call("document.list", patient_id=patient)["documents"]
    attachments = [d["content"][0]["attachment"] for d in documents]
    assert sorted(a["contentType"] for a in attachments) == people.PERSONA_DOCUMENT_TYPES
    for attachment in attachments:
        url = py.call("document.get_url", file_name=attachment["title"])["url"]
        assert len(httpx.get(url).content) == attachment["size"]
    assert py.call("document.list", patient_id=patient, date_to="1900-01-01")["documents"] == []
    assert _status_of(py, "document.list", patient_id=patient, date_from="yesterday") == 400


@pytest.mark.parametrize("request_body", [None, {"ticket": "17"}], ids=["no body", "bare metadata"])
def test_a_consolidated_query_runs_to_its_end(
    jane: tuple[Sdk, str], request_body: dict[str, str] | None
) -> None:
    py, patient = jane
    extra = {"request": request_body} if request_body else {}
    started = py.call(
        "fhir.start_consolidated_query", id=patient, conversion_type="json", resources="Condition", **extra
    )
    assert (started["status"], started["resources"]) == ("processing", ["Condition"])
    deadline = time.monotonic() + 60
    one = {"patient_id": patient, "request_id": started["requestId"]}
    while (now := py.call("fhir.get_single_consolidated_query_status", **one))["status"] == "processing":
        assert time.monotonic() < deadline, now
        time.sleep(0.1)
    assert now["status"] == "completed"
    listed = py.call("fhir.get_consolidated_query_status", patient_id=patient)
    assert [q["requestId"] for q in listed["queries"]] == [started["requestId"]]
    missing = {"patient_id": patient, "request_id": UNKNOWN}
    assert _status_of(py, "fhir.get_single_consolidated_query_status", **missing) == 404


def test_a_patient_never_queried_has_an_empty_list_of_queries(py: Sdk) -> None:
    patient = py.call("patient.create", facility_id=_facility(py), **PERSON)
    assert py.call("fhir.get_consolidated_query_status", patient_id=patient["id"])["queries"] == []


def test_a_summary_is_made_and_found(py: Sdk) -> None:
    patient = py.call("patient.create", facility_id=_facility(py), **PERSON)["id"]
    _contribute(py, patient)
    nothing = py.call("patient.get_medical_record_summary_status", patient_id=patient)
    assert (nothing["html"]["exists"], nothing["pdf"]["exists"]) == (False, False)
    summary = {"patient_id": patient, "conversion_type": "pdf"}
    assert _status_of(py, "patient.get_medical_record_summary", **summary) == 404
    started = py.call("fhir.start_consolidated_query", id=patient, conversion_type="pdf")
    _await_consolidated(py, patient, started["requestId"])
    url = py.call("patient.get_medical_record_summary", **summary)
    assert isinstance(url, str), "this SDK reads a bare string"
    assert httpx.get(url).content.startswith(b"%PDF-")
    status = py.call("patient.get_medical_record_summary_status", patient_id=patient)
    assert (status["html"]["exists"], status["pdf"]["exists"]) == (False, True)


def _await_consolidated(py: Sdk, patient: str, request_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    one = {"patient_id": patient, "request_id": request_id}
    while True:
        now: dict[str, Any] = py.call("fhir.get_single_consolidated_query_status", **one)
        if now["status"] != "processing":
            return now
        assert time.monotonic() < deadline, now
        time.sleep(0.1)


@pytest.mark.parametrize("request_body", [None, {"visit": "42"}, {"metadata": {"visit": "42"}}])
def test_a_document_query_runs_to_its_end(py: Sdk, request_body: dict[str, Any] | None) -> None:
    clinic = _facility(py)
    jane = py.call("patient.create", facility_id=clinic, **JANE)["id"]
    extra = {"request": request_body} if request_body else {}
    started = py.call("document.start_query", patient_id=jane, facility_id=clinic, **extra)
    assert started["requestId"]
    deadline = time.monotonic() + 60
    while True:
        progress = py.call("document.get_query_status", patient_id=jane)
        if progress.get("convert", {}).get("status") == "completed":
            break
        assert time.monotonic() < deadline, progress
        time.sleep(0.1)
    assert progress["requestId"] == started["requestId"]
    assert (progress["download"]["total"], progress["download"]["successful"]) == (6, 6)
    assert len(py.call("document.list", patient_id=jane)["documents"]) == 6


def test_bulk_urls_are_started(jane: tuple[Sdk, str]) -> None:
    py, patient = jane
    started = py.call("document.start_bulk_get_document_url", patient_id=patient)
    assert (started["status"], bool(started["requestId"])) == ("processing", True)


def test_a_document_is_uploaded(py: Sdk) -> None:
    patient = py.call("patient.create", facility_id=_facility(py), **PERSON)["id"]
    made = py.call(
        "document.create_document_reference",
        patient_id=patient,
        description="Referral letter",
        type={"$type": "fhir.CodeableConcept", "text": "Referral note"},
        context={
            "$type": "fhir.DocumentReferenceContext",
            "period": {"$type": "fhir.Period", "start": "2026-01-05", "end": "2026-01-05"},
        },
        content=[
            {
                "$type": "fhir.DocumentReferenceContent",
                "attachment": {"$type": "fhir.Attachment", "contentType": "text/plain"},
            }
        ],
    )
    text = b"Seen in clinic; knee pain since January."
    httpx.put(made["uploadUrl"], content=text, headers={"content-type": "text/plain"}).raise_for_status()
    [document] = py.call("document.list", patient_id=patient)["documents"]
    assert document["id"] == made["documentReferenceId"]
    found = py.call("document.list", patient_id=patient, content='"knee pain"')["documents"]
    assert [d["id"] for d in found] == [made["documentReferenceId"]]


def _contribute(py: Sdk, patient: str) -> dict[str, Any]:
    resource = {
        "resourceType": "AllergyIntolerance",
        "id": "5b0c46f5-92a7-4b4f-a3a5-3f4f5dfb2f10",
        "patient": {"reference": f"Patient/{patient}"},
        "code": {"text": "Latex"},
    }
    answer: dict[str, Any] = py.call(
        "fhir.create_patient_consolidated",
        id=patient,
        resource_type="Bundle",
        type="collection",
        entry=[{"resource": resource}],
    )
    return answer


def test_resources_are_contributed_and_counted(py: Sdk) -> None:
    patient = py.call("patient.create", facility_id=_facility(py), **PERSON)["id"]
    assert _contribute(py, patient)["type"] == "transaction-response"
    counted = py.call("fhir.count_patient_data", id=patient)
    with_brief = {"AllergyIntolerance": 1, "Binary": 1}
    assert (counted["total"], counted["resources"]) == (2, with_brief)
    assert counted["filter"]["resources"] == "all"
    none = py.call("fhir.count_patient_data", id=patient, resources="Immunization", date_from="2020-01-01")
    assert (none["total"], none["filter"]["dateFrom"]) == (0, "2020-01-01")
