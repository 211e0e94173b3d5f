"""Input that is wrong, for every route that takes any: the contract's errors, and nothing is stored."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fastapi.routing import iter_route_contexts

from chartbridge.db import Base
from chartbridge.http.ratelimit import OPERATIONS
from tests.documents.uploading import DRAFT, announce
from tests.rows import row_counts
from tests.running import Caller, Json, World, running
from tests.support import people
from tests.support.client import M

UNKNOWN = "0196f0e0-0000-7000-8000-000000000000"
CONVERT = ("POST", "/convert/v1/ccda/to/fhir")
FILE = ("PUT", "/storage/{key:path}")
CONSOLIDATED = f"{M}/patient/{{patient_id}}/consolidated"
CONTRIBUTE = ("PUT", CONSOLIDATED)
TOO_LARGE = 20_000_001


class Bad:
    """A caller with one facility and one patient, and how to call each writing route with a body."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.api: Caller = world.caller()
        self.facility = self.api.facility_id()
        self.patient = self.api.patient_id(people.stranger())
        self.organization = self.api.get(f"{M}/organization")["id"]
        self.cohort = self.api.post(f"{M}/cohort", {"name": "High risk"}, status=201)["id"]
        patient = f"{M}/patient/{self.patient}"
        about = {"patientId": self.patient}
        self.calls: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
            ("POST", f"{M}/facility"): (f"{M}/facility", {}),
            ("PUT", f"{M}/facility/{{id}}"): (f"{M}/facility/{self.facility}", {}),
            ("POST", f"{M}/patient"): (f"{M}/patient", {"facilityId": self.facility}),
            ("POST", f"{M}/patient/match"): (f"{M}/patient/match", {}),
            ("PUT", f"{M}/patient/{{id}}"): (patient, {}),
            ("POST", f"{M}/patient/{{id}}/facility"): (f"{patient}/facility", {}),
            ("POST", f"{M}/patient/{{id}}/cohort"): (f"{patient}/cohort", {}),
            ("POST", f"{M}/organization"): (f"{M}/organization", {}),
            ("PUT", f"{M}/organization/{{id}}"): (f"{M}/organization/{self.organization}", {}),
            ("POST", f"{M}/cohort"): (f"{M}/cohort", {}),
            ("PATCH", f"{M}/cohort/{{id}}"): (f"{M}/cohort/{self.cohort}", {}),
            ("PUT", f"{M}/cohort/{{id}}"): (f"{M}/cohort/{self.cohort}", {}),
            ("POST", f"{M}/cohort/{{id}}/patient"): (f"{M}/cohort/{self.cohort}/patient", {}),
            ("POST", f"{M}/network/query"): (f"{M}/network/query", about),
            ("POST", f"{M}/document/query"): (f"{M}/document/query", about),
            ("POST", f"{M}/document/upload"): (f"{M}/document/upload", about),
            ("POST", f"{M}/document/upload-url"): (f"{M}/document/upload-url", about),
            ("POST", f"{M}/document/download-url/bulk"): (f"{M}/document/download-url/bulk", about),
            ("POST", f"{M}/patient/{{patient_id}}/consolidated/query"): (
                f"{patient}/consolidated/query",
                {"conversionType": "json"},
            ),
            CONTRIBUTE: (f"{patient}/consolidated", {}),
            ("POST", CONSOLIDATED): (f"{patient}/consolidated", {}),
            ("POST", "/settings"): ("/settings", {}),
            ("POST", f"{M}/settings"): (f"{M}/settings", {}),
            ("POST", "/settings/webhook/sample-payload"): ("/settings/webhook/sample-payload", {}),
            ("POST", f"{M}/settings/webhook/sample-payload"): (f"{M}/settings/webhook/sample-payload", {}),
            ("POST", "/settings/webhook/replay"): ("/settings/webhook/replay", {}),
            ("POST", f"{M}/settings/webhook/replay"): (f"{M}/settings/webhook/replay", {}),
            CONVERT: (CONVERT[1], {"patientId": "p"}),
        }

    def send(self, route: tuple[str, str], content: Any, **headers: str) -> Any:
        path, query = self.calls[route]
        given = {"content-type": "application/json", **headers}
        return self.api.http.request(route[0], path, params=query, content=content, headers=given)

    def rows(self) -> dict[str, int]:
        return row_counts(self.world.platform.db.engine, Base.metadata)


