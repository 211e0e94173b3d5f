"""The error envelope (conventions 1.5), version tags (1.6) and query values (1.4)."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, ValidationError

from chartbridge import errors as domain
from chartbridge.app import create_app
from chartbridge.errors import BadRequestError, VersionMismatchError
from chartbridge.http.context import check_etag, query_date, required, truth
from chartbridge.http.errors import APOLOGY
from chartbridge.http.validation import describe_issues
from chartbridge.ids import etag
from chartbridge.platform import Platform
from tests.support import people

FACILITIES = "/medical/v1/facility"
SECRET = "Orsolya Vance 1961-07-30"


@pytest.fixture
def backend() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


RAISED: list[tuple[Exception, int, str, str, str]] = [
    (domain.BadRequestError("No such thing"), 400, "BAD_REQUEST", "BadRequestError", "No such thing"),
    (
        domain.InvalidParametersError("Required, on [zip]"),
        400,
        "BAD_REQUEST",
        "Missing or invalid parameters",
        "Required, on [zip]",
    ),
    (domain.ForbiddenError(), 403, "FORBIDDEN", "ForbiddenError", "Access is forbidden"),
    (
        domain.NotFoundError("Could not find patient"),
        404,
        "NOT_FOUND",
        "NotFoundError",
        "Could not find patient",
    ),
    (
        domain.VersionMismatchError(),
        412,
        "PRECONDITION_FAILED",
        "VersionMismatchError",
        "eTag mismatch - reload the data and try again",
    ),
    (
        domain.PatientOptedOutError(),
        400,
        "BAD_REQUEST",
        "PatientOptedOutError",
        "Patient has opted out from the networks",
    ),
    (
        domain.PatientWithoutTreatmentRelationshipError(),
        400,
        "BAD_REQUEST",
        "PatientWithoutTreatmentRelationshipError",
        "Patient does not have a treatment relationship",
    ),
    (domain.PayloadTooLargeError("big"), 413, "PAYLOAD_TOO_LARGE", "MetriportError", "big"),
    (ValueError(SECRET), 500, "INTERNAL_SERVER_ERROR", "InternalServerError", APOLOGY),
]


def failing(platform: Platform, error: Exception) -> TestClient:
    """The application with one more operation, which raises."""
    app: FastAPI = create_app(platform)

    def fail() -> None:
        raise error

    app.add_api_route("/fails", fail)
    return TestClient(app)


@pytest.mark.parametrize(
    ("error", "status", "name", "title", "detail"), RAISED, ids=lambda value: type(value).__name__
)
def test_each_error_has_its_envelope(
    platform: Platform, error: Exception, status: int, name: str, title: str, detail: str
) -> None:
    answer = failing(platform, error).get("/fails")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": status, "name": name, "title": title, "detail": detail}
    assert answer.headers["x-metriport-request-id"]


def test_an_envelope_tells_the_ids_involved(platform: Platform) -> None:
    answer = failing(platform, domain.NotFoundError("Could not find patient", id="7")).get("/fails")
    assert answer.json()["additionalInfo"] == {"id": "7"}


def test_some_answers_have_no_envelope(platform: Platform) -> None:
    limited = failing(platform, domain.RateLimitedError("Too many, please wait.")).get("/fails")
    assert (limited.status_code, limited.text) == (429, "Too many, please wait.")
    assert limited.headers["content-type"].startswith("text/plain")
    capped = failing(platform, domain.SandboxPatientCapError(20)).get("/fails")
    message = "Cannot create more than 20 patients in Sandbox mode!"
    assert (capped.status_code, capped.json()) == (400, {"message": message})


FAILS = """
import sys
from fastapi.testclient import TestClient
from chartbridge import app, logs
from chartbridge.config import Settings
from chartbridge.platform import Platform, migrate

settings = Settings()
logs.configure(settings)
migrate(settings)
application = app.create_app(Platform.open(settings))

def fail(name: str) -> None:
    kept = [name]
    raise ValueError(f"cannot understand {kept}")

