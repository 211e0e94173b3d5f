"""Processes for work that needs a CPU: one interpreter lock each, and a limit on time."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from chartbridge.observability import metrics, tracing

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
        with tracing.span(f"cpu {function.__name__}"):
            result: R = self._result(self._schedule(self._open(), function, arguments))
        return result

    def map(
        self, function: Callable[..., R], argument_lists: list[tuple[Any, ...]]
    ) -> list[R | PoolTaskError]:
        """The results in order, each task in its own process; failures of the pool stand in their places."""
        pool = self._open()
        with tracing.span(f"cpu {function.__name__}", attributes={"chartbridge.tasks": len(argument_lists)}):
            futures = [self._schedule(pool, function, arguments) for arguments in argument_lists]
            results: list[R | PoolTaskError] = []
            for future in futures:
                try:
                    results.append(self._result(future))
                except PoolTaskError as error:
                    results.append(error)
        return results

    def _schedule(self, pool: ProcessPool, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        future = pool.schedule(function, args=arguments, timeout=self._timeout_s)
        metrics.CPU_TASKS_NOW.inc()
        future.add_done_callback(partial(_count, function.__name__, time.perf_counter()))
        return future

    @staticmethod
    def _result(future: Any) -> Any:
        try:
            return future.result()
        except FutureTimeoutError:
            raise PoolTaskError("took longer than it may") from None
        except ProcessExpired:
            raise PoolTaskError("ended its process") from None

    def warm(self, function: Callable[[], Any]) -> None:
        """Start the processes now and have each run ``function``; what its module imports is imported once
        for all of them."""
        pool = self._open(getattr(function, "func", function).__module__)
        for future in [pool.schedule(function) for _ in range(self._processes)]:
            future.result()

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it unannotated
            pool.join()

    def _open(self, imported: str = __name__) -> ProcessPool:
        with self._lock:
            if self._pool is None:
                # Forked, but not from here: this process has threads, and lxml's locks do not survive that.
                # The process that they are forked from has none, and has imported what they need.
                context = multiprocessing.get_context("forkserver")
                context.set_forkserver_preload([imported])
                self._pool = ProcessPool(max_workers=self._processes, context=context)
                metrics.CPU_PROCESSES.set(self._processes)
            return self._pool


def _count(task: str, began: float, future: Any) -> None:
    """Once a task is done, however that came."""
    metrics.CPU_TASKS_NOW.dec()
    outcome = "cancelled"
    if not future.cancelled():
        error = future.exception()
        ends = {FutureTimeoutError: "timeout", ProcessExpired: "died"}
        outcome = (
            "done" if error is None else next((o for k, o in ends.items() if isinstance(error, k)), "raised")
        )
    metrics.CPU_TASKS.labels(task, outcome).inc()
    metrics.CPU_TASK_SECONDS.labels(task).observe(time.perf_counter() - began)
