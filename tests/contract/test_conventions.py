"""The contract's conventions, row by row (1.1 to 1.13). What needs more room stands in tests/http and
tests/patients; here each row is seen once, on the whole application."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from chartbridge import __version__
from chartbridge import errors as domain
from chartbridge.auth import authenticate, create_key, list_keys, revoke_key
from chartbridge.ids import utcnow
from chartbridge.storage import StorageError
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M

FORBIDDEN = {"message": "Forbidden"}
NOT_FOUND = {"message": "Not Found"}
MILLISECONDS = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
row = pytest.mark.contract


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running("sqlite", tmp_path_factory, request, worker=False) as started:
        yield started


@pytest.fixture(scope="module")
def api(world: World) -> Caller:
    return world.caller("production")


@pytest.fixture(scope="module")
def patient(api: Caller) -> dict[str, Any]:
    made: dict[str, Any] = api.get(f"{M}/patient/{api.patient_id()}")
    return made


def envelope(answer: httpx.Response, status: int, name: str, title: str, detail: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["status"], body["name"], body["title"]) == (status, name, title)
    assert set(body) <= {"status", "name", "title", "detail", "additionalInfo"}
    assert detail is None or body["detail"] == detail


def bad(answer: httpx.Response, detail: str, title: str = "BadRequestError") -> None:
    envelope(answer, 400, "BAD_REQUEST", title, detail)


@row("1.1", "Health: JSON when it is accepted, else text; no key")
def test_health(api: Caller) -> None:
    for accept, body in (("application/json", '{"status":"OK"}'), ("text/html", "OK")):
        answer = api.http.get("/", headers={"accept": accept, "x-api-key": ""})
        assert (answer.status_code, answer.text) == (200, body)


@row("1.1", "Settings at the root, and below /medical/v1")
def test_settings_have_two_addresses(api: Caller) -> None:
    assert api.get("/settings") == api.get(f"{M}/settings")


@row("1.1", "with and without a slash at the end, without a redirect")
@pytest.mark.parametrize("path", [f"{M}/patient/", f"{M}/facility/", "/settings/", f"{M}/patient/?count=1"])
def test_a_slash_at_the_end(api: Caller, path: str) -> None:
    assert api.http.get(path).status_code == 200


@row("1.2", "the header's case does not matter")
@pytest.mark.parametrize("name", ["x-api-key", "X-API-Key", "X-Api-KEY"])
def test_the_key(world: World, name: str) -> None:
    caller = world.caller()
    answer = httpx.Headers({name: caller.key})
    assert caller.http.get("/settings", headers=answer).status_code == 200


@row("1.2", "mode jwt: the key as a bearer token, where no x-api-key is sent")
def test_a_bearer_token(world: World) -> None:
    caller = world.caller()
    del caller.http.headers["x-api-key"]

    def status(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return caller.http.get("/settings", headers=named).status_code

    assert status(authorization=f"Bearer {caller.key}") == 200
    assert status(authorization=f"bearer  {caller.key} ") == 200
    assert status(authorization=f"Basic {caller.key}") == 403
    assert status(authorization="Bearer wrong") == 403
    assert status(authorization=f"Bearer {caller.key}", x_api_key="wrong") == 403


@row("1.2", "missing, unknown, revoked (and expired) keys: exactly the gateway's 403")
def test_keys_that_are_refused(world: World, api: Caller) -> None:
    db = world.platform.db
    revoked = create_key(db, "sandbox", "refused")
    revoke_key(db, revoked)
    expired = create_key(db, "sandbox", "refused", expires_at=utcnow() - timedelta(seconds=1))
    for key in ("", "unknown", revoked, expired):
        answer = api.http.get(f"{M}/facility", headers={"x-api-key": key})
        assert (answer.status_code, answer.content) == (403, b'{"message":"Forbidden"}')


@row("1.2", "GET /settings/mapi-access")
def test_access_is_told(world: World) -> None:
    caller = world.caller()
    assert caller.get("/settings/mapi-access") == {"hasMapiAccess": True}


@row("1.2", "objects of another account are not found")
def test_another_accounts_objects(world: World, patient: dict[str, Any]) -> None:
    answer = world.caller("production").http.get(f"{M}/patient/{patient['id']}")
    envelope(answer, 404, "NOT_FOUND", "NotFoundError", "Could not find patient")


def test_a_key_that_may_only_read_changes_nothing(world: World, patient: dict[str, Any], api: Caller) -> None:
    owner = authenticate(world.platform.db, api.key)
    assert owner is not None
    name = api_account(world, owner.key_id)
    reader = Caller(world.app, create_key(world.platform.db, "production", name, read_only=True))
    assert reader.get(f"{M}/patient/{patient['id']}") == patient
    assert reader.post(f"{M}/patient/match", people.jane())["id"] == patient["id"]
    changes = [
        ("POST", f"{M}/facility", people.facility()),
        ("PUT", f"{M}/patient/{patient['id']}", people.jane()),
        ("DELETE", f"{M}/patient/{patient['id']}", None),
        ("POST", "/settings", {}),
        ("POST", "/convert/v1/ccda/to/fhir", None),
    ]
    for method, path, body in changes:
        answer = reader.http.request(method, path, json=body)
        envelope(answer, 403, "FORBIDDEN", "ForbiddenError", "This key may only read")
    assert api.get(f"{M}/patient/{patient['id']}") == patient


def api_account(world: World, key_id: str) -> str:
    return next(key.account for key in list_keys(world.platform.db) if key.id == key_id)


@row("1.3", "Max JSON body 20 MB")
def test_the_largest_body(api: Caller) -> None:
    def send(size: int) -> httpx.Response:
        answer: httpx.Response = api.http.post(f"{M}/facility", content=b" " * (size - 2) + b"{}")
        return answer

    assert send(20_000_000).status_code == 400, "read, and found to lack everything"
    envelope(send(20_000_001), 413, "PAYLOAD_TOO_LARGE", "MetriportError")


@row("1.3", "a missing body or null is {}")
@pytest.mark.parametrize("content", [None, b"", b"null", b" null "])
def test_no_body(api: Caller, content: bytes | None) -> None:
    answer = api.http.post(f"{M}/facility", content=content)
    assert "Required, on [name]" in answer.json()["detail"]


@row("1.3", "CORS open")
def test_any_page_may_call(api: Caller) -> None:
    asked = {"origin": "https://a.example", "access-control-request-method": "PUT"}
    asked["access-control-request-headers"] = "x-api-key,if-match,idempotency-key"
    answer = api.http.options(f"{M}/facility", headers={**asked, "x-api-key": ""})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert "idempotency-key" in answer.headers["access-control-allow-headers"].lower()


@row("1.3", "x-metriport-request-id, x-metriport-version; no HTTP ETag")
def test_headers(api: Caller, patient: dict[str, Any]) -> None:
    answer = api.http.get(f"{M}/patient/{patient['id']}")
    assert UUID(answer.headers["x-metriport-request-id"])
    assert answer.headers["x-metriport-version"] == __version__
    assert "etag" not in answer.headers


@row("1.3", "create 201, read 200, delete 204 with an empty body")
def test_success_codes(api: Caller) -> None:
    made = api.post(f"{M}/facility", people.facility(npi="1245319599"), status=201)
    path = f"{M}/facility/{made['id']}"
    assert api.http.get(path).status_code == 200
    deleted = api.http.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")


@row("1.4", "UUID v7 ids; timestamps in UTC with milliseconds")
def test_identifiers_and_time(patient: dict[str, Any]) -> None:
    assert UUID(patient["id"]).version == 7
    assert patient["id"] == patient["id"].lower()
    assert MILLISECONDS.fullmatch(patient["dateCreated"])


@row("1.4", "dateFrom/dateTo")
def test_a_date_that_is_none(api: Caller, patient: dict[str, Any]) -> None:
    path = f"{M}/patient/{patient['id']}/consolidated/query"
    bad(
        api.http.post(path, params={"conversionType": "json", "dateFrom": "2024-1-2"}),
        "Date must be in format YYYY-MM-DD - got 2024-1-2",
    )


STATUSES: list[tuple[Exception, int, str, str]] = [
    (domain.BadRequestError("x"), 400, "BAD_REQUEST", "BadRequestError"),
    (domain.InvalidParametersError("x"), 400, "BAD_REQUEST", "Missing or invalid parameters"),
    (domain.ForbiddenError(), 403, "FORBIDDEN", "ForbiddenError"),
    (domain.NotFoundError("x"), 404, "NOT_FOUND", "NotFoundError"),
    (domain.VersionMismatchError(), 412, "PRECONDITION_FAILED", "VersionMismatchError"),
    (domain.PatientOptedOutError(), 400, "BAD_REQUEST", "PatientOptedOutError"),
    (
        domain.PatientWithoutTreatmentRelationshipError(),
        400,
        "BAD_REQUEST",
        "PatientWithoutTreatmentRelationshipError",
    ),
    (domain.PayloadTooLargeError("x"), 413, "PAYLOAD_TOO_LARGE", "MetriportError"),
    (domain.UnsupportedMediaTypeError("x"), 415, "UNSUPPORTED_MEDIA_TYPE", "MetriportError"),
    (StorageError("x"), 503, "SERVICE_UNAVAILABLE", "MetriportError"),
    (OperationalError("x", {}, Exception("x")), 503, "SERVICE_UNAVAILABLE", "MetriportError"),
    (ValueError("x"), 500, "INTERNAL_SERVER_ERROR", "InternalServerError"),
]


@row("1.5", "the envelope of each case")
@pytest.mark.parametrize(
    ("error", "status", "name", "title"), STATUSES, ids=lambda value: type(value).__name__
)
def test_each_error_has_its_envelope(
    world: World, error: Exception, status: int, name: str, title: str
) -> None:
    def fail() -> None:
        raise error

    app = world.with_settings().app
    app.add_api_route("/fails", fail)
    envelope(Caller(app, "none").http.get("/fails"), status, name, title)


@row("1.5", "405, 414: other errors carrying a status")
def test_methods_and_queries(api: Caller) -> None:
    refused = api.http.patch(f"{M}/facility")
    envelope(refused, 405, "METHOD_NOT_ALLOWED", "MetriportError")
    assert refused.headers["allow"]
    envelope(api.http.get(f"{M}/patient?filters={'a' * 17_000}"), 414, "URI_TOO_LONG", "MetriportError")


@row("1.5", "unknown route")
@pytest.mark.parametrize("path", [f"{M}/nothing", "/nothing", "/settings/nothing", "/convert/v1/nothing"])
def test_an_unknown_route(api: Caller, path: str) -> None:
    answer = api.http.get(path)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@row("1.5", "missing, and repeated, query values")
def test_query_values(api: Caller, patient: dict[str, Any]) -> None:
    bad(api.http.post(f"{M}/patient", json=people.jane()), "Missing facilityId query param")
    path = f"{M}/patient/{patient['id']}/consolidated/query?dateFrom=2024-01-01&dateFrom=2024-01-02"
    bad(api.http.post(path), "Invalid dateFrom query param - must be string")


@row("1.6", "hex md5 of <id>_<version>; the header wins; mismatch 412; absent: no check")
def test_version_tags(api: Caller) -> None:
    made = api.post(f"{M}/facility", people.facility(npi="1245319599"), status=201)
    path = f"{M}/facility/{made['id']}"
    versions = [hashlib.md5(f"{made['id']}_{version}".encode()).hexdigest() for version in range(4)]
    assert made["eTag"] in versions
    body = people.facility(npi="1245319599", name="Other")

    def put(header: str | None, **more: str) -> int:
        headers = {"If-Match": header} if header else {}
        return api.http.put(path, json={**body, **more}, headers=headers).status_code

    assert put("outdated", eTag=made["eTag"]) == 412
    assert put(made["eTag"], eTag="outdated") == 200
    assert put(None, eTag=made["eTag"]) == 412
    assert put(None) == 200
    envelope(
        api.http.delete(path, headers={"If-Match": made["eTag"]}),
        412,
        "PRECONDITION_FAILED",
        "VersionMismatchError",
        "eTag mismatch - reload the data and try again",
    )
    assert api.http.delete(path).status_code == 204


@row("1.7", "rules and URL forms")
def test_pages(world: World) -> None:
    caller = world.caller("production")
    facility = caller.facility_id()
    bodies = [people.stranger(lastName=f"Va{c * 5}", dob=f"19{6 + n}1-07-30") for n, c in enumerate("xyz")]
    for body in bodies:
        body["personalIdentifiers"] = []
    ids = [caller.patient_id(body) for body in bodies][::-1]
    first = caller.get(f"{M}/patient", count=2, facilityId=facility)
    assert [patient["id"] for patient in first["patients"]] == ids[:2]
    url = urlsplit(first["meta"].pop("nextPage"))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{caller.origin}{M}/patient"
    assert parse_qsl(url.query) == [("fromItem", ids[2]), ("count", "2"), ("facilityId", facility)]
    assert first["meta"] == {"itemsOnPage": 2, "itemsInTotal": 3}
    second = caller.http.get(f"{url.path}?{url.query}").json()
    back = urlsplit(second["meta"].pop("prevPage"))
    assert parse_qsl(back.query)[:2] == [("toItem", ids[1]), ("count", "2")]
    assert second["meta"] == {"itemsOnPage": 1}
    assert [patient["id"] for patient in caller.get(f"{M}/patient", count=0)["patients"]] == ids


@row("1.7", "count and both cursors")
@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("fromItem=a&toItem=b", "Either fromItem or toItem can be provided, but not both"),
        ("count=-1", "Count has to be greater than or equal to 0"),
        ("count=501", "Count has to be less than or equal to 500"),
    ],
)
def test_pages_that_cannot_be(api: Caller, query: str, detail: str) -> None:
    bad(api.http.get(f"{M}/patient?{query}"), detail)


@row("1.8", "the forms of a filter, and what it covers")
@pytest.mark.parametrize(
    ("filters", "is_found"),
    [
        ("smith jane", True),
        ('"jane smith"', True),
        ('"smith jane"', False),
        ("nobody or SMITH", True),
        ("jane -smith", False),
        ("1996", True),
        ("1996-02", True),
        ("1996-02-10", True),
        ("smi", False),
        ("north clin", True),
    ],
)
def test_filters(api: Caller, patient: dict[str, Any], filters: str, is_found: bool) -> None:
    found = [p["id"] for p in api.get(f"{M}/patient", filters=filters)["patients"]]
    assert (patient["id"] in found) is is_found


@row("1.9", "bounds of metadata")
@pytest.mark.parametrize(
    ("metadata", "detail"),
    [
        ({str(n): "x" for n in range(51)}, "Record has too many properties, on [metadata]"),
        ({"k" * 41: "x"}, None),
        ({"": "x"}, None),
        ({"k": "x" * 501}, None),
        ({"k": 7}, None),
    ],
)
def test_metadata(api: Caller, patient: dict[str, Any], metadata: dict[str, Any], detail: str | None) -> None:
    path = f"{M}/patient/{patient['id']}/consolidated/query"
    answer = api.http.post(path, params={"conversionType": "json"}, json={"metadata": metadata})
    envelope(answer, 400, "BAD_REQUEST", "Missing or invalid parameters", detail)


@row("1.10", "429 in plain text with RateLimit-* and Retry-After")
def test_rate_limits(world: World) -> None:
    caller = world.with_settings(rate_limits={"patient-write": 0}).caller("production")
    answer = caller.http.post(f"{M}/patient", json=people.jane(), params={"facilityId": "x"})
    assert answer.status_code == 429
    assert answer.text == "Too many patient creates or updates, please try again later."
    assert answer.headers["content-type"].startswith("text/plain")
    for name in (
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "RateLimit-Policy",
        "Retry-After",
    ):
        assert name in answer.headers
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


@row("1.11", "patients in the sandbox")
def test_the_sandbox_cap(world: World) -> None:
    caller = world.with_settings(sandbox_max_patients=0).caller("sandbox")
    facility = caller.facility_id()
    answer = caller.http.post(f"{M}/patient", json=people.jane(), params={"facilityId": facility})
    message = "Cannot create more than 0 patients in Sandbox mode!"
    assert (answer.status_code, answer.json()) == (400, {"message": message})


@row("1.12", "a presigned URL needs no key, binds method and object, and ends with 403")
def test_presigned_urls(world: World, api: Caller) -> None:
    tenant = authenticate(world.platform.db, api.key)
    assert tenant is not None
    key = f"production/{tenant.tenant.account_id}/some/file.txt"
    world.platform.store.put(key, b"content", content_type="text/plain")

    def url(seconds: int) -> str:
        return world.platform.store.presigned_get(key, expires_in_s=seconds, content_type="text/plain")

    fresh = url(60)
    assert api.fetch(fresh).content == b"content"
    for wrong in (url(-1), fresh.replace("file.txt", "other.txt"), fresh.replace("some", "same")):
        envelope(api.http.get(wrong, headers={"x-api-key": ""}), 403, "FORBIDDEN", "ForbiddenError")
    assert api.http.put(fresh, content=b"x").status_code in (403, 405)
