"""What is due by the clock: a worker's companion that asks plans for it, again and again.

Every worker runs one, so a plan is asked by several at the same time. What a plan begins it therefore enters
under a key of its own, a row's or a job's, that only the first can take.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from chartbridge.ids import utcnow
from chartbridge.logs import describe
from chartbridge.platform import Platform

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """``due`` enqueues what is due at an instant, and says how much that was."""

    name: str
    due: Callable[[Platform, datetime], int]


class Scheduler:
    """Asks the plans every ``poll_s`` seconds, in a thread of its own."""

    def __init__(self, platform: Platform, plans: Sequence[Plan], *, poll_s: float) -> None:
        self._platform = platform
        self._plans = plans
        self._poll_s = poll_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._poll_s + 5)

    def ask(self, now: datetime) -> int:
        """Have begun whatever is due; returns how much. A plan that fails does not stop the others, and is
        asked again."""
        begun = 0
        for plan in self._plans:
            if self._stop.is_set():
                break
            try:
                begun += plan.due(self._platform, now)
            except Exception as error:  # noqa: BLE001 - the database may be away; the next time tries again
                log.warning("a plan failed", plan=plan.name, error=describe(error))
        return begun

    def _run(self) -> None:
        while True:
            self.ask(utcnow())
            if self._stop.wait(self._poll_s):
                return
