"""Messages of a version that had a job for each attempt: none is lost in an upgrade, nor beside it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, select

from chartbridge.config import Settings
from chartbridge.db import Database
from chartbridge.db.migrate import MIGRATIONS
from chartbridge.features.webhooks.models import WebhookDelivery, WebhookMessage
from chartbridge.jobs.queue import Queue
from tests.running import Caller, World, wait_until
from tests.support.postgres import PostgresServer
from tests.support.receiver import Receiver
from tests.webhooks.sending import EVENT, ended, send, stored


@pytest.fixture
def old(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database without the outbox."""
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    if backend == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = Settings(database_url=server.url(server.fresh_database())).db_url
    database = Database(url)
    migrate(database, "0007")
    yield database
    database.dispose()


def migrate(db: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_messages_that_are_on_their_way_are_in_the_outbox_after_the_upgrade(old: Database) -> None:
    tables = MetaData()
    tables.reflect(old.engine, only=["webhook_messages"])
    messages = tables.tables["webhook_messages"]
    now = datetime.now(UTC).replace(tzinfo=None)
    row = {
        "account_id": "account-a",
        "environment": "production",
        "type": EVENT,
        "body": {},
        "attempts": 2,
        "attempt_limit": 8,
        "created_at": now,
        "updated_at": now,
    }
    with old.engine.begin() as connection:
        rows = [{**row, "id": s, "status": s} for s in ("processing", "success", "failure")]
        connection.execute(messages.insert(), rows)
    migrate(old, "head")
    with old.read(None) as session:
        (found,) = session.scalars(select(WebhookDelivery)).all()
    assert (found.message_id, found.tenant, found.claims) == ("processing", "production/account-a", 0)
    assert abs((found.due_at - datetime.now(UTC)).total_seconds()) < 600
    assert found.expires_at > found.due_at


def test_a_message_whose_attempt_is_a_job_is_sent_all_the_same(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    """As an older API enqueues it, beside a worker of this version."""
    tenant = world.tenant(listening)
    message_id = str(uuid.uuid4())
    meta = {"messageId": message_id, "when": "2026-02-01T10:05:00.000Z", "type": EVENT}
    with world.platform.db.write(tenant) as session:
        session.add(
            WebhookMessage(
                id=message_id,
                type=EVENT,
                body={"meta": meta, "patients": []},
                status="processing",
                attempt_limit=8,
            )
        )
        session.flush()
        world.platform.jobs.enqueue(
            session,
            Queue("webhook-delivery"),
            "webhook-delivery",
            str(tenant),
            message_id,
            "1",
            job_id=f"webhook:{message_id}:1",
        )
    assert ended(world, listening, message_id).status == "success"
    receiver.wait_for(EVENT)


def test_such_a_job_does_nothing_to_a_message_that_has_ended(
    world: World, listening: Caller, receiver: Receiver
) -> None:
    tenant = world.tenant(listening)
    message_id = send(world, listening)
    ended(world, listening, message_id)
    with world.platform.db.write(tenant) as session:
        world.platform.jobs.enqueue(
            session,
            Queue("webhook-delivery"),
            "webhook-delivery",
            str(tenant),
            message_id,
            "2",
            job_id=f"webhook:{message_id}:2",
        )
    wait_until(lambda: world.platform.jobs.has_begun("worker-of-the-tests") is False, "it is done")
    later = send(world, listening)
    ended(world, listening, later)
    assert stored(world, listening, message_id).attempts == 1
    assert len(receiver.of_type(EVENT)) == 2
