"""What belongs to one tenant cannot be reached by another: every route is tried.

The walk is made from the application's own routes; a route that stands in no table here fails it, so a
new route cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from chartbridge.auth import revoke_key
from chartbridge.db import Base
from tests.ccda import builders
from tests.documents import uploading
from tests.rows import row_counts
from tests.running import Caller, Json, World, running, wait_until
from tests.support import people
from tests.support.client import M

Route = tuple[str, str]
PROTECTED = ("/medical/v1", "/settings", "/convert/v1")
OPEN = {
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/openapi.json"),
    ("GET", "/storage/{key:path}"),
    ("PUT", "/storage/{key:path}"),
    ("GET", "/asyncapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/reference.css"),
}
"""Routes that need no key: they hold nothing of a tenant, or ask for a signature."""


@dataclass(frozen=True)
class Call:
    """How to call a route so that it would succeed for the owner.

    ``query`` and ``body`` may name the owner's objects by ``{patient}``, ``{facility}`` and so on; a
    route that names none, in its path or there, has nothing of another tenant to reach, and what it
    answers must then hold no id of the owner.
    """

    query: dict[str, str] = field(default_factory=dict)
    body: Any = None


JANE_BODY = people.jane()
ORGANIZATION = {"name": "Health", "type": "hospital", "location": people.facility()["address"]}
SOURCES = {"sources": ["lab"]}
S = f"{M}/patient/{{id}}"
R = f"{M}/patient/{{patient_id}}/consolidated"
C = f"{R}/query"
B = f"{M}/patient/bulk"
CALLS: dict[Route, Call] = {
    ("GET", f"{M}/facility"): Call(),
    ("POST", f"{M}/facility"): Call(body=people.facility()),
    ("GET", f"{M}/facility/{{id}}"): Call(),
    ("PUT", f"{M}/facility/{{id}}"): Call(body=people.facility()),
    ("DELETE", f"{M}/facility/{{id}}"): Call(),
    ("POST", f"{M}/patient"): Call({"facilityId": "{facility}"}, JANE_BODY),
    ("GET", f"{M}/patient"): Call(),
    ("POST", B): Call({"facilityId": "{facility}"}),
    ("GET", B): Call(),
    ("GET", f"{B}/{{request_id}}"): Call(),
    ("POST", f"{B}/{{request_id}}/cancel"): Call(),
    ("POST", f"{M}/patient/match"): Call(body=JANE_BODY),
    ("GET", f"{M}/patient/external-id"): Call({"externalId": "owners-jane"}),
    ("GET", S): Call(),
    ("PUT", S): Call(body=JANE_BODY),
    ("DELETE", S): Call(),
    ("POST", f"{S}/external/sync"): Call(),
    ("PUT", f"{S}/hie-opt-out"): Call({"hieOptOut": "true"}),
    ("GET", f"{S}/hie-opt-out"): Call(),
    ("PUT", f"{S}/treatment-relationship"): Call({"treatmentRelationship": "false"}),
    ("GET", f"{S}/facility"): Call(),
    ("POST", f"{S}/facility"): Call(body={"facilityIds": ["{facility}"]}),
    ("POST", C): Call({"conversionType": "json"}),
    ("GET", C): Call(),
    ("GET", f"{C}/{{request_id}}"): Call(),
    ("GET", R): Call(),
    ("PUT", R): Call(body={"resourceType": "Bundle", "type": "collection", "entry": []}),
    ("POST", R): Call(body={"resourceType": "Bundle", "type": "collection", "entry": []}),
    ("GET", f"{R}/count"): Call(),
    ("GET", f"{R}/webhook"): Call({"requestId": "{consolidated}"}),
    ("GET", f"{R}/search"): Call({"query": "diabetes"}),
    ("GET", f"{M}/patient/{{patient_id}}/medical-record"): Call({"conversionType": "html"}),
    ("GET", f"{M}/patient/{{patient_id}}/medical-record-status"): Call(),
    ("GET", f"{M}/patient/{{patient_id}}/export"): Call(),
    ("POST", f"{M}/organization"): Call(body=ORGANIZATION),
    ("GET", f"{M}/organization"): Call(),
    ("PUT", f"{M}/organization/{{id}}"): Call(body=ORGANIZATION),
    ("POST", f"{M}/cohort"): Call(body={"name": "New"}),
    ("GET", f"{M}/cohort"): Call(),
    ("GET", f"{M}/cohort/{{id}}"): Call(),
    ("PATCH", f"{M}/cohort/{{id}}"): Call(body={"color": "red"}),
    ("PUT", f"{M}/cohort/{{id}}"): Call(body={"color": "blue"}),
    ("DELETE", f"{M}/cohort/{{id}}"): Call(),
    ("GET", f"{M}/cohort/{{id}}/patient"): Call(),
    ("POST", f"{M}/cohort/{{id}}/patient"): Call(body={"patientIds": ["{patient}"]}),
    ("DELETE", f"{M}/cohort/{{id}}/patient"): Call(body={"allPatients": True}),
    ("GET", f"{S}/cohort"): Call(),
    ("POST", f"{S}/cohort"): Call(body={"cohortIds": ["{cohort}"]}),
    ("POST", f"{M}/network/query"): Call({"patientId": "{patient}"}, SOURCES),
    ("GET", f"{M}/network/query/{{request_id}}"): Call(),
    ("POST", f"{M}/document/query"): Call({"patientId": "{patient}"}),
    ("GET", f"{M}/document/query"): Call({"patientId": "{patient}"}),
    ("POST", f"{M}/document/download-url/bulk"): Call({"patientId": "{patient}"}),
    ("GET", f"{M}/document"): Call({"patientId": "{patient}"}),
    ("GET", f"{M}/network-entry"): Call(),
    ("GET", f"{M}/document/download-url"): Call({"fileName": "{document}"}),
    ("GET", f"{M}/document/downloadUrl"): Call({"fileName": "{document}"}),
    ("POST", f"{M}/document/upload"): Call({"patientId": "{patient}"}, uploading.DRAFT),
    ("POST", f"{M}/document/upload-url"): Call({"patientId": "{patient}"}, uploading.DRAFT),
    ("POST", "/convert/v1/ccda/to/fhir"): Call({"patientId": "{patient}"}, builders.document()),
}
for prefix in ("", M):
    CALLS |= {
        ("GET", f"{prefix}/settings"): Call(),
        ("POST", f"{prefix}/settings"): Call(body={}),
        ("GET", f"{prefix}/settings/mapi-access"): Call(),
        ("GET", f"{prefix}/settings/webhook"): Call(),
        ("POST", f"{prefix}/settings/webhook/retry"): Call(),
        ("GET", f"{prefix}/settings/webhook/message"): Call(),
        ("GET", f"{prefix}/settings/webhook/message/{{id}}"): Call(),
        ("POST", f"{prefix}/settings/webhook/message/{{id}}/replay"): Call(),
        ("POST", f"{prefix}/settings/webhook/replay"): Call(body={"from": "2026-01-31", "to": "2026-02-01"}),
        ("POST", f"{prefix}/settings/webhook/sample-payload"): Call(body={"meta": {"type": "patient.admit"}}),
    }
ECHOES = {("POST", "/convert/v1/ccda/to/fhir")}
"""Routes that give back an id which the caller sent, whosever it is."""


@dataclass(frozen=True)
class Owner:
    """A tenant with one object of each kind. ``ids`` by what tables and paths call them."""

    api: Caller
    ids: dict[str, str]

    def filled(self, route: Route, value: Any) -> Any:
        """``value`` with the owner's ids in place of names in braces."""
        if isinstance(value, str):
            for name, given in self._names(route).items():
                value = value.replace(f"{{{name}}}", given)
            return value
        if isinstance(value, dict):
            return {key: self.filled(route, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(route, item) for item in value]
        return value

    def _names(self, route: Route) -> dict[str, str]:
        path = route[1]
        kinds = ("facility", "organization", "cohort")
        here = self.ids[next((k for k in kinds if path.startswith(f"{M}/{k}/")), "patient")]
        here = self.ids["message"] if "/webhook/message/" in path else here
        asked = ("consolidated", "bulk")
        request = self.ids[next((k for k in asked if f"/{k}/" in path), "network")]
        return {**self.ids, "id": here, "patient_id": self.ids["patient"], "request_id": request}


def routes(app: FastAPI) -> set[Route]:
    return {
        (method, str(context.path))
        for context in iter_route_contexts(app.routes)
        for method in (context.methods or {"GET"}) - {"HEAD"}
    }


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, webhook_max_attempts=1) as started:
        yield started


