"""Work shared out to processes."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing

import pytest

from chartbridge.commands.crew import HELD_BYTES, Lost, in_order


def double(number: int) -> int:
    return number * 2


def work(item: int | str) -> int | str:
    if item == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "hangs":
        threading.Event().wait()
    if item == "fails":
        raise ValueError("something private")
    return item


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_the_order_of_the_items(processes: int) -> None:
    assert list(in_order(double, range(500), processes, 60)) == [(n, 2 * n) for n in range(500)]
    assert list(in_order(double, [], processes, 60)) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_who_dies_hangs_or_fails_does_so_alone(processes: int) -> None:
    items: list[int | str] = [1, "dies", 2, "fails", 3, "dies", "dies", 4, "hangs", 5, 6, "dies"]
    reasons = {
        "dies": Lost("ended the process that read it"),
        "hangs": Lost("took longer than 0.5 s"),
        "fails": Lost("met a defect of the program (ValueError)"),
    }
    expected = [(item, reasons[item] if isinstance(item, str) else item) for item in items]
    assert list(in_order(work, items, processes, 0.5)) == expected


def test_what_is_larger_than_a_pipe_goes_through_both_ways() -> None:
    items = [bytes([number]) * 3_000_000 for number in range(12)]
    assert list(in_order(bytes, items, 2, 60)) == [(item, item) for item in items]


def test_items_are_taken_as_they_are_needed() -> None:
    taken = 0

    def items() -> object:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield bytes(HELD_BYTES // 4)

    with closing(in_order(len, items(), 2, 60)) as results:  # type: ignore[arg-type]
        next(results)
        assert taken < 10
    assert taken < 10


def test_the_processes_end_with_the_iterator() -> None:
    results = in_order(_own_pid, range(10), 2, 60)
    _, pid = next(results)
    assert isinstance(pid, int)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def _own_pid(_item: int) -> int:
    return os.getpid()
