"""Messages and their delivery, row by row (contract, webhooks 8.1, 8.2, 8.4 to 8.7)."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
from sqlalchemy import select

from chartbridge.features.webhooks import asyncapi, retrying, service
from chartbridge.features.webhooks.events import EVENTS
from chartbridge.features.webhooks.examples import EXAMPLES
from chartbridge.features.webhooks.links import link
from chartbridge.features.webhooks.models import WebhookMessage
from chartbridge.features.webhooks.retrying import Selection
from tests.running import Caller, World, running, wait_until
from tests.support.receiver import Receiver
from tests.webhooks.conftest import wait_for_status
from tests.webhooks.sending import ended, send, stored

CATALOGUE = {
    "ping",
    "network-query.hie",
    "network-query.pharmacy",
    "network-query.lab",
    "network-query.hie.first-data-ready",
    "medical.consolidated-data",
    "medical.bulk-patient-create",
    "medical.document-bulk-download-paged",
    "medical.document-bulk-download-urls",
    "medical.document-download",
    "medical.document-conversion",
    "message.status",
    "message.received",
    "patient.admit",
    "patient.transfer",
    "patient.discharge",
    "patient.pharmacy",
    "patient.laboratory",
    "ias.identity.verified",
}
FULL = sorted(CATALOGUE - {"ping"})


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request, webhook_max_attempts=1) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def listening(api: Caller, receiver: Receiver) -> Caller:
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    wait_for_status(api, webhookEnabled=True, webhookStatusDetail="OK")
    return api


@pytest.mark.contract("8.6", "event catalogue")
def test_the_types_of_messages_are_those_of_the_catalogue() -> None:
    assert set(EVENTS) == CATALOGUE
    assert set(EXAMPLES) == set(EVENTS)


@pytest.mark.contract("8.1", "request: POST, headers, signature over the exact bytes")
@pytest.mark.contract("8.2", "envelope")
@pytest.mark.contract("8.7", "minimal samples")
@pytest.mark.parametrize("kind", FULL)
def test_each_type_arrives_as_documented(
    world: World, listening: Caller, receiver: Receiver, kind: str
) -> None:
    request = str(uuid.uuid4())
    content = _linked(EXAMPLES[kind])
    message_id = send(world, listening, kind=kind, content=content, request_id=request, metadata={"k": "v"})
    (got,) = receiver.wait_for(kind)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == "Metriport API"
    signature = hmac.new((receiver.key or "").encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-metriport-signature"] == signature
    message = got.json
    meta = message.pop("meta")
    assert _without_urls(message) == _without_urls(EXAMPLES[kind])
    assert "$object" not in got.body.decode()
    assert meta == {
        "messageId": message_id,
        "requestId": request,
        "when": meta["when"],
        "type": kind,
        "data": {"k": "v"},
    }
    assert uuid.UUID(meta["messageId"]).version == 4
    assert datetime.fromisoformat(meta["when"]).utcoffset() is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", meta["when"])
    jsonschema_rs.Draft202012Validator(asyncapi.message_schema(kind)).validate(got.json)


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and "/storage/" in value


def _linked(value: Any) -> Any:
    """An example as the sender makes it: with a link to an object in place of each URL."""
    if _is_url(value):
        return link("sandbox/an/object", content_type="application/json", expires_in_s=60)
    if isinstance(value, dict):
        return {name: _linked(item) for name, item in value.items()}
    return [_linked(item) for item in value] if isinstance(value, list) else value


def _without_urls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_urls(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_urls(item) for item in value]
    return "a URL" if _is_url(value) else value


@pytest.mark.contract("8.2", "optional strings are omitted, not null; size is a number")
@pytest.mark.parametrize("kind", FULL)
def test_what_there_is_not_is_omitted(world: World, listening: Caller, receiver: Receiver, kind: str) -> None:
    send(world, listening, kind=kind, content=_linked(_least(EXAMPLES[kind])))
    (got,) = receiver.wait_for(kind)
    assert b"null" not in got.body
    assert got.json["meta"].keys() == {"messageId", "when", "type"}
    jsonschema_rs.Draft202012Validator(asyncapi.message_schema(kind)).validate(got.json)
    for patient in got.json.get("patients", []):
        for document in patient.get("documents", []):
            assert isinstance(document["size"], int)


_OPTIONAL = {"externalId", "additionalIds", "description", "type", "organizationIdentifiers", "source"}


def _least(value: Any) -> Any:
    """An example without what may be left out; ``type`` and ``source`` stay where they are needed."""
    if isinstance(value, dict):
        kept = {}
        for name, item in value.items():
            needed = isinstance(item, {"type": str, "source": dict}.get(name, bytes))
            if name not in _OPTIONAL or needed:
                kept[name] = _least(item)
        return kept
    return [_least(item) for item in value] if isinstance(value, list) else value


@pytest.mark.contract("8.5", "ping: {ping, meta} and 2xx with {pong: <same>}")
def test_a_ping_holds_its_text_and_is_answered(api: Caller, receiver: Receiver) -> None:
    api.post("/settings", {"webhookUrl": receiver.url})
    (ping,) = receiver.wait_for("ping")
    assert ping.json.keys() == {"ping", "meta"}
    assert re.fullmatch(r"[A-Za-z0-9_-]{21}", ping.json["ping"])
    assert ping.json["meta"].keys() == {"messageId", "when", "type"}
    wait_for_status(api, webhookEnabled=True, webhookStatusDetail="OK")


@pytest.mark.contract("8.5", "ping: another answer")
def test_a_ping_without_its_pong_disables_the_webhook(api: Caller, receiver: Receiver) -> None:
    receiver.fail_next(1, status=200, type="ping")  # 200, but an empty body
    api.post("/settings", {"webhookUrl": receiver.url})
    wait_for_status(api, webhookEnabled=False, webhookStatusDetail="Bad response from webhook call")


@pytest.mark.contract("8.1", "deadline: ping 2 s")
def test_a_ping_has_two_seconds_and_a_message_five(world: World) -> None:
    assert service.timeout_s(world.platform, {"ping": "x", "meta": {}}) == 2.0
    assert service.timeout_s(world.platform, {"patients": [], "meta": {}}) == 5.0


@pytest.mark.contract("8.1", "without a configured URL: stored as failure, not sent")
def test_without_a_url_a_message_is_stored_as_failed(world: World, api: Caller) -> None:
    kept = stored(world, api, send(world, api))
    assert (kept.status, kept.attempts, kept.request_url) == ("failure", 0, None)
    assert api.get("/settings/webhook")["webhookRequestsFailed"] == 1


@pytest.mark.contract("8.1", "metadata disableWHFlag")
def test_a_message_that_is_not_wanted_is_stored_as_success(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    message_id = send(world, listening, metadata={"disableWHFlag": "true"})
    assert stored(world, listening, message_id).status == "success"
    ended(world, listening, send(world, listening))
    assert [m.json["meta"]["messageId"] == message_id for m in receiver.received[1:]] == [False]


@pytest.mark.contract("8.1", "on failure: webhookEnabled false; delivery continues; on success: true again")
def test_a_failure_disables_and_the_next_success_enables(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(1, status=404)
    assert ended(world, listening, send(world, listening)).status == "failure"
    detail = "Request failed with status code 404"
    wait_for_status(listening, webhookEnabled=False, webhookStatusDetail=detail, webhookRequestsFailed=1)
    assert ended(world, listening, send(world, listening)).status == "success"
    wait_for_status(listening, webhookEnabled=True, webhookStatusDetail="OK", webhookRequestsFailed=1)


@pytest.mark.contract("8.4", "POST /settings/webhook/retry: 200 text OK at once")
def test_a_retry_answers_at_once_and_in_text(listening: Caller) -> None:
    answer = listening.http.post("/settings/webhook/retry")
    assert (answer.status_code, answer.text) == (200, "OK")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.contract("8.4", "retry: oldest first, same messageId, when, type, payload")
def test_a_retry_sends_all_that_failed_as_it_was(world: World, api: Caller, receiver: Receiver) -> None:
    sent = [send(world, api, request_id=str(n)) for n in range(7)]
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    before = {m: stored(world, api, m).body for m in sent}
    api.post("/settings/webhook/retry")
    got = receiver.wait_for("medical.consolidated-data", 7)
    assert {m.json["meta"]["messageId"]: m.json for m in got} == before
    wait_for_status(api, webhookRequestsFailed=0, webhookRequestsProcessing=0)


class TestBatches:
    """A retry may meet any number of messages: it takes them in batches."""

    def test_batches_go_from_the_oldest_to_the_newest_and_end(self, world: World, api: Caller) -> None:
        sent = [send(world, api) for _ in range(5)]
        api.post("/settings", {"webhookUrl": "http://127.0.0.1:9/nobody"})
        began = Selection(None, datetime(2999, 1, 1, tzinfo=UTC))
        taken: list[list[str]] = []
        place: list[str] | None = []
        with world.platform.db.write(world.tenant(api)) as session:
            while place is not None:
                place = retrying.resend_batch(world.platform, session, began, place, size=2)
                taken.append(self._processing(session))
            session.rollback()
        assert taken == [sorted(sent[:2]), sorted(sent[:4]), sorted(sent)]

    @staticmethod
    def _processing(session: Any) -> list[str]:
        found = session.scalars(
            select(WebhookMessage.id).where(
                WebhookMessage.status == "processing", WebhookMessage.type != "ping"
            )
        )
        return sorted(found)

    def test_a_receiver_that_refuses_everything_does_not_keep_a_retry_going(
        self, world: World, listening: Caller, receiver: Receiver
    ) -> None:
        receiver.fail_next(1000)
        sent = [send(world, listening) for _ in range(3)]
        for message_id in sent:
            assert ended(world, listening, message_id).status == "failure"
        listening.post("/settings/webhook/retry")
        wait_until(lambda: all(stored(world, listening, m).attempts == 2 for m in sent), "a second attempt")
        time.sleep(0.3)
        assert [stored(world, listening, m).attempts for m in sent] == [2, 2, 2]

    def test_messages_made_after_the_retry_are_not_its_business(self, world: World, api: Caller) -> None:
        early = send(world, api)
        began = Selection(None, stored(world, api, early).created_at)
        late = send(world, api)
        api.post("/settings", {"webhookUrl": "http://127.0.0.1:9/nobody"})
        with world.platform.db.write(world.tenant(api)) as session:
            assert retrying.resend_batch(world.platform, session, began, []) is None
            assert self._processing(session) == [early]
            session.rollback()
        assert stored(world, api, late).status == "failure"

    def test_another_accounts_messages_are_left_alone(
        self, world: World, listening: Caller, receiver: Receiver
    ) -> None:
        other = world.caller()
        message_id = send(world, other)
        listening.post("/settings/webhook/retry")
        ended(world, listening, send(world, listening))
        assert stored(world, other, message_id).status == "failure"
