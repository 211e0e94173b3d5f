"""Members of cohorts: many at once, and very many. The rows of the contract stand in tests/contract."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from chartbridge.auth import authenticate
from chartbridge.db import Tenant
from chartbridge.db.upsert import insert_all_new
from chartbridge.features.cohorts import membership, service
from chartbridge.features.cohorts.schemas import CohortInput
from chartbridge.features.patients.models import Patient
from chartbridge.ids import new_id
from chartbridge.platform import Platform
from tests.patients.caller import Caller, Json, M

MANY = 20_000


def tenant_of(platform: Platform, api: Caller) -> Tenant:
    caller = authenticate(platform.db, api.http.headers["x-api-key"])
    assert caller is not None
    return caller.tenant


def populate(platform: Platform, tenant: Tenant, number: int, *, untreated: int = 0) -> None:
    """That many patients, the last ``untreated`` of them without a treatment relationship."""
    rows = [
        {
            "id": new_id(),
            "first_name": f"Ana{place}",
            "last_name": "Ruiz",
            "dob": "1980-04-02",
            "gender_at_birth": "F",
            "address": [],
            "treatment_relationship": place < number - untreated,
            "search_text": "",
            "search_ids": "",
            "version": 1,
        }
        for place in range(number)
    ]
    with platform.db.write(tenant) as session:
        insert_all_new(session, Patient, rows, key=["id"])


def test_all_patients_are_added_in_batches_without_missing_one(
    api: Caller, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "BATCH", 7)
    populate(platform, tenant_of(platform, api), 40, untreated=3)
    cohort = api.post("/cohort", {"name": "All"})
    path = f"/cohort/{cohort['id']}/patient"
    some = [
        p["id"] for p in api.get("/patient", count=20)["patients"] if p["status"]["treatmentRelationship"]
    ]

    assert api.post(path, {"patientIds": some}, status=200)["cohort"]["size"] == 17
    assert api.post(path, {"allPatients": True}, status=200)["cohort"]["size"] == 37
    assert api.call("DELETE", path, {"patientIds": some}, status=200)["cohort"]["size"] == 20
    assert api.call("DELETE", path, {"allPatients": True}, status=200)["cohort"]["size"] == 0


def test_the_same_members_added_at_once_are_added_once(api: Caller, clinic: Json, platform: Platform) -> None:
    tenant = tenant_of(platform, api)
    populate(platform, tenant, 30)
    cohort = api.post("/cohort", {"name": "All"})["id"]
    ids = [p["id"] for p in api.get("/patient")["patients"]]

    def change(place: int) -> int:
        body: Json
        if place % 4 == 3:
            path, body = f"{M}/patient/{ids[place]}/cohort", {"cohortIds": [cohort]}
        else:
            path = f"{M}/cohort/{cohort}/patient"
            body = {"allPatients": True} if place % 4 else {"patientIds": ids[place % 3 :]}
        return int(api.http.post(path, json=body).status_code)

    with ThreadPoolExecutor(20) as pool:
        statuses = Counter(pool.map(change, range(20)))

    assert statuses == {200: 20}
    assert api.get(f"/cohort/{cohort}")["size"] == 30


def test_a_cohort_is_deleted_or_joined_but_not_both(api: Caller, clinic: Json) -> None:
    patient = api.patient(clinic)["id"]
    for place in range(5):
        cohort = api.post("/cohort", {"name": f"Cohort {place}"})["id"]

        def join(cohort: str = cohort) -> int:
            body = {"cohortIds": [cohort]}
            return int(api.http.post(f"{M}/patient/{patient}/cohort", json=body).status_code)

        def remove(cohort: str = cohort) -> int:
            return int(api.http.delete(f"{M}/cohort/{cohort}").status_code)

        with ThreadPoolExecutor(2) as pool:
            joined, removed = pool.submit(join), pool.submit(remove)
        assert (joined.result(), removed.result()) in {(200, 400), (404, 204)}


def test_of_many_creates_at_once_with_one_name_one_succeeds(api: Caller) -> None:
    def create(_: int) -> int:
        return int(api.http.post(f"{M}/cohort", json={"name": "One"}).status_code)

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(create, range(16)))

    assert statuses == [201] + [400] * 15


@pytest.mark.slow
def test_very_many_patients_are_added_at_once(api: Caller, platform: Platform) -> None:
    tenant = tenant_of(platform, api)
    populate(platform, tenant, MANY)
    with platform.db.write(tenant) as session:
        cohort = service.create_cohort(session, CohortInput(name="All"), frozenset()).id

    answer = api.post(f"/cohort/{cohort}/patient", {"allPatients": True}, status=200)
    assert answer["cohort"]["size"] == MANY
    assert api.get(f"/cohort/{cohort}/patient")["meta"]["itemsInTotal"] == MANY
