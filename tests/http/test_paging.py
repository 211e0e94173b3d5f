"""Pages of a list, through a real one: GET /medical/v1/patient (conventions 1.7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fastapi.testclient import TestClient

from chartbridge.config import Settings
from chartbridge.errors import BadRequestError
from chartbridge.http.paging import parse_count
from tests.support import people

PATIENTS = "/medical/v1/patient"
ORIGIN = "https://charts.example.org"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"rate_limits": {"patient-write": 10_000}})


@pytest.fixture
def clinic(client: TestClient) -> str:
    return str(client.post("/medical/v1/facility", json=people.facility()).json()["id"])


@pytest.fixture
def ids(client: TestClient, clinic: str) -> list[str]:
    """Seven patients, newest first."""
    made = []
    for number in range(7):
        body = people.jane(firstName=f"Person{'abcdefg'[number]}", lastName=f"Quux{'abcdefg'[number] * 3}")
        body["dob"] = f"19{50 + number * 5}-0{number + 1}-1{number}"
        answer = client.post(PATIENTS, json=body, params={"facilityId": clinic})
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
    assert len(set(made)) == 7
    return made[::-1]


def page(client: TestClient, url: str = PATIENTS, **query: Any) -> tuple[list[str], dict[str, Any]]:
    answer = client.get(url, params=query or None)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    found = [patient["id"] for patient in body["patients"]]
    assert body["meta"]["itemsOnPage"] == len(found)
    return found, body["meta"]


def test_a_list_is_one_page_newest_first(client: TestClient, ids: list[str]) -> None:
    assert page(client) == (ids, {"itemsOnPage": 7, "itemsInTotal": 7})
    assert page(client, count=7) == (ids, {"itemsOnPage": 7, "itemsInTotal": 7})
    assert page(client, count=0)[0] == ids


def test_an_empty_list_has_no_total(client: TestClient) -> None:
    assert page(client) == ([], {"itemsOnPage": 0})


def walk(client: TestClient, first: str, link: str) -> list[list[str]]:
    """The pages from one on, by following its links exactly as they were given."""
    pages = []
    url: str | None = first
    while url is not None:
        found, meta = page(client, url.removeprefix(ORIGIN))
        pages.append(found)
        url = meta.get(link)
        assert url is None or url.startswith(f"{ORIGIN}{PATIENTS}?"), url
        assert len(pages) < 20
    return pages


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_following_links_shows_each_item_once_in_both_directions(
    client: TestClient, ids: list[str], count: int
) -> None:
    forth = walk(client, f"{PATIENTS}?count={count}", "nextPage")
    assert [item for found in forth for item in found] == ids
    assert [len(found) for found in forth[:-1]] == [count] * (len(forth) - 1)
    back = walk(client, f"{PATIENTS}?count={count}&toItem={ids[-1]}", "prevPage")
    assert [item for found in reversed(back) for item in found] == ids


def test_only_the_first_page_has_the_total(client: TestClient, ids: list[str]) -> None:
    first = page(client, count=3)[1]
    assert (first["itemsInTotal"], "prevPage" in first) == (7, False)
    second = page(client, first["nextPage"].removeprefix(ORIGIN))[1]
    assert "itemsInTotal" not in second
    assert dict(parse_qsl(urlsplit(second["prevPage"]).query)) == {"toItem": ids[2], "count": "3"}
    back, meta = page(client, second["prevPage"].removeprefix(ORIGIN))
    assert (back, meta) == (ids[:3], first)


def test_a_cursor_names_an_item_of_its_page(client: TestClient, ids: list[str]) -> None:
    found, meta = page(client, count=2, fromItem=ids[2])
    assert found == ids[2:4]
    assert dict(parse_qsl(urlsplit(meta["nextPage"]).query)) == {"fromItem": ids[4], "count": "2"}
    assert dict(parse_qsl(urlsplit(meta["prevPage"]).query)) == {"toItem": ids[1], "count": "2"}
    found, meta = page(client, count=2, toItem=ids[3])
    assert found == ids[2:4]
    assert dict(parse_qsl(urlsplit(meta["nextPage"]).query)) == {"fromItem": ids[4], "count": "2"}
    assert dict(parse_qsl(urlsplit(meta["prevPage"]).query)) == {"toItem": ids[1], "count": "2"}


def test_the_last_page_links_to_no_next_one(client: TestClient, ids: list[str]) -> None:
    for query in ({"fromItem": ids[5]}, {"toItem": ids[6]}):
        found, meta = page(client, count=2, **query)
        assert found == ids[5:]
        assert "nextPage" not in meta
    found, meta = page(client, count=3, toItem=ids[1])
    assert found == ids[:2], "fewer newer items than fit"
    assert "prevPage" not in meta
    assert meta["itemsInTotal"] == 7


def test_a_cursor_of_a_deleted_item_still_works(client: TestClient, ids: list[str]) -> None:
    assert client.delete(f"{PATIENTS}/{ids[2]}").status_code == 204
    assert page(client, count=2, fromItem=ids[2])[0] == ids[3:5]
    assert page(client, count=2, toItem=ids[2])[0] == ids[:2]


def test_links_keep_the_callers_filters(client: TestClient, ids: list[str], clinic: str) -> None:
    everything = page(client, facilityId=clinic)[0]
    assert everything == ids
    found, meta = page(client, count=1, facilityId=clinic, filters="quuxaaa or quuxbbb or quuxccc")
    assert found == ids[4:5]
    assert meta["itemsInTotal"] == 3
    query = dict(parse_qsl(urlsplit(meta["nextPage"]).query))
    assert query == {
        "fromItem": ids[5],
        "count": "1",
        "facilityId": clinic,
        "filters": "quuxaaa or quuxbbb or quuxccc",
    }
    assert list(query)[:2] == ["fromItem", "count"]
    pages = walk(client, meta["nextPage"].removeprefix(ORIGIN), "nextPage")
    assert pages == [[ids[5]], [ids[6]]]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("fromItem=a&toItem=b", "Either fromItem or toItem can be provided, but not both"),
        ("fromItem=a&toItem=b&count=5", "Either fromItem or toItem can be provided, but not both"),
        ("count=-1", "Count has to be greater than or equal to 0"),
        ("count=501", "Count has to be less than or equal to 500"),
        ("count=many", "Count has to be a number"),
        ("count=1.5", "Count has to be a number"),
    ],
)
def test_a_page_that_cannot_be_is_refused(client: TestClient, query: str, detail: str) -> None:
    answer = client.get(f"{PATIENTS}?{query}")
    assert (answer.status_code, answer.json()["title"]) == (400, "BadRequestError")
    assert answer.json()["detail"] == detail


@pytest.mark.parametrize("query", ["fromItem=", "toItem=&fromItem=", "count=", "count=500", "fromItem=0"])
def test_empty_values_count_as_absent(client: TestClient, query: str) -> None:
    assert client.get(f"{PATIENTS}?{query}").status_code == 200


def test_a_list_may_have_a_lower_maximum() -> None:
    assert parse_count("100", 100) == 100
    with pytest.raises(BadRequestError, match="less than or equal to 100"):
        parse_count("101", 100)
    with pytest.raises(BadRequestError):
        parse_count("9" * 5_000)
