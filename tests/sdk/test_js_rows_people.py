"""The JavaScript SDK's methods on settings, organizations, facilities, patients and cohorts, one test or more
a row of the table of its methods (``test_row_NN``; see ``test_every_row_has_a_test``)."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.sdk.conftest import Live, await_network_query
from tests.sdk.drivers import Sdk, SdkError
from tests.support import people
from tests.support.receiver import Receiver

pytestmark = pytest.mark.sdk

UNKNOWN = "01a00000-0000-7000-8000-000000000000"
ORGANIZATION = {
    "name": "North Health",
    "type": "ambulatory",
    "location": {**people.facility()["address"], "country": "USA"},
}
OTHER_NPI = "1245319599"


def facility(js: Sdk, **changes: Any) -> str:
    return str(js.call("createFacility", people.facility(**changes))["id"])


def status_of(js: Sdk, method: str, *args: Any) -> int | None:
    with pytest.raises(SdkError) as raised:
        js.call(method, *args)
    return raised.value.status


def cohort(js: Sdk, **values: Any) -> dict[str, Any]:
    """A new cohort; the SDK has no method that makes one."""
    answer = httpx.post(
        f"{js.origin}/medical/v1/cohort",
        json={"name": "Diabetes", "purposeOfUse": "treatment", **values},
        headers={"x-api-key": js.key},
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def two_patients(js: Sdk) -> tuple[str, str]:
    clinic = facility(js)
    first = js.call("createPatient", people.stranger(), clinic)["id"]
    return first, js.call("createPatient", people.jane(), clinic)["id"]


def test_a_wrong_key_is_forbidden(js: Sdk) -> None:
    with pytest.raises(SdkError) as raised:
        js.with_key("wrong").call("listFacilities")
    assert (raised.value.status, raised.value.body) == (403, {"message": "Forbidden"})


# --- settings and webhooks


def test_row_01_get_settings_starts_empty(js: Sdk) -> None:
    got = js.call("getSettings")
    assert (got["webhookUrl"], got["webhookKey"]) == (None, None)
    assert got["id"]


def test_row_02_update_settings_makes_a_key_with_the_first_url(js: Sdk, receiver: Receiver) -> None:
    updated = js.call("updateSettings", receiver.url)
    assert updated["webhookUrl"] == receiver.url
    assert len(updated["webhookKey"]) == 21
    assert js.call("getSettings")["webhookKey"] == updated["webhookKey"]
    cleared = js.call("updateSettings", "")
    assert (cleared["webhookUrl"], cleared["webhookKey"]) == (None, None)
    assert js.call("updateSettings", receiver.url)["webhookKey"] != updated["webhookKey"]


def test_row_03_get_webhook_status_tells_that_the_pong_came(js: Sdk, receiver: Receiver) -> None:
    key = js.call("updateSettings", receiver.url)["webhookKey"]
    [ping] = receiver.wait_for("ping")
    assert js.call("parseWebhook", ping.json)["ping"] == ping.json["ping"]
    assert js.call("verifySignature", key, ping.body.decode(), ping.signature)
    assert ping.headers["user-agent"] == "Metriport API"
    deadline = time.monotonic() + 20
    while not (status := js.call("getWebhookStatus"))["webhookEnabled"]:
        assert time.monotonic() < deadline, status
        time.sleep(0.1)
    assert status == {
        "webhookEnabled": True,
        "webhookStatusDetail": "OK",
        "webhookRequestsProcessing": 0,
        "webhookRequestsFailed": 0,
        "webhookCircuit": "closed",
        "webhookRetryAt": None,
    }


def test_row_04_retry_sends_messages_that_had_no_receiver(js: Sdk, receiver: Receiver) -> None:
    patient = js.call("createPatient", people.stranger(), facility(js))
    query = js.call("startNetworkQuery", {"patientId": patient["id"], "sources": ["lab"]})
    await_network_query(js, query["requestId"])
    assert js.call("getWebhookStatus")["webhookRequestsFailed"] >= 1
    js.call("updateSettings", receiver.url)
    js.call("retryWebhookRequests")
    [message] = receiver.wait_for("network-query.lab")
    assert js.call("parseWebhook", message.json)["meta"]["requestId"] == query["requestId"]


# --- organizations


def test_row_05_create_organization(js: Sdk) -> None:
    created = js.call("createOrganization", ORGANIZATION)
    assert {name: created[name] for name in ORGANIZATION} == ORGANIZATION
    assert created["id"]
    assert created["oid"]
    with pytest.raises(SdkError, match="Organization already exists for customer"):
        js.call("createOrganization", ORGANIZATION)


def test_row_06_update_organization_with_its_version(js: Sdk) -> None:
    created = js.call("createOrganization", ORGANIZATION)
    updated = js.call("updateOrganization", {**created, "name": "South Health", "type": "hospital"})
    assert (updated["name"], updated["type"]) == ("South Health", "hospital")
    assert status_of(js, "updateOrganization", {**created, "name": "Late"}) == 412
    assert status_of(js, "updateOrganization", {**ORGANIZATION, "id": UNKNOWN, "oid": "1.2"}) == 404


def test_row_07_get_organization(js: Sdk) -> None:
    assert js.call("getOrganization") is None, "an empty answer is the SDK's undefined"
    created = js.call("createOrganization", ORGANIZATION)
    assert js.call("getOrganization") == created


def test_row_07_the_first_facility_of_a_sandbox_account_makes_the_organization(js: Sdk) -> None:
    facility(js)
    assert js.call("getOrganization")["name"] == people.facility()["name"]


# --- facilities


def test_row_08_create_facility(js: Sdk) -> None:
    created = js.call("createFacility", people.facility(tin="12-3456789", active=True))
    assert (created["tin"], created["active"], created["npi"]) == ("12-3456789", True, "1234567893")


def test_row_09_get_facility(live: Live, js: Sdk) -> None:
    created = js.call("createFacility", people.facility())
    assert js.call("getFacility", created["id"]) == created
    assert status_of(js, "getFacility", UNKNOWN) == 404
    assert status_of(js.with_key(live.new_key()), "getFacility", created["id"]) == 404


def test_row_10_update_facility_with_its_version(js: Sdk) -> None:
    created = js.call("createFacility", people.facility())
    updated = js.call("updateFacility", {**created, "name": "First"})
    assert updated["eTag"] != created["eTag"]
    assert status_of(js, "updateFacility", {**created, "name": "Second"}) == 412
    assert js.call("getFacility", created["id"])["name"] == "First"


def test_row_11_list_facilities(js: Sdk) -> None:
    assert js.call("listFacilities") == []
    both = [facility(js), facility(js, npi=OTHER_NPI, name="South Clinic")]
    assert [f["id"] for f in js.call("listFacilities")] == both


def test_row_12_delete_facility(js: Sdk) -> None:
    created = js.call("createFacility", people.facility())
    updated = js.call("updateFacility", {**created, "name": "Newer"})
    assert status_of(js, "deleteFacility", created["id"], created["eTag"]) == 412
    js.call("deleteFacility", created["id"], updated["eTag"])
    assert status_of(js, "getFacility", created["id"]) == 404


# --- patients


def test_row_21_create_patient(js: Sdk) -> None:
    clinic = facility(js)
    given = people.stranger(externalId="mrn-1")
    created = js.call("createPatient", given, clinic)
    for name, value in given.items():
        if name != "address":
            assert created[name] == value, name
    assert created["address"][0].items() >= given["address"][0].items()
    assert created["facilityIds"] == [clinic]
    assert js.call("parse", "patientSchema", created)["firstName"] == "Orsolya"
    again = js.call("createPatient", people.stranger(firstName=" ORSOLYA "), clinic)
    assert again == created


def test_row_21_create_patient_starts_a_network_query_when_asked(js: Sdk, receiver: Receiver) -> None:
    js.call("updateSettings", receiver.url)
    given = people.stranger(networkQuery={"sources": {"hie": {"enabled": True}}})
    created = js.call("createPatient", given, facility(js), {"rerunPdOnNewDemographics": True})
    [message] = receiver.wait_for("network-query.hie")
    assert js.call("parseWebhook", message.json)["payload"]["patientId"] == created["id"]


def test_row_22_get_patient(live: Live, js: Sdk) -> None:
    created = js.call("createPatient", people.stranger(), facility(js))
    assert js.call("getPatient", created["id"]) == created
    assert status_of(js, "getPatient", UNKNOWN) == 404
    assert status_of(js.with_key(live.new_key()), "getPatient", created["id"]) == 404


def test_row_23_get_patient_by_external_id(js: Sdk) -> None:
    created = js.call("createPatient", people.stranger(externalId="mrn 7,1"), facility(js))
    assert js.call("getPatientByExternalId", "mrn 7,1")["id"] == created["id"]
    assert status_of(js, "getPatientByExternalId", "mrn") == 404
    assert status_of(js, "getPatientByExternalId", "mrn 7,1", "elation") == 404
    assert status_of(js, "getPatientByExternalId", "mrn 7,1", "nobody") == 400


def test_row_24_match_patient(js: Sdk) -> None:
    created = js.call("createPatient", people.stranger(), facility(js))
    assert js.call("matchPatient", people.stranger())["id"] == created["id"]
    assert js.call("matchPatient", people.jane()) is None, "the SDK's answer to a 404"


def test_row_25_sync_patient(live: Live, js: Sdk) -> None:
    created = js.call("createPatient", people.stranger(externalId="elation-77"), facility(js))
    with pytest.raises(SdkError, match="No integration mapping found"):
        js.call("syncPatient", created["id"], "elation")
    account = live.accounts[js.key]
    live.deployment.run("integrations", "enable", "elation", "--account", account, "--env", "sandbox")
    synced = js.call("syncPatient", created["id"], "elation")
    assert synced == {"patientId": created["id"], "externalId": "elation-77"}
    assert js.call("getPatientByExternalId", "elation-77", "elation")["id"] == created["id"]
    assert js.call("getPatient", created["id"])["additionalIds"] == {"elation": ["elation-77"]}


def test_row_26_update_patient_with_its_version(js: Sdk) -> None:
    clinic = facility(js)
    created = js.call("createPatient", people.stranger(), clinic)
    changed = {**created, "lastName": "Vance-Okafor"}
    assert js.call("updatePatient", changed, clinic)["lastName"] == "Vance-Okafor"
    assert status_of(js, "updatePatient", changed, clinic) == 412


def test_row_27_update_hie_opt_out(js: Sdk) -> None:
    patient = js.call("createPatient", people.stranger(), facility(js))["id"]
    answer = js.call("updatePatientHieOptOut", patient, True)
    assert (answer["id"], answer["hieOptOut"]) == (patient, True)
    request = {"patientId": patient, "sources": people.ALL_SOURCES}
    with pytest.raises(SdkError, match="Patient has opted out from the networks"):
        js.call("startNetworkQuery", request)
    with pytest.raises(SdkError, match="Patient has opted out from the networks"):
        js.call("startDocumentQuery", patient)
    assert js.call("updatePatientHieOptOut", patient, False)["hieOptOut"] is False
    assert js.call("startNetworkQuery", request)["status"] == "processing"


def test_row_28_update_treatment_relationship(js: Sdk) -> None:
    patient = js.call("createPatient", people.stranger(), facility(js))["id"]
    treated = cohort(js)
    js.call("addPatientToCohorts", patient, [treated["id"]])
    answer = js.call("updatePatientTreatmentRelationship", patient, False)
    assert (answer["id"], answer["treatmentRelationship"]) == (patient, False)
    with pytest.raises(SdkError, match="Patient does not have a treatment relationship"):
        js.call("startNetworkQuery", {"patientId": patient, "sources": ["hie"]})
    assert js.call("listCohortsForPatient", patient)["cohorts"] == []
    with pytest.raises(SdkError, match="Patient does not have a treatment relationship"):
        js.call("addPatientToCohorts", patient, [treated["id"]])


def test_row_29_set_patient_facilities(js: Sdk) -> None:
    first, second = facility(js), facility(js, npi=OTHER_NPI, name="South Clinic")
    patient = js.call("createPatient", people.stranger(), first)["id"]
    both = js.call("setPatientFacilities", patient, [first, second, second])
    assert {f["id"] for f in both} == {first, second}
    assert status_of(js, "setPatientFacilities", patient, [UNKNOWN]) == 404
    assert [f["id"] for f in js.call("setPatientFacilities", patient, [second])] == [second]


def test_row_30_get_patient_facilities(js: Sdk) -> None:
    clinic = facility(js)
    patient = js.call("createPatient", people.stranger(), clinic)["id"]
    [found] = js.call("getPatientFacilities", patient)
    assert found.items() >= js.call("getFacility", clinic).items(), "the SDK drops what its schema has not"


def test_row_38_delete_patient(js: Sdk) -> None:
    clinic = facility(js)
    created = js.call("createPatient", people.stranger(), clinic)
    updated = js.call("updatePatient", {**created, "lastName": "Okafor"}, clinic)
    assert status_of(js, "deletePatient", created["id"], clinic, created["eTag"]) == 412
    js.call("deletePatient", created["id"], clinic, updated["eTag"])
    assert status_of(js, "getPatient", created["id"]) == 404


def test_rows_39_and_40_list_patients_in_pages_newest_first(js: Sdk) -> None:
    clinic = facility(js)
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


# --- cohorts


def test_row_41_delete_cohort(js: Sdk) -> None:
    first, _ = two_patients(js)
    made = cohort(js)
    js.call("addPatientsToCohort", {"cohortId": made["id"], "patientIds": [first]})
    assert status_of(js, "deleteCohort", made["id"]) == 400, "it is not empty"
    js.call("removePatientsFromCohort", {"cohortId": made["id"], "allPatients": True})
    js.call("deleteCohort", made["id"])
    assert status_of(js, "getCohort", made["id"]) == 404


def test_row_42_update_cohort_in_part(js: Sdk) -> None:
    made = cohort(js, description="whoever")
    given = {"id": made["id"], "eTag": made["eTag"], "name": "Type 2", "color": "blue"}
    updated = js.call("updateCohort", given)
    assert (updated["name"], updated["color"], updated["description"]) == ("Type 2", "blue", "whoever")
    assert updated["size"] == 0
    assert status_of(js, "updateCohort", given) == 412


def test_row_43_get_cohort(live: Live, js: Sdk) -> None:
    made = cohort(js, settings={"monitoring": {"hie": {"enabled": True, "frequency": "weekly"}}})
    got = js.call("getCohort", made["id"])
    assert got == made
    assert got["settings"]["monitoring"]["hie"] == {"enabled": True, "frequency": "weekly"}
    assert got["settings"]["monitoring"]["adt"] == {"enabled": False}
    assert status_of(js.with_key(live.new_key()), "getCohort", made["id"]) == 404


def test_row_44_list_cohorts(js: Sdk) -> None:
    assert js.call("listCohorts") == {"cohorts": []}
    made = [cohort(js), cohort(js, name="Heart failure")]
    assert sorted(c["id"] for c in js.call("listCohorts")["cohorts"]) == sorted(c["id"] for c in made)


def test_row_45_add_patients_to_cohort(js: Sdk) -> None:
    first, second = two_patients(js)
    made = cohort(js)
    added = js.call("addPatientsToCohort", {"cohortId": made["id"], "patientIds": [first]})
    assert added["message"]
    assert (added["cohort"]["id"], added["cohort"]["size"]) == (made["id"], 1)
    again = js.call("addPatientsToCohort", {"cohortId": made["id"], "patientIds": [first, second]})
    assert again["cohort"]["size"] == 2
    request = {"cohortId": made["id"], "patientIds": [UNKNOWN]}
    assert status_of(js, "addPatientsToCohort", request) == 404


def test_row_46_remove_patients_from_cohort_with_a_body(js: Sdk) -> None:
    first, second = two_patients(js)
    made = cohort(js)
    js.call("addPatientsToCohort", {"cohortId": made["id"], "allPatients": True})
    left = js.call("removePatientsFromCohort", {"cohortId": made["id"], "patientIds": [first]})
    assert left["cohort"]["size"] == 1
    members = js.call("listPatientsInCohort", {"id": made["id"]})["patients"]
    assert [p["id"] for p in members] == [second]


def test_rows_47_and_48_list_patients_in_cohort_in_pages(js: Sdk) -> None:
    first, second = two_patients(js)
    made = cohort(js)
    js.call("addPatientsToCohort", {"cohortId": made["id"], "allPatients": True})
    page = js.call("listPatientsInCohort", {"id": made["id"], "pagination": {"count": 1}})
    assert page["patients"] == [js.call("getPatient", second)]
    assert page["meta"]["itemsInTotal"] == 2
    last = js.call("getCohortPatientsPage", page["meta"]["nextPage"])
    assert last["patients"] == [js.call("getPatient", first)]


def test_rows_49_and_50_cohorts_of_a_patient(js: Sdk) -> None:
    first, _ = two_patients(js)
    ids = [cohort(js)["id"], cohort(js, name="Heart failure")["id"]]
    added = js.call("addPatientToCohorts", first, ids)["cohorts"]
    assert sorted(c["id"] for c in added) == sorted(ids)
    assert {c["size"] for c in added} == {1}
    assert js.call("listCohortsForPatient", first)["cohorts"] == added
    assert status_of(js, "addPatientToCohorts", first, [UNKNOWN]) == 404
