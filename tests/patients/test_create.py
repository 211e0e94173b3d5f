"""Creating a patient: the one who is there already is found, everybody else is made once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI

from chartbridge.ids import etag
from chartbridge.platform import Platform
from tests.patients.caller import OTHER_NPI, Caller, Json, a_patient, an_address, without

PEOPLE = 50


def test_a_new_patient_is_answered_with_all_that_was_given(api: Caller, clinic: Json) -> None:
    given = a_patient(
        externalId=" mrn-1 ",
        contact={"phone": "(208) 555-0100", "email": "ana@example.com"},
        personalIdentifiers=[{"type": "driversLicense", "value": "D1", "state": "id"}],
        additionalIds={"healthix": ["h-1"]},
        hie={"carequality": {"exclude": True}},
        networkQuery={"sources": {"hie": {"enabled": True}}},
    )

    created = api.post("/patient", given, facilityId=clinic["id"])

    assert created == {
        "id": created["id"],
        "eTag": etag(created["id"], 1),
        "facilityIds": [clinic["id"]],
        "externalId": "mrn-1",
        "additionalIds": {"healthix": ["h-1"]},
        "dateCreated": created["dateCreated"],
        "hieOptOut": False,
        "status": {"hieOptOut": False, "treatmentRelationship": True},
        "firstName": "Ana",
        "lastName": "Ruiz",
        "dob": "1980-04-02",
        "genderAtBirth": "F",
        "personalIdentifiers": [{"type": "driversLicense", "value": "D1", "state": "ID"}],
        "address": [{**an_address(), "country": "USA"}],
        "contact": [{"phone": "2085550100", "email": "ana@example.com"}],
    }
    assert api.get(f"/patient/{created['id']}") == created


def test_absent_optional_values_are_left_out(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)

    assert not {"externalId", "additionalIds", "personalIdentifiers"} & set(created)
    assert created["contact"] == []


def test_opt_out_and_treatment_relationship_can_be_given(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic, hieOptOut=True, status={"treatmentRelationship": False})

    assert created["hieOptOut"] is True
    assert created["status"] == {"hieOptOut": True, "treatmentRelationship": False}


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_broken_rule_is_answered_in_the_envelope(api: Caller, clinic: Json) -> None:
    answer = api.post("/patient", a_patient(address=an_address(zip="1")), status=400, facilityId=clinic["id"])

    assert answer == {
        "status": 400,
        "name": "BAD_REQUEST",
        "title": "Missing or invalid parameters",
        "detail": "Zip must be a string consisting of 5 numbers, on [address,zip]",
    }


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_facility_must_be_named(api: Caller) -> None:
    for query in ({}, {"facilityId": " "}):
        answer = api.post("/patient", {}, status=400, **query)
        assert (answer["title"], answer["detail"]) == ("BadRequestError", "Missing facilityId query param")


def test_the_facility_must_be_there(api: Caller) -> None:
    answer = api.post("/patient", a_patient(), status=404, facilityId="nowhere")

    assert answer["detail"] == "Could not find facility"
    assert answer["additionalInfo"] == {"facilityId": "nowhere"}
    assert api.get("/patient")["patients"] == []


def test_another_accounts_facility_is_not_there(api: Caller, app: FastAPI, platform: Platform) -> None:
    theirs = Caller(app, platform, account="another").facility()

    api.post("/patient", a_patient(), status=404, facilityId=theirs["id"])


def test_a_cohort_must_be_there(api: Caller, clinic: Json) -> None:
    answer = api.post("/patient", a_patient(cohorts=["c"]), status=404, facilityId=clinic["id"])

    assert answer["detail"] == "Could not find cohort"
    api.patient(clinic, cohorts=[])


def test_a_person_who_is_there_is_answered_unchanged(api: Caller, clinic: Json) -> None:
    first = api.patient(clinic)
    other = api.facility(npi=OTHER_NPI)

    again = api.post(
        "/patient",
        a_patient(firstName="ANA", externalId="new", contact={"phone": "2085550199"}, hieOptOut=True),
        facilityId=other["id"],
    )

    assert again == first
    assert api.get(f"/patient/{first['id']}") == first


def test_matching_comes_before_the_facility_is_looked_for(api: Caller, clinic: Json) -> None:
    first = api.patient(clinic)

    assert api.post("/patient", a_patient(cohorts=["c"]), facilityId="nowhere") == first


def test_a_shared_identifier_is_a_match_whatever_the_name(api: Caller, clinic: Json) -> None:
    ssn = {"personalIdentifiers": [{"type": "ssn", "value": "521348765"}]}
    first = api.patient(clinic, **ssn)

    married = api.patient(clinic, lastName="Okafor", address=an_address(city="Provo", state="UT"), **ssn)

    assert married["id"] == first["id"]


@pytest.mark.parametrize("other", [{"dob": "1980-04-03"}, {"genderAtBirth": "M"}, {"firstName": "Zoe"}])
def test_another_person_is_another_patient(api: Caller, clinic: Json, other: Json) -> None:
    assert api.patient(clinic)["id"] != api.patient(clinic, **other)["id"]


def test_of_several_matches_the_oldest_is_answered(api: Caller, clinic: Json) -> None:
    oldest, younger = api.patient(clinic), api.patient(clinic, firstName="Zoe")
    api.put(f"/patient/{younger['id']}", a_patient())

    assert api.patient(clinic)["id"] == oldest["id"]


def test_people_of_another_account_or_environment_are_not_matched(
    api: Caller, clinic: Json, app: FastAPI, platform: Platform
) -> None:
    mine = api.patient(clinic)

    for other in (Caller(app, platform, account="another"), Caller(app, platform, "sandbox")):
        assert other.patient(other.facility())["id"] != mine["id"]
        assert len(other.get("/patient")["patients"]) == 1


def test_match_finds_the_person_without_creating_anybody(api: Caller, clinic: Json) -> None:
    answer = api.post("/patient/match", a_patient(), status=404)
    assert (answer["title"], answer["detail"]) == ("NotFoundError", "Cannot find patient")

    created = api.patient(clinic)

    assert api.post("/patient/match", a_patient(firstName="ana maria"), status=200) == created
    assert (
        api.post("/patient/match", without(a_patient(), "dob"), status=400)["detail"] == "Required, on [dob]"
    )
    assert api.get("/patient")["meta"]["itemsInTotal"] == 1


def test_many_creates_of_one_person_at_once_make_one_patient(api: Caller, clinic: Json) -> None:
    def create(_: int) -> tuple[int, str]:
        answer = api.http.post("/medical/v1/patient", json=a_patient(), params={"facilityId": clinic["id"]})
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(PEOPLE) as pool:
        answers = Counter(pool.map(create, range(PEOPLE)))

    assert len(answers) == 1
    assert next(iter(answers))[0] == 201
    assert api.get("/patient")["meta"]["itemsInTotal"] == 1


def test_the_sandbox_holds_a_bounded_number_of_patients(app: FastAPI, platform: Platform) -> None:
    sandbox = Caller(app, platform, "sandbox")
    clinic, cap = sandbox.facility(), platform.settings.sandbox_max_patients

    def create(day: int) -> tuple[int, Any]:
        body = a_patient(dob=f"1980-01-{day:02}")
        answer = sandbox.http.post("/medical/v1/patient", json=body, params={"facilityId": clinic["id"]})
        return answer.status_code, None if answer.status_code == 201 else answer.json()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(1, cap + 6)))

    assert [status for status, _ in answers].count(201) == cap
    refused = [body for status, body in answers if status == 400]
    assert refused == [{"message": f"Cannot create more than {cap} patients in Sandbox mode!"}] * 5
    there = sandbox.get("/patient")["patients"][0]
    assert sandbox.patient(clinic, dob=there["dob"]) == there


def test_production_has_no_such_bound(api: Caller, clinic: Json, platform: Platform) -> None:
    for day in range(1, platform.settings.sandbox_max_patients + 2):
        api.patient(clinic, dob=f"1980-01-{day:02}")


def test_creates_and_updates_share_one_budget_a_minute(
    app: FastAPI, api: Caller, clinic: Json, platform: Platform
) -> None:
    platform.settings.rate_limits["patient-write"] = 3
    patient = api.patient(clinic)
    api.put(f"/patient/{patient['id']}", a_patient())
    api.put(f"/patient/{patient['id']}", {}, status=400)

    answer = api.http.post("/medical/v1/patient", json=a_patient(), params={"facilityId": clinic["id"]})

    assert answer.status_code == 429
    assert answer.text == "Too many patient creates or updates, please try again later."
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert int(answer.headers["Retry-After"]) > 0
    api.get(f"/patient/{patient['id']}")
    other = Caller(app, platform, account="another")
    other.patient(other.facility())
