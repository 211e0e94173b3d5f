"""Signatures, as receivers verify them: the contract's, and those of Standard Webhooks."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from chartbridge.features.webhooks import signing
from chartbridge.ids import nanoid
from tests.running import Caller, World
from tests.support.receiver import Received, Receiver
from tests.webhooks.sending import EVENT, ended, send


def secret(key: str) -> str:
    """The account's key as libraries of Standard Webhooks take it."""
    return "whsec_" + base64.b64encode(key.encode()).decode()


def test_the_contracts_signature_is_that_of_known_bytes() -> None:
    assert (
        signing.sign("key", b"The quick brown fox jumps over the lazy dog")
        == "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    )


@pytest.mark.parametrize("body", [b"{}", '{"a":"Zoë 漢字"}'.encode()], ids=["short", "unicode"])
def test_the_standards_library_verifies_and_refuses_what_was_changed(body: bytes) -> None:
    key, now = nanoid(), int(datetime.now(UTC).timestamp())
    headers = {name.decode(): value.decode() for name, value in signing.headers(key, "msg-1", now, body)}
    Webhook(secret(key)).verify(body, headers)
    for changed in (
        {**headers, "webhook-id": "msg-2"},
        {**headers, "webhook-timestamp": str(now - 1)},
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret(key)).verify(body, changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(key)).verify(body + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(nanoid())).verify(body, headers)


def verified(receiver: Receiver, message: Received) -> bool:
    assert receiver.key
    assert message.is_signed_with(receiver.key)
    return bool(Webhook(secret(receiver.key)).verify(message.body, dict(message.headers)))


def test_every_attempt_and_every_test_event_is_signed_both_ways(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(1)
    message_id = send(world, listening)
    ended(world, listening, message_id)
    event = {"meta": {"messageId": "of-mine", "type": "patient.admit"}}
    listening.post("/settings/webhook/sample-payload", event)
    assert all(verified(receiver, message) for message in receiver.received)
    tries = [m for m in receiver.received if m.type == EVENT]
    assert {m.headers["webhook-id"] for m in tries} == {message_id}
    assert receiver.received[-1].headers["webhook-id"] == "of-mine"


def test_a_test_events_id_that_no_header_can_hold_is_not_put_into_one(
    listening: Caller, receiver: Receiver
) -> None:
    event = {"meta": {"messageId": "x\r\nx-other: 1", "type": "patient.admit"}}
    assert listening.post("/settings/webhook/sample-payload", event)["status"] == 200
    assert "x-other" not in receiver.received[-1].headers
    assert verified(receiver, receiver.received[-1])
