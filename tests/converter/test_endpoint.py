"""``POST /convert/v1/ccda/to/fhir`` as a caller meets it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chartbridge.app import create_app
from chartbridge.ccda import convert as convert_in_process
from chartbridge.db import Base
from chartbridge.jobs.pool import CpuPool
from tests.ccda import builders
from tests.networks.sandbox.support import ccd
from tests.rows import row_counts
from tests.running import Caller, World, running

PATH = "/convert/v1/ccda/to/fhir"
UNREADABLE = "Unable to parse input data for template ccd.hbs. "


@pytest.fixture(scope="module", params=["sqlite"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, worker=False) as started:
        yield started


@pytest.fixture(scope="module")
def api(world: World) -> Caller:
    return world.caller()


def convert(api: Caller, body: Any, **headers: str) -> Any:
    given = {"content-type": "application/xml"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return api.http.post(PATH, content=body, params={"patientId": "p-1"}, headers=given)


def resources(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text[:500]
    return [entry["resource"] for entry in answer.json()["entry"]]


def test_a_document_becomes_a_batch(api: Caller) -> None:
    answer = convert(api, ccd("jane"))
    assert answer.headers["content-type"] == "application/json"
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "batch")
    for entry in bundle["entry"]:
        resource = entry["resource"]
        kind, identity = resource["resourceType"], resource["id"]
        assert entry["fullUrl"] == f"urn:uuid:{identity}"
        assert entry["request"] == {"method": "PUT", "url": f"{kind}/{identity}"}
        for name in ("subject", "patient"):
            if name in resource:
                assert resource[name]["reference"] == "Patient/p-1"
    assert [r["id"] for r in resources(answer) if r["resourceType"] == "Patient"] == ["p-1"]


def test_the_same_document_gives_the_same_bytes(api: Caller) -> None:
    assert convert(api, ccd("kyla")).content == convert(api, ccd("kyla")).content


def test_the_report_stands_beside_the_bundle(api: Caller) -> None:
    query = {"patientId": "p-1", "report": "true"}
    answer = api.http.post(PATH, content=ccd("jane"), params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    done = convert_in_process(ccd("jane"), "p-1")
    assert answer.json() == {"bundle": done.bundle, "report": done.report.to_json()}
    assert answer.json()["report"]["totals"]["converted"] > 10


def test_without_asking_there_is_no_report(api: Caller) -> None:
    plain = convert(api, ccd("jane"))
    declined = api.http.post(PATH, content=ccd("jane"), params={"patientId": "p-1", "report": "false"})
    assert declined.content == plain.content
    assert plain.json()["resourceType"] == "Bundle"


@pytest.mark.parametrize("value", ["", "yes", "1", "True", "<x>"])
def test_the_report_is_wanted_or_not(api: Caller, value: str) -> None:
    query = {"patientId": "p-1", "report": value}
    answer = api.http.post(PATH, content=builders.document(), params=query)
    assert (answer.status_code, answer.json()) == (
        400,
        {"status": 400, "detail": "The report parameter is neither true nor false."},
    )


def test_what_is_no_ccda_has_no_report_either(api: Caller) -> None:
    answer = api.http.post(PATH, content=b"<a/>", params={"patientId": "p-1", "report": "true"})
    assert (answer.status_code, sorted(answer.json())) == (400, ["detail", "status"])
    assert answer.json()["detail"].startswith(UNREADABLE)


@pytest.mark.parametrize("content_type", ["application/xml", "text/xml; charset=utf-8", "text/plain", ""])
def test_any_content_type_of_xml_is_taken(api: Caller, content_type: str) -> None:
    assert resources(convert(api, builders.document(), content_type=content_type))


def test_a_trailing_slash_makes_no_difference(api: Caller) -> None:
    answer = api.http.post(f"{PATH}/?patientId=p-1", content=builders.document())
    assert answer.status_code == 200


def test_latin_1_is_read_by_its_declaration(api: Caller) -> None:
    text = builders.document().decode().replace("Ines", "Inès").replace("UTF-8", "ISO-8859-1")
    (patient,) = (
        r for r in resources(convert(api, text.encode("iso-8859-1"))) if r["resourceType"] == "Patient"
    )
    assert patient["name"][0]["given"] == ["Inès"]


@pytest.mark.parametrize(
    ("body", "query", "detail"),
    [
        (b"", {"patientId": "p"}, "No srcData provided."),
        (b" \n ", {"patientId": "p"}, "No srcData provided."),
        (b"", {}, "No srcData provided."),
        (builders.document(), {}, "No patientId provided."),
        (builders.document(), {"patientId": " "}, "No patientId provided."),
        (builders.document(), {"patientId": "p" * 201}, "The patientId is longer than 200 characters."),
    ],
    ids=["empty", "blank", "nothing at all", "no patient", "blank patient", "endless patient"],
)
def test_what_is_missing_is_named(api: Caller, body: bytes, query: dict[str, str], detail: str) -> None:
    answer = api.http.post(PATH, content=body, params=query)
    assert (answer.status_code, answer.json()) == (400, {"status": 400, "detail": detail})


@pytest.mark.parametrize(
    "body",
    [
        b"garbage",
        b"<ClinicalDocument",
        b"<a/>",
        b'{"resourceType":"Bundle"}',
        b"\x00\xff\xfe",
        b"<?xml version='1.0' encoding='utf-99'?><a/>",
        builders.document()[:-30],
    ],
    ids=["text", "cut tag", "another root", "JSON", "binary", "unknown encoding", "cut off"],
)
def test_what_is_no_ccda_is_refused(api: Caller, body: bytes) -> None:
    answer = convert(api, body)
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (400, 400)
    assert problem["detail"].startswith(UNREADABLE)
    assert len(problem["detail"]) > len(UNREADABLE)


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY e "&b;&b;&b;">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY e "z">]>',
    ],
    ids=["external", "nested", "external DTD"],
)
def test_entities_are_not_resolved(api: Caller, doctype: str) -> None:
    text = builders.document().decode()
    head, rest = text.split("?>", 1)
    attack = f"{head}?>{doctype}{rest.replace('Ines', '&e;')}"
    answer = convert(api, attack.encode())
    assert "root:" not in answer.text
    assert "aaaaaaaaaa" not in answer.text
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(UNREADABLE)


def test_a_bad_key_is_answered_as_everywhere(api: Caller) -> None:
    for key in ("", "cb.sandbox.x.y", "nonsense"):
        answer = api.http.post(PATH, content=builders.document(), headers={"x-api-key": key})
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_nothing_is_stored(world: World, api: Caller) -> None:
    before = row_counts(world.platform.db.engine, Base.metadata)
    convert(api, ccd("ollie"))
    convert(api, b"<broken")
    assert row_counts(world.platform.db.engine, Base.metadata) == before
    assert list(world.platform.store.keys(str(world.tenant(api)))) == []


def test_the_sandbox_has_a_daily_quota(world: World) -> None:
    api = world.with_settings(sandbox_conversions_per_day=2).caller()
    for left in ("1", "0"):
        answer = convert(api, builders.document())
        assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (200, left)
    refused = convert(api, builders.document())
    assert refused.status_code == 429
    assert refused.text == "Too many conversions today, please try again tomorrow."
    assert refused.headers["ratelimit-limit"] == "2"
    assert 0 < int(refused.headers["retry-after"]) <= 86_400


def test_production_has_no_quota(world: World) -> None:
    api = world.with_settings(sandbox_conversions_per_day=0).caller("production")
    answer = convert(api, builders.document())
    assert answer.status_code == 200
    assert answer.headers["ratelimit-policy"] == "6000;w=60", "the general budget, which every call has"


def test_fifty_megabytes_are_the_limit(world: World) -> None:
    api = world.with_settings(max_convert_body_bytes=10_000).caller()
    small = builders.document()
    padded = small + b" " * (10_000 - len(small))
    assert convert(api, padded).status_code == 200
    declared = convert(api, padded + b" ")
    undeclared = convert(api, (part for part in (padded, b" ")))
    for answer in (declared, undeclared):
        assert answer.status_code == 413
        assert answer.json()["status"] == 413
        assert answer.json()["detail"] == "request entity too large"
    assert world.platform.settings.max_convert_body_bytes == 50_000_000


def test_a_conversion_that_takes_too_long_is_a_failure_of_its_own(world: World) -> None:
    """The process is ended, and the next conversion works."""
    hasty = replace(world.platform, cpu=CpuPool(1, 0.3))
    endless = builders.document(builders.section("11450-4", *[builders.problem()] * 6000))
    try:
        api = World(hasty, create_app(hasty)).caller()
        convert(api, builders.document())  # starts the process
        answer = convert(api, endless)
        again = convert(api, builders.document())
    finally:
        hasty.cpu.close()
    assert answer.status_code == 400
    assert answer.json()["detail"] == (
        "Error during template evaluation. The conversion took longer than it may."
    )
    assert again.status_code == 200
