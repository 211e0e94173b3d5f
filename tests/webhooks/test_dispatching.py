"""Who sends what, when: several workers, accounts beside each other, receivers that are dead or come back."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from chartbridge.db.upsert import insert_all_new
from chartbridge.features.webhooks import attempts, outbox, service
from chartbridge.features.webhooks.delivery import Outcome
from chartbridge.features.webhooks.dispatcher import Dispatcher
from chartbridge.features.webhooks.events import ConsolidatedData
from chartbridge.features.webhooks.models import WebhookCircuit, WebhookDelivery, WebhookMessage
from chartbridge.features.webhooks.outbox import Queue
from chartbridge.ids import utcnow
from chartbridge.platform import Platform
from tests.running import Caller, World, running, wait_until
from tests.support.client import M
from tests.support.receiver import Receiver
from tests.webhooks.sending import EVENT, ended, send, stored

DEAD = "http://127.0.0.1:9/nobody"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def idle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A platform on which nobody sends but whom a test starts."""
    with running(
        request.param,
        tmp_path_factory,
        request,
        worker=False,
        webhook_timeout_s=10.0,
        heartbeat_s=0.2,
        worker_lost_after_s=0.8,
        webhook_circuit_failures=3,
        webhook_circuit_pause_s=0.2,
    ) as started:
        yield started


@pytest.fixture
def api(idle: World) -> Iterator[Caller]:
    """A caller of an account of its own; what it leaves waiting is not sent by the next test's senders."""
    caller = idle.caller()
    yield caller
    with idle.platform.db.write(None) as session:
        for row in session.scalars(select(WebhookDelivery)):
            session.delete(row)


@contextmanager
def sending(world: World, *names: str, **changes: Any) -> Iterator[None]:
    """Dispatchers of workers of those names, with settings changed as asked."""
    settings = world.platform.settings.model_copy(update=changes)
    platform: Platform = replace(world.platform, settings=settings)
    dispatchers = [Dispatcher(platform, name) for name in names or ("worker",)]
    for dispatcher in dispatchers:
        dispatcher.start()
    try:
        yield
    finally:
        for dispatcher in dispatchers:
            dispatcher.stop()


def listen(api: Caller, url: str) -> str:
    """Set the URL without the ping; returns the key."""
    return str(api.post("/settings", {"webhookUrl": url})["webhookKey"])


def waiting(world: World, api: Caller | None = None) -> int:
    """Messages of that account, or of all, that are on their way."""
    counted = select(func.count()).select_from(WebhookDelivery)
    if api is not None:
        counted = counted.where(WebhookDelivery.tenant == str(world.tenant(api)))
    with world.platform.db.read(None) as session:
        return session.scalar(counted) or 0


def claim(world: World, worker: str, most: int = 10, lease_s: float = 60) -> list[str]:
    with world.platform.db.write(None) as session:
        queues, _ = outbox.due(session, "")
        taken = outbox.claim(session, worker, [(queue, most) for queue in queues], lease_s)
    return [one.message_id for claims in taken.values() for one in claims]


def claimants(world: World) -> set[str | None]:
    with world.platform.db.read(None) as session:
        return set(session.scalars(select(WebhookDelivery.claimed_by)))


def test_a_message_that_one_worker_claimed_is_not_claimed_by_another(idle: World, api: Caller) -> None:
    listen(api, DEAD)
    sent = {send(idle, api) for _ in range(5)}
    first = claim(idle, "a", most=3)
    second = claim(idle, "b")
    assert len(first) == 3
    assert not set(first) & set(second)
    assert sent <= {*first, *second}
    assert claim(idle, "c") == []


def test_what_a_lost_worker_claimed_is_sent_by_another(idle: World, api: Caller, receiver: Receiver) -> None:
    listen(api, receiver.url)
    message_id = send(idle, api)
    assert message_id in claim(idle, "lost", lease_s=0.5)
    with sending(idle, "other"):
        (got,) = receiver.wait_for(EVENT)
        assert ended(idle, api, message_id).status == "success"
    assert got.json["meta"]["messageId"] == message_id


