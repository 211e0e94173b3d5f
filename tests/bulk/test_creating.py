"""Rows that become patients: new ones, those who are there, and other callers at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import DataError

from chartbridge.features.bulk import creating
from chartbridge.features.patients import batches
from tests.bulk import importing
from tests.bulk.importing import ANA, result, run, send, sheet, somebody
from tests.running import Caller, Json, World
from tests.support.client import M


@pytest.fixture
def api(production: Caller) -> Caller:
    """Where no network is asked: the patients are what matters here."""
    return production


def ana_body(**changes: object) -> Json:
    address = {"addressLine1": "1 Pine St", "city": "Boise", "state": "ID", "zip": "83702"}
    return {
        "firstName": "Ana",
        "lastName": "Ruiz",
        "dob": "1980-04-02",
        "genderAtBirth": "F",
        "address": [address],
        **changes,
    }


def test_the_same_person_is_updated_and_a_like_one_is_taken_as_stored(api: Caller) -> None:
    same = api.patient_id(ana_body(contact=[{"phone": "2085550100"}]))
    like = api.patient_id({**ana_body(firstName="Zora"), "dob": "1970-01-01"})
    rows = [
        (*ANA, "2085550199", "mrn-1"),
        ("Zora", "Ruiz", "1970-01-01", "f", "1 Pine Street", "Boise", "ID", "83702", "", ""),
        ("Zorra", "Ruiz", "1970-01-01", "f", "1 Pine Street", "Boise", "ID", "83703", "2085550111", "mrn-2"),
    ]
    done = run(api, sheet(rows, "phone", "id"))
    assert done["patients"] == {"created": 0, "updated": 2, "matched": 1}
    assert [line["metriportId"] for line in result(api, done)] == [same, like, like]
    updated = api.get(f"{M}/patient/{same}")
    assert updated["contact"] == [{"phone": "2085550199"}, {"phone": "2085550100"}]
    assert updated["externalId"] == "mrn-1"
    assert "externalId" not in api.get(f"{M}/patient/{like}")
    assert api.get(f"{M}/patient", filters="mrn-1")["patients"][0]["id"] == same


def test_the_same_file_twice_changes_nothing_the_second_time(api: Caller) -> None:
    rows = [(*somebody(n), f"mrn-{n}", f"208555{n:04d}", "123-45-678" + str(n)) for n in range(10)]
    file = sheet(rows, "id", "phone", "ssn")
    first = run(api, file)
    before = api.get(f"{M}/patient")["patients"]
    second = run(api, file)
    assert second["patients"] == {"created": 0, "updated": 0, "matched": 10}
    assert api.get(f"{M}/patient")["patients"] == before, "with their eTags"
    assert [line["metriportId"] for line in result(api, first)] == [
        line["metriportId"] for line in result(api, second)
    ]


def test_cohorts_are_joined_by_name_or_id_and_unknown_ones_refuse_the_row(api: Caller) -> None:
    by_name = api.post(f"{M}/cohort", {"name": "High risk"}, status=201)["id"]
    by_id = api.post(f"{M}/cohort", {"name": "Other", "purposeOfUse": "operations"}, status=201)["id"]
    untreated = api.patient_id({**ana_body(), "status": {"treatmentRelationship": False}})
    rows = [
        (*somebody(1), "High risk", by_id),
        (*somebody(2), "Nobody's", ""),
        (*ANA, "High risk", ""),
        (*ANA, "", "Other"),
    ]
    done = run(api, sheet(rows, "cohort-1", "cohort-2"))
    lines = result(api, done)
    assert [line["reason"] for line in lines] == [
        "",
        "Unknown cohort Nobody's",
        "Patient does not have a treatment relationship",
        "",
    ]
    joined = api.get(f"{M}/patient/{lines[0]['metriportId']}/cohort")["cohorts"]
    assert [cohort["id"] for cohort in joined] == [by_name, by_id]
    assert [c["id"] for c in api.get(f"{M}/patient/{untreated}/cohort")["cohorts"]] == [by_id]


def test_a_row_that_opts_out_holds_for_a_patient_who_was_there(api: Caller) -> None:
    patient = api.patient_id(ana_body())
    run(api, sheet([(*ANA, "true")], "hieOptOut"))
    assert api.get(f"{M}/patient/{patient}")["hieOptOut"] is True
    run(api, sheet([(*ANA, "false")], "hieOptOut"))
    assert api.get(f"{M}/patient/{patient}")["hieOptOut"] is True, "a file opts nobody in"


def test_other_callers_at_the_same_time_make_nobody_twice(
    production: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of two files, and calls that create the same people one by one, all at once."""
    monkeypatch.setattr(creating, "BATCH", 20)
    rows = [somebody(n) for n in range(120)]
    facility = production.facility_id()

    def create(row: tuple[str, ...]) -> str:
        first, last, dob, gender, line, city, state, code = row
        address = {"addressLine1": line, "city": city, "state": state, "zip": code}
        body = {"firstName": first, "lastName": last, "dob": dob, "genderAtBirth": gender.upper()}
        made = production.post(
            f"{M}/patient", {**body, "address": [address]}, status=201, facilityId=facility
        )
        return str(made["id"])

    first, second = (send(production, sheet(part)) for part in (rows, rows[::-1]))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(create, rows[30:90]))
    done = [importing.ended(production, import_id) for import_id in (first, second)]
    listed = {patient["id"] for patient in production.get(f"{M}/patient", count=500)["patients"]}
    assert len(listed) == 120
    assert set(made) <= listed
    for one in done:
        assert {line["metriportId"] for line in result(production, one)} == listed


def test_a_row_that_cannot_be_stored_does_not_take_the_others_with_it(
    world: World, production: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = batches.create_or_find

    def broken(session: object, db: object, entries: list[batches.Entry], **given: object) -> object:
        if any(entry.data.address[0].zip == "20004" for entry in entries):
            raise DataError("INSERT", {}, ValueError("no"))
        return make(session, db, entries, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(batches, "create_or_find", broken)
    done = run(production, sheet([somebody(n) for n in range(8)]))
    assert done["rows"] == {"total": 8, "processed": 8, "succeeded": 7, "failed": 1}
    lines = result(production, done)
    assert lines[3]["reason"] == "Failed to obtain patient data"
    assert [row.number for row in importing.stored_rows(world, production, done["requestId"])] == [
        *range(1, 9)
    ]
