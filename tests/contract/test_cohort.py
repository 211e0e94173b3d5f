"""Cohorts, row by row of the contract (2.5, and treatment cohorts in 2.4)."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.ids import etag
from tests.contract.rows import CLASH, UNKNOWN, call, done, invalid, missing, refusal
from tests.running import Caller, Json, World
from tests.support import people
from tests.support.client import M

UNTREATED = "Patient does not have a treatment relationship"
DEFAULTS: Json = {
    "monitoring": {
        "adt": {"enabled": False},
        "hie": {"enabled": False, "frequency": "monthly"},
        "pharmacy": {"notifications": False, "schedule": {"enabled": False, "frequency": "monthly"}},
        "laboratory": {"notifications": False},
    }
}


def cohort(api: Caller, name: str = "High risk", **changes: Any) -> Json:
    return done(call(api, "POST", "/cohort", {"name": name, **changes}), 201)


def patient(api: Caller, day: int = 1, **changes: Any) -> str:
    return api.patient_id(people.jane(dob=f"1990-01-{day:02}", **changes))


def members(api: Caller, cohort_id: str) -> list[str]:
    return [p["id"] for p in done(call(api, "GET", f"/cohort/{cohort_id}/patient"))["patients"]]


def add(api: Caller, cohort_id: str, *patient_ids: str) -> Json:
    body = {"patientIds": list(patient_ids)}
    return done(call(api, "POST", f"/cohort/{cohort_id}/patient", body))


@pytest.mark.contract("2.5", "POST /cohort: defaults; 201 DTO+size")
def test_a_new_cohort_has_the_defaults(api: Caller) -> None:
    created = cohort(api, " High risk ")

    assert created == {
        "id": created["id"],
        "eTag": etag(created["id"], 1),
        "name": "High risk",
        "color": "white",
        "description": "",
        "purposeOfUse": "treatment",
        "settings": DEFAULTS,
        "size": 0,
    }


@pytest.mark.contract("2.5", "POST /cohort: every field")
def test_everything_can_be_given(api: Caller) -> None:
    settings = {
        "monitoring": {
            "adt": {"enabled": True},
            "hie": {"enabled": True, "frequency": "daily"},
            "pharmacy": {"notifications": True, "schedule": {"enabled": True, "frequency": "biweekly"}},
            "laboratory": {"notifications": True},
        }
    }
    given: dict[str, Any] = {
        "color": "red",
        "description": " Old ",
        "purposeOfUse": "operations",
        "settings": settings,
    }

    created = cohort(api, **given)

    assert {name: created[name] for name in given} == {**given, "description": "Old"}


@pytest.mark.contract("2.5", "settings given in part are deep-merged over the defaults or the stored ones")
def test_settings_in_part_are_laid_over_what_is_there(api: Caller) -> None:
    created = cohort(api, settings={"monitoring": {"hie": {"enabled": True}}})
    assert created["settings"]["monitoring"] == {
        **DEFAULTS["monitoring"],
        "hie": {"enabled": True, "frequency": "monthly"},
    }

    change = {"monitoring": {"hie": {"frequency": "weekly"}, "pharmacy": {"schedule": {"enabled": True}}}}
    changed = done(call(api, "PATCH", f"/cohort/{created['id']}", {"settings": change}))

    assert changed["settings"]["monitoring"] == {
        **DEFAULTS["monitoring"],
        "hie": {"enabled": True, "frequency": "weekly"},
        "pharmacy": {"notifications": False, "schedule": {"enabled": True, "frequency": "monthly"}},
    }


@pytest.mark.contract("13.1 #45", "laboratory.schedule is accepted and ignored")
def test_a_schedule_of_laboratories_is_ignored(api: Caller) -> None:
    laboratory = {"notifications": True, "schedule": {"enabled": True, "frequency": "hourly"}}
    created = cohort(api, settings={"monitoring": {"laboratory": laboratory}})

    assert created["settings"]["monitoring"]["laboratory"] == {"notifications": True}


@pytest.mark.contract("2.5", "name, color, purposeOfUse, settings: values")
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Required, on [name]"),
        ({"name": "  "}, "Cohort name cannot be empty, on [name]"),
        ({"name": None}, "Expected string, received null, on [name]"),
        (
            {"name": "a", "color": "mauve"},
            "Invalid enum value. Expected 'red' | 'green' | 'blue' | 'yellow' | 'purple' | 'orange' | 'pink' "
            "| 'brown' | 'gray' | 'black' | 'white', received 'mauve', on [color]",
        ),
        (
            {"name": "a", "purposeOfUse": "sale"},
            "Invalid enum value. Expected 'treatment' | 'operations', received 'sale', on [purposeOfUse]",
        ),
        (
            {"name": "a", "settings": {"monitoring": {"hie": {"frequency": "hourly"}}}},
            "Invalid enum value. Expected 'daily' | 'weekly' | 'biweekly' | 'monthly', received 'hourly', "
            "on [settings,monitoring,hie,frequency]",
        ),
        (
            {"name": "a", "settings": {"monitoring": {"pharmacy": {"schedule": {"frequency": "daily"}}}}},
            "Invalid enum value. Expected 'weekly' | 'biweekly' | 'monthly', received 'daily', "
            "on [settings,monitoring,pharmacy,schedule,frequency]",
        ),
        (
            {"name": "a", "settings": {"monitoring": {"adt": {"enabled": "true"}}}},
            "Expected boolean, received string, on [settings,monitoring,adt,enabled]",
        ),
    ],
    ids=["missing", "blank", "null", "color", "purpose", "hie", "pharmacy", "adt"],
)
def test_a_broken_rule_is_named_with_its_place(api: Caller, body: Json, detail: str) -> None:
    assert invalid(call(api, "POST", "/cohort", body)) == detail
    assert done(call(api, "GET", "/cohort")) == {"cohorts": []}


@pytest.mark.contract("2.5", "name: unique in the account (400 on clash)")
def test_a_name_is_one_cohorts(world: World, api: Caller) -> None:
    cohort(api, "One")
    second = cohort(api, "Two")
    taken = "A cohort with the name One already exists"

    assert refusal(call(api, "POST", "/cohort", {"name": " One "})) == taken
    assert refusal(call(api, "PATCH", f"/cohort/{second['id']}", {"name": "One"})) == taken
    assert done(call(api, "GET", f"/cohort/{second['id']}")) == second
    cohort(world.caller(), "One")


@pytest.mark.contract("2.5", "turning on ADT, pharmacy, laboratory without the service → 400")
@pytest.mark.parametrize(
    ("service", "monitoring"),
    [
        ("adt", {"adt": {"enabled": True}}),
        ("pharmacy", {"pharmacy": {"notifications": True}}),
        ("pharmacy", {"pharmacy": {"schedule": {"enabled": True}}}),
        ("laboratory", {"laboratory": {"notifications": True}}),
    ],
)
def test_a_service_that_is_not_active_is_not_turned_on(world: World, service: str, monitoring: Json) -> None:
    production = world.caller("production")
    settings = {"monitoring": monitoring}
    detail = f"Cannot turn on {service} monitoring: the service is not active on this account"

    answer = call(production, "POST", "/cohort", {"name": "a", "settings": settings})
    assert refusal(answer) == detail
    hie_is_always = {"monitoring": {"hie": {"enabled": True}, service: {}}}
    created = cohort(production, settings=hie_is_always)
    answer = call(production, "PATCH", f"/cohort/{created['id']}", {"settings": settings})
    assert refusal(answer) == detail
    assert done(call(production, "GET", "/cohort")) == {"cohorts": [created]}


@pytest.mark.contract("2.5", "turning on ADT where the operator has it")
def test_adt_is_active_in_production_by_a_setting(world: World) -> None:
    production = world.with_settings(adt_enabled=True).caller("production")

    created = cohort(production, settings={"monitoring": {"adt": {"enabled": True}}})

    assert created["settings"]["monitoring"]["adt"] == {"enabled": True}


@pytest.mark.contract("2.5", "GET /cohort, GET /cohort/{id}")
def test_cohorts_are_listed_oldest_first_with_their_size(api: Caller) -> None:
    first, second = cohort(api, "Z"), cohort(api, "A")
    add(api, second["id"], patient(api))

    listed = done(call(api, "GET", "/cohort"))

    assert listed == {"cohorts": [first, {**second, "size": 1}]}
    assert done(call(api, "GET", f"/cohort/{second['id']}")) == {**second, "size": 1}


BELOW_A_COHORT: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {}),
    ("PUT", "", {}),
    ("DELETE", "", None),
    ("GET", "/patient", None),
    ("POST", "/patient", {"allPatients": True}),
    ("DELETE", "/patient", {"allPatients": True}),
]


@pytest.mark.contract("2.5", "404 cohort; 400 for an id that is no UUID (1.4)")
@pytest.mark.parametrize(("method", "below", "body"), BELOW_A_COHORT)
def test_a_cohort_that_is_not_there_is_not_found(
    world: World, api: Caller, method: str, below: str, body: Any
) -> None:
    theirs = cohort(world.caller())["id"]
    for unknown in (UNKNOWN, theirs):
        answer = call(api, method, f"/cohort/{unknown}{below}", body)
        assert missing(answer) == "Could not find cohort"
        assert answer[1]["additionalInfo"] == {"cohortId": unknown}
    assert invalid(call(api, method, f"/cohort/x{below}", body)) == "Invalid uuid, on [id]"


@pytest.mark.contract("2.5", "PATCH and PUT /cohort/{id}: same partial semantics; If-Match; 412")
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_update_changes_what_is_given(api: Caller, method: str) -> None:
    created = cohort(api, color="red", description="Old")
    path = f"/cohort/{created['id']}"

    changed = done(call(api, method, path, {"name": "New"}, tag=created["eTag"]))
    assert changed == {**created, "name": "New", "eTag": etag(created["id"], 2)}
    cleared = done(call(api, method, path, {"description": "", "color": "blue", "eTag": changed["eTag"]}))
    assert (cleared["description"], cleared["color"], cleared["name"]) == ("", "blue", "New")
    assert call(api, method, path, {"name": "x"}, tag=created["eTag"]) == (412, CLASH)
    assert call(api, method, path, {"name": "x", "eTag": created["eTag"]}) == (412, CLASH)
    assert done(call(api, method, path, {"eTag": created["eTag"]}, tag=cleared["eTag"]))
    assert invalid(call(api, method, path, {"name": " "})) == "Cohort name cannot be empty, on [name]"


@pytest.mark.contract("2.5", "PUT /cohort/{id}: what was read can be sent back")
def test_what_was_read_can_be_sent_back(api: Caller) -> None:
    created = cohort(api, settings={"monitoring": {"hie": {"enabled": True}}})
    path = f"/cohort/{created['id']}"

    back = done(call(api, "PUT", path, created))

    assert back == {**created, "eTag": etag(created["id"], 2)}
    answer = call(api, "PUT", path, {"purposeOfUse": "operations"})
    assert refusal(answer) == "The purposeOfUse of a cohort cannot be changed"


@pytest.mark.contract("2.5", "DELETE /cohort/{id}: 204; 400 unless empty")
def test_a_cohort_is_deleted_when_it_is_empty(api: Caller) -> None:
    created = cohort(api)
    path = f"/cohort/{created['id']}"
    add(api, created["id"], patient(api))

    assert refusal(call(api, "DELETE", path)) == "Cannot delete cohort with patients in it"
    done(call(api, "DELETE", f"{path}/patient", {"allPatients": True}))
    assert call(api, "DELETE", path) == (204, "")
    assert missing(call(api, "GET", path)) == "Could not find cohort"


@pytest.mark.contract("2.5", "POST, DELETE /cohort/{id}/patient with patientIds: {message, cohort}")
def test_patients_are_added_and_removed(api: Caller) -> None:
    created = cohort(api)
    path = f"/cohort/{created['id']}/patient"
    first, second, third = (patient(api, day) for day in (1, 2, 3))

    answer = add(api, created["id"], second, first, second)
    assert answer == {"message": "Patient(s) added to cohort", "cohort": {**created, "size": 2}}
    assert add(api, created["id"], first, third)["cohort"]["size"] == 3, "adding twice is harmless"
    assert members(api, created["id"]) == [third, second, first]

    removed = done(call(api, "DELETE", path, {"patientIds": [first, second]}))
    assert removed == {"message": "Patient(s) removed from cohort", "cohort": {**created, "size": 1}}
    assert done(call(api, "DELETE", path, {"patientIds": [first]}))["cohort"]["size"] == 1
    assert members(api, created["id"]) == [third]


@pytest.mark.contract("2.5", "POST, DELETE /cohort/{id}/patient with allPatients")
def test_all_patients_are_added_and_removed(api: Caller) -> None:
    created, other = cohort(api), cohort(api, "Other")
    everybody = [patient(api, day) for day in (1, 2, 3)]
    path = f"/cohort/{created['id']}/patient"
    add(api, created["id"], everybody[0])
    add(api, other["id"], everybody[0])

    assert done(call(api, "POST", path, {"allPatients": True}))["cohort"]["size"] == 3
    assert members(api, created["id"]) == everybody[::-1]
    assert done(call(api, "DELETE", path, {"allPatients": True}))["cohort"]["size"] == 0
    assert members(api, other["id"]) == everybody[:1]


@pytest.mark.contract("2.5", "members: exactly one of patientIds, allPatients (strict)")
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_set_of_patients_is_named_in_one_way(api: Caller, method: str) -> None:
    created = cohort(api)
    path = f"/cohort/{created['id']}/patient"

    def told(body: Json | None) -> str:
        return invalid(call(api, method, path, body))

    neither = "Either patientIds or allPatients: true must be provided, on []"
    assert told({}) == told(None) == told({"allPatients": False}) == neither
    both = {"patientIds": [UNKNOWN], "allPatients": True}
    assert told(both) == "Either patientIds or allPatients can be provided, but not both, on []"
    assert told({"patientIds": []}) == "Array must contain at least 1 element(s), on [patientIds]"
    many = ["x"] * 10_001
    assert told({"patientIds": many}) == "Array must contain at most 10000 element(s), on [patientIds]"
    assert told({"patientIds": [5]}) == "Expected string, received number, on [patientIds,0]"
    assert told({"all": True}) == "Unrecognized key(s) in object: 'all', on []"


@pytest.mark.contract("2.5", "unknown patient ids → 404, and nothing changes")
def test_a_patient_who_is_not_there_undoes_the_whole_change(world: World, api: Caller) -> None:
    created = cohort(api)
    path = f"/cohort/{created['id']}/patient"
    known, inside = patient(api, 1), patient(api, 2)
    add(api, created["id"], inside)
    theirs = patient(world.caller())

    for unknown in (UNKNOWN, "x", theirs):
        for method in ("POST", "DELETE"):
            answer = call(api, method, path, {"patientIds": [known, inside, unknown]})
            assert missing(answer) == "Could not find patient"
            assert answer[1]["additionalInfo"] == {"id": unknown}
    assert members(api, created["id"]) == [inside]


@pytest.mark.contract("2.4", "treatment cohorts: 400 Patient does not have a treatment relationship")
def test_a_cohort_for_treatment_takes_nobody_without_a_relationship(api: Caller) -> None:
    treatment, operations = cohort(api, "T"), cohort(api, "O", purposeOfUse="operations")
    treated = patient(api, 1)
    untreated = patient(api, 2, status={"treatmentRelationship": False})
    title = "PatientWithoutTreatmentRelationshipError"

    both = {"patientIds": [treated, untreated]}
    assert refusal(call(api, "POST", f"/cohort/{treatment['id']}/patient", both), title) == UNTREATED
    one = {"cohortIds": [operations["id"], treatment["id"]]}
    assert refusal(call(api, "POST", f"/patient/{untreated}/cohort", one), title) == UNTREATED
    assert (members(api, treatment["id"]), members(api, operations["id"])) == ([], [])
    add(api, operations["id"], treated, untreated)
    everybody = {"allPatients": True}
    done(call(api, "POST", f"/cohort/{treatment['id']}/patient", everybody))
    assert members(api, treatment["id"]) == [treated]


@pytest.mark.contract("2.4", "treatmentRelationship=false: out of treatment cohorts; true re-adds none")
def test_who_is_treated_no_longer_leaves_cohorts_for_treatment(api: Caller) -> None:
    first, second = cohort(api, "A"), cohort(api, "B")
    operations = cohort(api, "O", purposeOfUse="operations")
    one, other = patient(api, 1), patient(api, 2)
    for each in (first, second, operations):
        add(api, each["id"], one, other)
    path = f"/patient/{one}"

    done(call(api, "PUT", f"{path}/treatment-relationship", treatmentRelationship="false"))

    left = {**operations, "size": 2}
    assert done(call(api, "GET", f"{path}/cohort")) == {"cohorts": [left]}
    assert members(api, first["id"]) == members(api, second["id"]) == [other]
    done(call(api, "PUT", f"{path}/treatment-relationship", treatmentRelationship="true"))
    assert done(call(api, "GET", f"{path}/cohort")) == {"cohorts": [left]}
    add(api, first["id"], one)


@pytest.mark.contract("2.5", "GET /cohort/{id}/patient: paging, max 100")
def test_members_come_in_pages(api: Caller) -> None:
    created = cohort(api)
    path = f"/cohort/{created['id']}/patient"
    assert done(call(api, "GET", path)) == {"meta": {"itemsOnPage": 0}, "patients": []}
    everybody = [patient(api, day) for day in (1, 2, 3)]
    patient(api, 4)
    add(api, created["id"], *everybody)

    page = done(call(api, "GET", path, count=2))
    assert [p["id"] for p in page["patients"]] == everybody[:0:-1]
    assert page["patients"][0] == done(call(api, "GET", f"/patient/{everybody[2]}"))
    url = f"{api.origin}{M}{path}?fromItem={everybody[0]}&count=2"
    assert page["meta"] == {"itemsOnPage": 2, "itemsInTotal": 3, "nextPage": url}
    last = api.http.get(url).json()
    assert [p["id"] for p in last["patients"]] == everybody[:1]
    back = f"{api.origin}{M}{path}?toItem={everybody[1]}&count=2"
    assert last["meta"] == {"itemsOnPage": 1, "prevPage": back}
    assert api.http.get(back).json() == page
    done(call(api, "GET", path, count=100))
    assert refusal(call(api, "GET", path, count=101)) == "Count has to be less than or equal to 100"
    answer = call(api, "GET", path, fromItem=everybody[0], toItem=everybody[0])
    assert refusal(answer) == "Either fromItem or toItem can be provided, but not both"


@pytest.mark.contract("2.4", "POST, GET /patient/{id}/cohort: {cohorts: [DTO+size]}")
def test_a_patient_joins_cohorts(api: Caller) -> None:
    first, second, third = (cohort(api, name) for name in "ABC")
    one = patient(api)
    path = f"/patient/{one}/cohort"
    assert done(call(api, "GET", path)) == {"cohorts": []}
    add(api, first["id"], one)

    joined = done(call(api, "POST", path, {"cohortIds": [third["id"].upper(), first["id"], third["id"]]}))

    assert joined == {"cohorts": [{**first, "size": 1}, {**third, "size": 1}]}
    assert done(call(api, "GET", path)) == joined
    assert members(api, second["id"]) == []


@pytest.mark.contract("2.4", "POST /patient/{id}/cohort: 404 cohort")
def test_a_cohort_to_join_must_be_there(api: Caller) -> None:
    created, one = cohort(api), patient(api)
    path = f"/patient/{one}/cohort"

    answer = call(api, "POST", path, {"cohortIds": [created["id"], UNKNOWN]})
    assert missing(answer) == "Could not find cohort"
    assert answer[1]["additionalInfo"] == {"cohortId": UNKNOWN}
    assert done(call(api, "GET", path)) == {"cohorts": []}
    assert invalid(call(api, "POST", path, {"cohortIds": ["x"]})) == "Invalid uuid, on [cohortIds,0]"
    empty = invalid(call(api, "POST", path, {"cohortIds": []}))
    assert empty == "Array must contain at least 1 element(s), on [cohortIds]"


@pytest.mark.contract("2.4", "cohorts at creation")
def test_a_patient_is_created_into_cohorts_or_not_at_all(api: Caller) -> None:
    first, second = cohort(api, "A"), cohort(api, "B")
    where = {"facilityId": api.facility_id()}
    wanted = [second["id"], first["id"], second["id"]]

    for unknown in (UNKNOWN, "x"):
        answer = call(api, "POST", "/patient", people.jane(cohorts=[first["id"], unknown]), **where)
        assert missing(answer) == "Could not find cohort"
    untreated = people.jane(cohorts=wanted, status={"treatmentRelationship": False})
    answer = call(api, "POST", "/patient", untreated, **where)
    assert refusal(answer, "PatientWithoutTreatmentRelationshipError") == UNTREATED
    assert done(call(api, "GET", "/patient"))["patients"] == []

    created = done(call(api, "POST", "/patient", people.jane(cohorts=wanted), **where), 201)
    found = done(call(api, "GET", f"/patient/{created['id']}/cohort"))
    assert [c["id"] for c in found["cohorts"]] == [first["id"], second["id"]]


@pytest.mark.contract("2.4", "DELETE /patient/{id}: leaves its cohorts")
def test_a_deleted_patient_is_in_no_cohort(api: Caller) -> None:
    created, one = cohort(api), patient(api)
    add(api, created["id"], one)

    assert call(api, "DELETE", f"/patient/{one}") == (204, "")

    assert done(call(api, "GET", f"/cohort/{created['id']}")) == created
    assert call(api, "DELETE", f"/cohort/{created['id']}") == (204, "")
