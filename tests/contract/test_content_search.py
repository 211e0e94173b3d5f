"""Documents 4.2: the search of contents when listing documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.documents.stored import store
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M

contract = pytest.mark.contract
FILES = {
    "letter": ("text/plain", b"The quick brown fox jumps over the lazy dog"),
    "note": ("text/plain", b"A lazy cat watched the pattern of jumps"),
    "speech": ("text/plain", b'He said "jumps over" loudly'),
    "picture": ("image/png", b"\x89PNG"),
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, worker=False) as started:
        yield started


@pytest.fixture(scope="module")
def listing(world: World) -> tuple[Caller, str]:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    store(world, api, patient, FILES)
    return api, patient


def found(listing: tuple[Caller, str], content: str, **query: Any) -> set[str]:
    api, patient = listing
    return {d["description"] for d in api.documents(patient, content=content, output="dto", **query)}


@contract("4.2", "content | min 3 characters (400 below that)")
@pytest.mark.parametrize("content", ["a", "ab", " ab "])
def test_less_than_three_characters(listing: tuple[Caller, str], content: str) -> None:
    api, patient = listing
    answer = api.get(f"{M}/document", status=400, patientId=patient, content=content)
    assert answer["title"] == "Missing or invalid parameters"
    assert answer["detail"] == "String must contain at least 3 character(s), on [content]"


@contract("1.11", "content search term | min 3 characters")
def test_an_absent_term_lists_everything(listing: tuple[Caller, str]) -> None:
    assert found(listing, "") == set(FILES)


@pytest.mark.parametrize(
    ("row", "content", "expected"),
    [
        ("blank = OR", "quick cat", {"letter", "note"}),
        ("pat* prefix", "patt*", {"note"}),
        ("pat* prefix", "jump", set()),
        ("phrase", '"jumps over"', {"letter", "speech"}),
        ("phrase", '"over jumps"', set()),
        ("a quote", r"\"jumps", {"letter", "note", "speech"}),
        ("a quote in a phrase", r'"said \"jumps over\""', {"speech"}),
        ("-word exclude", "jumps -lazy", {"speech"}),
        ("+word require", "+lazy cat", {"letter", "note"}),
        ("+a +b = AND", "+lazy +fox", {"letter"}),
        ("+a -b", "+lazy -fox", {"note"}),
        ("case and accents", "QUÍCK", {"letter"}),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
@contract("4.2", "content syntax")
def test_the_syntax(listing: tuple[Caller, str], row: str, content: str, expected: set[str]) -> None:
    assert found(listing, content) == expected


@contract("4.2", "the lower-cased term as a substring of the reference's JSON")
def test_the_reference_is_searched_too(listing: tuple[Caller, str]) -> None:
    assert found(listing, "PICT") == {"picture"}, "part of its description"
    assert found(listing, "image/PNG") == {"picture"}
    assert found(listing, "2024-01-02t00") == {"note"}
    assert found(listing, '"docstatus":"final"') == set(FILES)


@contract("4.2", "union, by id, of two searches")
def test_both_searches_count(listing: tuple[Caller, str]) -> None:
    assert found(listing, "note") == {"note"}, "by its description"
    assert found(listing, "letter fox") == {"letter"}, "by its contents"
    assert found(listing, "loudly") == {"speech"}


@contract("4.2", "dateFrom, dateTo, count with content")
def test_the_other_filters_hold_as_well(listing: tuple[Caller, str]) -> None:
    assert found(listing, "lazy", dateFrom="2024-01-02") == {"note"}
    assert found(listing, "lazy", dateTo="2024-01-01") == {"letter"}
    assert found(listing, "jumps", count=1) == {"speech"}


@contract("4.2", "output=fhir with content")
def test_references_come_as_without_a_search(listing: tuple[Caller, str]) -> None:
    api, patient = listing
    whole = {d["id"]: d for d in api.documents(patient)}
    (one,) = api.documents(patient, content="loudly")
    assert one == whole[one["id"]]


@contract("4", "unknown patient → 404")
def test_another_account_finds_nothing(world: World, listing: tuple[Caller, str]) -> None:
    _, patient = listing
    stranger = world.caller()
    stranger.get(f"{M}/document", status=404, patientId=patient, content="lazy")


@contract("4.2", "a term out of bounds")
def test_a_term_out_of_bounds(listing: tuple[Caller, str]) -> None:
    api, patient = listing
    for content in ("x" * 1001, "x " * 101):
        assert "at most" in api.get(f"{M}/document", status=400, patientId=patient, content=content)["detail"]
