"""Every type of message that is sent, as both SDKs' users take it: parsed, and verified."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from chartbridge.features.webhooks import builders, events, notifications, service
from chartbridge.features.webhooks.asyncapi import example
from chartbridge.features.webhooks.content import Content, PatientKeys
from chartbridge.features.webhooks.events import EVENTS
from tests.running import Caller, World, running
from tests.sdk.drivers import Driver, Sdk, SdkError
from tests.support.receiver import Received, Receiver

pytestmark = pytest.mark.sdk

UNKNOWN_TO_THE_PARSER = {"message.received", "ias.identity.verified"}
KNOWN = sorted(set(EVENTS) - UNKNOWN_TO_THE_PARSER)
MOMENT = datetime(2026, 2, 1, 9, tzinfo=UTC)
PATIENT = PatientKeys(patientId=str(uuid.UUID(int=7)), externalId="mrn-1")
NOBODY_ELSE = PatientKeys(patientId=str(uuid.UUID(int=7)))
WARD = notifications.Place(name="ED", type="ward")
KEY = "sandbox/a/file.json"
BUILT: dict[str, list[Content]] = {
    events.PATIENT_ADMIT: [
        builders.admit(PATIENT, KEY, MOMENT, MOMENT),
        builders.admit(NOBODY_ELSE, KEY, MOMENT),
    ],
    events.PATIENT_TRANSFER: [
        builders.transfer(PATIENT, KEY, MOMENT, [builders.move(MOMENT, WARD, WARD)], MOMENT)
    ],
    events.PATIENT_DISCHARGE: [builders.discharge(PATIENT, KEY, MOMENT, MOMENT)],
    events.PATIENT_PHARMACY: [
        builders.pharmacy(PATIENT, KEY, date(2026, 1, 31)),
        builders.pharmacy(NOBODY_ELSE, KEY),
    ],
    events.PATIENT_LABORATORY: [
        builders.laboratory(PATIENT, KEY, date(2026, 1, 31)),
        builders.laboratory(NOBODY_ELSE, KEY),
    ],
    events.MESSAGE_STATUS: [
        builders.message_status(str(uuid.uuid4()), PATIENT.patientId, MOMENT, MOMENT),
        builders.message_status(str(uuid.uuid4()), PATIENT.patientId, MOMENT, MOMENT, "mailbox unknown"),
    ],
    events.MESSAGE_RECEIVED: [
        builders.message_received(str(uuid.uuid4()), PATIENT.patientId, KEY, "a@direct.test", "Hi", MOMENT)
    ],
    events.IDENTITY_VERIFIED: [builders.identity_verified("proof", PATIENT.patientId, "session", MOMENT)],
    events.BULK_PATIENT_CREATE: [
        events.BulkPatientCreate(
            bulkPatientCreate=events.BulkPatientCreateState(requestId="r", status="processing")
        ),
        events.BulkPatientCreate(
            bulkPatientCreate=events.BulkPatientCreateState(requestId="r", status="failed", reason="no file")
        ),
    ],
}


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running("sqlite", tmp_path_factory, request) as started:
        yield started


@pytest.fixture
def api(world: World) -> Caller:
    return world.caller()


def js(driver: Driver, method: str, *arguments: Any) -> Any:
    return Sdk(driver, "http://127.0.0.1:9", "none").call(method, *arguments)


@pytest.mark.parametrize("kind", KNOWN)
def test_the_javascript_sdk_parses_every_documented_message(javascript: Driver, kind: str) -> None:
    parsed = js(javascript, "parseWebhook", example(kind))
    assert parsed["meta"]["type"] == kind


@pytest.mark.parametrize("kind", sorted(UNKNOWN_TO_THE_PARSER))
def test_types_that_its_parser_does_not_know_are_as_the_contract_says(javascript: Driver, kind: str) -> None:
    with pytest.raises(SdkError):
        js(javascript, "parseWebhook", example(kind))


def test_what_is_built_and_sent_is_parsed_and_verified_in_every_way(
    world: World, api: Caller, receiver: Receiver, javascript: Driver
) -> None:
    key = receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    contents = [(kind, content) for kind, several in BUILT.items() for content in several]
    with world.platform.db.write(world.tenant(api)) as session:
        for kind, content in contents:
            service.send(world.platform, session, kind, content, request_id=str(uuid.uuid4()))
    receiver.wait_until(lambda: len(receiver.received) == len(contents) + 1, 30, "all messages")
    for message in receiver.received:
        assert is_genuine(javascript, key, message)
        if message.type not in UNKNOWN_TO_THE_PARSER:
            assert js(javascript, "parseWebhook", message.json)["meta"]["type"] == message.type
        assert b"null" not in message.body
        assert b"$object" not in message.body


def is_genuine(javascript: Driver, key: str, message: Received) -> bool:
    """By the JavaScript SDK, by what users of the Python SDK write (it has no such function), and by the
    library of Standard Webhooks."""
    Webhook("whsec_" + base64.b64encode(key.encode()).decode()).verify(message.body, dict(message.headers))
    expected = hmac.new(key.encode(), message.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, message.signature)
    return bool(js(javascript, "verifySignature", key, message.body.decode(), message.signature))