WITHOUT_A_BODY = {
    ("POST", f"{M}/patient/bulk"),
    ("POST", f"{M}/patient/bulk/{{request_id}}/cancel"),
    ("POST", f"{M}/patient/{{id}}/external/sync"),
    ("PUT", f"{M}/patient/{{id}}/hie-opt-out"),
    ("PUT", f"{M}/patient/{{id}}/treatment-relationship"),
    ("POST", "/settings/webhook/retry"),
    ("POST", f"{M}/settings/webhook/retry"),
    ("POST", "/settings/webhook/message/{id}/replay"),
    ("POST", f"{M}/settings/webhook/message/{{id}}/replay"),
}
OPTIONAL_BODY = {
    ("PATCH", f"{M}/cohort/{{id}}"),
    ("PUT", f"{M}/cohort/{{id}}"),
    ("POST", f"{M}/patient/{{patient_id}}/consolidated/query"),
    ("POST", f"{M}/document/query"),
    ("POST", f"{M}/document/download-url/bulk"),
    ("POST", "/settings"),
    ("POST", f"{M}/settings"),
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bad(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bad]:
    limits = dict.fromkeys(OPERATIONS, 1_000_000)
    with running(request.param, tmp_path_factory, request, worker=False, rate_limits=limits) as world:
        yield Bad(world)


def is_envelope(answer: Any, status: int = 400) -> Json:
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/json"
    body: Json = answer.json()
    assert body["status"] == status
    assert isinstance(body["detail"], str)
    assert body["detail"]
    return body


def test_every_route_that_takes_a_body_is_tried(bad: Bad) -> None:
    writing = {
        (method, str(context.path))
        for context in iter_route_contexts(bad.world.app.routes)
        for method in (context.methods or set()) & {"POST", "PUT", "PATCH"}
    }
    assert writing == set(bad.calls) | WITHOUT_A_BODY | {FILE}, "put a new route into the table"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"a":}',
        b"\xff\xfe\x00",
        b"<xml/>",
        b"'text'",
        b'{"a":"\\u0000"}',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"a":NaN}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
    ],
    ids=[
        "cut",
        "hole",
        "binary",
        "XML",
        "quotes",
        "NUL",
        "deep list",
        "deep object",
        "NaN",
        "surrogate",
        "half",
    ],
)
def test_what_is_no_json_is_refused_and_stores_nothing(bad: Bad, content: bytes) -> None:
    before = bad.rows()
    for route in bad.calls:
        is_envelope(bad.send(route, content))
    assert bad.rows() == before


@pytest.mark.parametrize("content", [b"[]", b'"text"', b"5", b"true", b"[{}]"], ids=lambda c: c.decode())
def test_another_type_than_an_object_is_refused(bad: Bad, content: bytes) -> None:
    before = bad.rows()
    for route in bad.calls:
        body = is_envelope(bad.send(route, content))
        assert route == CONVERT or body["title"] == "Missing or invalid parameters", route
    assert bad.rows() == before


@pytest.mark.parametrize("content", [b"", b"null", b"{}"], ids=["none", "null", "empty"])
def test_an_empty_body_is_refused_where_there_is_something_to_say(bad: Bad, content: bytes) -> None:
    before = bad.rows()
    for route in set(bad.calls) - OPTIONAL_BODY:
        is_envelope(bad.send(route, content))
    assert bad.rows() == before


WRONG: list[Any] = [None, 5, True, "", "x" * 600, [], [None], {}, {"a": 1}, {"$ne": 1}, -1e300, "\U0001f600"]


def good_bodies(bad: Bad) -> dict[tuple[str, str], Json]:
    return {
        ("POST", f"{M}/facility"): people.facility(npi="1245319599", tin="12-3456789", active=True),
        ("PUT", f"{M}/facility/{{id}}"): people.facility(),
        ("POST", f"{M}/patient"): people.jane(
            contact=[{"phone": "2085550143"}], networkQuery={"sources": ["lab"]}
        ),
        ("PUT", f"{M}/patient/{{id}}"): people.stranger(),
        ("POST", f"{M}/patient/match"): people.stranger(),
        ("PUT", f"{M}/organization/{{id}}"): {
            "name": "Health",
            "type": "hospital",
            "location": people.facility()["address"],
        },
        ("PATCH", f"{M}/cohort/{{id}}"): {"name": "Low risk", "color": "red", "settings": {}},
        ("POST", f"{M}/cohort/{{id}}/patient"): {"patientIds": [bad.patient]},
        ("POST", f"{M}/patient/{{id}}/cohort"): {"cohortIds": [bad.cohort]},
        ("POST", f"{M}/network/query"): {"sources": {"lab": {"enabled": True}}, "metadata": {"a": "b"}},
        ("POST", f"{M}/document/query"): {"metadata": {"a": "b"}, "hie": {"epic": True}},
        ("POST", f"{M}/document/download-url/bulk"): {"metadata": {"a": "b"}},
        ("POST", f"{M}/document/upload"): {**DRAFT, "date": "2026-01-06T09:00:00Z", "meta": {}},
        CONTRIBUTE: {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": {"resourceType": "Basic", "id": "basic-1", "code": {"text": "?"}}}],
        },
        ("POST", "/settings"): {"webhookUrl": "http://127.0.0.1:9/", "mrFilters": None},
        ("POST", "/settings/webhook/sample-payload"): {"meta": {"type": "ping"}, "ping": "x"},
        ("POST", "/settings/webhook/replay"): {
            "from": "2026-01-31",
            "to": "2026-02-01T00:00:00Z",
            "types": ["ping"],
            "statuses": ["failure"],
        },
    }


