"""Organizations, row by row of the contract (2.2)."""

from __future__ import annotations

import pytest

from chartbridge.ids import etag
from tests.contract.rows import CLASH, UNKNOWN, call, done, invalid, missing, refusal
from tests.running import Caller, Json, World
from tests.support import people
from tests.support.client import M

LOCATION = {"addressLine1": "9 Elm St", "city": "Boise", "state": "ID", "zip": "83702"}
STORED = {**LOCATION, "country": "USA"}


def an_organization(**changes: object) -> Json:
    return {"name": "North Health", "type": "hospital", "location": LOCATION, **changes}


@pytest.mark.contract("2.2", "POST /organization: 201 DTO")
def test_a_new_organization_is_answered_with_id_oid_and_version_tag(api: Caller) -> None:
    created = done(call(api, "POST", "/organization", an_organization(name=" North Health ")), 201)

    assert created == {
        "id": created["id"],
        "eTag": etag(created["id"], 1),
        "oid": created["oid"],
        "name": "North Health",
        "type": "hospital",
        "location": STORED,
    }
    assert created["oid"].startswith("2.25.")


@pytest.mark.contract("2.2", "POST /organization: Organization already exists for customer <account id>")
def test_an_account_has_one_organization(world: World, api: Caller) -> None:
    first = done(call(api, "POST", "/organization", an_organization()), 201)

    answer = call(api, "POST", "/organization", an_organization(name="South"))

    account = world.tenant(api).account_id
    assert refusal(answer) == f"Organization already exists for customer {account}"
    assert done(call(api, "GET", "/organization")) == first


@pytest.mark.contract("2.2", "GET /organization: 200 with empty body when none")
def test_an_account_without_one_is_answered_with_an_empty_body(world: World) -> None:
    for environment in ("sandbox", "production"):
        answer = world.caller(environment).http.get(f"{M}/organization")
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.contract("2.2", "GET /organization: 200 DTO")
def test_the_organization_is_read_without_an_id(api: Caller) -> None:
    created = done(call(api, "POST", "/organization", an_organization()), 201)

    assert done(call(api, "GET", "/organization")) == created
    assert done(call(api, "GET", "/organization/")) == created


@pytest.mark.contract("2.2", "PUT /organization/{id}: 200 DTO; If-Match; 412")
def test_an_update_replaces_and_raises_the_version(api: Caller) -> None:
    created = done(call(api, "POST", "/organization", an_organization()), 201)
    path = f"/organization/{created['id']}"
    given = an_organization(name="South", type="pharmacy")

    updated = done(call(api, "PUT", path, given, tag=created["eTag"]))

    assert updated == {**created, "name": "South", "type": "pharmacy", "eTag": etag(created["id"], 2)}
    assert call(api, "PUT", path, given, tag=created["eTag"]) == (412, CLASH)
    assert call(api, "PUT", path, {**given, "eTag": created["eTag"]}) == (412, CLASH)
    assert done(call(api, "PUT", path, {**given, "eTag": created["eTag"]}, tag=updated["eTag"]))
    assert done(call(api, "PUT", path, given))["eTag"] == etag(created["id"], 4)


@pytest.mark.contract("2.2", "PUT /organization/{id}: 404 Could not find organization")
def test_an_organization_that_is_not_there_is_not_found(world: World, api: Caller) -> None:
    theirs = done(call(world.caller(), "POST", "/organization", an_organization()), 201)

    for unknown in (UNKNOWN, "x", theirs["id"]):
        answer = call(api, "PUT", f"/organization/{unknown}", an_organization())
        assert missing(answer) == "Could not find organization"


@pytest.mark.contract("2.2", "body: name (min 1), type, location")
@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"name": " "}, "String must contain at least 1 character(s), on [name]"),
        ({"name": None}, "Expected string, received null, on [name]"),
        (
            {"type": "clinic"},
            "Invalid enum value. Expected 'acuteCare' | 'ambulatory' | 'hospital' | 'labSystems' | "
            "'pharmacy' | 'postAcuteCare', received 'clinic', on [type]",
        ),
        ({"location": {**LOCATION, "zip": "12345"}}, "Invalid zip code, on [location,zip]"),
        ({"location": {**LOCATION, "state": "AE"}}, "Invalid input, on [location,state]"),
        ({"location": [LOCATION]}, "Expected object, received array, on [location]"),
    ],
    ids=["blank name", "no name", "type", "zip", "state", "list"],
)
def test_a_broken_rule_is_named_with_its_place(api: Caller, changes: Json, detail: str) -> None:
    assert invalid(call(api, "POST", "/organization", an_organization(**changes))) == detail
    assert call(api, "GET", "/organization") == (200, "")


@pytest.mark.contract("2.2", "body: every type")
@pytest.mark.parametrize(
    "kind", ["acuteCare", "ambulatory", "hospital", "labSystems", "pharmacy", "postAcuteCare"]
)
def test_every_type_is_taken(api: Caller, kind: str) -> None:
    assert done(call(api, "POST", "/organization", an_organization(type=kind)), 201)["type"] == kind


@pytest.mark.contract("2.2", "in sandbox the first facility also creates the organization")
def test_the_sandbox_makes_the_organization_out_of_the_first_facility(api: Caller) -> None:
    facility = done(call(api, "POST", "/facility", people.facility()), 201)

    made = done(call(api, "GET", "/organization"))

    assert made == {
        "id": made["id"],
        "eTag": etag(made["id"], 1),
        "oid": made["oid"],
        "name": facility["name"],
        "type": "ambulatory",
        "location": facility["address"],
    }
    call(api, "POST", "/facility", people.facility(name="South", npi="1245319599"))
    assert done(call(api, "GET", "/organization")) == made
    assert "already exists" in refusal(call(api, "POST", "/organization", an_organization()))


@pytest.mark.contract("2.2", "in sandbox: if none exists; production: never")
def test_an_organization_that_is_there_stays_and_production_makes_none(world: World, api: Caller) -> None:
    created = done(call(api, "POST", "/organization", an_organization()), 201)
    done(call(api, "POST", "/facility", people.facility()), 201)
    assert done(call(api, "GET", "/organization")) == created

    production = world.caller("production")
    done(call(production, "POST", "/facility", people.facility()), 201)
    assert call(production, "GET", "/organization") == (200, "")
