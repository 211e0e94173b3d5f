"""Consolidated 6.1 and 6.6: searching a chart."""

from __future__ import annotations

from collections.abc import Iterator
from time import time
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.documents.stored import store
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M

contract = pytest.mark.contract
TEXT = b"Consultation about walrus bites"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, worker=False) as started:
        yield started


@pytest.fixture(scope="module")
def charted(world: World) -> tuple[Caller, str]:
    api = world.caller()
    patient = api.patient_id(people.stranger())
    store(world, api, patient, {"letter": ("text/plain", TEXT), "scan": ("image/png", b"\x89PNG")})
    return api, f"{M}/patient/{patient}/consolidated/search"


@contract("6.1", "GET /consolidated/search | 200 {url?, resourceCount}")
def test_what_is_answered(charted: tuple[Caller, str]) -> None:
    api, path = charted
    answer = api.get(path, query="walrus")
    assert answer.keys() == {"url", "resourceCount"}
    assert answer["resourceCount"] == 2


@contract("6.1", "query? (trimmed)")
def test_the_query_is_trimmed(charted: tuple[Caller, str]) -> None:
    api, path = charted
    assert api.get(path, query="  walrus ")["resourceCount"] == 2


@contract("6.6", "Empty query → everything")
def test_an_empty_query_finds_everything(charted: tuple[Caller, str]) -> None:
    api, path = charted
    for query in (None, "", "   "):
        assert api.get(path, query=query)["resourceCount"] == 3


@contract("6.6", "Fuzzy full-text over all resources plus the document search")
def test_both_searches_count(charted: tuple[Caller, str]) -> None:
    api, path = charted
    assert api.get(path, query="leter")["resourceCount"] == 2, "the reference's description, mistyped"
    assert api.get(path, query="bit*")["resourceCount"] == 2, "the document's contents"


@contract(
    "6.6", "Patient appended, stored as a searchset bundle; resourceCount counts the bundle's resources"
)
def test_the_bundle(charted: tuple[Caller, str]) -> None:
    api, path = charted
    answer = api.get(path, query="walrus")
    bundle = api.fetch(answer["url"]).json()
    assert (bundle["type"], bundle["total"]) == ("searchset", 2)
    assert [e["resource"]["resourceType"] for e in bundle["entry"]] == ["DocumentReference", "Patient"]
    assert all(e["fullUrl"] == f"urn:uuid:{e['resource']['id']}" for e in bundle["entry"])


@contract("6.6", "url is absent when nothing was stored")
def test_nothing_found(charted: tuple[Caller, str]) -> None:
    api, path = charted
    assert api.get(path, query="nowhere-to-be-found") == {"resourceCount": 0}


@contract("1.12", "consolidated search result | 60 s")
def test_the_url_lives_a_minute(charted: tuple[Caller, str]) -> None:
    api, path = charted
    url = api.get(path)["url"]
    (expires,) = parse_qs(urlsplit(url).query)["expires"]
    assert 50 < int(expires) - time() <= 61
    other = url.replace(f"expires={expires}", f"expires={int(expires) + 60}")
    assert api.http.get(other).status_code == 403


@contract("6", "unknown patient → 404 Could not find patient")
def test_an_unknown_patient(world: World, charted: tuple[Caller, str]) -> None:
    api, path = charted
    assert api.get(f"{M}/patient/x/consolidated/search", status=404)["detail"] == "Could not find patient"
    assert world.caller().get(path, status=404)["detail"] == "Could not find patient"