def test_a_value_of_a_wrong_type_anywhere_is_never_an_error_of_ours(bad: Bad) -> None:
    """Some wrong values are allowed, or mean nothing; none may end in a fault."""
    for route, good in good_bodies(bad).items():
        for name in good:
            for wrong in WRONG:
                answer = bad.send(route, orjson.dumps({**good, name: wrong}))
                assert answer.status_code in (200, 201, 400, 404), (route, name, wrong, answer.text[:300])
                if answer.status_code >= 400:
                    is_envelope(answer, answer.status_code)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_a_body_of_more_than_20_mb_is_refused(bad: Bad, declared: bool) -> None:
    before = bad.rows()
    half = b'{"a":"' + b"x" * (TOO_LARGE // 2)
    content: Any = half + half
    for route in set(bad.calls) - {CONVERT, CONTRIBUTE, ("POST", CONSOLIDATED)}:
        sent = content if declared else (part for part in (half, half))
        body = is_envelope(bad.send(route, sent), 413)
        assert body["name"] == "PAYLOAD_TOO_LARGE"
    assert bad.rows() == before


LISTS = {
    f"{M}/patient/match": "address",
    f"{M}/cohort/{{id}}/patient": "patientIds",
    f"{M}/patient/{{id}}/cohort": "cohortIds",
    f"{M}/patient/{{id}}/facility": "facilityIds",
    f"{M}/network/query": "sources",
    "/settings": "mrFilters",
    "/settings/webhook/replay": "types",
    CONSOLIDATED: "entry",
}


@pytest.mark.parametrize(
    "deep", [b"[" * 300 + b"]" * 300, b'{"a":' * 300 + b"1" + b"}" * 300], ids=["[", "{"]
)
def test_values_nested_deeper_than_can_be_stored_are_never_an_error_of_ours(bad: Bad, deep: bytes) -> None:
    for route, good in good_bodies(bad).items():
        for name in (*good, "unknown"):
            body = orjson.dumps({**good, name: "here"}).replace(b'"here"', deep)
            answer = bad.send(route, body)
            assert answer.status_code in (200, 201, 400, 404), (route, name, answer.text[:300])
    resource = b'{"resourceType":"Basic","id":"0196f0e0-0000-4000-8000-000000000000","code":' + deep + b"}"
    bundle = b'{"resourceType":"Bundle","type":"collection","entry":[{"resource":' + resource + b"}]}"
    assert bad.send(CONTRIBUTE, bundle).status_code == 400


def test_many_wrong_values_are_refused_at_once(bad: Bad) -> None:
    """To tell of each would hold up everybody else for minutes."""
    before = bad.rows()
    values = b"[" + b"1," * 500_000 + b"1]"
    names = b"{" + b",".join(b'"k%d":1' % number for number in range(100_000)) + b"}"
    good = {path: value for (_, path), value in good_bodies(bad).items()}
    for route in bad.calls:
        name = LISTS.get(route[1], "metadata")
        body = orjson.dumps({**good.get(route[1], {}), name: "here"})
        for wrong in (body.replace(b'"here"', values), body.replace(b'"here"', names), names):
            began = time.process_time()
            is_envelope(bad.send(route, wrong))
            assert time.process_time() - began < 2, route
    assert bad.rows() == before


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_a_contribution_of_50_000_000_bytes_is_refused(bad: Bad, declared: bool) -> None:
    before = bad.rows()
    half = b" " * 25_000_000
    for route in (CONTRIBUTE, ("POST", CONSOLIDATED)):
        sent: Any = half + half if declared else (part for part in (half, half))
        body = is_envelope(bad.send(route, sent))
        assert body["detail"] == "Cannot create bundle with size greater than 50000000 bytes."
    assert bad.rows() == before


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_a_file_that_may_not_come_stores_nothing(bad: Bad, declared: bool) -> None:
    url = announce(bad.api, bad.patient)["uploadUrl"]
    before = bad.rows()
    half = b"x" * 25_000_001
    too_large: Any = half + half if declared else (part for part in (half, half))
    is_envelope(bad.api.http.put(url, content=too_large), 413)
    for path in (
        url.replace("signature=", "signature=0"),
        url.split("?")[0],
        "/storage/x",
        "/storage/%2e%2e/x",
    ):
        is_envelope(bad.api.http.put(path, content=b"file"), 403)
    is_envelope(bad.api.http.put(url, content=b""))
    assert bad.rows() == before


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"dob": "2999-01-01"}, "dob"),
        ({"dob": "1996-02-30"}, "dob"),
        ({"dob": "10/02/1996"}, "dob"),
        ({"genderAtBirth": "X"}, "genderAtBirth"),
        ({"firstName": " "}, "firstName"),
        ({"address": [{**people.jane()["address"][0], "zip": "1234"}]}, "address,0,zip"),
        ({"address": [{**people.jane()["address"][0], "state": "ZZ"}]}, "address"),
        ({"address": []}, "address"),
        ({"contact": [{"phone": "123"}]}, "contact"),
        ({"contact": [{"email": "no-at"}]}, "contact"),
    ],
    ids=str,
)
def test_demographics_that_cannot_be_are_refused(bad: Bad, changes: Json, detail: str) -> None:
    before = bad.rows()
    body = people.jane(**changes)
    facility = {"facilityId": bad.facility}
    for status, answer in (
        (400, bad.api.post(f"{M}/patient", body, status=400, **facility)),
        (400, bad.api.put(f"{M}/patient/{bad.patient}", body, status=400)),
        (400, bad.api.post(f"{M}/patient/match", body, status=400)),
    ):
        assert answer["status"] == status
        assert detail in answer["detail"]
    assert bad.rows() == before


