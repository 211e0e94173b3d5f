"""Processes for work that needs a CPU."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chartbridge.jobs.pool import CpuPool, PoolTaskError


def double(number: int) -> int:
    return number * 2


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "awake"


def crash(_: int) -> None:
    os._exit(3)


def refuse(text: str) -> None:
    raise LookupError(text)


def process_id() -> int:
    return os.getpid()


@pytest.fixture(scope="module")
def pool() -> Iterator[CpuPool]:
    running = CpuPool(2, timeout_s=1.0)
    running.warm(process_id)
    yield running
    running.close()


def test_work_is_done_in_another_process(pool: CpuPool) -> None:
    assert pool.run(double, 21) == 42
    assert pool.run(process_id) != os.getpid()


def test_what_a_task_raises_is_raised_here(pool: CpuPool) -> None:
    with pytest.raises(LookupError, match="no such code"):
        pool.run(refuse, "no such code")
    assert pool.run(double, 1) == 2


def test_a_task_over_its_time_is_killed(pool: CpuPool) -> None:
    begun = time.monotonic()
    with pytest.raises(PoolTaskError) as ended:
        pool.run(sleep, 60)
    assert ended.value.reason == "took longer than it may"
    assert time.monotonic() - begun < 30
    assert pool.run(double, 2) == 4


def test_a_task_that_ends_its_process_takes_nothing_with_it(pool: CpuPool) -> None:
    with pytest.raises(PoolTaskError) as ended:
        pool.run(crash, 1)
    assert ended.value.reason == "ended its process"
    assert pool.run(double, 3) == 6


def test_of_many_tasks_a_bad_one_does_not_stop_the_others(pool: CpuPool) -> None:
    with ThreadPoolExecutor(3) as threads:
        crashed = threads.submit(pool.map, crash, [(1,), (2,)])
        doubled = threads.submit(pool.map, double, [(n,) for n in range(20)])
        slept = threads.submit(pool.map, sleep, [(0.0,), (60.0,), (0.0,)])
    assert doubled.result() == [n * 2 for n in range(20)]
    assert [str(result) for result in slept.result()] == ["awake", "took longer than it may", "awake"]
    assert [str(result) for result in crashed.result()] == ["ended its process"] * 2


def test_waiting_for_a_process_is_not_counted_as_time(pool: CpuPool) -> None:
    assert pool.map(sleep, [(0.6,)] * 6) == ["awake"] * 6


def test_a_closed_pool_leaves_no_process() -> None:
    pool = CpuPool(1, timeout_s=10)
    worker = pool.run(process_id)
    pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    pool.close()
