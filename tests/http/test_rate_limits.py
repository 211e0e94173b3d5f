"""Rate limits (conventions 1.10)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from chartbridge.auth import create_key
from chartbridge.config import Settings
from chartbridge.db import Tenant
from chartbridge.features.accounts import service as accounts
from chartbridge.http.ratelimit import (
    GENERAL,
    PATIENT_WRITES,
    GeneralBudget,
    Limit,
    RateWindow,
    count_call,
    limits_in_force,
)
from chartbridge.platform import Platform
from tests.support import people

TENANT = Tenant("account", "sandbox")
LIMIT = Limit("test", 3, "Too many tests, please try again later.")
NOON = 1_800_000_000.0  # the start of a window


@pytest.fixture
def platforms(platform: Platform, settings: Settings) -> Iterator[tuple[Platform, Platform]]:
    """Two, as two API processes on one database have them."""
    with closing(Platform.open(settings)) as other:
        yield platform, other


def used(platform: Platform, moment: float, limit: Limit = LIMIT, tenant: Tenant = TENANT) -> int:
    return count_call(platform.db, tenant, limit, {}, clock=lambda: moment).used


def test_calls_are_counted_over_all_processes(platforms: tuple[Platform, Platform]) -> None:
    first, second = platforms
    assert [used(p, NOON) for p in (first, second, first, second)] == [1, 2, 3, 4]


def test_calls_at_the_same_moment_are_each_counted(platforms: tuple[Platform, Platform]) -> None:
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda number: used(platforms[number % 2], NOON), range(24)))
    assert sorted(counts) == list(range(1, 25))


def test_each_minute_begins_anew(platform: Platform) -> None:
    assert [used(platform, NOON + s) for s in (0, 30, 59.9, 60, 61, 300)] == [1, 2, 3, 1, 2, 1]
    with platform.db.read(TENANT) as session:
        assert session.query(RateWindow).count() == 1, "windows that are over do not pile up"


def test_tenants_and_operations_do_not_share_a_budget(platform: Platform) -> None:
    others = (Tenant("account", "production"), Tenant("other", "sandbox"))
    assert [used(platform, NOON, tenant=t) for t in (TENANT, *others, TENANT)] == [1, 1, 1, 2]
    assert used(platform, NOON, Limit("test-2", 3, "")) == 1


def test_headers_tell_where_the_caller_stands(platform: Platform) -> None:
    headers = [
        count_call(platform.db, TENANT, LIMIT, {}, clock=lambda: NOON + 15.5).headers() for _ in range(5)
    ]
    assert headers[0] == {
        "RateLimit-Policy": "3;w=60",
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "2",
        "RateLimit-Reset": "44",
    }
    assert [h["RateLimit-Remaining"] for h in headers] == ["2", "1", "0", "0", "0"]
    assert ["Retry-After" in h for h in headers] == [False, False, False, True, True]
    assert headers[3]["Retry-After"] == "44"


def test_an_operator_may_set_another_limit(platform: Platform) -> None:
    usages = [count_call(platform.db, TENANT, LIMIT, {"test": 1}, clock=lambda: NOON) for _ in range(2)]
    assert [usage.exceeded for usage in usages] == [False, True]


def create(client: TestClient, facility: str, number: int) -> httpx.Response:
    letter = "abcdefghijklmnopqrst"[number]
    body: dict[str, Any] = people.jane(
        lastName=f"Quux{letter * 4}", dob=f"{1940 + 3 * number}-01-0{number % 9 + 1}"
    )
    answer: httpx.Response = client.post("/medical/v1/patient", json=body, params={"facilityId": facility})
    return answer


def test_beyond_the_limit_the_answer_is_plain_text(client: TestClient, platform: Platform) -> None:
    facility = client.post("/medical/v1/facility", json=people.facility())
    assert facility.headers["RateLimit-Policy"] == f"{GENERAL.per_minute};w=60", "it has no limit of its own"
    clinic = facility.json()["id"]
    answers: list[httpx.Response] = []
    while True:
        answers.append(create(client, clinic, len(answers)))
        if answers[-1].status_code == 429 or len(answers) > PATIENT_WRITES.per_minute + 3:
            break
    refused = answers[-1]
    assert refused.text == "Too many patient creates or updates, please try again later."
    assert refused.headers["content-type"].startswith("text/plain")
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert not [name for name in refused.headers if name.lower().startswith("x-ratelimit")]
    # A minute may have ended meanwhile, which would have given a new budget.
    assert len(answers) >= PATIENT_WRITES.per_minute + 1
    assert answers[0].headers["RateLimit-Limit"] == str(PATIENT_WRITES.per_minute)
    listed = client.get("/medical/v1/patient").json()["meta"]["itemsInTotal"]
    assert listed == len(answers) - 1, "what was refused was not stored"
    other = {"x-api-key": create_key(platform.db, "production")}
    assert client.post("/medical/v1/patient", json={}, headers=other).status_code == 400


def test_what_the_operator_set_holds_for_an_operation(platform: Platform, client: TestClient) -> None:
    platform.settings.rate_limits["patient-write"] = 1
    clinic = client.post("/medical/v1/facility", json=people.facility()).json()["id"]
    answers = [create(client, clinic, number) for number in range(3)]
    assert answers[0].headers["RateLimit-Policy"] == "1;w=60"
    assert 429 in [answer.status_code for answer in answers]


def set_limit(platform: Platform, tenant: Tenant, operation: str, per_minute: int | None) -> None:
    with platform.db.write(tenant) as session:
        accounts.set_rate_limit(accounts.settings(session), operation, per_minute)


def test_an_accounts_own_limit_wins_and_holds_at_once(platform: Platform) -> None:
    everybody = {"test": 7}
    other = Tenant("account", "production")

    def limit(tenant: Tenant = TENANT) -> int:
        return count_call(platform.db, tenant, LIMIT, everybody, clock=lambda: NOON).limit

    assert limit() == 7
    set_limit(platform, TENANT, "test", 1)
    assert (limit(), limit(other)) == (1, 7)
    set_limit(platform, TENANT, "test", None)
    assert limit() == 7


def test_all_calls_together_have_a_budget_a_minute() -> None:
    moment = NOON
    budget = GeneralBudget(lambda: moment)
    other = Tenant("account", "production")
    assert [budget.use(TENANT, 2).exceeded for _ in range(3)] == [False, False, True]
    assert not budget.use(other, 2).exceeded
    assert budget.use(TENANT, 9).headers()["RateLimit-Remaining"] == "5"
    moment = NOON + 60
    assert budget.use(TENANT, 2).used == 1


@pytest.mark.parametrize("backend", ["sqlite"])
def test_beyond_the_general_budget_every_operation_is_refused(client: TestClient, platform: Platform) -> None:
    first = client.get("/settings")
    set_limit(platform, Tenant(first.json()["id"], "sandbox"), "general", 3)
    told = client.get("/medical/v1/facility")
    assert (told.status_code, told.headers["RateLimit-Remaining"]) == (200, "1")
    shown = client.get("/settings").json()["rateLimits"]
    assert shown == limits_in_force({"general": 3}, {})
    assert (shown["general"], shown["patient-write"]) == (3, 15)
    refused = client.get("/medical/v1/facility")
    assert (refused.status_code, refused.text) == (429, GENERAL.message)
    assert refused.headers["content-type"].startswith("text/plain")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    set_limit(platform, Tenant(first.json()["id"], "sandbox"), "general", None)
    assert client.get("/medical/v1/facility").status_code == 200


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_authenticated_answer_tells_the_limits(client: TestClient) -> None:
    paths = ("/medical/v1/facility", "/medical/v1/nowhere", "/medical/v1/patient?count=-1", "/settings")
    answers = [client.get(path) for path in paths] + [client.post("/convert/v1/ccda/to/fhir")]
    for answer in answers:
        told = {name for name in answer.headers if name.startswith("ratelimit-")}
        expected = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy"}
        assert told == expected, answer.url
    for open_path in ("/", "/openapi.json"):
        assert "ratelimit-limit" not in client.get(open_path).headers
    assert "ratelimit-limit" not in client.get("/settings", headers={"x-api-key": "wrong"}).headers
