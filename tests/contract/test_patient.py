"""Patients, row by row of the contract (2.4). Each rule for a value stands in tests/patients/test_values."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.features.patients import links
from chartbridge.ids import etag
from tests.contract.rows import CLASH, UNKNOWN, call, done, invalid, missing, refusal
from tests.running import Caller, Json, World
from tests.support import people
from tests.support.client import M

SECOND_NPI, THIRD_NPI = "1245319599", "1003000126"
OPTED_OUT = "Patient has opted out from the networks"
UNTREATED = "Patient does not have a treatment relationship"
QUERY = {"sources": {"hie": {"enabled": True}}}


def create(api: Caller, **changes: Any) -> Json:
    return done(call(api, "POST", "/patient", people.stranger(**changes), facilityId=api.facility_id()), 201)


def facility(api: Caller, npi: str) -> str:
    return str(done(call(api, "POST", "/facility", people.facility(npi=npi)), 201)["id"])


@pytest.fixture
def patient(api: Caller) -> Json:
    return create(api)


@pytest.mark.contract("2.4", "POST /patient: 201 DTO, absent optional values left out")
def test_a_new_patient_has_every_required_key_and_no_null(api: Caller) -> None:
    given = people.jane()
    created = done(call(api, "POST", "/patient", given, facilityId=api.facility_id()), 201)

    assert created == {
        **given,
        "address": [{**given["address"][0], "country": "USA"}],
        "contact": [],
        "id": created["id"],
        "eTag": etag(created["id"], 1),
        "facilityIds": [api.facility_id()],
        "dateCreated": created["dateCreated"],
        "hieOptOut": False,
        "status": {"hieOptOut": False, "treatmentRelationship": True},
    }


@pytest.mark.contract("2.4", "POST /patient: facilityId required; 404 facility")
def test_the_facility_must_be_named_and_there(api: Caller) -> None:
    assert refusal(call(api, "POST", "/patient", people.jane())) == "Missing facilityId query param"
    answer = call(api, "POST", "/patient", people.jane(), facilityId=UNKNOWN)
    assert missing(answer) == "Could not find facility"


@pytest.mark.contract("2.4", "POST, PUT /patient: optional booleans")
@pytest.mark.parametrize("value", ["true", "false", "anything"])
def test_switches_of_discovery_are_accepted(api: Caller, value: str) -> None:
    switches = dict.fromkeys(("rerunPdOnNewDemographics", "commonwell", "carequality"), value)
    where = {"facilityId": api.facility_id(), **switches}

    created = done(call(api, "POST", "/patient", people.jane(), **where), 201)

    done(call(api, "PUT", f"/patient/{created['id']}", people.jane(), **switches))


@pytest.mark.contract("2.4", "several names are kept as one string")
def test_several_names_are_kept_as_one_string(api: Caller) -> None:
    assert create(api, firstName=" Ann,Anna ")["firstName"] == "Ann,Anna"


@pytest.mark.contract("2.4", "create is idempotent by match")
def test_a_person_who_is_there_is_answered_unchanged(api: Caller, patient: Json) -> None:
    other = facility(api, SECOND_NPI)
    again = people.stranger(externalId="new", hieOptOut=True)

    for where in (other, UNKNOWN):
        assert done(call(api, "POST", "/patient", again, facilityId=where), 201) == patient
    assert done(call(api, "GET", f"/patient/{patient['id']}")) == patient


@pytest.mark.contract("2.4", "hieOptOut, status")
def test_both_places_of_the_opt_out_are_kept_equal(api: Caller) -> None:
    old = create(api, hieOptOut=True)
    new = create(api, firstName="Zoe", personalIdentifiers=[], status={"hieOptOut": True})

    for answer in (old, new):
        assert answer["hieOptOut"] is answer["status"]["hieOptOut"] is True


@pytest.mark.contract("2.4", "hie: presence of commonwell, ehex")
@pytest.mark.parametrize("network", ["commonwell", "ehex"])
def test_control_that_is_not_implemented_is_refused(api: Caller, network: str) -> None:
    body = people.jane(hie={network: {"exclude": True}})
    answer = call(api, "POST", "/patient", body, facilityId=api.facility_id())

    assert invalid(answer) == f"hie.{network} control is not yet implemented, on [hie,{network}]"


@pytest.mark.contract("2.4", "networkQuery")
def test_a_network_query_is_started_with_the_new_patient(world: World, api: Caller) -> None:
    created = create(api, networkQuery=QUERY)

    assert queries_of(world, api, created) == 1
    again = call(api, "POST", "/patient", people.stranger(networkQuery=QUERY), facilityId=api.facility_id())
    assert done(again, 201)["id"] == created["id"]
    assert queries_of(world, api, created) == 1


@pytest.mark.contract("2.4", "networkQuery of an update")
def test_a_network_query_is_started_after_an_update(world: World, api: Caller, patient: Json) -> None:
    path = f"/patient/{patient['id']}"

    done(call(api, "PUT", path, people.stranger(networkQuery=QUERY)))
    assert queries_of(world, api, patient) == 1

    stored = done(call(api, "GET", path))
    bad = people.stranger(firstName="Zoe", networkQuery={"sources": {}})
    detail = invalid(call(api, "PUT", path, bad))
    assert detail == "At least one source must be enabled, on [networkQuery,sources]"
    done(call(api, "PUT", f"{path}/hie-opt-out", hieOptOut="true"))
    answer = call(api, "PUT", path, people.stranger(firstName="Zoe", networkQuery=QUERY))
    assert refusal(answer, "PatientOptedOutError") == OPTED_OUT
    assert done(call(api, "GET", path))["eTag"] == stored["eTag"], "nothing was written"
    assert queries_of(world, api, patient) == 1


def queries_of(world: World, api: Caller, patient: Json) -> int:
    from sqlalchemy import func, select

    from chartbridge.features.queries.models import NetworkQuery

    with world.platform.db.read(world.tenant(api)) as session:
        query = select(func.count()).where(NetworkQuery.patient_id == patient["id"])
        return session.scalar(query) or 0


@pytest.mark.contract("2.4", "sandbox cap")
def test_the_sandbox_holds_twenty_patients(api: Caller) -> None:
    where = {"facilityId": api.facility_id()}
    for day in range(1, 21):
        done(call(api, "POST", "/patient", people.jane(dob=f"1990-01-{day:02}"), **where), 201)

    answer = call(api, "POST", "/patient", people.jane(dob="1990-02-01"), **where)

    assert answer == (400, {"message": "Cannot create more than 20 patients in Sandbox mode!"})
    assert done(call(api, "GET", "/patient"))["meta"] == {"itemsOnPage": 20, "itemsInTotal": 20}


@pytest.mark.contract("2.4", "POST, PUT /patient: 429")
def test_creates_and_updates_share_fifteen_a_minute(world: World) -> None:
    api = world.with_settings(rate_limits={}).caller()
    created = create(api)
    for _ in range(14):
        done(call(api, "PUT", f"/patient/{created['id']}", people.stranger()))

    answer = call(api, "PUT", f"/patient/{created['id']}", people.stranger())

    assert answer == (429, "Too many patient creates or updates, please try again later.")


@pytest.mark.contract("2.4", "GET /patient: always meta")
def test_a_list_always_has_meta(api: Caller) -> None:
    assert done(call(api, "GET", "/patient")) == {"meta": {"itemsOnPage": 0}, "patients": []}
    first, second = create(api), create(api, firstName="Zoe", personalIdentifiers=[])

    page = done(call(api, "GET", "/patient", count=1, facilityId=api.facility_id()))

    assert page["patients"] == [second]
    url = f"{api.origin}{M}/patient?fromItem={first['id']}&count=1&facilityId={api.facility_id()}"
    assert page["meta"] == {"itemsOnPage": 1, "itemsInTotal": 2, "nextPage": url}


@pytest.mark.contract("1.8", "patient filter: every field")
def test_the_filter_finds_by_every_field(api: Caller) -> None:
    created = create(api, externalId="Mrn-77", additionalIds={"healthix": ["HX-9"]})
    create(api, firstName="Zoe", lastName="Quist", dob="1950-01-01", personalIdentifiers=[])
    own = facility(api, SECOND_NPI)
    done(call(api, "PUT", f"/facility/{own}", people.facility(name="Lakeside Clinic", npi=SECOND_NPI)))
    done(call(api, "POST", f"/patient/{created['id']}/facility", {"facilityIds": [own]}))

    for text in (
        "orsolya",
        "VANCE",
        '"orsolya vance"',
        "orsolya -zoe",
        "1961",
        "1961-07",
        "1961-07-30",
        created["id"],
        created["id"].upper(),
        "mrn-77",
        "rn-7",
        "hx-9",
        "X-9",
        own,
        "LAKESIDE",
        "akesid",
    ):
        found = done(call(api, "GET", "/patient", filters=text))
        assert [p["id"] for p in found["patients"]] == [created["id"]], text
    assert done(call(api, "GET", "/patient", filters="orsolya -vance"))["patients"] == []


@pytest.mark.contract("2.4", "GET /patient/{id}: output=fhir")
def test_a_patient_is_read_as_stored_or_as_fhir(api: Caller, patient: Json) -> None:
    path = f"/patient/{patient['id']}"

    assert done(call(api, "GET", path)) == patient
    resource = done(call(api, "GET", path, output="fhir"))
    assert (resource["resourceType"], resource["id"]) == ("Patient", patient["id"])


BELOW_A_PATIENT: list[tuple[str, str, Any, Json]] = [
    ("GET", "", None, {}),
    ("PUT", "", people.jane(), {}),
    ("DELETE", "", None, {}),
    ("POST", "/external/sync", None, {}),
    ("PUT", "/hie-opt-out", None, {"hieOptOut": "true"}),
    ("GET", "/hie-opt-out", None, {}),
    ("PUT", "/treatment-relationship", None, {"treatmentRelationship": "true"}),
    ("GET", "/facility", None, {}),
    ("POST", "/facility", {"facilityIds": [UNKNOWN]}, {}),
    ("GET", "/cohort", None, {}),
    ("POST", "/cohort", {"cohortIds": [UNKNOWN]}, {}),
]


@pytest.mark.contract("2.4", "404 Could not find patient")
@pytest.mark.parametrize(("method", "below", "body", "query"), BELOW_A_PATIENT)
def test_a_patient_who_is_not_there_is_not_found(
    api: Caller, method: str, below: str, body: Any, query: Json
) -> None:
    for unknown in (UNKNOWN, "x"):
        answer = call(api, method, f"/patient/{unknown}{below}", body, **query)
        assert missing(answer) == "Could not find patient"
        assert answer[1]["additionalInfo"] == {"id": unknown}


@pytest.mark.contract("2.4", "PUT /patient/{id}: full replace; what is absent is cleared")
def test_an_update_replaces_the_demographics(api: Caller) -> None:
    created = create(api, externalId="mrn", status={"hieOptOut": True, "treatmentRelationship": False})
    given = {k: v for k, v in people.stranger().items() if k not in ("contact", "personalIdentifiers")}
    given["address"] = given["address"][0]

    updated = done(call(api, "PUT", f"/patient/{created['id']}", given, tag=created["eTag"]))

    cleared = {k: v for k, v in created.items() if k not in ("personalIdentifiers", "externalId")}
    assert updated == {**cleared, "contact": [], "eTag": etag(created["id"], 2)}


@pytest.mark.contract("2.4", "PUT, DELETE /patient/{id}: 412")
def test_a_version_that_is_gone_is_refused(api: Caller, patient: Json) -> None:
    path = f"/patient/{patient['id']}"

    assert call(api, "PUT", path, people.stranger(), tag="stale") == (412, CLASH)
    assert call(api, "PUT", path, people.stranger(eTag="stale")) == (412, CLASH)
    assert call(api, "DELETE", path, tag="stale") == (412, CLASH)
    assert done(call(api, "PUT", path, people.stranger(eTag="stale"), tag=patient["eTag"]))


@pytest.mark.contract("2.4", "PUT lock: 423, bare JSON string")
def test_a_patient_is_locked_while_a_document_query_processes(api: Caller, patient: Json) -> None:
    path = f"/patient/{patient['id']}"
    begun = api.http.post(f"{M}/document/query", params={"patientId": patient["id"]})
    assert begun.status_code == 200, begun.text

    for query in ({}, {"facilityId": api.facility_id()}):
        answer = api.http.put(M + path, json=people.stranger(firstName="Zoe"), params=query)
        assert answer.status_code == 423
        assert answer.headers["content-type"] == "application/json"
        assert answer.content == b'"Document querying currently in progress"'
    assert call(api, "PUT", path, people.stranger(), tag="stale")[0] == 423
    assert refusal(call(api, "PUT", path, people.stranger(), facilityId=UNKNOWN))
    assert done(call(api, "GET", path)) == patient
    done(call(api, "PUT", f"{path}/hie-opt-out", hieOptOut="true"))


@pytest.mark.contract("2.4", "facility rule for PUT and DELETE")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_the_facility_may_be_left_out_when_there_is_one(api: Caller, patient: Json, method: str) -> None:
    path, body = f"/patient/{patient['id']}", people.stranger() if method == "PUT" else None
    second, third = facility(api, SECOND_NPI), facility(api, THIRD_NPI)

    answer = call(api, method, path, body, facilityId=third)
    assert refusal(answer) == "Patient not associated with given facility"
    both = {"facilityIds": [*patient["facilityIds"], second]}
    done(call(api, "POST", f"{path}/facility", both))
    assert refusal(call(api, method, path, body)) == (
        "Patient is associated with more than one facility (facilityId is required)"
    )
    assert call(api, method, path, body, facilityId=second)[0] == (200 if method == "PUT" else 204)


@pytest.mark.contract("2.4", "DELETE /patient/{id}: 204")
def test_a_deleted_patient_is_gone(api: Caller, patient: Json) -> None:
    path = f"/patient/{patient['id']}"

    assert call(api, "DELETE", path, tag=patient["eTag"], facilityId=api.facility_id()) == (204, "")

    assert missing(call(api, "GET", path)) == "Could not find patient"


@pytest.mark.contract("2.4", "POST /patient/match: 404 Cannot find patient")
def test_match_finds_and_creates_nobody(api: Caller) -> None:
    assert missing(call(api, "POST", "/patient/match", people.stranger())) == "Cannot find patient"
    created = create(api)

    assert done(call(api, "POST", "/patient/match", people.stranger(firstName="ORSOLYA"))) == created
    detail = invalid(call(api, "POST", "/patient/match", {"firstName": "Ann"}))
    assert detail.startswith("Required, on [lastName]")


@pytest.mark.contract("2.4", "GET /patient/external-id without source")
def test_the_callers_own_id_finds_its_patient(api: Caller) -> None:
    created = create(api, externalId="mrn-1")
    path = "/patient/external-id"

    assert done(call(api, "GET", path, externalId="mrn-1")) == created
    assert refusal(call(api, "GET", path)) == "Missing externalId query param"
    assert missing(call(api, "GET", path, externalId="mrn")) == "Cannot find patient"
    create(api, externalId="mrn-1", firstName="Zoe", personalIdentifiers=[])
    answer = call(api, "GET", path, externalId="mrn-1")
    assert refusal(answer) == "Found multiple patients with external ID mrn-1"


@pytest.mark.contract("2.4", "GET /patient/external-id with source")
def test_a_source_is_one_of_those_known(api: Caller) -> None:
    path = "/patient/external-id"

    for source in links.SOURCES:
        answer = call(api, "GET", path, externalId="mrn-1", source=source)
        assert missing(answer) == "Cannot find patient"
    assert refusal(call(api, "GET", path, externalId="mrn-1", source="nosuch")) == "Invalid source"


def enable(world: World, api: Caller, *sources: str) -> None:
    with world.platform.db.write(world.tenant(api)) as session:
        for source in sources:
            assert links.enable(session, source)


@pytest.mark.contract("2.4", "POST /patient/{id}/external/sync: 200 {patientId, externalId}")
@pytest.mark.parametrize("query", [{"source": "elation"}, {}], ids=["named", "the only one"])
def test_a_sync_links_the_patient_by_its_external_id(world: World, api: Caller, query: Json) -> None:
    enable(world, api, "elation")
    created = create(api, externalId="EL-17")

    answer = done(call(api, "POST", f"/patient/{created['id']}/external/sync", **query))

    assert answer == {"patientId": created["id"], "externalId": "EL-17"}
    linked = {**created, "additionalIds": {"elation": ["EL-17"]}}
    assert done(call(api, "GET", f"/patient/{created['id']}")) == linked
    found = call(api, "GET", "/patient/external-id", externalId="EL-17", source="elation")
    assert done(found) == linked
    other = call(api, "GET", "/patient/external-id", externalId="EL-17", source="healthie")
    assert missing(other) == "Cannot find patient"
    assert done(call(api, "POST", f"/patient/{created['id']}/external/sync", **query)) == answer


@pytest.mark.contract("2.4", "POST /patient/{id}/external/sync: every error")
def test_what_keeps_a_sync_from_being_done_is_told(world: World, api: Caller) -> None:
    plain = create(api)
    named = create(api, firstName="Zoe", personalIdentifiers=[], externalId="mrn")

    def told(patient: Json, **query: str) -> tuple[int, Any]:
        return call(api, "POST", f"/patient/{patient['id']}/external/sync", **query)

    assert refusal(told(plain, source="nosuch")) == (
        "Invalid source: nosuch. Must be one of: athenahealth, canvas, elation, healthie, eclinicalworks, "
        "salesforce, practicefusion"
    )
    assert refusal(told(plain, source="canvas")) == "Unsupported mapping source"
    assert refusal(told(plain, source="elation")) == "Patient has no external ID to attempt syncing"
    assert missing(told(named, source="elation")) == "No integration mapping found"
    assert missing(told(named)) == "No integration mapping found"
    enable(world, api, "elation", "healthie")
    answer = told(named)
    assert refusal(answer) == "Multiple source integrations found. Please specify a source"
    assert done(told(named, source="healthie"))


@pytest.mark.contract("2.4", "HIE opt-out: messages; any PUT value other than true means opt in")
def test_opting_out_and_in_has_the_contracts_words(api: Caller, patient: Json) -> None:
    path = f"/patient/{patient['id']}/hie-opt-out"

    def said(opted_out: bool, message: str) -> Json:
        return {"id": patient["id"], "hieOptOut": opted_out, "message": f"Patient has {message}"}

    assert done(call(api, "GET", path)) == said(False, "opted in to the networks")
    out = said(True, "been opted out from the networks")
    for value in ("true", " TRUE ", "True"):
        assert done(call(api, "PUT", path, hieOptOut=value)) == out
    assert done(call(api, "GET", path)) == said(True, "opted out from the networks")
    for value in ("false", "1", "yes"):
        answer = done(call(api, "PUT", path, hieOptOut=value))
        assert answer == said(False, "been opted in to the networks")
    for query in ({}, {"hieOptOut": ""}):
        assert refusal(call(api, "PUT", path, **query)) == "Missing hieOptOut query param"


@pytest.mark.contract("2.4", "opted out: network queries → 400, stored data stay readable")
def test_networks_are_not_asked_about_who_opted_out(api: Caller, patient: Json) -> None:
    done(call(api, "PUT", f"/patient/{patient['id']}/hie-opt-out", hieOptOut="true"))

    answer = call(api, "POST", "/network/query", QUERY, patientId=patient["id"])

    assert refusal(answer, "PatientOptedOutError") == OPTED_OUT
    assert done(call(api, "GET", f"/patient/{patient['id']}"))["hieOptOut"] is True
    assert done(call(api, "GET", "/document", patientId=patient["id"])) == {"documents": []}


@pytest.mark.contract("2.4", "PUT /patient/{id}/treatment-relationship")
def test_the_treatment_relationship_is_switched(api: Caller, patient: Json) -> None:
    path = f"/patient/{patient['id']}/treatment-relationship"

    ended = done(call(api, "PUT", path, treatmentRelationship="false"))
    assert ended == {"id": patient["id"], "treatmentRelationship": False, "message": UNTREATED}
    read = done(call(api, "GET", f"/patient/{patient['id']}"))
    assert read["status"] == {"hieOptOut": False, "treatmentRelationship": False}
    assert done(call(api, "PUT", path, treatmentRelationship="true"))["treatmentRelationship"] is True
    assert refusal(call(api, "PUT", path)) == "Missing treatmentRelationship query param"


@pytest.mark.contract("2.4", "POST, GET /patient/{id}/facility")
def test_the_facilities_are_set_as_a_whole(api: Caller, patient: Json) -> None:
    path = f"/patient/{patient['id']}/facility"
    second, third = facility(api, SECOND_NPI), facility(api, THIRD_NPI)

    answer = done(call(api, "POST", path, {"facilityIds": [third, second, third]}, tag=patient["eTag"]))

    assert [f["id"] for f in answer["facilities"]] == [second, third]
    assert done(call(api, "GET", path)) == answer
    read = done(call(api, "GET", f"/patient/{patient['id']}"))
    assert (read["facilityIds"], read["eTag"]) == ([second, third], etag(patient["id"], 2))
    assert call(api, "POST", path, {"facilityIds": [second]}, tag=patient["eTag"]) == (412, CLASH)


@pytest.mark.contract("2.4", "POST /patient/{id}/facility: errors")
def test_a_set_that_cannot_be_is_refused_and_changes_nothing(api: Caller, patient: Json) -> None:
    path = f"/patient/{patient['id']}/facility"

    empty = call(api, "POST", path, {"facilityIds": []})
    assert invalid(empty) == "At least one facility ID must be provided, on [facilityIds]"
    assert invalid(call(api, "POST", path, {"facilityIds": ["x"]})) == "Invalid uuid, on [facilityIds,0]"
    unknown = call(api, "POST", path, {"facilityIds": [api.facility_id(), UNKNOWN]})
    assert missing(unknown) == "Could not find facility"
    assert done(call(api, "GET", f"/patient/{patient['id']}")) == patient


@pytest.mark.contract("2.1", "coordinates of a patient's address")
def test_coordinates_given_are_kept(api: Caller) -> None:
    point = {"lat": 43.61, "lon": -116.2}
    address = {**people.stranger()["address"][0], "coordinates": point}

    assert create(api, address=[address])["address"][0]["coordinates"] == point


@pytest.mark.contract("2.1", "vectors checked against the official schemas")
@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        (
            {"contact": {"phone": "+44 20 7946 0958"}},
            "Phone must be a string consisting of 10 numbers. For example: 1231231234, on [contact,phone]",
        ),
        ({"contact": {"email": "mailto:a@b.co"}}, "Invalid email address, on [contact,email]"),
        ({"contact": {}}, "Either email or phone must be present, on [contact]"),
        ({"address.zip": "9410"}, "Zip must be a string consisting of 5 numbers, on [address,0,zip]"),
        ({"address.zip": "12345"}, "Invalid zip code, on [address,0,zip]"),
        ({"address.state": "FM"}, "Invalid input, on [address]"),
        ({"address.country": "Canada"}, "Invalid input, on [address]"),
        ({"dob": "1899-12-31"}, "Date can't be before 1900, on [dob]"),
        (
            {"genderAtBirth": "X"},
            "Invalid enum value. Expected 'F' | 'M' | 'O' | 'U', received 'X', on [genderAtBirth]",
        ),
    ],
    ids=["phone", "email", "contact", "zip", "zip black list", "state", "country", "dob", "gender"],
)
def test_a_value_that_cannot_be_is_named_with_its_place(api: Caller, changes: Json, detail: str) -> None:
    body = people.stranger()
    for name, value in changes.items():
        if name.startswith("address."):
            body["address"][0][name.removeprefix("address.")] = value
        else:
            body[name] = value

    assert invalid(call(api, "POST", "/patient", body, facilityId=api.facility_id())) == detail
    assert done(call(api, "GET", "/patient"))["patients"] == []
