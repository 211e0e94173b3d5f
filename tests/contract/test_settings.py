"""Settings, row by row (contract, webhooks 8.3)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chartbridge.features.webhooks.samples import _readable
from chartbridge.features.webhooks.schemas import SampleAnswer
from tests.running import Caller, Json, World, running
from tests.support.receiver import Receiver
from tests.webhooks.conftest import wait_for_status

URL = "http://127.0.0.1:9/hook"
SECTIONS = [
    *("reports", "conditions", "medications", "allergies", "procedures", "social-history", "vitals", "labs"),
    *("observations", "immunizations", "family-member-history", "related-persons", "tasks", "coverages"),
    *("encounters", "documents"),
]
REFUSED = {
    "loopback: localhost": "http://localhost:3000/hook",
    "loopback: 127.0.0.1": "http://127.0.0.1/hook",
    "loopback: 127.1": "http://127.1/hook",
    "loopback: 0x7f": "http://0x7f000001/hook",
    "loopback: 0x7f, dotted": "http://0x7f.0.0.1/hook",
    "loopback: 2130706433": "http://2130706433/hook",
    "loopback: octal": "http://0177.0.0.1/hook",
    "cloud metadata": "http://169.254.169.254/latest/meta-data",
    "amazonaws.com": "https://sqs.us-east-1.amazonaws.com/queue",
    "[::]": "http://[::]:8080/hook",
    "0000": "http://0000/hook",
    "/internal": "https://app.example.org/internal/hook",
    "name: localtest.me": "http://localtest.me/hook",
    "name: lvh.me": "http://app.lvh.me/hook",
    "name: vcap.me": "http://vcap.me/hook",
    "name: fuf.me": "http://fuf.me/hook",
    "equals 0": "0",
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, webhook_max_attempts=1) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


@pytest.mark.contract("8.3", "GET /settings: defaults on first use")
def test_settings_have_defaults_at_first_use(world: World, api: Caller) -> None:
    account = world.tenant(api).account_id
    expected = {"id": account, "webhookUrl": None, "webhookKey": None, "mrFilters": None}
    for _ in range(2):
        assert expected.items() <= api.get("/settings").items()


@pytest.mark.contract("8.3", "POST /settings: strict body")
def test_an_unknown_key_is_refused(api: Caller) -> None:
    error = api.post("/settings", {"webhookUrl": URL, "colour": "blue"}, status=400)
    assert (error["name"], error["title"]) == ("BAD_REQUEST", "Missing or invalid parameters")
    assert error["detail"] == "Unrecognized key(s) in object: 'colour', on []"
    assert api.get("/settings")["webhookUrl"] is None


@pytest.mark.contract("8.3", "POST /settings: webhookUrl of at most 2048 characters")
def test_the_longest_url_is_taken_and_a_longer_one_refused(api: Caller) -> None:
    longest = URL + "x" * (2048 - len(URL))
    assert api.post("/settings", {"webhookUrl": longest})["webhookUrl"] == longest
    api.post("/settings", {"webhookUrl": longest + "x"}, status=400)
    assert api.get("/settings")["webhookUrl"] == longest


@pytest.mark.contract("8.3", "POST /settings: refused URLs")
@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
def test_a_url_that_may_not_be_reached_is_refused(world: World, url: str) -> None:
    strict = world.with_settings(webhook_private_addresses="refuse")
    for environment in ("sandbox", "production"):
        api = strict.caller(environment)
        error = api.post("/settings", {"webhookUrl": url}, status=400)
        assert (error["status"], error["title"], error["detail"]) == (400, "BadRequestError", "Invalid URL")
        assert api.get("/settings")["webhookUrl"] is None


@pytest.mark.contract("8.3", "POST /settings: mrFilters with one entry for each of the 16 sections")
def test_filters_of_all_sections_are_kept_in_their_order(api: Caller) -> None:
    filters: list[Json] = [{"key": key} for key in reversed(SECTIONS)]
    filters[0] |= {"dateFilter": {"from": "2024-02-29", "to": "2025-01-31"}, "stringFilter": "a1c"}
    filters[1] |= {"dateFilter": {"to": "2025-01-31"}}
    assert len(filters) == 16
    assert api.post("/settings", {"mrFilters": filters})["mrFilters"] == filters
    assert api.get("/settings")["mrFilters"] == filters, "what is not given is absent, not null"


@pytest.mark.contract("8.3", "POST /settings: fewer filters")
@pytest.mark.parametrize("missing", SECTIONS)
def test_filters_without_one_section_are_refused(api: Caller, missing: str) -> None:
    filters = [{"key": key} for key in SECTIONS if key != missing]
    error = api.post("/settings", {"mrFilters": filters}, status=400)
    assert error["title"] == "Missing or invalid parameters"
    api.post("/settings", {"mrFilters": [*filters, filters[0]]}, status=400)
    assert api.get("/settings")["mrFilters"] is None


@pytest.mark.contract("8.3", "first URL: a new webhookKey; changing keeps it; clearing removes it")
@pytest.mark.parametrize("cleared", ["", None])
def test_the_key_is_renewed_by_clearing_the_url(api: Caller, cleared: str | None) -> None:
    first = api.post("/settings", {"webhookUrl": URL})["webhookKey"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{21}", first)
    assert api.post("/settings", {"webhookUrl": URL + "2"})["webhookKey"] == first
    gone = api.post("/settings", {"webhookUrl": cleared})
    assert (gone["webhookUrl"], gone["webhookKey"]) == (None, None)
    second = api.post("/settings", {"webhookUrl": URL})["webhookKey"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{21}", second)
    assert second != first


@pytest.mark.contract("8.3", "setting a URL: a ping in the background, the response does not wait")
def test_a_ping_follows_and_is_not_waited_for(api: Caller, receiver: Receiver) -> None:
    receiver.fail_next(1, status=200, type="ping", delay_s=1.0)
    began = time.monotonic()
    api.post("/settings", {"webhookUrl": receiver.url})
    assert time.monotonic() - began < 1.0
    receiver.wait_for("ping")


@pytest.mark.contract("8.3", "GET /settings/webhook: before any settings exist")
def test_the_status_of_an_account_without_settings_is_all_zeros(api: Caller) -> None:
    assert api.get("/settings/webhook") == {
        "webhookEnabled": False,
        "webhookStatusDetail": None,
        "webhookRequestsProcessing": 0,
        "webhookRequestsFailed": 0,
        "webhookCircuit": "closed",
        "webhookRetryAt": None,
    }


@pytest.mark.contract("8.3", "settings below /medical/v1 too")
def test_the_settings_have_a_second_path(api: Caller) -> None:
    api.post("/medical/v1/settings", {"webhookUrl": URL})
    assert api.get("/settings") == api.get("/medical/v1/settings")


SAMPLE: Json = {
    "payload": {"patientId": "p", "n": 1.5},
    "meta": {"when": "now", "type": "patient.admit", "x": [1]},
}


class TestSamplePayload:
    """``POST /settings/webhook/sample-payload``."""

    PATH = "/settings/webhook/sample-payload"

    @pytest.mark.contract("8.3", "sample-payload: sent as is, signed; 200 {status, webhookResponse, url, …}")
    def test_it_is_sent_as_it_is_and_signed_and_the_answer_is_told(
        self, api: Caller, receiver: Receiver
    ) -> None:
        receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
        answer = api.post(self.PATH, SAMPLE)
        (got,) = receiver.wait_for("patient.admit")
        assert got.json == SAMPLE
        assert list(got.json) == list(SAMPLE), "in the caller's own order"
        assert got.is_signed_with(receiver.key or "")
        assert (answer["status"], answer["url"], answer["detail"]) == (200, receiver.url, "OK")
        assert answer["webhookResponse"] is None, "this receiver answers with an empty body"
        assert isinstance(answer["durationMillis"], int)

    def test_the_receivers_own_words_are_told(self, api: Caller, receiver: Receiver) -> None:
        api.post("/settings", {"webhookUrl": receiver.url})
        receiver.wait_for("ping")
        ping = {"meta": {"type": "ping"}, "ping": "abc"}
        assert api.post(self.PATH, ping)["webhookResponse"] == {"pong": "abc"}

    @pytest.mark.contract("8.3", "sample-payload in production")
    def test_it_is_for_the_sandbox_only(self, world: World) -> None:
        error = world.caller("production").post(self.PATH, SAMPLE, status=400)
        assert error["detail"] == "Webhook sample payload is not available in production"

    @pytest.mark.contract("8.3", "sample-payload without a URL")
    def test_it_needs_a_url(self, api: Caller) -> None:
        error = api.post(self.PATH, SAMPLE, status=400)
        assert error["detail"] == "Webhook URL and key must be configured"

    @pytest.mark.parametrize(
        "body", [{}, {"meta": {}}, {"meta": {"type": 5}}, {"meta": {"type": ""}}, [], "text"], ids=str
    )
    def test_a_body_without_a_type_is_refused(self, api: Caller, body: Any) -> None:
        api.post("/settings", {"webhookUrl": URL})
        error = api.post(self.PATH, body, status=400)
        assert error["title"] == "Missing or invalid parameters"

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (b"[" * 90 + b"]" * 90, list),
            (b"[" * 300 + b"]" * 300, str),
            (b'{"a":' * 900 + b"1" + b"}" * 900, str),
            (b"[" * 30_000, str),
            (b"\xff\xfe\x00", str),
            (b"1e999", str),
        ],
        ids=["lists", "deep lists", "deep objects", "endless", "binary", "no number"],
    )
    def test_whatever_the_receiver_answers_is_told(self, answer: bytes, told: type) -> None:
        assert isinstance(_readable(answer), told)
        SampleAnswer(
            status=200, webhookResponse=_readable(answer), url=URL, durationMillis=1, detail="OK"
        ).model_dump_json()

    def test_a_body_nested_too_deep_is_refused(self, api: Caller) -> None:
        api.post("/settings", {"webhookUrl": URL})
        deep: Json = {}
        for _ in range(150):
            deep = {"a": deep}
        error = api.post(self.PATH, {**SAMPLE, "payload": deep}, status=400)
        assert error["detail"] == "A test event may be nested 100 levels deep at most"

    def test_a_receiver_that_is_down_is_told_and_no_error(self, api: Caller) -> None:
        api.post("/settings", {"webhookUrl": URL})
        answer = api.post(self.PATH, SAMPLE)
        assert (answer["status"], answer["webhookResponse"]) == (None, None)
        assert answer["detail"] == "Failed to send payload"

    @pytest.mark.parametrize("status", [302, 404, 500])
    def test_a_receiver_that_refuses_is_told(self, api: Caller, receiver: Receiver, status: int) -> None:
        api.post("/settings", {"webhookUrl": receiver.url})
        receiver.fail_next(1, status=status, type="patient.admit", headers={"location": receiver.url})
        answer = api.post(self.PATH, SAMPLE)
        assert (answer["status"], answer["detail"]) == (status, f"Request failed with status code {status}")

    def test_it_goes_nowhere_that_a_message_may_not(self, world: World) -> None:
        caller = world.caller()
        caller.post("/settings", {"webhookUrl": "http://127.0.0.1:9/hook"})
        strict = Caller(world.with_settings(webhook_private_addresses="refuse").app, caller.key)
        assert strict.post(self.PATH, SAMPLE)["detail"] == "the receiver's address is not allowed"

    def test_a_key_of_an_object_in_it_becomes_no_url(self, api: Caller, receiver: Receiver) -> None:
        api.post("/settings", {"webhookUrl": receiver.url})
        link = {"$object": {"key": "sandbox/a", "content_type": "a/b", "expires_in_s": 60, "filename": "x"}}
        api.post(self.PATH, {**SAMPLE, "payload": link})
        (got,) = receiver.wait_for("patient.admit")
        assert got.json["payload"] == link

    def test_it_leaves_the_status_of_the_webhook_as_it_was(self, api: Caller, receiver: Receiver) -> None:
        api.post("/settings", {"webhookUrl": receiver.url})
        before = wait_for_status(api, webhookEnabled=True)
        receiver.fail_next(1, type="patient.admit")
        api.post(self.PATH, SAMPLE)
        assert api.get("/settings/webhook") == before

    def test_a_body_that_no_message_would_have_is_too_large(self, api: Caller) -> None:
        api.post("/settings", {"webhookUrl": URL})
        error = api.post(self.PATH, {**SAMPLE, "text": "x" * 300_000}, status=413)
        assert error["detail"] == "A test event may have at most 262144 bytes"
