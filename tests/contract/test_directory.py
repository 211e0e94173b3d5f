"""Network query 5.4: the directory of network entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chartbridge.features.directory import sample, service, storing
from chartbridge.features.directory.entries import Entry, Network
from tests.running import ORIGIN, Caller, World, running
from tests.support.client import M

PATH = f"{M}/network-entry"
contract = pytest.mark.contract


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, worker=False) as started:
        yield started


@pytest.fixture(scope="module")
def api(world: World) -> Caller:
    return world.caller("sandbox")


@pytest.fixture(scope="module")
def production(world: World) -> Caller:
    """A caller where 1,003 entries are, all of one city; two of them can be told apart by more."""
    many = [Entry(oid=f"1.2.{n}", name=f"Clinic number {n}", city="Springfield") for n in range(1001)]
    special = [
        Entry(
            oid="1.3.1", name="Ünited Heart", npi="1234567893", supports_messaging=True, city="Springfield"
        ),
        Entry(oid="1.3.2", name="United Lung", active=False, city="Springfield", zip_code="12345"),
    ]
    for start in range(0, len(many), 1000):
        storing.store(world.platform.db, "production", Network.EHEX, many[start : start + 1000])
    storing.store(world.platform.db, "production", Network.COMMONWELL, special)
    return world.caller("production")


def names(api: Caller, **query: Any) -> set[str]:
    return {entry["name"] for entry in api.get(PATH, **query)["networkEntries"]}


@contract("5.4", "200 {meta, networkEntries}; fields")
def test_an_entry(api: Caller) -> None:
    answer = api.get(PATH, filter='"Saguaro Family Medicine"')
    (entry,) = answer["networkEntries"]
    given = {e.name: e for e in sample.entries()[Network.COMMONWELL]}
    expected = given["Saguaro Family Medicine"]
    assert answer["meta"] == {"itemsOnPage": 1, "itemsInTotal": 1}
    assert len(entry.pop("id")) == 36
    assert entry == {
        "name": "Saguaro Family Medicine",
        "oid": expected.oid,
        "network": "COMMONWELL",
        "supportsMessaging": True,
        "npi": expected.npi,
        "addressLine": "900 Roosevelt Row Suite 210",
        "city": "Phoenix",
        "state": "AZ",
        "zipCode": "85004",
        "zip": "85004",
        "rootOrganization": "Copper Basin Health Alliance",
        "managingOrgOid": given["Copper Basin Health Alliance"].oid,
    }


@contract("5.4", "field | what is not known is left out")
def test_an_entry_without_more(production: Caller) -> None:
    (entry,) = production.get(PATH, oid="1.2.7")["networkEntries"]
    assert entry.keys() == {"id", "name", "oid", "network", "supportsMessaging", "city"}


@contract("5.4", "filter | full text over name, address, ids; conventions 1.8")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fogline", {"Fogline Community Hospital", "Redwood Coast Data Commons"}),
        ("FOGLINE hospital", {"Fogline Community Hospital"}),
        ('"hospital fogline"', set()),
        ('"80 fogline blvd eureka"', {"Fogline Community Hospital"}),
        ("clinica nino", {"Clínica Niño Jesús"}),
        ("arcata or kearney", {"Tidepool Women's Health", "Platte Bend Rural Health"}),
        ("fogline -hospital", {"Redwood Coast Data Commons"}),
        ("fog", set()),
        ("85281", {"Ocotillo Pediatrics"}),
        (sample.entries()[Network.EHEX][0].oid, {"Northern Lakes Federal Network"}),
        (sample.entries()[Network.EHEX][1].npi, {"Iron Range Veterans Clinic"}),
        ("!!!", set()),
    ],
)
def test_the_filter(api: Caller, text: str, found: set[str]) -> None:
    assert names(api, filter=text) == found


@contract("5.4", "filter | conventions 1.8 bounds")
def test_a_filter_out_of_bounds(api: Caller) -> None:
    assert "at most" in api.get(PATH, status=400, filter="x" * 1001)["detail"]


@contract("5.4", "npi, oid | exact")
def test_npi_and_oid_are_exact(production: Caller) -> None:
    assert names(production, npi="1234567893") == {"Ünited Heart"}
    assert names(production, npi="123456789") == set()
    assert names(production, oid="1.3.2") == {"United Lung"}
    assert names(production, oid="1.3") == set()
    assert names(production, oid="1.3.1", npi="1234567893") == {"Ünited Heart"}
    assert names(production, oid="1.3.2", npi="1234567893") == set()


@contract("5.4", "destination | alias of oid")
def test_destination_is_another_name_of_oid(production: Caller) -> None:
    assert names(production, destination="1.3.2") == {"United Lung"}
    assert names(production, destination="1.3.2", oid="1.3.1") == set()


@contract("5.4", "supportsMessaging | only true has an effect")
def test_only_true_filters_by_messaging(production: Caller) -> None:
    assert names(production, supportsMessaging="true") == {"Ünited Heart"}
    for text in ("TRUE", " true "):
        assert names(production, supportsMessaging=text) == {"Ünited Heart"}
    for text in ("false", "no", ""):
        assert production.get(PATH, supportsMessaging=text)["meta"]["itemsInTotal"] == 1003, text


@contract("5.4", "active | true / false")
def test_active_both_ways(production: Caller) -> None:
    assert names(production, active="false") == {"United Lung"}
    assert production.get(PATH, active="true")["meta"]["itemsInTotal"] == 1002
    assert names(production, active="true", filter="united") == {"Ünited Heart"}


@contract("5.4", "paging | default 50, max 500")
def test_the_size_of_a_page(production: Caller) -> None:
    assert production.get(PATH)["meta"]["itemsOnPage"] == 50
    assert production.get(PATH, count=500)["meta"]["itemsOnPage"] == 500
    detail = production.get(PATH, status=400, count=501)["detail"]
    assert detail == "Count has to be less than or equal to 500"
    detail = production.get(PATH, status=400, fromItem="a", toItem="b")["detail"]
    assert detail == "Either fromItem or toItem can be provided, but not both"


@contract("1.7", "meta | nextPage, prevPage keep the caller's filters")
def test_pages_lead_through_the_whole_list(production: Caller) -> None:
    page = production.get(PATH, count=400, filter="springfield -lung", active="true")
    assert page["meta"]["itemsInTotal"] == 1002
    url = page["meta"]["nextPage"]
    assert url.startswith(f"{ORIGIN}{PATH}?fromItem=")
    assert url.endswith("&count=400&filter=springfield+-lung&active=true")
    seen = [page]
    while "nextPage" in seen[-1]["meta"]:
        seen.append(production.http.get(seen[-1]["meta"]["nextPage"]).json())
    ids = [entry["id"] for each in seen for entry in each["networkEntries"]]
    assert len(ids) == len(set(ids)) == 1002
    assert ids == sorted(ids, reverse=True)
    assert production.http.get(seen[1]["meta"]["prevPage"]).json()["networkEntries"] == page["networkEntries"]


@contract("5.4", "the directory is shared by the accounts of an environment")
def test_all_accounts_of_an_environment_see_the_same(world: World, api: Caller, production: Caller) -> None:
    assert world.caller("sandbox").get(PATH) == api.get(PATH)
    assert api.get(PATH)["meta"]["itemsInTotal"] == 25
    assert not names(api, count=500) & names(production, count=500)


def test_the_sample_comes_back_when_it_was_cleared(world: World, api: Caller) -> None:
    service.clear(world.platform.db, "sandbox", list(Network))
    assert api.get(PATH)["meta"]["itemsInTotal"] == 25