def test_a_worker_that_starts_again_sends_at_once_what_it_left(
    idle: World, api: Caller, receiver: Receiver
) -> None:
    listen(api, receiver.url)
    message_id = send(idle, api)
    assert message_id in claim(idle, "worker", lease_s=3600)
    with sending(idle, "worker"):
        assert ended(idle, api, message_id).status == "success"


def test_a_message_that_ends_its_workers_is_given_up(idle: World, api: Caller, receiver: Receiver) -> None:
    listen(api, receiver.url)
    message_id = send(idle, api)
    for _ in range(idle.platform.settings.job_max_attempts):
        assert message_id in claim(idle, "doomed", lease_s=0)
    with sending(idle):
        kept = ended(idle, api, message_id)
    assert (kept.status, kept.status_detail) == (
        "failure",
        "Internal error: the work was begun too often",
    )
    assert receiver.of_type(EVENT) == []


def test_a_worker_that_stops_leaves_nothing_claimed(idle: World, api: Caller, receiver: Receiver) -> None:
    receiver.fail_next(100, delay_s=5)
    listen(api, receiver.url)
    for _ in range(3):
        send(idle, api)
    with sending(idle, webhook_timeout_s=1.0):
        wait_until(lambda: claimants(idle) == {"worker"}, "all are claimed")
    assert claimants(idle) <= {None}


def test_two_workers_send_each_message_once(idle: World, api: Caller, receiver: Receiver) -> None:
    listen(api, receiver.url)
    with sending(idle, "a", "b"):
        sent = [send(idle, api) for _ in range(60)]
        receiver.wait_for(EVENT, 60)
        wait_until(lambda: waiting(idle, api) == 0, "all are recorded")
    got = Counter(m.json["meta"]["messageId"] for m in receiver.of_type(EVENT))
    assert got == Counter(sent)


def test_an_attempt_that_was_taken_over_counts_only_when_it_arrived(idle: World, api: Caller) -> None:
    listen(api, DEAD)
    tenant = idle.tenant(api)
    message_id = send(idle, api)

    def end(worker: str, number: int, outcome: Outcome) -> WebhookMessage:
        one = outbox.Claim(message_id, number, utcnow() + timedelta(days=1), probe=False)
        attempts.record(idle.platform, tenant, worker, [attempts.Ended(one, outcome, DEAD, utcnow())])
        return stored(idle, api, message_id)

    assert message_id in claim(idle, "slow", lease_s=0)
    assert message_id in claim(idle, "other")
    failed = Outcome(False, "Failed to send payload", None, 1)
    assert end("slow", 1, failed).attempts == 0
    assert end("slow", 1, Outcome(True, "OK", 200, 1)).status == "success"
    assert end("other", 2, failed).status == "success"
    assert waiting(idle, api) <= 1, "the ping may wait"


def hold_up(idle: World, api: Caller, how_many: int) -> None:
    """That many messages wait for the account's receiver, which is dead."""
    listen(api, DEAD)
    first = stored(idle, api, send(idle, api))
    now, tenant = utcnow(), idle.tenant(api)
    ids = [str(uuid.uuid4()) for _ in range(how_many)]
    message = {"type": EVENT, "body": first.body, "status": "processing", "attempts": 0, "attempt_limit": 18}
    delivery = {"tenant": str(tenant), "due_at": now, "expires_at": now + timedelta(days=1), "claims": 0}
    with idle.platform.db.write(tenant) as session:
        insert_all_new(session, WebhookMessage, [{"id": i, **message} for i in ids], key=("id",))
        rows = [{"message_id": i, **delivery} for i in ids]
        insert_all_new(session, WebhookDelivery, rows, key=("message_id",))


def test_ten_thousand_messages_of_a_dead_account_do_not_delay_anothers(
    idle: World, api: Caller, receiver: Receiver
) -> None:
    hold_up(idle, api, 10_000)
    other = idle.caller()
    listen(other, receiver.url)
    with sending(idle, webhook_circuit_failures=1_000_000):
        time.sleep(0.3)
        began = time.monotonic()
        send(idle, other)
        receiver.wait_for(EVENT)
        assert time.monotonic() - began < 10, "the 10,000 take minutes"
        assert waiting(idle, api) > 1000


