"""Settings: the URL and its key, the filters of the summary, and what the status says."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.features.webhooks.schemas import SECTIONS
from tests.running import Caller, Json, World
from tests.support.receiver import Receiver
from tests.webhooks.conftest import wait_for_status
from tests.webhooks.sending import ended, send

URL = "http://127.0.0.1:9/hook"
BACKWARDS = {"from": "2025-01-01", "to": "2024-01-01"}
OTHER_URL = "http://127.0.0.1:9/other"


def all_sections(**changes: Any) -> list[Json]:
    return [{"key": key, **changes} for key in SECTIONS]


def test_defaults_before_anything_was_set(api: Caller, world: World) -> None:
    assert api.get("/settings/webhook") == {
        "webhookEnabled": False,
        "webhookStatusDetail": None,
        "webhookRequestsProcessing": 0,
        "webhookRequestsFailed": 0,
        "webhookCircuit": "closed",
        "webhookRetryAt": None,
    }
    account = world.tenant(api).account_id
    given = api.get("/settings")
    assert given.pop("rateLimits")["patient-write"] > 0
    assert given == {"id": account, "webhookUrl": None, "webhookKey": None, "mrFilters": None}


def test_the_first_url_brings_a_key_and_a_change_keeps_it(api: Caller) -> None:
    first = api.post("/settings", {"webhookUrl": URL})
    assert first["webhookUrl"] == URL
    assert len(first["webhookKey"]) == 21
    changed = api.post("/settings", {"webhookUrl": OTHER_URL})
    assert (changed["webhookUrl"], changed["webhookKey"]) == (OTHER_URL, first["webhookKey"])
    assert api.get("/settings") == changed


@pytest.mark.parametrize("cleared", ["", None])
def test_clearing_removes_the_key_and_the_next_url_brings_another(api: Caller, cleared: str | None) -> None:
    first = api.post("/settings", {"webhookUrl": URL})["webhookKey"]
    after = api.post("/settings", {"webhookUrl": cleared})
    assert (after["webhookUrl"], after["webhookKey"]) == (None, None)
    status = api.get("/settings/webhook")
    assert (status["webhookEnabled"], status["webhookStatusDetail"]) == (False, None)
    second = api.post("/settings", {"webhookUrl": URL})["webhookKey"]
    assert second
    assert second != first


def test_what_is_left_out_stays(api: Caller) -> None:
    before = api.post("/settings", {"webhookUrl": URL, "mrFilters": all_sections()})
    assert api.post("/settings", {}) == before
    assert api.post("/settings") == before
    after = api.post("/settings", {"mrFilters": None})
    assert after == {**before, "mrFilters": None}


def test_both_environments_of_an_account_have_settings_of_their_own(world: World) -> None:
    sandbox = world.caller("sandbox", "two-environments" + str(id(world)))
    production = world.caller("production", "two-environments" + str(id(world)))
    sandbox.post("/settings", {"webhookUrl": URL})
    assert production.get("/settings")["webhookUrl"] is None


def test_the_settings_are_served_below_the_medical_api_too(api: Caller) -> None:
    set_there = api.post("/medical/v1/settings", {"webhookUrl": URL})
    assert api.get("/settings") == set_there == api.get("/medical/v1/settings/")
    assert api.get("/medical/v1/settings/webhook").keys() == api.get("/settings/webhook").keys()
    assert api.get("/settings/mapi-access") == {"hasMapiAccess": True}


def test_filters_are_kept_in_their_order(api: Caller) -> None:
    filters = all_sections()
    filters.reverse()
    filters[3] |= {"dateFilter": {"from": "2024-02-29", "to": "2025-01-01"}, "stringFilter": "a1c"}
    filters[4] |= {"dateFilter": {"to": "2025-01-01"}}
    answered = api.post("/settings", {"mrFilters": filters})["mrFilters"]
    kept = [_without_nulls(f) for f in answered]
    assert kept == filters
    assert [_without_nulls(f) for f in api.get("/settings")["mrFilters"]] == filters


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return value


@pytest.mark.parametrize(
    "body",
    [
        {"webhookURL": URL},
        {"webhookUrl": URL, "webhookKey": "mine"},
        {"webhookUrl": 5},
        {"webhookUrl": "http://example.org/" + "a" * 2048},
        {"mrFilters": all_sections()[:-1]},
        {"mrFilters": [*all_sections()[:-1], {"key": "reports"}]},
        {"mrFilters": [*all_sections(), {"key": "reports"}]},
        {"mrFilters": [*all_sections()[:-1], {"key": "notes"}]},
        {"mrFilters": [*all_sections()[:-1], {"key": "documents", "dateFilter": {"from": "01/02/2024"}}]},
        {"mrFilters": [*all_sections()[:-1], {"key": "documents", "dateFilter": {"from": "2023-02-29"}}]},
        {"mrFilters": [*all_sections()[:-1], {"key": "documents", "dateFilter": BACKWARDS}]},
        {"mrFilters": "all"},
        [],
        "text",
    ],
    ids=lambda body: str(body)[:40],
)
def test_a_body_that_is_not_right_changes_nothing(api: Caller, body: Any) -> None:
    before = api.post("/settings", {"webhookUrl": URL})
    error = api.post("/settings", body, status=400)
    assert error["status"] == 400
    assert error["title"] == "Missing or invalid parameters"
    assert api.get("/settings") == before


def test_a_refused_url_keeps_the_filters_from_being_stored(api: Caller) -> None:
    api.post("/settings", {"webhookUrl": "0", "mrFilters": all_sections()}, status=400)
    assert api.get("/settings")["mrFilters"] is None


def test_a_ping_that_is_answered_enables_the_webhook(api: Caller, receiver: Receiver) -> None:
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    (ping,) = receiver.wait_for("ping")
    assert ping.json.keys() == {"ping", "meta"}
    assert ping.json["meta"].keys() == {"messageId", "when", "type"}
    assert len(ping.json["ping"]) == 21
    wait_for_status(api, webhookEnabled=True, webhookStatusDetail="OK")


def test_setting_the_same_url_again_asks_again(listening: Caller, receiver: Receiver) -> None:
    listening.post("/settings", {"webhookUrl": receiver.url})
    receiver.wait_for("ping", 2)


def test_a_receiver_that_does_not_know_the_pong_is_not_enabled(api: Caller, receiver: Receiver) -> None:
    receiver.fail_next(1, status=200, type="ping")
    api.post("/settings", {"webhookUrl": receiver.url})
    wait_for_status(api, webhookEnabled=False, webhookStatusDetail="Bad response from webhook call")


@pytest.mark.parametrize("status", [404, 302, 500])
def test_a_ping_that_is_refused_says_with_what_status(api: Caller, receiver: Receiver, status: int) -> None:
    receiver.fail_next(1, status=status, type="ping", headers={"location": receiver.url})
    api.post("/settings", {"webhookUrl": receiver.url})
    detail = f"Request failed with status code {status}"
    wait_for_status(api, webhookEnabled=False, webhookStatusDetail=detail)
    assert len(receiver.received) == 1, "a redirect is not followed, and a ping is not repeated"


def test_nobody_listening_is_told(api: Caller) -> None:
    api.post("/settings", {"webhookUrl": URL})
    wait_for_status(api, webhookEnabled=False, webhookStatusDetail="Failed to send payload")


def test_an_account_that_failed_is_enabled_again_by_the_next_success(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(1, status=404)
    message = send(world, listening)
    wait_for_status(
        listening, webhookEnabled=False, webhookStatusDetail="Request failed with status code 404"
    )
    assert ended(world, listening, message).status == "success"
    wait_for_status(listening, webhookEnabled=True, webhookStatusDetail="OK", webhookRequestsProcessing=0)
