"""Facilities, row by row of the contract (2.3). Each rule for a value stands in tests/facilities."""

from __future__ import annotations

import pytest

from chartbridge.ids import etag
from tests.contract.rows import CLASH, UNKNOWN, call, done, invalid, missing, refusal
from tests.running import Caller, Json, World
from tests.support import people

OTHER_NPI = "1245319599"


@pytest.fixture
def clinic(api: Caller) -> Json:
    return done(call(api, "POST", "/facility", people.facility()), 201)


@pytest.mark.contract("2.3", "POST /facility: 201 DTO")
def test_a_new_facility_is_answered(api: Caller) -> None:
    given = people.facility(tin=" 12-3 ", active=False)
    created = done(call(api, "POST", "/facility", given), 201)

    assert created == {
        **given,
        "tin": "12-3",
        "address": {**given["address"], "country": "USA"},
        "id": created["id"],
        "eTag": etag(created["id"], 1),
        "oid": created["oid"],
    }


@pytest.mark.contract("2.3", "tin, active: blank/null → absent")
def test_blank_and_null_are_absent(api: Caller) -> None:
    created = done(call(api, "POST", "/facility", people.facility(tin=" ", active=None)), 201)

    assert set(created) == {"id", "eTag", "oid", "name", "npi", "address"}


@pytest.mark.contract("2.3", "POST /facility: 400 validation")
def test_what_is_missing_is_named(api: Caller) -> None:
    wanted = "Required, on [name], Required, on [npi], Required, on [address]"
    assert invalid(call(api, "POST", "/facility", {})) == wanted


@pytest.mark.contract("2.1", "npi")
@pytest.mark.parametrize(
    ("npi", "detail"),
    [
        ("123456789", "String must contain exactly 10 character(s), on [npi]"),
        ("12345678933", "String must contain exactly 10 character(s), on [npi]"),
        ("1234567891", "NPI is not valid, on [npi]"),
        ("3234567893", "NPI is not valid, on [npi]"),
    ],
)
def test_an_npi_has_ten_digits_and_a_check_digit(api: Caller, npi: str, detail: str) -> None:
    assert invalid(call(api, "POST", "/facility", people.facility(npi=npi))) == detail


@pytest.mark.contract("2.3", "POST /facility: same NPI")
def test_the_facility_that_has_the_npi_is_named(api: Caller, clinic: Json) -> None:
    assert refusal(call(api, "POST", "/facility", people.facility(name="South"))) == (
        f"Can't create a new facility with the same NPI as facility with ID: {clinic['id']} "
        f"and name: {clinic['name']}"
    )


@pytest.mark.contract("2.3", "GET /facility: ordered by id ascending")
def test_facilities_are_listed_oldest_first(api: Caller, clinic: Json) -> None:
    second = done(call(api, "POST", "/facility", people.facility(npi=OTHER_NPI)), 201)

    assert clinic["id"] < second["id"]
    assert done(call(api, "GET", "/facility")) == {"facilities": [clinic, second]}


@pytest.mark.contract("2.3", "GET /facility/{id}")
def test_a_facility_is_read(api: Caller, clinic: Json) -> None:
    assert done(call(api, "GET", f"/facility/{clinic['id']}")) == clinic


@pytest.mark.contract("2.3", "404 Could not find facility (+ additionalInfo.facilityId)")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_facility_that_is_not_there_is_named(api: Caller, method: str) -> None:
    body = people.facility() if method == "PUT" else None
    answer = call(api, method, f"/facility/{UNKNOWN}", body)

    assert missing(answer) == "Could not find facility"
    assert answer[1]["additionalInfo"] == {"facilityId": UNKNOWN}


@pytest.mark.contract("2.3", "PUT /facility/{id}: full replace; If-Match or body eTag; 412")
def test_an_update_replaces_the_whole_facility(api: Caller) -> None:
    created = done(call(api, "POST", "/facility", people.facility(tin="12", active=True)), 201)
    path = f"/facility/{created['id']}"

    updated = done(call(api, "PUT", path, people.facility(name="South"), tag=created["eTag"]))

    kept = {name: created[name] for name in ("id", "oid", "npi", "address")}
    assert updated == {**kept, "name": "South", "eTag": etag(created["id"], 2)}
    assert call(api, "PUT", path, people.facility(), tag=created["eTag"]) == (412, CLASH)
    assert call(api, "PUT", path, people.facility(eTag=created["eTag"])) == (412, CLASH)
    assert done(call(api, "PUT", path, people.facility(eTag=updated["eTag"])))


@pytest.mark.contract("2.3", "PUT /facility/{id}: 400 Can't update NPI")
def test_the_npi_never_changes(api: Caller, clinic: Json) -> None:
    answer = call(api, "PUT", f"/facility/{clinic['id']}", people.facility(npi=OTHER_NPI))

    assert refusal(answer) == "Can't update NPI"


@pytest.mark.contract("2.3", "DELETE /facility/{id}: 204; 412 when If-Match differs")
def test_a_facility_is_deleted_in_the_version_that_was_read(api: Caller, clinic: Json) -> None:
    path = f"/facility/{clinic['id']}"

    assert call(api, "DELETE", path, tag="stale") == (412, CLASH)
    assert call(api, "DELETE", path, tag=clinic["eTag"]) == (204, "")
    assert missing(call(api, "GET", path)) == "Could not find facility"


@pytest.mark.contract("2.3", "DELETE /facility/{id}: Cannot delete facility with patients associated to it")
def test_a_facility_with_patients_stays(api: Caller, clinic: Json) -> None:
    api.patient_id(people.stranger())

    answer = call(api, "DELETE", f"/facility/{clinic['id']}")

    assert refusal(answer) == "Cannot delete facility with patients associated to it"
    assert done(call(api, "GET", f"/facility/{clinic['id']}")) == clinic


@pytest.mark.contract("1.2", "objects of another account are not found")
def test_another_accounts_facility_is_not_found(world: World, clinic: Json) -> None:
    other = world.caller()

    assert missing(call(other, "GET", f"/facility/{clinic['id']}")) == "Could not find facility"
    assert done(call(other, "POST", "/facility", people.facility()), 201)["npi"] == clinic["npi"]
