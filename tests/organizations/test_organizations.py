"""Organizations: one an account, whoever asks at once. The rows of the contract stand in tests/contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI

from chartbridge.errors import NotFoundError
from chartbridge.features.organizations import service
from chartbridge.platform import Platform
from tests.patients.caller import Caller, Json, M, a_facility, an_address
from tests.patients.test_patients import tenant_of


def an_organization(**changes: object) -> Json:
    return {"name": "North Health", "type": "hospital", "location": an_address(), **changes}


def test_of_many_creates_at_once_one_succeeds(api: Caller) -> None:
    def create(place: int) -> int:
        body = an_organization(name=f"Number {place}")
        return int(api.http.post(f"{M}/organization", json=body).status_code)

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(create, range(16)))

    assert statuses == [201] + [400] * 15
    assert api.get("/organization")["name"].startswith("Number ")


def test_of_parallel_updates_with_one_version_tag_one_succeeds(api: Caller) -> None:
    created = api.post("/organization", an_organization())

    def update(place: int) -> int:
        return int(
            api.http.put(
                f"{M}/organization/{created['id']}",
                json=an_organization(name=f"Number {place}"),
                headers={"If-Match": created["eTag"]},
            ).status_code
        )

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(update, range(16)))

    assert statuses == [200] + [412] * 15


def test_first_facilities_made_at_once_in_the_sandbox_make_one_organization(
    app: FastAPI, platform: Platform
) -> None:
    sandbox = Caller(app, platform, "sandbox")
    npis = ["1234567893", "1245319599", "1003000126"]

    def create(npi: str) -> int:
        return int(sandbox.http.post(f"{M}/facility", json=a_facility(npi=npi, name=npi)).status_code)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(create, npis)) == [201] * 3

    assert sandbox.get("/organization")["name"] in npis


def test_each_environment_has_its_own(api: Caller, app: FastAPI, platform: Platform) -> None:
    created = api.post("/organization", an_organization())
    sandbox = Caller(app, platform, "sandbox")

    assert sandbox.get("/organization") == ""
    assert sandbox.post("/organization", an_organization())["id"] != created["id"]


@pytest.mark.parametrize("what", ["organization", "facility"])
def test_an_account_is_known_by_its_organization_or_a_facility(
    api: Caller, platform: Platform, what: str
) -> None:
    tenant = tenant_of(platform, api)
    with platform.db.read(tenant) as session, pytest.raises(NotFoundError, match="organization"):
        service.require_organization(session)

    api.post(f"/{what}", an_organization() if what == "organization" else a_facility())

    with platform.db.read(tenant) as session:
        service.require_organization(session)