@pytest.fixture(scope="module")
def owner(world: World) -> Owner:
    api = world.caller("sandbox", "the-owner")
    api.post("/settings", {"webhookUrl": "http://127.0.0.1:9/owner"})
    facility = api.facility_id()
    patient = api.patient_id(people.jane(externalId="owners-jane"))
    organization = api.get(f"{M}/organization")["id"]
    cohort = api.post(f"{M}/cohort", {"name": "The owner's"}, status=201)["id"]
    api.post(f"{M}/patient/{patient}/cohort", {"cohortIds": [cohort]})
    network = api.query(patient)["requestId"]
    path = f"{M}/patient/{patient}/consolidated/query"
    consolidated = api.post(path, conversionType="json")["requestId"]
    api.poll(f"{path}/{consolidated}")
    api.poll(f"{path}/{api.post(path, conversionType='html')['requestId']}")
    document = api.documents(patient, output="dto")[0]["fileName"]
    bulk = api.post(B)["requestId"]
    ids = {
        "facility": facility,
        "organization": organization,
        "cohort": cohort,
        "patient": patient,
        "network": network,
        "consolidated": consolidated,
        "document": document,
        "bulk": bulk,
        "message": api.get("/settings/webhook/message", type="ping")["messages"][0]["id"],
    }
    in_peace = {"webhookRequestsProcessing": 0}
    wait_until(lambda: in_peace.items() <= api.get("/settings/webhook").items(), "no row is written any more")
    return Owner(api, ids)