@pytest.mark.parametrize("npi", ["1234567890", "123", "12345678931", "abcdefghij", ""])
def test_an_npi_with_a_wrong_check_digit_is_refused(bad: Bad, npi: str) -> None:
    before = bad.rows()
    error = bad.api.post(f"{M}/facility", people.facility(npi=npi), status=400)
    assert "npi" in error["detail"].lower()
    assert bad.rows() == before


def test_unknown_facilities_and_patients_are_not_found(bad: Bad) -> None:
    before = bad.rows()
    somebody_new = people.jane(firstName="Perpetua", dob="1931-05-06")
    bad.api.post(f"{M}/patient", somebody_new, status=400)
    for unknown in (UNKNOWN, "x", "../facility", "a" * 3000):
        bad.api.post(f"{M}/patient", somebody_new, status=404, facilityId=unknown)
        bad.api.post(f"{M}/network/query", {"sources": ["lab"]}, status=404, patientId=unknown)
        bad.api.get(f"{M}/document", status=404, patientId=unknown)
    bad.api.post(f"{M}/patient/{UNKNOWN}/facility", {"facilityIds": [bad.facility]}, status=404)
    bad.api.post(f"{M}/patient/{bad.patient}/facility", {"facilityIds": [UNKNOWN]}, status=404)
    bad.api.post(f"{M}/patient/{UNKNOWN}/consolidated/query", status=404, conversionType="json")
    bad.api.put(f"{M}/facility/{UNKNOWN}", people.facility(), status=404)
    bad.api.delete(f"{M}/facility/{UNKNOWN}", status=404)
    assert bad.rows() == before


def test_a_query_value_given_twice_or_with_a_nul_is_refused(bad: Bad) -> None:
    for path in (
        f"/network/query?patientId={bad.patient}&patientId=x",
        "/document?patientId=a&patientId=b",
    ):
        error = is_envelope(bad.api.http.get(f"{M}{path}"))
        assert error["detail"] == "Invalid patientId query param - must be string"
    is_envelope(bad.api.http.get(f"{M}/document?patientId=a%00b"))
    assert bad.api.http.get(f"{M}/document?patientId={'a' * 20_000}").status_code == 414


def test_an_unknown_route_and_a_wrong_method_have_their_own_answers(bad: Bad) -> None:
    unknown = bad.api.http.get(f"{M}/nothing")
    assert (unknown.status_code, unknown.json()) == (404, {"message": "Not Found"})
    assert bad.api.http.patch(f"{M}/facility").status_code == 405


def test_a_wrong_key_is_told_before_anything_else_is_looked_at(bad: Bad) -> None:
    before = bad.rows()
    for route in bad.calls:
        for content in (b"{", b"x" * 30_000_000 if route == CONVERT else b"{}"):
            answer = bad.send(route, content, **{"x-api-key": "cb.sandbox.a.b"})
            assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert bad.rows() == before
