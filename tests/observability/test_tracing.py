"""Traces in one process: what is kept, what is left out, and what happens without them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog
from fastapi.testclient import TestClient

from chartbridge.app import create_app
from chartbridge.config import Settings
from chartbridge.jobs.queue import Queue
from chartbridge.jobs.watching import watched
from chartbridge.observability import tracing
from chartbridge.platform import Platform
from tests.observability.collector import Collected, Collector
from tests.support.ports import free_port

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = PARENT[:-1] + "0"
ERRANDS = Queue("errands")


class Traced:
    """Traces are on; ``spans`` are those that were sent by the end of it."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def spans(self) -> list[Collected]:
        tracing.end()
        return self._collector.spans


@pytest.fixture
def traced() -> Iterator[Traced]:
    with Collector() as collector:
        tracing.begin(Settings(otlp_endpoint=collector.endpoint + "/"), "test")
        yield Traced(collector)
        tracing.end()


def test_nothing_is_traced_unless_it_is_asked_for() -> None:
    tracing.begin(Settings(), "test")
    assert not tracing.is_on()
    with tracing.span("anything") as span:
        span.note({"a": 1})
        span.rename("other")
        span.failed("Error")
        assert tracing.traceparent() is None
        assert tracing.log_ids() == {}


def test_without_the_extra_a_process_says_what_to_install() -> None:
    """In a process of its own, where the libraries cannot be found."""
    program = """
import sys
from chartbridge.config import ConfigurationError, Settings
from chartbridge.observability import tracing
class Absent:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
try:
    tracing.begin(Settings(otlp_endpoint="http://localhost:4318"), "test")
except ConfigurationError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "CHARTBRIDGE_OTLP_ENDPOINT" in done.stdout
    assert "pip install 'chartbridge[tracing]'" in done.stdout


def test_a_request_s_span_holds_its_route_and_not_its_path(traced: Traced, platform: Platform) -> None:
    client = TestClient(create_app(platform))
    client.get("/storage/Orsolya/Vance?signature=secret", headers={"traceparent": PARENT})
    client.get("/nowhere/Orsolya", headers={"traceparent": "nonsense"})
    client.get("/health", headers={"traceparent": UNSAMPLED})
    client.get("/health", headers={"traceparent": PARENT + "0" * 500})
    continued, unknown, alone = traced.spans()
    assert continued.name == "GET /storage/{key:path}"
    assert (continued.trace, continued.parent) == (PARENT[3:35], PARENT[36:52])
    assert unknown.name == "GET none"
    assert unknown.parent == ""
    assert alone.name == "GET /health"
    assert alone.parent == ""
    assert "Orsolya" not in str(traced.spans())


def test_a_block_that_raises_marks_its_span_with_the_error_s_type_alone(traced: Traced) -> None:
    with pytest.raises(ValueError), tracing.span("step"):
        raise ValueError("Orsolya Vance")
    [span] = traced.spans()
    assert span.failed
    assert span.attributes == {"error.type": "ValueError"}
    assert b"Orsolya" not in b"".join(traced._collector.raw)


def test_other_threads_have_the_span_and_the_log_s_ids(traced: Traced) -> None:
    seen: list[tuple[str | None, object]] = []

    def look() -> None:
        with tracing.span("inner"):
            seen.append((tracing.traceparent(), structlog.contextvars.get_contextvars().get("request_id")))

    with tracing.span("outer"), structlog.contextvars.bound_contextvars(request_id="r-1"):
        carried = tracing.carried(look)
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda _n: carried(), range(2)))
    *inner, outer = traced.spans()
    assert {span.parent for span in inner} == {outer.id}
    assert [request_id for _, request_id in seen] == ["r-1", "r-1"]


def test_a_job_keeps_the_trace_it_was_enqueued_in(traced: Traced, platform: Platform) -> None:
    with tracing.span("request"):
        here = tracing.traceparent()
        with platform.db.write(None) as session:
            platform.jobs.enqueue(session, ERRANDS, "errand", job_id="soon", delay_s=5)
            platform.jobs.enqueue(session, ERRANDS, "errand", job_id="tomorrow", delay_s=86_400)
    with platform.db.write(None) as session:
        platform.jobs.enqueue(session, ERRANDS, "errand", job_id="of nobody")
    assert platform.jobs.traceparent("soon") == here
    assert platform.jobs.traceparent("tomorrow") is None
    assert platform.jobs.traceparent("of nobody") is None
    assert platform.jobs.traceparent("unknown") is None


def test_a_job_whose_trace_cannot_be_read_runs_all_the_same(traced: Traced) -> None:
    def fail() -> str:
        raise RuntimeError("the database is away")

    with watched("errand", "job-1", fail) as run:
        run.outcome = "failed"
    [span] = traced.spans()
    assert (span.name, span.parent) == ("job errand", "")
    assert span.attributes == {"chartbridge.workflow": "errand", "chartbridge.job_id": "job-1"}


def test_a_collector_that_is_away_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "EXPORT_TIMEOUT_S", 0.5)
    tracing.begin(Settings(otlp_endpoint=f"http://127.0.0.1:{free_port()}"), "test")
    began = time.monotonic()
    with tracing.span("lost"):
        pass
    tracing.end()
    assert time.monotonic() - began < 10
    assert not tracing.is_on()
    for thread in [t for t in threading.enumerate() if t.name == "last spans"]:
        thread.join(30)


def test_the_part_that_is_kept_can_be_set() -> None:
    with Collector() as collector:
        tracing.begin(Settings(otlp_endpoint=collector.endpoint, trace_sample_ratio=0.0), "test")
        with tracing.span("left out"):
            pass
        with tracing.span("the caller's wish", parent=PARENT):
            pass
        tracing.end()
        assert [span.name for span in collector.spans] == ["the caller's wish"]


@pytest.mark.parametrize(
    "endpoint", ["collector:4318", "http://user:key@host", "http://host/?a=b", "ftp://h"]
)
def test_an_endpoint_must_be_a_plain_address(endpoint: str) -> None:
    with pytest.raises(ValueError):
        Settings(otlp_endpoint=endpoint)
