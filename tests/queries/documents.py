"""Document queries as tests start and watch them."""

from __future__ import annotations

from typing import Any

from tests.running import Caller, Json, wait_until
from tests.support.client import M

PATH = f"{M}/document/query"


def begin(api: Caller, patient: str, body: Any = None, **query: Any) -> Json:
    """The answer of a start."""
    answer: Json = api.post(PATH, body, patientId=patient, **query)
    return answer


def progress(api: Caller, patient: str) -> Json:
    answer: Json = api.get(PATH, patientId=patient)
    return answer


def has_ended(answer: Json) -> bool:
    return all(
        answer.get(phase, {}).get("status") in ("completed", "failed") for phase in ("download", "convert")
    )


def wait_for_end(api: Caller, patient: str) -> Json:
    """The progress once both phases have ended."""
    wait_until(lambda: has_ended(progress(api, patient)), "the document query ends")
    return progress(api, patient)


def run(api: Caller, patient: str, body: Any = None, **query: Any) -> Json:
    """The progress of a document query that has ended."""
    request_id = begin(api, patient, body, **query)["requestId"]
    ended = wait_for_end(api, patient)
    assert ended["requestId"] == request_id
    return ended


def phase(status: str, *counts: int) -> Json:
    """A phase as the API answers it: ``counts`` are total, successful and errors."""
    return {"status": status, **dict(zip(("total", "successful", "errors"), counts, strict=False))}
