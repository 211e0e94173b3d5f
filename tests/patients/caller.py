"""The facility and patient operations as a caller meets them, and builders of what a caller sends."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from chartbridge.auth import authenticate, create_key
from chartbridge.db import Base, Environment
from chartbridge.features.cohorts import api as cohorts_api
from chartbridge.features.facilities import api as facilities_api
from chartbridge.features.organizations import api as organizations_api
from chartbridge.features.patients import api as patients_api
from chartbridge.http import errors
from chartbridge.http.gateway import Gateway
from chartbridge.jobs import models as _job_tables  # noqa: F401 - its tables belong to the schema
from chartbridge.platform import Platform

M = "/medical/v1"
NPI = "1234567893"
OTHER_NPI = "1245319599"
Json = dict[str, Any]


def application(platform: Platform) -> FastAPI:
    """The operations of organizations, facilities, patients and cohorts, behind the gateway."""
    Base.metadata.create_all(platform.db.engine)
    app = FastAPI()
    app.state.platform = platform
    errors.install(app)
    for feature in (organizations_api, facilities_api, patients_api, cohorts_api):
        app.include_router(feature.router)
    app.add_middleware(
        Gateway,
        authenticate=partial(authenticate, platform.db),
        max_json_body=platform.settings.max_json_body_bytes,
        max_convert_body=platform.settings.max_convert_body_bytes,
    )
    return app


class Caller:
    """A client with a key. Calls return the parsed body and fail the test on another status."""

    def __init__(
        self,
        app: FastAPI,
        platform: Platform,
        environment: Environment = "production",
        account: str = "default",
    ) -> None:
        key = create_key(platform.db, environment, account)
        self.http = TestClient(app, headers={"x-api-key": key})

    def call(
        self, method: str, path: str, body: Any = None, *, status: int, etag: str | None = None, **query: Any
    ) -> Any:
        headers = {} if etag is None else {"If-Match": etag}
        answer = self.http.request(method, M + path, json=body, params=query, headers=headers)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:1000]}"
        is_json = answer.headers.get("content-type", "") == "application/json"
        return answer.json() if is_json and answer.content else answer.text

    def get(self, path: str, *, status: int = 200, **query: Any) -> Any:
        return self.call("GET", path, status=status, **query)

    def post(self, path: str, body: Any, *, status: int = 201, etag: str | None = None, **query: Any) -> Any:
        return self.call("POST", path, body, status=status, etag=etag, **query)

    def put(
        self, path: str, body: Any = None, *, status: int = 200, etag: str | None = None, **query: Any
    ) -> Any:
        return self.call("PUT", path, body, status=status, etag=etag, **query)

    def delete(self, path: str, *, status: int = 204, etag: str | None = None, **query: Any) -> Any:
        return self.call("DELETE", path, status=status, etag=etag, **query)

    def facility(self, **changes: Any) -> Json:
        created: Json = self.post("/facility", a_facility(**changes))
        return created

    def patient(self, facility: Json, **changes: Any) -> Json:
        created: Json = self.post("/patient", a_patient(**changes), facilityId=facility["id"])
        return created


def an_address(**changes: Any) -> Json:
    return {"addressLine1": "9 Elm St", "city": "Boise", "state": "ID", "zip": "83702", **changes}


def a_facility(**changes: Any) -> Json:
    return {"name": "North Clinic", "npi": NPI, "address": an_address(), **changes}


def a_patient(**changes: Any) -> Json:
    return {
        "firstName": "Ana",
        "lastName": "Ruiz",
        "dob": "1980-04-02",
        "genderAtBirth": "F",
        "address": [an_address()],
        **changes,
    }


def without(body: Json, *names: str) -> Json:
    return {name: value for name, value in body.items() if name not in names}
