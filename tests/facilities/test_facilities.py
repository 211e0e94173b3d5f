"""Facilities: what is accepted, what is answered, and what is refused in which words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI

from chartbridge.ids import etag
from chartbridge.platform import Platform
from tests.patients.caller import NPI, OTHER_NPI, Caller, a_facility, a_patient, an_address, without


def test_a_new_facility_is_answered_with_an_id_an_oid_and_a_version_tag(api: Caller) -> None:
    created = api.facility(tin=" 12-345 ", active=True)

    assert created == {
        "id": created["id"],
        "eTag": etag(created["id"], 1),
        "oid": created["oid"],
        "name": "North Clinic",
        "npi": NPI,
        "tin": "12-345",
        "active": True,
        "address": {**an_address(), "country": "USA"},
    }
    assert created["oid"].startswith("2.25.")
    assert api.get(f"/facility/{created['id']}") == created


@pytest.mark.parametrize("absent", [{}, {"tin": None, "active": None}, {"tin": "  "}])
def test_absent_optional_values_are_left_out(api: Caller, absent: dict[str, Any]) -> None:
    created = api.facility(**absent)

    assert set(created) == {"id", "eTag", "oid", "name", "npi", "address"}
    assert "addressLine2" not in created["address"]


def test_unknown_keys_are_ignored_and_values_normalised(api: Caller) -> None:
    created = api.facility(
        name="  North  ", colour="red", address=an_address(state=" id ", zip=83702, addressLine2=" ")
    )

    assert created["name"] == "North"
    assert "colour" not in created
    assert created["address"] == {**an_address(), "country": "USA"}


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"name": ""}, "String must contain at least 1 character(s), on [name]"),
        ({"name": "   "}, "String must contain at least 1 character(s), on [name]"),
        ({"name": 7}, "Expected string, received number, on [name]"),
        ({"name": "n" * 501}, "String must contain at most 500 character(s), on [name]"),
        ({"npi": "123456789"}, "String must contain exactly 10 character(s), on [npi]"),
        ({"npi": "1234567891"}, "NPI is not valid, on [npi]"),
        ({"npi": 1234567893}, "Expected string, received number, on [npi]"),
        ({"tin": 5}, "Expected string, received number, on [tin]"),
        ({"active": "yes"}, "Expected boolean, received string, on [active]"),
        ({"address": None}, "Expected object, received null, on [address]"),
        ({"address": [an_address()]}, "Expected object, received array, on [address]"),
        (
            {"address": an_address(addressLine1=" ")},
            "Address line must be specified, on [address,addressLine1]",
        ),
        ({"address": an_address(city="")}, "City must be specified, on [address,city]"),
        ({"address": an_address(state="Idaho")}, "Invalid input, on [address,state]"),
        (
            {"address": an_address(zip="83702-1234")},
            "Zip must be a string consisting of 5 numbers, on [address,zip]",
        ),
        ({"address": an_address(zip="12345")}, "Invalid zip code, on [address,zip]"),
        (
            {"address": an_address(zip=1e300)},
            "Zip must be a string consisting of 5 numbers, on [address,zip]",
        ),
        ({"address": an_address(country="Canada")}, "Invalid input, on [address,country]"),
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_broken_rule_is_named_with_its_place(api: Caller, changes: dict[str, Any], detail: str) -> None:
    answer = api.post("/facility", a_facility(**changes), status=400)

    assert answer == {
        "status": 400,
        "name": "BAD_REQUEST",
        "title": "Missing or invalid parameters",
        "detail": detail,
    }


@pytest.mark.parametrize("backend", ["sqlite"])
def test_all_missing_values_are_named_at_once(api: Caller) -> None:
    answer = api.post("/facility", {}, status=400)

    assert answer["detail"] == "Required, on [name], Required, on [npi], Required, on [address]"
    assert api.http.post("/medical/v1/facility").json()["detail"] == answer["detail"]


def test_an_npi_belongs_to_one_facility_of_an_account(api: Caller, app: FastAPI, platform: Platform) -> None:
    first = api.facility()

    answer = api.post("/facility", a_facility(name="South Clinic"), status=400)

    assert answer["title"] == "BadRequestError"
    assert answer["detail"] == (
        f"Can't create a new facility with the same NPI as facility with ID: {first['id']} "
        "and name: North Clinic"
    )
    assert Caller(app, platform, account="another").facility()["npi"] == NPI
    assert Caller(app, platform, "sandbox").facility()["npi"] == NPI


def test_of_many_creates_at_once_with_one_npi_one_succeeds(api: Caller) -> None:
    def create(_: int) -> int:
        return int(api.http.post("/medical/v1/facility", json=a_facility()).status_code)

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(create, range(16)))

    assert statuses == [201] + [400] * 15
    assert len(api.get("/facility")["facilities"]) == 1


def test_the_list_is_oldest_first_and_not_wrapped_in_pages(api: Caller) -> None:
    assert api.get("/facility") == {"facilities": []}
    first, second = api.facility(), api.facility(npi=OTHER_NPI)

    assert api.get("/facility") == {"facilities": [first, second]}


def test_an_update_replaces_the_whole_facility_and_raises_its_version(api: Caller) -> None:
    created = api.facility(tin="12", active=True)

    updated = api.put(f"/facility/{created['id']}", a_facility(name="South"), etag=created["eTag"])

    assert updated == {
        **without(created, "tin", "active"),
        "name": "South",
        "eTag": etag(created["id"], 2),
    }
    assert api.get(f"/facility/{created['id']}") == updated


def test_an_update_with_the_same_values_is_a_new_version_too(api: Caller) -> None:
    created = api.facility()

    assert api.put(f"/facility/{created['id']}", a_facility())["eTag"] == etag(created["id"], 2)


def test_the_npi_of_a_facility_never_changes(api: Caller) -> None:
    created = api.facility()

    answer = api.put(f"/facility/{created['id']}", a_facility(npi=OTHER_NPI), status=400)

    assert (answer["title"], answer["detail"]) == ("BadRequestError", "Can't update NPI")


def test_a_version_tag_may_stand_in_the_header_or_the_body_and_the_header_wins(api: Caller) -> None:
    created = api.facility()
    path, stale = f"/facility/{created['id']}", etag(created["id"], 9)

    refused = api.put(path, a_facility(eTag=stale), status=412)
    assert refused["title"] == "VersionMismatchError"
    assert refused["detail"] == "eTag mismatch - reload the data and try again"
    api.put(path, a_facility(eTag=created["eTag"]), etag=stale, status=412)
    api.put(path, a_facility(eTag=stale), etag=created["eTag"])


def test_of_parallel_updates_with_one_version_tag_one_succeeds(api: Caller) -> None:
    created = api.facility()

    def update(_: int) -> int:
        return int(
            api.http.put(
                f"/medical/v1/facility/{created['id']}",
                json=a_facility(),
                headers={"If-Match": created["eTag"]},
            ).status_code
        )

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(update, range(16)))

    assert statuses == [200] + [412] * 15


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_facility_that_is_not_there_is_named(api: Caller, method: str) -> None:
    body = a_facility() if method == "PUT" else None

    assert api.call(method, "/facility/nowhere", body, status=404) == {
        "status": 404,
        "name": "NOT_FOUND",
        "title": "NotFoundError",
        "detail": "Could not find facility",
        "additionalInfo": {"facilityId": "nowhere"},
    }


def test_another_accounts_facility_is_not_found(api: Caller, app: FastAPI, platform: Platform) -> None:
    created = api.facility()
    other = Caller(app, platform, account="another")

    other.get(f"/facility/{created['id']}", status=404)
    other.put(f"/facility/{created['id']}", a_facility(), status=404)
    other.delete(f"/facility/{created['id']}", status=404)
    assert other.get("/facility") == {"facilities": []}


def test_a_deleted_facility_is_gone(api: Caller) -> None:
    created = api.facility()

    assert api.delete(f"/facility/{created['id']}", etag=created["eTag"]) == ""

    api.get(f"/facility/{created['id']}", status=404)
    api.facility()


def test_a_facility_is_not_deleted_in_a_version_the_caller_has_not_read(api: Caller) -> None:
    created = api.facility()

    api.delete(f"/facility/{created['id']}", etag=etag(created["id"], 7), status=412)

    assert api.get(f"/facility/{created['id']}") == created


def test_a_facility_with_patients_is_not_deleted(api: Caller) -> None:
    created = api.facility()
    patient = api.post("/patient", a_patient(), facilityId=created["id"])

    answer = api.delete(f"/facility/{created['id']}", status=400)

    assert answer["detail"] == "Cannot delete facility with patients associated to it"
    api.delete(f"/patient/{patient['id']}")
    api.delete(f"/facility/{created['id']}")


def test_deleting_a_facility_while_a_patient_joins_it_leaves_no_patient_without_one(api: Caller) -> None:
    for round_ in range(5):
        facility = api.facility()

        def join(facility_id: str = facility["id"], dob: str = f"198{round_}-01-01") -> int:
            body = a_patient(dob=dob)
            return int(
                api.http.post(
                    "/medical/v1/patient", json=body, params={"facilityId": facility_id}
                ).status_code
            )

        def remove(facility_id: str = facility["id"]) -> int:
            return int(api.http.delete(f"/medical/v1/facility/{facility_id}").status_code)

        with ThreadPoolExecutor(2) as pool:
            joined, removed = pool.submit(join), pool.submit(remove)
        assert (joined.result(), removed.result()) in {(201, 400), (404, 204)}
        for patient in api.get("/patient")["patients"]:
            api.delete(f"/patient/{patient['id']}")
        if removed.result() == 400:
            api.delete(f"/facility/{facility['id']}")
