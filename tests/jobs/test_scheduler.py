"""Plans are asked by the clock, and one that fails does not stop the others."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from chartbridge.jobs.scheduler import Plan, Scheduler
from chartbridge.platform import Platform

NOW = datetime(2026, 6, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_plan_is_asked_with_the_time(platform: Platform) -> None:
    asked: list[tuple[str, datetime]] = []

    def due(name: str, begun: int) -> Plan:
        def ask(_: Platform, now: datetime) -> int:
            asked.append((name, now))
            if name == "broken":
                raise OSError("away")
            return begun

        return Plan(name, ask)

    scheduler = Scheduler(platform, [due("a", 2), due("broken", 9), due("b", 1)], poll_s=1)
    assert scheduler.ask(NOW) == 3
    assert asked == [("a", NOW), ("broken", NOW), ("b", NOW)]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_it_asks_at_once_again_and_again_and_stops(platform: Platform) -> None:
    thrice = threading.Event()
    times: list[datetime] = []

    def due(_: Platform, now: datetime) -> int:
        times.append(now)
        if len(times) == 3:
            thrice.set()
        return 0

    scheduler = Scheduler(platform, [Plan("often", due)], poll_s=0.02)
    scheduler.start()
    assert thrice.wait(20)
    scheduler.stop()
    number = len(times)
    assert not thrice.wait(0.1) or len(times) == number
