"""The official JavaScript SDK, unchanged but for its base address, against a running server."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.sdk.conftest import Live
from tests.sdk.drivers import Sdk, SdkError
from tests.support import people
from tests.support.receiver import Receiver

pytestmark = pytest.mark.sdk

UNKNOWN = "01a00000-0000-7000-8000-000000000000"


def _facility(js: Sdk, **changes: Any) -> str:
    return str(js.call("createFacility", people.facility(**changes))["id"])


def _status_of(js: Sdk, method: str, *args: Any) -> int | None:
    with pytest.raises(SdkError) as raised:
        js.call(method, *args)
    return raised.value.status


def test_a_wrong_key_is_forbidden(js: Sdk) -> None:
    with pytest.raises(SdkError) as raised:
        js.with_key("wrong").call("listFacilities")
    assert (raised.value.status, raised.value.body) == (403, {"message": "Forbidden"})


# --- settings and webhooks


def test_settings_start_empty_and_a_first_url_makes_a_key(js: Sdk, receiver: Receiver) -> None:
    assert js.call("getSettings")["webhookUrl"] is None
    updated = js.call("updateSettings", receiver.url)
    assert updated["webhookUrl"] == receiver.url
    assert len(updated["webhookKey"]) == 21
    assert js.call("getSettings")["webhookKey"] == updated["webhookKey"]


def test_setting_a_url_pings_it_and_the_pong_enables_it(js: Sdk, receiver: Receiver) -> None:
    key = js.call("updateSettings", receiver.url)["webhookKey"]
    [ping] = receiver.wait_for("ping")
    assert js.call("parseWebhook", ping.json)["ping"] == ping.json["ping"]
    assert js.call("verifySignature", key, ping.body.decode(), ping.signature)
    assert ping.headers["user-agent"] == "Metriport API"
    assert _await_webhook_enabled(js) == {
        "webhookEnabled": True,
        "webhookStatusDetail": "OK",
        "webhookRequestsProcessing": 0,
        "webhookRequestsFailed": 0,
    }


def _await_webhook_enabled(js: Sdk) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while True:
        status: dict[str, Any] = js.call("getWebhookStatus")
        if status["webhookEnabled"] or time.monotonic() > deadline:
            return status
        time.sleep(0.1)


def test_retrying_sends_messages_that_had_no_receiver(js: Sdk, receiver: Receiver) -> None:
    patient = js.call("createPatient", people.stranger(), _facility(js))
    query = js.call("startNetworkQuery", {"patientId": patient["id"], "sources": ["lab"]})
    _await_network_query(js, query["requestId"])
    assert js.call("getWebhookStatus")["webhookRequestsFailed"] >= 1
    js.call("updateSettings", receiver.url)
    js.call("retryWebhookRequests")
    [message] = receiver.wait_for("network-query.lab")
    assert js.call("parseWebhook", message.json)["meta"]["requestId"] == query["requestId"]


# --- facilities


def test_a_facility_is_created_read_updated_listed_and_deleted(js: Sdk) -> None:
    created = js.call("createFacility", people.facility(tin="12-3456789", active=True))
    assert js.call("getFacility", created["id"]) == created
    updated = js.call("updateFacility", {**created, "name": "South Clinic"})
    assert updated["name"] == "South Clinic"
    assert updated["eTag"] != created["eTag"]
    assert js.call("listFacilities") == [updated]
    js.call("deleteFacility", created["id"], updated["eTag"])
    assert js.call("listFacilities") == []
    assert _status_of(js, "getFacility", created["id"]) == 404


def test_an_update_from_an_old_version_is_refused(js: Sdk) -> None:
    created = js.call("createFacility", people.facility())
    js.call("updateFacility", {**created, "name": "First"})
    assert _status_of(js, "updateFacility", {**created, "name": "Second"}) == 412
    assert js.call("getFacility", created["id"])["name"] == "First"
    assert _status_of(js, "deleteFacility", created["id"], created["eTag"]) == 412


def test_another_account_s_facility_is_not_found(live: Live, js: Sdk) -> None:
    facility_id = _facility(js)
    assert _status_of(js.with_key(live.new_key()), "getFacility", facility_id) == 404


# --- patients


def test_a_patient_is_created_read_updated_and_deleted(js: Sdk) -> None:
    facility_id = _facility(js)
    given = people.stranger(externalId="mrn-1")
    created = js.call("createPatient", given, facility_id)
    for name, value in given.items():
        if name != "address":
            assert created[name] == value, name
    assert created["address"][0].items() >= given["address"][0].items()
    assert created["facilityIds"] == [facility_id]
    assert js.call("getPatient", created["id"]) == created
    changed = {**created, "lastName": "Vance-Okafor"}
    updated = js.call("updatePatient", changed, facility_id)
    assert updated["lastName"] == "Vance-Okafor"
    assert _status_of(js, "updatePatient", changed, facility_id) == 412
    js.call("deletePatient", created["id"], facility_id, updated["eTag"])
    assert _status_of(js, "getPatient", created["id"]) == 404


def test_creating_the_same_person_again_returns_the_one_there_is(js: Sdk) -> None:
    facility_id = _facility(js)
    first = js.call("createPatient", people.stranger(), facility_id)
    again = js.call("createPatient", people.stranger(firstName=" ORSOLYA "), facility_id)
    assert again == first


def test_matching_finds_a_patient_or_nothing(js: Sdk) -> None:
    created = js.call("createPatient", people.stranger(), _facility(js))
    assert js.call("matchPatient", people.stranger())["id"] == created["id"]
    assert js.call("matchPatient", people.jane()) is None  # the SDK's answer to a 404


def test_a_patient_is_found_by_external_id(js: Sdk) -> None:
    created = js.call("createPatient", people.stranger(externalId="mrn 7,1"), _facility(js))
    assert js.call("getPatientByExternalId", "mrn 7,1")["id"] == created["id"]
    assert _status_of(js, "getPatientByExternalId", "mrn") == 404


def test_patients_are_listed_in_pages_newest_first(js: Sdk) -> None:
    clinic = _facility(js)
    people_given = [
        people.stranger(firstName=name, dob=f"19{decade}-01-01", personalIdentifiers=[])
        for name, decade in (("Ada", 50), ("Bela", 60), ("Cleo", 70))
    ]
    created = [js.call("createPatient", person, clinic) for person in people_given]
    first = js.call("listPatients", {"facilityId": clinic, "pagination": {"count": 2}})
    assert [p["firstName"] for p in first["patients"]] == ["Cleo", "Bela"]
    assert (first["meta"]["itemsOnPage"], first["meta"]["itemsInTotal"]) == (2, 3)
    second = js.call("listPatientsPage", first["meta"]["nextPage"])
    assert second["patients"] == [js.call("getPatient", created[0]["id"])]
    back = js.call("listPatientsPage", second["meta"]["prevPage"])
    assert back["patients"] == first["patients"]
    found = js.call("listPatients", {"filters": "bela vance"})
    assert [p["id"] for p in found["patients"]] == [created[1]["id"]]


def test_an_opted_out_patient_is_not_queried(js: Sdk) -> None:
    patient = js.call("createPatient", people.stranger(), _facility(js))
    answer = js.call("updatePatientHieOptOut", patient["id"], True)
    assert (answer["id"], answer["hieOptOut"]) == (patient["id"], True)
    request = {"patientId": patient["id"], "sources": people.ALL_SOURCES}
    with pytest.raises(SdkError, match="Patient has opted out from the networks"):
        js.call("startNetworkQuery", request)
    assert js.call("updatePatientHieOptOut", patient["id"], False)["hieOptOut"] is False
    assert js.call("startNetworkQuery", request)["status"] == "processing"


def test_a_patient_without_a_treatment_relationship_is_not_queried(js: Sdk) -> None:
    patient = js.call("createPatient", people.stranger(), _facility(js))
    answer = js.call("updatePatientTreatmentRelationship", patient["id"], False)
    assert answer["treatmentRelationship"] is False
    with pytest.raises(SdkError, match="Patient does not have a treatment relationship"):
        js.call("startNetworkQuery", {"patientId": patient["id"], "sources": ["hie"]})


def test_a_patient_s_facilities_are_replaced_as_a_set(js: Sdk) -> None:
    first, second = _facility(js), _facility(js, npi="1245319599", name="South Clinic")
    patient = js.call("createPatient", people.stranger(), first)
    both = js.call("setPatientFacilities", patient["id"], [first, second, second])
    assert {f["id"] for f in both} == {first, second}
    assert js.call("getPatientFacilities", patient["id"]) == both
    assert _status_of(js, "setPatientFacilities", patient["id"], [UNKNOWN]) == 404
    assert [f["id"] for f in js.call("setPatientFacilities", patient["id"], [second])] == [second]


# --- network queries, documents and charts


def _await_network_query(js: Sdk, request_id: str, timeout_s: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        status: dict[str, Any] = js.call("getNetworkQueryStatus", {"requestId": request_id})
        if status["status"] != "processing":
            return status
        time.sleep(0.2)
    raise AssertionError(f"the network query still processes after {timeout_s} s: {status}")


def test_a_person_whom_no_network_knows_gets_an_empty_chart(js: Sdk, receiver: Receiver) -> None:
    js.call("updateSettings", receiver.url)
    patient = js.call("createPatient", people.stranger(), _facility(js))
    started = js.call("startNetworkQuery", {"patientId": patient["id"], "sources": people.ALL_SOURCES})
    assert _await_network_query(js, started["requestId"])["status"] == "completed"
    assert js.call("listDocuments", patient["id"])["documents"] == []
    assert js.call("listDocumentsAsDTO", patient["id"]) == []
    js.call("startConsolidatedQuery", patient["id"])
    [message] = receiver.wait_for("medical.consolidated-data")
    [sent] = js.call("parseWebhook", message.json)["patients"]
    assert (sent["status"], sent["bundle"]["total"]) == ("completed", 0)


def test_documents_can_be_listed_by_day_counted_and_downloaded(js: Sdk) -> None:
    patient = js.call("createPatient", people.jane(), _facility(js))
    started = js.call("startNetworkQuery", {"patientId": patient["id"], "sources": ["hie"]})
    assert _await_network_query(js, started["requestId"])["status"] == "completed"
    listed = js.call("listDocumentsAsDTO", patient["id"])
    assert sorted(d["mimeType"] for d in listed) == people.PERSONA_DOCUMENT_TYPES
    references = js.call("listDocuments", patient["id"])["documents"]
    assert [r["id"] for r in references] == [d["id"] for d in listed]
    assert {r["content"][0]["attachment"]["title"] for r in references} == {d["fileName"] for d in listed}
    assert js.call("listDocumentsAsDTO", patient["id"], {"count": 2}) == listed[:2]
    assert js.call("listDocumentsAsDTO", patient["id"], {"dateTo": "1900-01-01"}) == []
    for document in listed:
        answer = httpx.get(js.call("getDocumentUrl", document["fileName"])["url"])
        assert answer.status_code == 200
        assert len(answer.content) == document["size"], document
        assert answer.headers["content-type"].partition(";")[0] == document["mimeType"]
    assert _status_of(js, "getDocumentUrl", "no-such-file.xml") == 404


def test_a_consolidated_query_filters_by_type_and_day(js: Sdk, receiver: Receiver) -> None:
    js.call("updateSettings", receiver.url)
    patient = js.call("createPatient", people.jane(externalId="mrn-9"), _facility(js))
    started = js.call("startNetworkQuery", {"patientId": patient["id"], "sources": ["hie", "lab"]})
    assert _await_network_query(js, started["requestId"])["status"] == "completed"
    resources = ["Condition", "Immunization"]
    query = js.call(
        "startConsolidatedQuery",
        *(patient["id"], resources, "2000-01-01", "2100-01-01", "json", False, {"ticket": "17"}),
    )
    assert sorted(query["resources"]) == resources
    [message] = receiver.wait_for("medical.consolidated-data")
    parsed = js.call("parseWebhook", message.json)
    assert parsed["meta"]["requestId"] == query["requestId"]
    assert parsed["meta"]["data"] == {"ticket": "17"}
    [sent] = parsed["patients"]
    assert (sent["patientId"], sent["externalId"]) == (patient["id"], "mrn-9")
    assert sent["filters"]["resources"].split(",") == resources
    assert sent["filters"]["dateFrom"] == "2000-01-01"
    chart = httpx.get(sent["bundle"]["entry"][0]["resource"]["content"][0]["attachment"]["url"]).json()
    types = {entry["resource"]["resourceType"] for entry in chart["entry"]}
    assert {"Patient", "Condition", "Immunization"} <= types
    assert "Observation" not in types
    status = js.call("getSingleConsolidatedQueryStatus", patient["id"], query["requestId"])
    assert status["status"] == "completed"
    queries = js.call("getConsolidatedQueryStatus", patient["id"])["queries"]
    assert query["requestId"] in [q["requestId"] for q in queries]
    assert _status_of(js, "getSingleConsolidatedQueryStatus", patient["id"], UNKNOWN) == 404
    assert _status_of(js, "startConsolidatedQuery", patient["id"], ["Conditions"]) == 400