application.add_api_route("/fails", fail)
answer = TestClient(application).get("/fails", params={"name": sys.argv[1]}, headers={"origin": "https://x"})
print(answer.status_code, answer.headers["access-control-allow-origin"], answer.text)
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_an_unexpected_error_shows_its_values_to_nobody(tmp_path: Path, log_format: str) -> None:
    """In a process of its own, because how that logs cannot be undone."""
    given = {"DATA_DIR": str(tmp_path / "data"), "LOG_FORMAT": log_format, "LOG_LEVEL": "debug"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FAILS, SECRET],
        env=os.environ | {f"CHARTBRIDGE_{name}": value for name, value in given.items()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("500 * "), "a browser may read the error"
    assert "ValueError" in done.stderr
    assert "in fail" in done.stderr, "the place is told"
    assert SECRET not in done.stdout
    assert SECRET not in done.stderr


def test_a_version_tag_is_checked_by_header_before_body(client: TestClient) -> None:
    made = client.post(FACILITIES, json=people.facility()).json()
    path = f"{FACILITIES}/{made['id']}"
    first = made["eTag"]

    def put(name: str, header: str | None = None, body: str | None = None) -> tuple[int, str]:
        given = people.facility(name=name) | ({"eTag": body} if body else {})
        answer = client.put(path, json=given, headers={"If-Match": header} if header else {})
        return answer.status_code, answer.json().get("eTag", answer.json().get("title"))

    status, second = put("Two", header=first)
    assert status == 200
    assert second != first
    assert put("Three", header=first) == (412, "VersionMismatchError")
    assert put("Three", body=first) == (412, "VersionMismatchError")
    assert put("Three", header=first, body=second) == (412, "VersionMismatchError")
    status, third = put("Three", header=second, body=first)
    assert status == 200
    assert put("Four", header=f'"{third}"')[0] == 200, "quotes, as HTTP has them, do no harm"
    assert put("Five")[0] == 200, "without a tag nothing is checked"
    assert client.delete(path, headers={"If-Match": third}).status_code == 412
    assert client.get(path).json()["name"] == "Five"


def test_the_tag_of_a_version() -> None:
    now = etag("id", 2)
    check_etag(now, None)
    check_etag(now, now)
    check_etag(now, now, etag("id", 1))
    check_etag(now, None, now)
    for header, body in ((etag("id", 1), None), (etag("id", 1), now), (None, etag("id", 1)), ("*x", None)):
        with pytest.raises(VersionMismatchError):
            check_etag(now, header, body)


def test_dates_of_queries() -> None:
    assert query_date("2024-02-29") == date(2024, 2, 29)
    assert query_date(None) is None
    for wrong in (
        "2023-02-29",
        "2024-2-9",
        "20240229",
        "2024-02-29T00:00:00Z",
        "yesterday",
        "٢٠٢٤-٠٢-٢٩",
        " ",
    ):
        with pytest.raises(BadRequestError) as error:
            query_date(wrong)
        assert error.value.detail == f"Date must be in format YYYY-MM-DD - got {wrong}"


def test_truths_of_queries() -> None:
    assert [truth(text) for text in ("true", "TRUE", " True ", "1", "yes", "false", "", None)] == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
        None,
    ]


def test_required_values_of_queries(client: TestClient) -> None:
    assert required(" x ", "facilityId") == "x"
    for missing in (None, "", "  "):
        with pytest.raises(BadRequestError, match="Missing facilityId query param"):
            required(missing, "facilityId")
    answer = client.post("/medical/v1/patient", json=people.jane())
    assert (answer.status_code, answer.json()["detail"]) == (400, "Missing facilityId query param")


class Inner(BaseModel):
    zip: str = Field(min_length=5, max_length=9)


class Outer(BaseModel):
    name: str
    count: int = 0
    flag: bool = False
    inner: Inner | None = None
    tags: list[str] = []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "Required, on [name]"),
        ({"name": 7}, "Expected string, received number, on [name]"),
        ({"name": None}, "Expected string, received null, on [name]"),
        ({"name": []}, "Expected string, received array, on [name]"),
        ({"name": "a", "count": "x"}, "Expected number, received string, on [count]"),
        ({"name": "a", "flag": {}}, "Expected boolean, received object, on [flag]"),
        ({"name": "a", "tags": "b"}, "Expected array, received string, on [tags]"),
        ({"name": "a", "tags": ["b", True]}, "Expected string, received boolean, on [tags,1]"),
        ({"name": "a", "inner": "b"}, "Expected object, received string, on [inner]"),
        ({"name": "a", "inner": {}}, "Required, on [inner,zip]"),
        (
            {"inner": {"zip": "1"}},
            "Required, on [name], String must contain at least 5 character(s), on [inner,zip]",
        ),
        (
            {"name": "a", "inner": {"zip": "1" * 10}},
            "String must contain at most 9 character(s), on [inner,zip]",
        ),
    ],
    ids=str,
)
def test_each_issue_of_a_body_is_told_with_its_place(body: object, expected: str) -> None:
    with pytest.raises(ValidationError) as error:
        Outer.model_validate(body)
    assert describe_issues([dict(issue) for issue in error.value.errors()]) == expected
