"""From a stored message to the receiver: bytes, signature, attempts, and what is kept about them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest

from chartbridge.features.webhooks import events, links, service
from chartbridge.storage import keys
from tests.running import Caller, World, wait_until
from tests.support.receiver import Receiver
from tests.webhooks.conftest import ATTEMPTS, TIMEOUT_S, wait_for_status
from tests.webhooks.sending import EVENT, ended, send, stored

PATIENT = {"patientId": "p", "status": "completed", "bundle": {"total": 1}, "filters": {}}
pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")


def test_a_message_arrives_signed_over_its_exact_bytes(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    content = {"patients": [{**PATIENT, "externalId": "Zoë 漢字 \u2028"}]}
    message_id = send(world, listening, content=content, request_id="r-1", metadata={"k": "v"})
    (got,) = receiver.wait_for(EVENT)
    assert got.is_signed_with(receiver.key or "")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == "Metriport API"
    assert got.signature == got.signature.lower()
    meta = got.json["meta"]
    assert meta == {
        "messageId": message_id,
        "requestId": "r-1",
        "when": meta["when"],
        "type": EVENT,
        "data": {"k": "v"},
    }
    assert datetime.fromisoformat(meta["when"]).utcoffset() is not None
    assert got.json["patients"] == content["patients"]
    kept = ended(world, listening, message_id)
    assert (kept.status, kept.status_detail, kept.http_status) == ("success", "OK", 200)
    assert (kept.attempts, kept.request_url) == (1, receiver.url)
    assert kept.duration_ms is not None


def test_what_a_message_does_not_have_is_left_out(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    send(world, listening)
    (got,) = receiver.wait_for(EVENT)
    assert got.json["meta"].keys() == {"messageId", "when", "type"}
    assert b"null" not in got.body


def test_metadata_that_look_like_a_link_are_only_text(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    send(world, listening, metadata={"$object": "x"})
    (got,) = receiver.wait_for(EVENT)
    assert got.json["meta"]["data"] == {"$object": "x"}


def test_without_a_url_a_message_is_kept_as_failed_and_can_be_sent_later(
    world: World, api: Caller, receiver: Receiver
) -> None:
    message_id = send(world, api)
    kept = stored(world, api, message_id)
    assert (kept.status, kept.status_detail, kept.attempts) == ("failure", "Missing webhook URL", 0)
    assert api.get("/settings/webhook")["webhookRequestsFailed"] == 1
    assert api.post("/settings/webhook/retry") == "OK", "without a URL there is nothing to do"
    assert stored(world, api, message_id).status == "failure"
    receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    assert api.post("/settings/webhook/retry") == "OK"
    (got,) = receiver.wait_for(EVENT)
    assert got.json["meta"]["messageId"] == message_id
    assert ended(world, api, message_id).status == "success"
    wait_for_status(api, webhookRequestsFailed=0, webhookRequestsProcessing=0)


def test_a_request_can_ask_for_no_message(world: World, listening: Caller, receiver: Receiver) -> None:
    message_id = send(world, listening, metadata={"disableWHFlag": "true"})
    assert stored(world, listening, message_id).status == "success"
    later = send(world, listening)
    ended(world, listening, later)
    assert [m.json["meta"]["messageId"] for m in receiver.of_type(EVENT)] == [later]


def test_failed_attempts_are_repeated_with_growing_pauses_until_one_succeeds(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(ATTEMPTS - 1, status=503)
    message_id = send(world, listening)
    kept = ended(world, listening, message_id)
    assert (kept.status, kept.attempts) == ("success", ATTEMPTS)
    tries = [r for r in receiver.received if r.type == EVENT]
    assert [t.answered for t in tries] == [503] * (ATTEMPTS - 1) + [200]
    assert len({t.json["meta"]["messageId"] for t in tries}) == 1
    assert len({t.json["meta"]["when"] for t in tries}) == 1
    pauses = [later.at - earlier.at for earlier, later in pairwise(tries)]
    base = world.platform.settings.webhook_backoff_s
    assert all(pause >= base * 2**n * 0.8 for n, pause in enumerate(pauses)), pauses


def test_a_message_is_processing_until_its_attempts_are_used_up(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(ATTEMPTS, status=500, delay_s=0.1)
    message_id = send(world, listening)
    receiver.wait_until(lambda: len(receiver.received) == 2, 10, "a first attempt")
    wait_for_status(listening, webhookRequestsProcessing=1, webhookRequestsFailed=0, webhookEnabled=False)
    kept = ended(world, listening, message_id)
    assert (kept.status, kept.attempts, kept.http_status) == ("failure", ATTEMPTS, 500)
    assert kept.status_detail == "Request failed with status code 500"
    wait_for_status(listening, webhookRequestsProcessing=0, webhookRequestsFailed=1)


def test_a_manual_retry_sends_failed_messages_again_as_they_were(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(2 * ATTEMPTS)
    failed = [send(world, listening, request_id=f"r-{n}") for n in range(2)]
    for message_id in failed:
        assert ended(world, listening, message_id).status == "failure"
    first = {m.json["meta"]["messageId"]: m.body for m in receiver.received if m.type == EVENT}
    assert listening.post("/settings/webhook/retry") == "OK"
    got = receiver.wait_for(EVENT, 2)
    assert {m.json["meta"]["messageId"]: m.body for m in got} == first
    for message_id in failed:
        kept = ended(world, listening, message_id)
        assert (kept.status, kept.attempts) == ("success", ATTEMPTS + 1)
    assert listening.post("/settings/webhook/retry") == "OK"
    time.sleep(0.3)
    assert len(receiver.of_type(EVENT)) == 2, "what was delivered is not sent again"


def test_a_retried_message_has_all_its_attempts_anew(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(2 * ATTEMPTS - 1)
    message_id = send(world, listening)
    assert ended(world, listening, message_id).status == "failure"
    listening.post("/settings/webhook/retry")
    wait_until(lambda: stored(world, listening, message_id).status == "success", "it arrives")
    assert stored(world, listening, message_id).attempts == 2 * ATTEMPTS


def test_links_are_signed_anew_at_each_attempt(world: World, listening: Caller, receiver: Receiver) -> None:
    tenant = world.tenant(listening)
    key = keys.query_result(tenant, "p", "r", "json")
    world.platform.store.put(key, b'{"a":1}', content_type="application/json")
    url = links.link(key, content_type="application/json", expires_in_s=60, filename="a.json")
    receiver.fail_next(2, delay_s=0.5)
    message_id = send(world, listening, content={"patients": [{**PATIENT, "bundle": {"url": url}}]})
    assert ended(world, listening, message_id).status == "success"
    tries = [r.json["patients"][0]["bundle"]["url"] for r in receiver.received if r.type == EVENT]
    expiries = [int(parse_qs(urlsplit(u).query)["expires"][0]) for u in tries]
    assert expiries[0] < expiries[-1]
    assert listening.fetch(tries[-1]).json() == {"a": 1}
    assert "$object" in str(stored(world, listening, message_id).body), "no URL is kept"


def test_a_redirect_is_a_failure_and_is_not_followed(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    with Receiver() as elsewhere:
        receiver.fail_next(ATTEMPTS, status=307, headers={"location": elsewhere.url})
        message_id = send(world, listening)
        kept = ended(world, listening, message_id)
        assert (kept.status, kept.http_status) == ("failure", 307)
        assert kept.status_detail == "Request failed with status code 307"
        assert elsewhere.received == []


def test_a_slow_receiver_is_left_after_the_deadline(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(1, status=200, delay_s=TIMEOUT_S * 2)
    message_id = send(world, listening)
    wait_for_status(listening, webhookStatusDetail=f"timeout of {TIMEOUT_S:g}s exceeded")
    assert ended(world, listening, message_id).attempts == 2


def test_many_messages_at_once_all_arrive(world: World, listening: Caller, receiver: Receiver) -> None:
    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda _: send(world, listening), range(24)))
    for message_id in sent:
        assert ended(world, listening, message_id).status == "success"
    assert {m.json["meta"]["messageId"] for m in receiver.wait_for(EVENT, 24)} == set(sent)
    wait_for_status(listening, webhookEnabled=True, webhookRequestsProcessing=0, webhookRequestsFailed=0)


def test_clearing_the_url_ends_what_was_to_be_tried_again(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(1)
    message_id = send(world, listening)
    receiver.wait_until(lambda: len(receiver.received) == 2, 10, "a first attempt")
    listening.post("/settings", {"webhookUrl": ""})
    kept = ended(world, listening, message_id)
    assert (kept.status, kept.status_detail) == ("failure", "Missing webhook URL")


def test_a_rolled_back_transaction_sends_nothing(world: World, listening: Caller, receiver: Receiver) -> None:
    with world.platform.db.write(world.tenant(listening)) as session:
        service.send(world.platform, session, EVENT, events.ConsolidatedData(patients=[]))
        session.rollback()
    later = send(world, listening)
    ended(world, listening, later)
    assert [m.json["meta"]["messageId"] for m in receiver.of_type(EVENT)] == [later]
