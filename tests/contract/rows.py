"""What the rows of the contract are held against."""

from __future__ import annotations

from typing import Any

from tests.running import Caller, Json
from tests.support.client import M

UNKNOWN = "0196f0e0-0000-7000-8000-000000000000"
CLASH = {
    "status": 412,
    "name": "PRECONDITION_FAILED",
    "title": "VersionMismatchError",
    "detail": "eTag mismatch - reload the data and try again",
}


def call(
    api: Caller, method: str, path: str, body: Any = None, *, tag: str | None = None, **query: Any
) -> tuple[int, Any]:
    """Status and body of an answer; a body that is no JSON as text."""
    headers = {} if tag is None else {"If-Match": tag}
    answer = api.http.request(method, M + path, json=body, params=query, headers=headers)
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    return answer.status_code, answer.json() if is_json and answer.content else answer.text


def refusal(answer: tuple[int, Any], title: str = "BadRequestError") -> str:
    """The detail of a 400 in the envelope."""
    status, body = answer
    assert status == 400, body
    assert (body["status"], body["name"], body["title"]) == (400, "BAD_REQUEST", title)
    return str(body["detail"])


def invalid(answer: tuple[int, Any]) -> str:
    """The detail of a 400 for what breaks the schema."""
    return refusal(answer, "Missing or invalid parameters")


def missing(answer: tuple[int, Any]) -> str:
    """The detail of a 404 in the envelope."""
    status, body = answer
    assert status == 404, body
    assert (body["status"], body["name"], body["title"]) == (404, "NOT_FOUND", "NotFoundError")
    return str(body["detail"])


def done(answer: tuple[int, Any], status: int = 200) -> Json:
    assert answer[0] == status, answer
    body: Json = answer[1]
    return body
