"""Speaking to the API over HTTP."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

import httpx

M = "/medical/v1"


class Api:
    """A caller with a key. Each method returns the parsed body and fails the test on another status.

    Query parameters are keyword arguments; those that are None are left out.
    """

    def __init__(self, origin: str, key: str, *, timeout_s: float = 30.0) -> None:
        self.origin = origin
        self.http = httpx.Client(base_url=origin, headers={"x-api-key": key}, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    def get(self, path: str, *, status: int = 200, **query: Any) -> Any:
        return self._call("GET", path, None, status, query)

    def post(self, path: str, body: Any = None, *, status: int = 200, **query: Any) -> Any:
        return self._call("POST", path, body, status, query)

    def put(self, path: str, body: Any = None, *, status: int = 200, **query: Any) -> Any:
        return self._call("PUT", path, body, status, query)

    def delete(self, path: str, *, status: int = 204, **query: Any) -> Any:
        return self._call("DELETE", path, None, status, query)

    def _call(self, method: str, path: str, body: Any, status: int, query: dict[str, Any]) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        answer = self.http.request(method, path, json=body, params=given)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json and answer.content else answer.text

    def poll(self, path: str, *, until: str = "completed", timeout_s: float = 60.0, **query: Any) -> Any:
        """GET until ``status`` of the answer is no longer ``processing``; it must then be ``until``."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.get(path, **query)
            if answer["status"] != "processing":
                assert answer["status"] == until, answer
                return answer
            assert time.monotonic() < deadline, f"{path} still processes after {timeout_s:g} s: {answer}"
            time.sleep(0.1)