def claimed(idle: World, api: Caller) -> int:
    """How many of the account's messages are being sent."""
    counted = (
        select(func.count())
        .select_from(WebhookDelivery)
        .where(WebhookDelivery.tenant == str(idle.tenant(api)), WebhookDelivery.claimed_by.is_not(None))
    )
    with idle.platform.db.read(None) as session:
        return session.scalar(counted) or 0


def test_a_receiver_that_hangs_has_no_more_than_its_accounts_share(
    idle: World, api: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(100, delay_s=3)
    listen(api, receiver.url)
    for _ in range(10):
        send(idle, api)
    other = idle.caller()
    with Receiver() as quick, sending(idle, webhook_timeout_s=2.0, webhook_account_concurrency=2):
        listen(other, quick.url)
        for _ in range(10):
            send(idle, other)
            assert claimed(idle, api) <= 2
        quick.wait_for(EVENT, 10)
        assert claimed(idle, api) <= 2


def pauses(idle: World, api: Caller) -> int:
    with idle.platform.db.read(None) as session:
        found = session.get(WebhookCircuit, str(idle.tenant(api)))
    return found.pauses if found else 0


def attempts_left(idle: World, api: Caller, message_ids: list[str]) -> int:
    messages = [stored(idle, api, message_id) for message_id in message_ids]
    return sum(message.attempt_limit - message.attempts for message in messages)


def circuit_of(idle: World, api: Caller) -> Any:
    return api.get("/settings/webhook")["webhookCircuit"]


def test_a_circuit_opens_and_messages_wait_without_using_up_attempts(
    idle: World, api: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(1_000_000)
    listen(api, receiver.url)
    sent = [send(idle, api) for _ in range(8)]
    with sending(idle, webhook_max_attempts=18, webhook_account_concurrency=2):
        wait_until(lambda: circuit_of(idle, api) != "closed", "the circuit opens")
        status = api.get("/settings/webhook")
        assert status["webhookEnabled"] is False
        assert status["webhookRetryAt"]
        assert "Request failed with status code 500 (after" in status["webhookStatusDetail"]
        wait_until(lambda: pauses(idle, api) >= 2, "a probe")
        left = attempts_left(idle, api, sent)
        wait_until(lambda: pauses(idle, api) >= 4, "more probes")
        assert attempts_left(idle, api, sent) == left, "while messages wait they use up no attempts"
        assert all(stored(idle, api, m).status == "processing" for m in sent)
        receiver.recover()
        wait_until(lambda: waiting(idle, api) == 0, "all are sent once it takes messages again")
    assert all(stored(idle, api, m).status == "success" for m in sent)
    status = api.get("/settings/webhook")
    assert (status["webhookCircuit"], status["webhookRetryAt"]) == ("closed", None)
    assert (status["webhookEnabled"], status["webhookStatusDetail"]) == (True, "OK")


def open_circuit(idle: World, api: Caller, retry_in_s: float = 3600) -> None:
    now = utcnow()
    with idle.platform.db.write(None) as session:
        session.add(
            WebhookCircuit(
                tenant=str(idle.tenant(api)),
                failures=20,
                failing_since=now - timedelta(hours=2),
                retry_at=now + timedelta(seconds=retry_in_s),
                pauses=5,
            )
        )


def test_another_url_closes_the_circuit(idle: World, api: Caller, receiver: Receiver) -> None:
    listen(api, DEAD)
    message_id = send(idle, api)
    open_circuit(idle, api)
    with sending(idle):
        time.sleep(0.4)
        assert stored(idle, api, message_id).attempts == 0
        listen(api, receiver.url)
        receiver.wait_for(EVENT)
        wait_until(lambda: circuit_of(idle, api) == "closed", "it is closed")


def test_a_message_that_waited_for_its_time_in_vain_fails_and_says_so(idle: World, api: Caller) -> None:
    listen(api, DEAD)
    message_id = send(idle, api)
    open_circuit(idle, api)
    with idle.platform.db.write(None) as session:
        session.execute(update(WebhookDelivery).values(expires_at=utcnow() - timedelta(seconds=1)))
    with sending(idle, queue_poll_s=0.01):
        kept = ended(idle, api, message_id)
    assert (kept.status, kept.attempts) == ("failure", 0)
    assert kept.status_detail == (
        "Not delivered within 24 hours, in which the receiver kept failing: never sent"
    )
    assert waiting(idle, api) == 0


def test_a_message_is_given_up_when_its_time_is_over_though_attempts_are_left(
    idle: World, api: Caller, receiver: Receiver
) -> None:
    receiver.fail_next(1_000_000)
    listen(api, receiver.url)
    with sending(idle, webhook_retry_s=0.5, webhook_circuit_failures=1_000_000):
        short = replace(
            idle.platform, settings=idle.platform.settings.model_copy(update={"webhook_retry_s": 0.5})
        )
        with idle.platform.db.write(idle.tenant(api)) as session:
            message_id = service.send(short, session, EVENT, ConsolidatedData(patients=[]))
        kept = ended(idle, api, message_id)
    assert kept.status == "failure"
    assert 2 <= kept.attempts < kept.attempt_limit


def test_a_patient_deleted_meanwhile_takes_its_messages_along(
    idle: World, api: Caller, receiver: Receiver
) -> None:
    listen(api, receiver.url)
    patient = api.patient_id()
    message_id = send(idle, api, patient_id=patient)
    assert message_id in claim(idle, "worker", lease_s=0)
    api.delete(f"{M}/patient/{patient}", facilityId=api.facility_id())
    wait_until(lambda: _deleted(idle, api, message_id), "its rows are gone")
    with sending(idle):
        later = send(idle, api)
        assert ended(idle, api, later).status == "success"
    assert [m.json["meta"]["messageId"] for m in receiver.of_type(EVENT)] == [later]


def _deleted(idle: World, api: Caller, message_id: str) -> bool:
    with idle.platform.db.write(idle.tenant(api)) as session:
        found = session.get(WebhookMessage, message_id)
        if found is not None:
            session.delete(found)  # as the job that purges the patient does, by its foreign keys
        return found is None


def test_due_accounts_are_looked_at_in_turns(
    idle: World, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_TENANTS", 2)
    callers = [api, *(idle.caller() for _ in range(4))]
    for caller in callers:
        listen(caller, DEAD)
    seen: list[Queue] = []
    after = ""
    with idle.platform.db.read(None) as session:
        for _ in range(4):
            queues, after = outbox.due(session, after)
            seen += queues
            if not after:
                break
    assert {q.tenant for q in seen} >= {str(idle.tenant(c)) for c in callers}
    assert len(seen) == len({q.tenant for q in seen})


def test_a_commit_in_the_same_process_is_sent_without_waiting_for_the_next_look(
    idle: World, api: Caller, receiver: Receiver
) -> None:
    listen(api, receiver.url)
    with sending(idle, queue_poll_s=60.0):
        wait_until(lambda: waiting(idle, api) == 0, "the ping is sent")
        send(idle, api)
        receiver.wait_for(EVENT, timeout_s=20)


def test_a_resolver_that_hangs_on_one_name_holds_up_no_other(
    idle: World, api: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, real, asked = threading.Event(), socket.getaddrinfo, Counter[str]()

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        asked[str(host)] += 1
        if host == "slow.example.org":
            hanging.wait(20)
            raise OSError
        return real(host, *args, **kwargs)

    url = api.post("/settings", {"webhookUrl": "http://slow.example.org/"})["webhookUrl"]
    assert url
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for _ in range(40):
        send(idle, api)
    other = idle.caller()
    try:
        with sending(idle):
            listen(other, receiver.url)
            send(idle, other)
            receiver.wait_for(EVENT)
    finally:
        hanging.set()
    assert asked["slow.example.org"] <= 2, "those who wait share one look-up"
