"""One thread at a time for a key."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chartbridge.features.records.turns import Turns


def test_threads_of_one_key_follow_each_other_and_those_of_others_do_not_wait() -> None:
    turns, together = Turns(), threading.Barrier(2)
    inside: list[str] = []

    def work(key: str) -> None:
        with turns.of(key):
            inside.append(key)
            assert inside.count(key) == 1
            together.wait(timeout=10)  # passes only while the other key is worked on too
            inside.remove(key)

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work, key) for key in ("a", "b") * 3]:
            done.result()
    assert len(turns) == 0


def test_whoever_has_waited_long_enough_goes_on_beside_the_other() -> None:
    turns = Turns(patience_s=0.01)
    with turns.of("a"):
        with turns.of("a"):
            assert len(turns) == 1
        assert len(turns) == 1
    assert len(turns) == 0


def test_a_key_is_free_again_after_an_error() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.of("a"):
        _ = 1 / (len(turns) - 1)
    with turns.of("a"):
        pass
    assert len(turns) == 0
