"""What stands before every operation (conventions 1.1 to 1.3)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from chartbridge import __version__
from chartbridge.auth import create_key, revoke_key
from chartbridge.auth.models import Account
from chartbridge.http.body import _has_nul
from chartbridge.platform import Platform
from tests.support import people

FACILITIES = "/medical/v1/facility"
FORBIDDEN = b'{"message":"Forbidden"}'


@pytest.fixture
def backend() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


def assert_envelope(answer: Any, status: int, name: str, title: str, detail: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["status"], body["name"], body["title"]) == (status, name, title)
    if detail is not None:
        assert body["detail"] == detail


@pytest.mark.parametrize("given", [None, "", "  ", "nonsense", "cb.sandbox.x.y"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", FACILITIES),
        ("POST", FACILITIES),
        ("GET", "/medical/v1/no/such/route"),
        ("GET", "/medical/v1"),
        ("GET", "/settings"),
        ("POST", "/settings/"),
        ("POST", "/convert/v1/ccda/to/fhir"),
        ("GET", "/medical%2Fv1/facility"),
    ],
)
def test_without_a_good_key_the_answer_is_the_gateways(
    client: TestClient, given: str | None, method: str, path: str
) -> None:
    del client.headers["x-api-key"]
    headers = {} if given is None else {"x-api-key": given}
    answer = client.request(method, path, headers=headers, content=b"{not read" if method == "POST" else None)
    assert (answer.status_code, answer.content) == (403, FORBIDDEN)
    assert answer.headers["content-type"] == "application/json"


def test_a_revoked_key_is_refused_from_the_next_call_on(
    client: TestClient, platform: Platform, key: str
) -> None:
    assert client.get(FACILITIES).status_code == 200
    revoke_key(platform.db, key)
    answer = client.get(FACILITIES)
    assert (answer.status_code, answer.content) == (403, FORBIDDEN)


def test_the_names_case_and_spaces_round_the_key_do_not_matter(client: TestClient, key: str) -> None:
    del client.headers["x-api-key"]
    for name, value in (("X-API-Key", key), ("X-Api-KEY", f" {key} ")):
        assert client.get(FACILITIES, headers={name: value}).status_code == 200


def test_each_environment_has_its_own_objects(client: TestClient, platform: Platform) -> None:
    made = client.post(FACILITIES, json=people.facility())
    assert made.status_code == 201
    production = {"x-api-key": create_key(platform.db, "production")}
    other_account = {"x-api-key": create_key(platform.db, "sandbox", "other")}
    for headers in (production, other_account):
        assert client.get(FACILITIES, headers=headers).json() == {"facilities": []}
        answer = client.get(f"{FACILITIES}/{made.json()['id']}", headers=headers)
        assert_envelope(answer, 404, "NOT_FOUND", "NotFoundError", "Could not find facility")
    assert client.get(f"{FACILITIES}/{made.json()['id']}").status_code == 200


def test_an_account_without_the_medical_api_gets_a_bare_403(client: TestClient, platform: Platform) -> None:
    with platform.db.write(None) as session:
        session.execute(update(Account).values(medical_api_enabled=False))
    answer = client.get(FACILITIES)
    assert (answer.status_code, answer.text) == (403, "Forbidden")
    assert answer.headers["content-type"].startswith("text/plain")
    assert client.get("/settings").status_code == 200


@pytest.mark.parametrize("path", [FACILITIES + "/", FACILITIES + "//", "/settings/"])
def test_a_slash_at_the_end_needs_no_redirect(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200
    assert client.get(path + "?x=1").status_code == 200


def test_a_slash_at_the_end_of_a_post_keeps_its_body(client: TestClient) -> None:
    assert client.post(FACILITIES + "/", json=people.facility()).status_code == 201


@pytest.mark.parametrize("query", ["count=1&count=2", "count=1&count=", "count=&count=", "a=1&count=3&a=2"])
def test_a_repeated_query_value_is_refused(client: TestClient, query: str) -> None:
    name = "a" if query.startswith("a") else "count"
    answer = client.get(f"/medical/v1/patient?{query}")
    detail = f"Invalid {name} query param - must be string"
    assert_envelope(answer, 400, "BAD_REQUEST", "BadRequestError", detail)


NUL = "Text must not contain the NUL character"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/medical/v1/patient?filters=a%00b", None),
        ("GET", f"{FACILITIES}/a%00b", None),
        ("POST", FACILITIES, b'{"name":"a\\u0000b"}'),
        ("POST", FACILITIES, b'{"name":"a\\\\\\u0000b"}'),
        ("POST", FACILITIES, b'{"na\\u0000me":"a"}'),
    ],
)
def test_the_nul_character_is_refused(client: TestClient, method: str, path: str, body: bytes | None) -> None:
    answer = client.request(method, path, content=body)
    assert_envelope(answer, 400, "BAD_REQUEST", "BadRequestError", NUL)


def test_looking_for_nul_in_a_large_body_holds_nobody_up() -> None:
    """It is done on the event loop."""
    for text in (b" ", b"\\", b'"a",'):
        body = text * (50_000_000 // len(text))
        began = time.process_time()
        assert not _has_nul(body)
        assert time.process_time() - began < 5


def test_text_that_only_looks_like_nul_is_kept(client: TestClient) -> None:
    name = r"North \u0000 Clinic"
    made = client.post(FACILITIES, json=people.facility(name=name))
    assert made.status_code == 201
    assert made.json()["name"] == name


def test_each_answer_carries_a_request_id_and_the_version(client: TestClient) -> None:
    paths = (FACILITIES, "/nowhere", "/", "/medical/v1/patient?count=-1")
    answers = [client.get(path) for path in paths]
    answers.append(client.get(FACILITIES, headers={"x-api-key": "wrong"}))
    ids = [uuid.UUID(answer.headers["x-metriport-request-id"]) for answer in answers]
    assert len(set(ids)) == len(answers)
    assert {request_id.version for request_id in ids} == {7}
    assert {answer.headers["x-metriport-version"] for answer in answers} == {__version__}
    assert not [answer for answer in answers if "etag" in answer.headers]


@pytest.mark.parametrize(
    ("accept", "content_type", "body"),
    [
        ("application/json", "application/json", '{"status":"OK"}'),
        ("text/html, application/json;q=0.9", "application/json", '{"status":"OK"}'),
        ("text/plain", "text/plain", "OK"),
        ("*/*", "text/plain", "OK"),
    ],
)
def test_health_needs_no_key(client: TestClient, accept: str, content_type: str, body: str) -> None:
    del client.headers["x-api-key"]
    answer = client.get("/", headers={"accept": accept})
    assert (answer.status_code, answer.text) == (200, body)
    assert answer.headers["content-type"].startswith(content_type)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/medical/v1/nowhere", "/medical/v2/patient", "/settings/nowhere"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_route_is_not_found(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_a_method_that_a_route_does_not_have_is_refused(client: TestClient) -> None:
    answer = client.patch(FACILITIES)
    assert_envelope(answer, 405, "METHOD_NOT_ALLOWED", "MetriportError")
    assert set(answer.headers["allow"].replace(" ", "").split(",")) & {"GET", "POST"}


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 1_000):
        yield b" " * 1_000


@pytest.mark.parametrize(("path", "size"), [(FACILITIES, 6_000), ("/convert/v1/ccda/to/fhir", 21_000)])
@pytest.mark.parametrize("declared", [True, False], ids=["Content-Length", "chunked"])
def test_a_body_over_the_limit_is_refused(client: TestClient, path: str, size: int, declared: bool) -> None:
    content = b" " * size if declared else chunks(size)
    answer = client.post(path, content=content, params={"patientId": "x"})
    assert_envelope(answer, 413, "PAYLOAD_TOO_LARGE", "MetriportError", "request entity too large")
    assert client.get(FACILITIES).json() == {"facilities": []}


def test_a_body_below_the_limit_is_taken(client: TestClient) -> None:
    for number, declared in enumerate((True, False)):
        body = (
            b'{"name":"Clinic","npi":"%s","address":{"addressLine1":"9 Elm St","city":"Boise",'
            % ((b"1234567893", b"1245319599")[number])
            + b'"state":"ID","zip":"83702"}}'
        )
        padded = body + b" " * (4_900 - len(body))
        answer = client.post(FACILITIES, content=padded if declared else iter([padded]))
        assert answer.status_code == 201, answer.text


INVALID = "Request body is not valid JSON"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'a':1}",
        b'{"a":NaN}',
        b"\xff\xfe",
        b'{"a":1}x',
        b"[" * 2_000,
        b'{"a":' * 800,
        b'"\xed\xa0\x80"',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_json_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post(FACILITIES, content=body)
    assert_envelope(answer, 400, "BAD_REQUEST", "Missing or invalid parameters", INVALID)


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"true"])
def test_a_body_that_is_no_object_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post(FACILITIES, content=body)
    assert_envelope(answer, 400, "BAD_REQUEST", "Missing or invalid parameters")
    assert answer.json()["detail"].startswith("Expected object, received ")


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", ""])
def test_a_json_body_is_read_though_it_has_no_type(client: TestClient, content_type: str) -> None:
    answer = client.post(FACILITIES, content=b'{"name":"Clinic"}', headers={"content-type": content_type})
    assert "Required, on [npi]" in answer.json()["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_of_another_type_is_not_taken_for_json(client: TestClient, content_type: str) -> None:
    answer = client.post(FACILITIES, content=b'{"name":"Clinic"}', headers={"content-type": content_type})
    assert_envelope(answer, 400, "BAD_REQUEST", "Missing or invalid parameters")
    assert answer.json()["detail"].startswith("Expected object, received string")


@pytest.mark.parametrize("body", [None, b"", b"null", b"{}"])
def test_a_missing_body_reads_as_an_empty_object(client: TestClient, body: bytes | None) -> None:
    answer = client.post(FACILITIES, content=body)
    assert_envelope(answer, 400, "BAD_REQUEST", "Missing or invalid parameters")
    assert "Required, on [name]" in answer.json()["detail"]


def test_a_query_that_is_too_long_is_refused(client: TestClient) -> None:
    answer = client.get(f"/medical/v1/patient?filters={'a' * 17_000}")
    assert_envelope(answer, 414, "URI_TOO_LONG", "MetriportError", "query too long")


def test_a_page_of_any_origin_may_call(client: TestClient) -> None:
    asked = {"origin": "https://app.example.org", "access-control-request-method": "POST"}
    asked |= {"access-control-request-headers": "x-api-key,content-type,if-match"}
    del client.headers["x-api-key"]
    answer = client.options(FACILITIES, headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    refused = client.get(FACILITIES, headers={"origin": "https://app.example.org"})
    assert refused.status_code == 403
    assert refused.headers["access-control-allow-origin"] == "*"
