"""The port of metrics: what it serves, and what it lets callers do."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chartbridge.config import ConfigurationError
from chartbridge.observability import server as serving
from chartbridge.observability.readiness import Readiness
from chartbridge.observability.readings import Exposition
from chartbridge.observability.server import MetricsServer
from chartbridge.platform import Platform
from tests.running import wait_until


@pytest.fixture
def shown(platform: Platform) -> Iterator[MetricsServer]:
    server = MetricsServer("127.0.0.1", 0, Exposition(platform), Readiness.of(platform))
    server.start()
    yield server
    server.stop()


def call(server: MetricsServer, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("content-type", ""), answer.read()
    finally:
        connection.close()


def test_it_serves_metrics_and_both_probes_and_nothing_else(shown: MetricsServer) -> None:
    status, content_type, body = call(shown, "/metrics")
    assert status == 200
    assert content_type.startswith("text/plain; version=0.0.4")
    assert {"chartbridge_build", "chartbridge_workers"} <= {
        family.name.removesuffix("_info") for family in text_string_to_metric_families(body.decode())
    }
    assert call(shown, "/health") == (200, "application/json", b'{"status":"OK"}')
    assert call(shown, "/ready")[0] == 200
    assert call(shown, "/ready?verbose=1")[0] == 200
    assert call(shown, "/metrics", "HEAD")[2] == b""
    assert call(shown, "/medical/v1/patient")[0] == 404
    assert call(shown, "/metrics", "POST")[0] == 501


def test_callers_who_say_nothing_hold_no_more_than_their_places(
    shown: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving._Handler, "timeout", 1.0)
    silent = [socket.create_connection(("127.0.0.1", shown.port)) for _ in range(serving.CALLERS)]
    try:
        time.sleep(0.2)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            call(shown, "/health")
        wait_until(lambda: answers(shown), "the silent ones' places are free again", 10)
    finally:
        for connection in silent:
            connection.close()


def answers(server: MetricsServer) -> bool:
    try:
        return call(server, "/health")[0] == 200
    except (http.client.HTTPException, ConnectionError):
        return False


def test_a_port_that_is_taken_is_told_of(platform: Platform, shown: MetricsServer) -> None:
    with pytest.raises(ConfigurationError, match=f"port {shown.port} .*CHARTBRIDGE_METRICS_PORT"):
        MetricsServer("127.0.0.1", shown.port, Exposition(platform), Readiness.of(platform))
