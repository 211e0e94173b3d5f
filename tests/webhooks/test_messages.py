"""Looking up what was sent, the log of attempts, sending again, and how long all that is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from chartbridge.features.webhooks import attempts, retention
from chartbridge.features.webhooks.models import WebhookAttempt, WebhookMessage
from chartbridge.ids import timestamp, utcnow
from tests.running import Caller, Json, World, wait_until
from tests.support.client import M
from tests.support.receiver import Receiver
from tests.webhooks.conftest import ATTEMPTS
from tests.webhooks.sending import EVENT, ended, send, stored

pytestmark = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True, scope="module")
PATH = "/settings/webhook/message"


def ids(page: Json) -> list[str]:
    return [str(message["id"]) for message in page["messages"]]


def listed(api: Caller, **query: str) -> list[str]:
    """Ids of the messages that a list with those filters has."""
    answer = api.http.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return ids(answer.json())


def test_each_attempt_is_logged(world: World, listening: Caller, receiver: Receiver) -> None:
    receiver.fail_next(1, status=503)
    message_id = send(world, listening, request_id="r-1")
    ended(world, listening, message_id)
    found = listening.get(f"{PATH}/{message_id}")
    assert (found["status"], found["statusDetail"], found["attempts"]) == ("success", "OK", 2)
    assert (found["requestId"], found["type"], found["requestUrl"]) == ("r-1", EVENT, receiver.url)
    assert "nextAttemptAt" not in found
    second, first = found["attemptLog"]
    assert (first["number"], first["httpStatus"], first["url"]) == (1, 503, receiver.url)
    assert first["detail"] == "Request failed with status code 503"
    assert (second["number"], second["httpStatus"], second["detail"]) == (2, 200, "OK")
    assert second["durationMillis"] >= 0
    assert found["createdAt"] <= first["when"] <= second["when"] <= found["updatedAt"]
    assert "body" not in str(found)
    assert "patients" not in str(found)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (b"", None),
        (b"all well", "all well"),
        (b'{"a":\x00"\xff\xfe"}\x1b[31m', '{"a":\ufffd"\ufffd\ufffd"}\ufffd[31m'),
        ("Zoë\n".encode(), "Zoë\n"),
        (b"x" * 5000, "x" * 1024),
        ("漢".encode() * 2000, "漢" * 1024),
        ("\U0001f600".encode() * 1024, "\U0001f600" * 1024),
    ],
    ids=["nothing", "text", "binary", "accents", "long", "long unicode", "astral"],
)
def test_of_an_answer_the_beginning_is_kept_as_text(world: World, answer: bytes, kept: str | None) -> None:
    assert attempts.readable(answer) == kept


def test_the_list_is_newest_first_and_takes_filters(world: World, api: Caller) -> None:
    patient = api.patient_id()
    first = send(world, api, request_id="r-1", patient_id=patient)
    second = send(world, api, request_id="r-2")
    third = send(world, api, request_id="r-2", metadata={"disableWHFlag": "true"})
    whole = api.get(PATH)
    assert ids(whole) == [third, second, first]
    assert whole["meta"] == {"itemsOnPage": 3, "itemsInTotal": 3}
    assert listed(api, status="success") == [third]
    assert listed(api, requestId="r-2", status="failure") == [second]
    assert listed(api, patientId=patient) == [first]
    assert listed(api, type=EVENT) == [third, second, first]
    assert listed(api, type="ping") == []
    between = timestamp(stored(world, api, second).created_at + timedelta(milliseconds=1))
    assert first not in listed(api, **{"from": between})
    assert third not in listed(api, to=timestamp(stored(world, api, first).created_at))
    assert listed(api, to="2020-01-01") == []


def test_the_list_comes_in_pages_in_both_directions(world: World, api: Caller) -> None:
    sent = [send(world, api) for _ in range(5)][::-1]
    seen: list[str] = []
    url: str | None = f"{PATH}?count=2&status=failure"
    pages = []
    while url:
        page = api.http.get(url).json()
        pages.append(page)
        seen += ids(page)
        url = page["meta"].get("nextPage")
    assert seen == sent
    assert [p["meta"].get("itemsInTotal") for p in pages] == [5, None, None]
    back = api.http.get(pages[2]["meta"]["prevPage"]).json()
    assert ids(back) == sent[2:4]
    assert ids(api.http.get(back["meta"]["prevPage"]).json()) == sent[:2]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"status": "lost"}, "status has to be one of"),
        ({"from": "yesterday"}, "from has to be a date"),
        ({"to": "2026-02-30"}, "to has to be a date"),
        ({"to": "0001-01-01T00:00:00+23:59"}, "to has to be a date"),
        ({"fromItem": "nothing"}, "No message has that id"),
        ({"fromItem": "a", "toItem": "b"}, "not both"),
        ({"count": "501"}, "Count"),
    ],
    ids=str,
)
def test_what_cannot_be_looked_up_is_told(api: Caller, world: World, query: Json, said: str) -> None:
    answer = api.http.get(PATH, params=query)
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True)


def test_another_accounts_message_cannot_be_seen_or_sent(world: World, listening: Caller) -> None:
    other = world.caller()
    message_id = send(world, other)
    listening.get(f"{PATH}/{message_id}", status=404)
    listening.post(f"{PATH}/{message_id}/replay", status=404)
    assert listening.http.get(PATH, params={"fromItem": message_id}).status_code == 400
    assert stored(world, other, message_id).status == "failure"


def test_one_message_is_sent_again_as_it_was(world: World, listening: Caller, receiver: Receiver) -> None:
    message_id = send(world, listening, request_id="r-1")
    ended(world, listening, message_id)
    replayed = listening.post(f"{PATH}/{message_id}/replay")
    assert (replayed["id"], replayed["status"]) == (message_id, "processing")
    first, second = receiver.wait_for(EVENT, 2)
    assert first.body == second.body
    kept = ended(world, listening, message_id)
    assert (kept.status, kept.attempts, kept.attempt_limit) == ("success", 2, 1 + ATTEMPTS)


def test_without_a_url_nothing_is_sent_again(world: World, api: Caller) -> None:
    message_id = send(world, api)
    today = {"from": timestamp(utcnow())}
    for path, body in ((f"{PATH}/{message_id}/replay", None), ("/settings/webhook/replay", today)):
        error = api.post(path, body, status=400)
        assert error["detail"] == "Webhook URL and key must be configured"
    assert stored(world, api, message_id).status == "failure"


def test_messages_of_a_time_are_sent_again(world: World, listening: Caller, receiver: Receiver) -> None:
    def url(text: str) -> None:
        receiver.key = listening.post("/settings", {"webhookUrl": text})["webhookKey"]

    before = send(world, listening)
    arrived = send(world, listening)
    for message in (before, arrived):
        ended(world, listening, message)
    url("")
    failed = send(world, listening)
    other = send(world, listening, kind="patient.admit", content=_admitted())
    url(receiver.url)
    since = timestamp(stored(world, listening, before).created_at + timedelta(milliseconds=1))
    until = timestamp(utcnow() + timedelta(days=1))
    body = {"from": since, "to": until, "statuses": ["success", "failure"], "types": [EVENT]}
    assert listening.post("/settings/webhook/replay", body)["requestId"]
    wait_until(lambda: stored(world, listening, failed).status == "success", "it is sent")
    wait_until(lambda: stored(world, listening, arrived).attempts == 2, "it is sent again")
    assert stored(world, listening, before).attempts == 1
    assert stored(world, listening, other).status == "failure"
    listening.post("/settings/webhook/replay", {"from": since})
    wait_until(
        lambda: stored(world, listening, other).status == "success", "failed ones unless told otherwise"
    )


def _admitted() -> Json:
    return {"payload": {"patientId": "p", "url": {}, "admitTimestamp": "2026-02-01T09:00:00.000Z"}}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"from": "soon"},
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "2999-01-01"},
        {"from": "2020-01-01", "to": "2021-01-01"},
        {"from": "2026-01-01", "to": "2026-01-02", "types": ["nothing"]},
        {"from": "2026-01-01", "to": "2026-01-02", "types": []},
        {"from": "2026-01-01", "to": "2026-01-02", "statuses": ["processing"]},
        {"from": "2026-01-01", "to": "2026-01-02", "colour": "blue"},
    ],
    ids=str,
)
def test_a_replay_that_makes_no_sense_is_refused(world: World, listening: Caller, body: Any) -> None:
    assert listening.post("/settings/webhook/replay", body, status=400)["title"]


def age(world: World, api: Caller, message_id: str, days: int) -> None:
    with world.platform.db.write(world.tenant(api)) as session:
        session.execute(
            update(WebhookMessage)
            .where(WebhookMessage.id == message_id)
            .values(updated_at=utcnow() - timedelta(days=days)),
            execution_options={"synchronize_session": False},
        )


def test_messages_are_kept_for_as_long_as_the_operator_says(
    world: World, listening: Caller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    tenant = world.tenant(listening)
    delivered = [send(world, listening) for _ in range(5)]
    for message in delivered:
        ended(world, listening, message)
    receiver.fail_next(2 * ATTEMPTS)
    failed = [send(world, listening) for _ in range(2)]
    for message in failed:
        assert ended(world, listening, message).status == "failure"
    other = world.caller()
    others = send(world, other, metadata={"disableWHFlag": "true"})
    age(world, other, others, 1000)
    for message in delivered[1:]:
        age(world, listening, message, 31)
    age(world, listening, failed[0], 91)
    age(world, listening, failed[1], 31)
    assert retention.drop_old_messages(world.platform, tenant) == 5
    assert retention.drop_old_messages(world.platform, tenant) == 0
    left = listed(listening, type=EVENT)
    assert left == [failed[1], delivered[0]]
    with world.platform.db.read(tenant) as session:
        logged = session.scalar(select(func.count()).select_from(WebhookAttempt))
    assert logged == 1 + 1 + ATTEMPTS, "the ping's, one message's, and the failed one's"
    assert stored(world, other, others)


def test_a_patients_messages_and_attempts_go_with_the_patient(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    patient = listening.patient_id()
    message_id = send(world, listening, patient_id=patient)
    ended(world, listening, message_id)
    listening.delete(f"{M}/patient/{patient}", facilityId=listening.facility_id())
    wait_until(lambda: listening.http.get(f"{PATH}/{message_id}").status_code == 404, "the patient is purged")
    with world.platform.db.read(world.tenant(listening)) as session:
        left = session.scalars(select(WebhookAttempt).where(WebhookAttempt.message_id == message_id)).all()
    assert list(left) == []
