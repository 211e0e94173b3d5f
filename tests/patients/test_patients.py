"""Reading, replacing and deleting patients, their switches and their facilities."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI

from chartbridge.db import Tenant
from chartbridge.errors import PatientOptedOutError, PatientWithoutTreatmentRelationshipError
from chartbridge.features.patients import service
from chartbridge.ids import etag, new_id
from chartbridge.platform import Platform
from tests.patients.caller import OTHER_NPI, Caller, Json, a_patient, an_address, without

OPERATIONS = [
    ("GET", "", None, {}),
    ("PUT", "", a_patient(), {}),
    ("DELETE", "", None, {}),
    ("GET", "/hie-opt-out", None, {}),
    ("PUT", "/hie-opt-out", None, {"hieOptOut": "true"}),
    ("PUT", "/treatment-relationship", None, {"treatmentRelationship": "true"}),
    ("GET", "/facility", None, {}),
    ("POST", "/facility", {"facilityIds": [new_id()]}, {}),
]


def tenant_of(platform: Platform, api: Caller) -> Tenant:
    from chartbridge.auth import authenticate

    caller = authenticate(platform.db, api.http.headers["x-api-key"])
    assert caller is not None
    return caller.tenant


@pytest.mark.parametrize(("method", "path", "body", "query"), OPERATIONS)
def test_a_patient_who_is_not_there_or_not_ours_is_not_found(
    api: Caller,
    app: FastAPI,
    platform: Platform,
    clinic: Json,
    method: str,
    path: str,
    body: Json | None,
    query: Json,
) -> None:
    theirs = api.patient(clinic)
    other = Caller(app, platform, account="another")

    for patient_id in ("nobody", theirs["id"]):
        answer = other.call(method, f"/patient/{patient_id}{path}", body, status=404, **query)
        assert answer == {
            "status": 404,
            "name": "NOT_FOUND",
            "title": "NotFoundError",
            "detail": "Could not find patient",
            "additionalInfo": {"id": patient_id},
        }
    assert api.get(f"/patient/{theirs['id']}") == theirs


def test_an_update_replaces_everything_but_switches_and_facilities(api: Caller, clinic: Json) -> None:
    created = api.patient(
        clinic,
        externalId="mrn-1",
        contact={"phone": "2085550100"},
        personalIdentifiers=[{"type": "ssn", "value": "123456789"}],
        hieOptOut=True,
        status={"treatmentRelationship": False},
    )
    given = a_patient(
        firstName="Anna",
        dob="1981-01-01",
        genderAtBirth="O",
        address=an_address(city="Provo", state="UT"),
        status={"hieOptOut": False, "treatmentRelationship": True},
    )

    updated = api.put(f"/patient/{created['id']}", given, etag=created["eTag"])

    assert updated == {
        **without(created, "externalId", "personalIdentifiers"),
        "eTag": etag(created["id"], 2),
        "firstName": "Anna",
        "dob": "1981-01-01",
        "genderAtBirth": "O",
        "address": [{**an_address(city="Provo", state="UT"), "country": "USA"}],
        "contact": [],
    }
    assert api.get(f"/patient/{created['id']}") == updated


def test_what_was_read_can_be_put_back(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic, externalId="mrn-1", additionalIds={"healthix": ["h"]})

    updated = api.put(f"/patient/{created['id']}", without(created, "id"))

    assert without(updated, "eTag") == without(created, "eTag")
    assert updated["eTag"] != created["eTag"]


def test_additional_ids_stay_where_an_update_does_not_name_them(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic, additionalIds={"healthix": ["h"]})

    kept = api.put(f"/patient/{created['id']}", a_patient())
    changed = api.put(f"/patient/{created['id']}", a_patient(additionalIds={"healthix": ["i"]}))

    assert (kept["additionalIds"], changed["additionalIds"]) == ({"healthix": ["h"]}, {"healthix": ["i"]})


def test_the_version_tag_in_the_header_wins_over_the_one_in_the_body(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)
    path, stale = f"/patient/{created['id']}", etag(created["id"], 9)

    answer = api.put(path, a_patient(eTag=stale), status=412)
    assert answer["title"] == "VersionMismatchError"
    api.put(path, a_patient(eTag=created["eTag"]), etag=stale, status=412)
    api.delete(path, etag=stale, status=412)
    api.put(path, a_patient(eTag=stale), etag=created["eTag"])


def test_of_parallel_updates_with_one_version_tag_one_succeeds(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)

    def update(place: int) -> tuple[int, str]:
        name = f"Ana{place}"
        answer = api.http.put(
            f"/medical/v1/patient/{created['id']}",
            json=a_patient(firstName=name),
            headers={"If-Match": created["eTag"]},
        )
        return answer.status_code, name

    with ThreadPoolExecutor(16) as pool:
        answers = sorted(pool.map(update, range(24)))

    assert [status for status, _ in answers] == [200] + [412] * 23
    assert api.get(f"/patient/{created['id']}")["firstName"] == answers[0][1]


def test_parallel_updates_without_a_version_tag_all_count(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)

    def update(_: int) -> int:
        return int(api.http.put(f"/medical/v1/patient/{created['id']}", json=a_patient()).status_code)

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(update, range(16)))

    assert statuses == [200] * 16
    assert api.get(f"/patient/{created['id']}")["eTag"] == etag(created["id"], 17)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_the_facility_may_be_left_out_only_when_there_is_exactly_one(
    api: Caller, clinic: Json, method: str
) -> None:
    second, third = api.facility(npi=OTHER_NPI), api.facility(npi="1003000126")
    created = api.patient(clinic)
    path, body = f"/patient/{created['id']}", a_patient() if method == "PUT" else None

    answer = api.call(method, path, body, status=400, facilityId=third["id"])
    assert answer["detail"] == "Patient not associated with given facility"
    api.post(f"{path}/facility", {"facilityIds": [clinic["id"], second["id"]]}, status=200)
    answer = api.call(method, path, body, status=400)
    assert answer["detail"] == "Patient is associated with more than one facility (facilityId is required)"
    api.call(method, path, body, status=200 if method == "PUT" else 204, facilityId=second["id"])


def test_a_deleted_patient_is_gone_whatever_its_facilities(api: Caller, clinic: Json) -> None:
    second = api.facility(npi=OTHER_NPI)
    created, other = api.patient(clinic), api.patient(clinic, firstName="Zoe")
    both = {"facilityIds": [clinic["id"], second["id"]]}
    tagged = api.post(f"/patient/{created['id']}/facility", both, status=200)
    assert len(tagged["facilities"]) == 2

    assert api.delete(f"/patient/{created['id']}", facilityId=clinic["id"]) == ""

    api.get(f"/patient/{created['id']}", status=404)
    api.delete(f"/patient/{created['id']}", status=404)
    assert api.get("/patient")["patients"] == [other]
    api.delete(f"/facility/{second['id']}")
    assert api.patient(clinic)["id"] != created["id"]


def test_opting_out_and_in_is_told_in_the_contracts_words(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)
    path = f"/patient/{created['id']}/hie-opt-out"

    def put(value: str) -> Json:
        return dict(api.put(path, hieOptOut=value))

    def said(opted_out: bool, message: str) -> Json:
        return {"id": created["id"], "hieOptOut": opted_out, "message": message}

    assert api.get(path) == said(False, "Patient has opted in to the networks")
    assert put(" TRUE ") == said(True, "Patient has been opted out from the networks")
    assert api.get(path) == said(True, "Patient has opted out from the networks")
    read = api.get(f"/patient/{created['id']}")
    assert read == {
        **created,
        "hieOptOut": True,
        "status": {"hieOptOut": True, "treatmentRelationship": True},
    }
    assert put("no") == said(False, "Patient has been opted in to the networks")
    assert api.put(path, status=400)["detail"] == "Missing hieOptOut query param"


def test_the_treatment_relationship_can_be_ended_and_begun(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)
    path = f"/patient/{created['id']}/treatment-relationship"

    ended = api.put(path, treatmentRelationship="false")
    assert (ended["id"], ended["treatmentRelationship"]) == (created["id"], False)
    assert ended["message"]
    assert api.get(f"/patient/{created['id']}")["status"]["treatmentRelationship"] is False
    assert api.put(path, treatmentRelationship="true")["treatmentRelationship"] is True
    assert api.put(path, status=400)["detail"] == "Missing treatmentRelationship query param"


def test_networks_are_asked_only_about_patients_who_allow_it(
    api: Caller, clinic: Json, platform: Platform
) -> None:
    created = api.patient(clinic)
    tenant = tenant_of(platform, api)
    with platform.db.write(tenant) as session:
        patient = service.get_patient(session, created["id"])
        service.ensure_queryable(patient)
        patient = service.set_treatment_relationship(session, created["id"], False)
        service.ensure_queryable(patient, needs_treatment=False)
        with pytest.raises(PatientWithoutTreatmentRelationshipError):
            service.ensure_queryable(patient)
        patient = service.set_hie_opt_out(session, created["id"], True)
        with pytest.raises(PatientOptedOutError):
            service.ensure_queryable(patient, needs_treatment=False)


def test_webhooks_name_a_patient_by_the_ids_it_has(api: Caller, clinic: Json, platform: Platform) -> None:
    plain = api.patient(clinic)
    named = api.patient(clinic, firstName="Zoe", externalId="mrn", additionalIds={"healthix": ["h"]})

    with platform.db.read(tenant_of(platform, api)) as session:
        assert service.webhook_keys(service.get_patient(session, plain["id"])) == {"patientId": plain["id"]}
        assert service.webhook_keys(service.get_patient(session, named["id"])) == {
            "patientId": named["id"],
            "externalId": "mrn",
            "additionalIds": {"healthix": ["h"]},
        }


def test_a_connector_is_handed_the_demographics(api: Caller, clinic: Json, platform: Platform) -> None:
    created = api.patient(clinic, contact={"phone": "2085550100"})

    with platform.db.read(tenant_of(platform, api)) as session:
        handed = service.identity(service.get_patient(session, created["id"]))

    assert (handed.id, handed.first_name, handed.dob) == (created["id"], "Ana", "1980-04-02")
    assert (handed.address, handed.contact) == (created["address"], created["contact"])


def test_an_external_id_finds_its_patient(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic, externalId="mrn-1")
    path = "/patient/external-id"

    assert api.get(path, externalId="mrn-1") == created
    assert api.get(path, externalId="mrn", status=404)["detail"] == "Cannot find patient"
    assert api.get(path, status=400)["detail"] == "Missing externalId query param"


def test_an_external_id_that_two_patients_have_is_refused(api: Caller, clinic: Json) -> None:
    api.patient(clinic, externalId="mrn-1")
    api.patient(clinic, externalId="mrn-1", firstName="Zoe")

    answer = api.get("/patient/external-id", externalId="mrn-1", status=400)

    assert answer["detail"] == "Found multiple patients with external ID mrn-1"


def test_an_external_id_of_another_system_is_looked_for_there(api: Caller, clinic: Json) -> None:
    api.patient(clinic, externalId="mrn-1")
    path = "/patient/external-id"

    assert api.get(path, externalId="mrn-1", source="nosuch", status=400)["detail"] == "Invalid source"
    answer = api.get(path, externalId="mrn-1", source="elation", status=404)
    assert answer["detail"] == "Cannot find patient"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_linking_to_another_system_tells_what_is_missing(api: Caller, clinic: Json) -> None:
    plain = api.patient(clinic)
    named = api.patient(clinic, firstName="Zoe", externalId="mrn")

    def told(patient: Json, status: int, **query: str) -> str:
        answer = api.post(f"/patient/{patient['id']}/external/sync", None, status=status, **query)
        return str(answer["detail"])

    assert told(named, 400, source="nosuch").startswith(
        "Invalid source: nosuch. Must be one of: athenahealth"
    )
    assert told(named, 400, source="canvas") == "Unsupported mapping source"
    assert told(plain, 400) == "Patient has no external ID to attempt syncing"
    assert told(named, 404, source="elation") == "No integration mapping found"
    assert told({"id": "nobody"}, 404) == "Could not find patient"


def test_the_facilities_of_a_patient_are_set_as_a_whole(api: Caller, clinic: Json) -> None:
    second, third = api.facility(npi=OTHER_NPI), api.facility(npi="1003000126")
    created = api.patient(clinic)
    path = f"/patient/{created['id']}/facility"
    assert api.get(path) == {"facilities": [clinic]}

    wanted = [third["id"], second["id"].upper(), third["id"]]
    answer = api.post(path, {"facilityIds": wanted}, status=200, etag=created["eTag"])

    assert answer == {"facilities": [second, third]}
    assert api.get(path) == answer
    read = api.get(f"/patient/{created['id']}")
    assert read["facilityIds"] == [second["id"], third["id"]]
    assert read["eTag"] == etag(created["id"], 2)


def test_setting_the_same_facilities_is_a_new_version_too(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)

    api.post(f"/patient/{created['id']}/facility", {"facilityIds": [clinic["id"]]}, status=200)

    assert api.get(f"/patient/{created['id']}")["eTag"] == etag(created["id"], 2)


def test_facilities_are_not_set_when_something_is_wrong(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)
    path = f"/patient/{created['id']}/facility"
    unknown = new_id()

    empty = api.post(path, {"facilityIds": []}, status=400)
    assert empty["detail"] == "At least one facility ID must be provided, on [facilityIds]"
    missing = api.post(path, {"facilityIds": [clinic["id"], unknown]}, status=404)
    assert missing["detail"] == "Could not find facility"
    assert missing["additionalInfo"] == {"facilityId": unknown}
    api.post(path, {"facilityIds": [clinic["id"]]}, status=412, etag="stale")
    api.post(path, {"facilityIds": [clinic["id"]], "eTag": "stale"}, status=412)
    assert api.get(f"/patient/{created['id']}") == created


@pytest.mark.parametrize("backend", ["sqlite"])
def test_paths_work_with_a_trailing_slash(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)

    assert api.get(f"/patient/{created['id']}/") == created
    assert api.get("/patient/external-id/", externalId="x", status=404)["detail"] == "Cannot find patient"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_without_a_key_nothing_is_told(api: Caller, clinic: Json) -> None:
    answer = api.http.get("/medical/v1/patient", headers={"x-api-key": "cb.production.a.b"})

    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_operation_is_described(app: FastAPI) -> None:
    described = app.openapi()["paths"]

    for path, operations in described.items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            answers = operation["responses"]
            assert "422" not in answers or set(answers) & {"400", "404"}, (method, path)
    one_or_many = app.openapi()["components"]["schemas"]["PatientCreate"]["properties"]["address"]["anyOf"]
    assert [entry.get("type", "object") for entry in one_or_many] == ["object", "array"]
