"""What is read from the database for the metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text

from chartbridge.ids import utcnow
from chartbridge.jobs.models import WorkerLease
from chartbridge.jobs.queue import SYSTEM_SCHEMA, Queue
from chartbridge.observability import readings
from chartbridge.observability.readings import Exposition
from chartbridge.platform import Platform

ERRANDS = Queue("errands")


def value(exposition: Exposition, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(exposition.text().decode()):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "KEPT_S", 0.0)


@pytest.mark.usefixtures("fresh")
def test_jobs_are_told_by_queue_and_state(platform: Platform) -> None:
    exposition = Exposition(platform)
    assert value(exposition, "chartbridge_jobs", queue="errands") is None
    with platform.db.write(None) as session:
        for number in range(3):
            platform.jobs.enqueue(session, ERRANDS, "errand", job_id=f"waits-{number}")
        platform.jobs.enqueue(session, ERRANDS, "errand", job_id="later", delay_s=3600)
    table = "workflow_status" if platform.db.is_sqlite else f"{SYSTEM_SCHEMA}.workflow_status"
    with platform.db.write(None) as session:
        hour_ago = round((time.time() - 3600) * 1000)
        session.execute(text(f"UPDATE {table} SET created_at = {hour_ago} WHERE workflow_uuid = 'waits-1'"))
        session.execute(text(f"UPDATE {table} SET status = 'PENDING' WHERE workflow_uuid = 'waits-2'"))
    assert value(exposition, "chartbridge_jobs", queue="errands", state="waiting") == 2
    assert value(exposition, "chartbridge_jobs", queue="errands", state="running") == 1
    assert value(exposition, "chartbridge_jobs", queue="errands", state="delayed") == 1
    oldest = value(exposition, "chartbridge_jobs_oldest_waiting_seconds", queue="errands")
    assert oldest is not None
    assert 3600 <= oldest < 3660
    with platform.db.write(None) as session:
        session.execute(text(f"UPDATE {table} SET status = 'SUCCESS'"))
    assert value(exposition, "chartbridge_jobs", queue="errands", state="waiting") == 0
    assert value(exposition, "chartbridge_jobs_oldest_waiting_seconds", queue="errands") == 0


@pytest.mark.usefixtures("fresh")
def test_workers_are_alive_or_silent(platform: Platform) -> None:
    now = utcnow()
    with platform.db.write(None) as session:
        for name, silent_s in (("one", 1), ("two", 2), ("three", 900)):
            seen_at = now - timedelta(seconds=silent_s)
            session.add(WorkerLease(worker_id=name, instance=name, host="host", pid=1, seen_at=seen_at))
    exposition = Exposition(platform)
    assert value(exposition, "chartbridge_workers", state="alive") == 2
    assert value(exposition, "chartbridge_workers", state="silent") == 1


def test_connections_in_use_are_told(platform: Platform) -> None:
    with platform.db.write(None) as session:
        session.execute(text("SELECT 1"))
        exposition = Exposition(platform)
        in_use = value(exposition, "chartbridge_database_connections", pool="transactions", state="in_use")
        limit = value(exposition, "chartbridge_database_connections_limit", pool="transactions")
    assert in_use is not None
    assert limit is not None
    assert 1 <= in_use < limit


def test_scraping_often_reads_once(platform: Platform) -> None:
    exposition = Exposition(platform)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    engines = [platform.db.engine, *([] if platform.db.is_sqlite else [platform.db._glancing])]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    for _ in range(5):
        exposition.text()
    asked = [s for s in statements if "FROM" in s]
    assert len(asked) == 2, "one for the jobs, one for the workers"


@pytest.mark.usefixtures("fresh")
def test_a_reading_that_fails_leaves_the_others(platform: Platform) -> None:
    is_away = True

    def moody(_platform: Platform) -> Iterable[Metric]:
        if is_away:
            raise RuntimeError("the database is away")
        yield GaugeMetricFamily("chartbridge_mood", "One.", value=1)

    exposition = Exposition(platform, {"moody": moody})
    assert value(exposition, "chartbridge_mood") is None
    assert value(exposition, "chartbridge_reading_failures_total", reading="moody")
    assert value(exposition, "chartbridge_workers", state="alive") == 0
    is_away = False
    assert value(exposition, "chartbridge_mood") == 1