def call(api: Caller, route: Route, owner: Owner, *, key: str | None = None) -> Any:
    """The route called with the owner's ids. ``key`` is sent in place of the caller's, none when empty."""
    method, path = route
    how = CALLS[route]
    body = owner.filled(route, how.body)
    headers = {} if key is None else {"x-api-key": key}
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    return api.http.request(
        method, owner.filled(route, path), params=owner.filled(route, how.query), headers=headers, **content
    )


def names_something(route: Route, owner: Owner) -> bool:
    """Whether the call names an object of the owner."""
    how = CALLS[route]
    named = [route[1], how.query, {} if isinstance(how.body, bytes) else how.body]
    return bool(owner.filled(route, named) != named)


def test_each_route_is_known_here(world: World) -> None:
    found = routes(world.app)
    assert found - OPEN == set(CALLS), "put a new route into the table, and take out one that is gone"
    assert all(path.startswith(PROTECTED) for _, path in found - OPEN)


@pytest.mark.parametrize("kind", ["none", "wrong", "other secret", "other environment", "revoked"])
def test_without_a_good_key_every_route_is_closed(world: World, owner: Owner, kind: str) -> None:
    good = world.caller().key
    prefix, environment, key_id, secret = good.split(".")
    keys = {
        "none": "",
        "wrong": "nonsense",
        "other secret": f"{prefix}.{environment}.{key_id}.{secret[::-1]}",
        "other environment": f"{prefix}.production.{key_id}.{secret}",
        "revoked": good,
    }
    if kind == "revoked":
        revoke_key(world.platform.db, good)
    before = row_counts(world.platform.db.engine, Base.metadata)
    for route in sorted(CALLS):
        answer = call(owner.api, route, owner, key=keys[kind])
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"}), route
    assert row_counts(world.platform.db.engine, Base.metadata) == before


def snapshot(owner: Owner) -> Json:
    """All that the owner can see of its objects."""
    patient = owner.ids["patient"]
    reads: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/settings", {}),
        (f"{M}/facility", {}),
        (f"{M}/patient", {}),
        (f"{M}/patient/{patient}/hie-opt-out", {}),
        (f"{M}/patient/{patient}/facility", {}),
        (f"{M}/organization", {}),
        (f"{M}/patient/{patient}/cohort", {}),
        (f"{M}/patient/{patient}/consolidated/query", {}),
        (f"{M}/network/query/{owner.ids['network']}", {}),
        (f"{M}/document", {"patientId": patient}),
        (B, {}),
    )
    return {path: owner.api.get(path, **query) for path, query in reads}


