"""Many requests about one patient at once, through the API: nobody is made twice, nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chartbridge.ids import etag
from tests.patients.caller import OTHER_NPI, Caller, Json, M, a_patient

AT_ONCE = 50


def at_once(call: Callable[[int], Any], times: int = AT_ONCE) -> list[Any]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(call, range(times)))


def test_fifty_creates_of_one_person_make_one_patient(api: Caller, clinic: Json) -> None:
    def create(place: int) -> tuple[int, str]:
        body = a_patient(firstName=("Ana", "ANA", " ana ")[place % 3])
        answer = api.http.post(f"{M}/patient", json=body, params={"facilityId": clinic["id"]})
        return answer.status_code, answer.json()["id"]

    (one,) = Counter(at_once(create))

    assert one[0] == 201
    assert [p["id"] for p in api.get("/patient")["patients"]] == [one[1]]


def test_of_fifty_updates_with_one_version_tag_one_succeeds(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)

    def update(place: int) -> tuple[int, str]:
        name = f"Ana{place}"
        answer = api.http.put(
            f"{M}/patient/{created['id']}",
            json=a_patient(firstName=name),
            headers={"If-Match": created["eTag"]},
        )
        return answer.status_code, name

    answers = sorted(at_once(update))

    assert [status for status, _ in answers] == [200] + [412] * (AT_ONCE - 1)
    stored = api.get(f"/patient/{created['id']}")
    assert (stored["firstName"], stored["eTag"]) == (answers[0][1], etag(created["id"], 2))


def test_of_fifty_sets_of_facilities_with_one_version_tag_one_succeeds(api: Caller, clinic: Json) -> None:
    second = api.facility(npi=OTHER_NPI)
    created = api.patient(clinic)

    def set_facilities(place: int) -> int:
        wanted = [clinic["id"], second["id"]][: 1 + place % 2]
        return int(
            api.http.post(
                f"{M}/patient/{created['id']}/facility",
                json={"facilityIds": wanted},
                headers={"If-Match": created["eTag"]},
            ).status_code
        )

    assert sorted(at_once(set_facilities)) == [200] + [412] * (AT_ONCE - 1)
    assert api.get(f"/patient/{created['id']}")["eTag"] == etag(created["id"], 2)


def test_a_patient_who_stops_being_treated_is_in_no_treatment_cohort(api: Caller, clinic: Json) -> None:
    cohorts = [api.post("/cohort", {"name": f"Cohort {place}"})["id"] for place in range(3)]
    for round_ in range(5):
        patient = api.patient(clinic, dob=f"198{round_}-01-01")["id"]

        def change(place: int, patient: str = patient) -> int:
            if place == 7:
                path = f"{M}/patient/{patient}/treatment-relationship"
                return int(api.http.put(path, params={"treatmentRelationship": "false"}).status_code)
            if place % 2:
                path, body = f"{M}/patient/{patient}/cohort", {"cohortIds": cohorts}
            else:
                path, body = f"{M}/cohort/{cohorts[place % 3]}/patient", {"patientIds": [patient]}
            return int(api.http.post(path, json=body).status_code)

        statuses = at_once(change, 12)

        assert statuses[7] == 200
        assert set(statuses) <= {200, 400}
        assert api.get(f"/patient/{patient}/cohort") == {"cohorts": []}


def test_switches_set_at_once_leave_the_patient_as_one_of_them_said(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic)

    def switch(place: int) -> int:
        value = "true" if place % 2 else "false"
        path = f"{M}/patient/{created['id']}/hie-opt-out"
        return int(api.http.put(path, params={"hieOptOut": value}).status_code)

    def update(_: int) -> int:
        return int(api.http.put(f"{M}/patient/{created['id']}", json=a_patient()).status_code)

    statuses = at_once(lambda place: switch(place) if place < 20 else update(place), 40)

    assert set(statuses) == {200}
    stored = api.get(f"/patient/{created['id']}")
    assert stored["hieOptOut"] == stored["status"]["hieOptOut"]
    assert stored["eTag"] == etag(created["id"], 21)
