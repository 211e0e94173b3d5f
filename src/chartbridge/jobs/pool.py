"""Processes for work that needs a CPU: one interpreter lock each, and a limit on time."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

R = TypeVar("R")


class PoolTaskError(Exception):
    """The task took longer than it may, or killed its process. ``reason`` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CpuPool:
    """A pool of processes, started at first use. A task over its time is killed with its process,
    and a process that dies takes only its own task with it."""

    def __init__(self, processes: int, timeout_s: float) -> None:
        self._processes = processes
        self._timeout_s = timeout_s
        self._pool: ProcessPool | None = None
        self._lock = threading.Lock()

    def run(self, function: Callable[..., R], *arguments: Any) -> R:
        """The function's result. It and its arguments must be picklable.

        Raises PoolTaskError when it ran out of time or its process died, and whatever it raised.
        """
        result: R = self._result(self._open().schedule(function, args=arguments, timeout=self._timeout_s))
        return result

    def map(
        self, function: Callable[..., R], argument_lists: list[tuple[Any, ...]]
    ) -> list[R | PoolTaskError]:
        """The results in order, each task in its own process; failures of the pool stand in their places."""
        pool = self._open()
        futures = [pool.schedule(function, args=a, timeout=self._timeout_s) for a in argument_lists]
        results: list[R | PoolTaskError] = []
        for future in futures:
            try:
                results.append(self._result(future))
            except PoolTaskError as error:
                results.append(error)
        return results

    @staticmethod
    def _result(future: Any) -> Any:
        try:
            return future.result()
        except FutureTimeoutError:
            raise PoolTaskError("took longer than it may") from None
        except ProcessExpired:
            raise PoolTaskError("ended its process") from None

    def warm(self, function: Callable[[], Any]) -> None:
        """Start the processes now and have each import what it needs."""
        pool = self._open()
        for future in [pool.schedule(function) for _ in range(self._processes)]:
            future.result()

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it unannotated
            pool.join()

    def _open(self) -> ProcessPool:
        with self._lock:
            if self._pool is None:
                # Spawned, not forked: this process has threads, and lxml's locks do not survive a fork.
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPool(max_workers=self._processes, context=context)
            return self._pool