@pytest.mark.parametrize("who", ["another account", "the account's production", "another's production"])
def test_another_tenant_reaches_nothing(world: World, owner: Owner, who: str) -> None:
    stranger = {
        "another account": lambda: world.caller("sandbox"),
        "the account's production": lambda: world.caller("production", "the-owner"),
        "another's production": lambda: world.caller("production"),
    }[who]()
    before = snapshot(owner)
    for route in sorted(CALLS):
        answer = call(stranger, route, owner)
        if route not in ECHOES:
            if names_something(route, owner):
                assert answer.status_code in (403, 404), (route, answer.status_code, answer.text[:300])
            secrets = set(owner.ids.values()) - sent(route, owner)
            leaked = [s for s in secrets if s in answer.text]
            assert not leaked, (route, leaked)
        assert answer.status_code < 500, route
    assert snapshot(owner) == before


def sent(route: Route, owner: Owner) -> set[str]:
    """The owner's ids that the call itself names: an error may repeat them."""
    how = CALLS[route]
    text = str(owner.filled(route, [route[1], how.query, how.body]))
    return {value for value in owner.ids.values() if value in text}


def test_a_presigned_url_cannot_be_turned_to_another_tenants_object(world: World, owner: Owner) -> None:
    stranger = world.caller()
    patient = stranger.patient_id()
    stranger.query(patient, "hie")
    name = stranger.documents(patient, output="dto")[0]["fileName"]
    url = stranger.get(f"{M}/document/download-url", fileName=name)["url"]
    stranger.fetch(url)
    own, others = str(world.tenant(stranger)), str(world.tenant(owner.api))
    path, _, signature = url.partition("?")
    owners_document = owner.ids["document"].rsplit("/", 1)[-1]
    owners_path = f"{path.partition(own)[0]}{others}/{owner.ids['patient']}/documents/{owners_document}"
    for changed in (
        f"{owners_path}?{signature}",
        f"{path}/../../../../{others}/{owner.ids['patient']}/documents/{owners_document}?{signature}",
        owners_path,
    ):
        for key in ("", stranger.key):
            answer = stranger.http.get(changed, headers={"x-api-key": key})
            assert answer.status_code in (403, 404), changed
    real = owner.api.get(f"{M}/document/download-url", fileName=owner.ids["document"])["url"]
    assert real.startswith(f"{owners_path}?"), "the path tried is where the object lies"


def test_the_owner_can_call_every_route(world: World, owner: Owner) -> None:
    """So that a refusal above is for whom it is, not for how the route was called."""
    last = (
        ("DELETE", f"{M}/cohort/{{id}}/patient"),
        ("DELETE", f"{M}/cohort/{{id}}"),
        ("DELETE", S),
        ("DELETE", f"{M}/facility/{{id}}"),
    )
    unavailable = {("POST", f"{S}/external/sync"), ("DELETE", f"{M}/facility/{{id}}")}
    first = [
        ("POST", f"{M}/document/query"),  # which locks the patient against updates while it runs
        ("PUT", f"{S}/hie-opt-out"),
        ("PUT", f"{S}/treatment-relationship"),
    ]
    reading = [route for route in sorted(CALLS) if route[0] != "DELETE" and route not in first]
    for route in [*reading, *first]:
        answer = call(owner.api, route, owner)
        if route == ("POST", f"{M}/facility"):
            assert answer.status_code == 400, "that NPI is the owner's already"
        elif route == ("POST", f"{M}/organization"):
            assert answer.status_code == 400, "the owner has one already"
        elif route in unavailable:
            assert answer.status_code == 404
        else:
            assert answer.status_code in (200, 201), (route, answer.status_code, answer.text[:300])
    assert [call(owner.api, route, owner).status_code for route in last] == [200, 204, 204, 204]
