"""What happens to a deployment: processes are killed, its database and its store go away and come back."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from tests.support.processes import Process
from tests.support.server import Deployment

WORKERS = 2
STORE_AWAY_S = 4.0


class Crew:
    """An API process and workers, with a supervisor's care: whoever ended by himself is started again."""

    def __init__(self, deployment: Deployment) -> None:
        self.events: Counter[str] = Counter()
        self.story: list[str] = []
        self.began = time.monotonic()
        self._deployment = deployment
        self._port = int(deployment.environment["CHARTBRIDGE_PORT"])
        self._names = (f"worker-{number}" for number in range(1_000))
        self.api: Process = deployment.serve(worker=False, port=self._port)
        self.workers: dict[str, Process] = {}
        for _ in range(WORKERS):
            self._start_worker(next(self._names))

    def tend(self) -> None:
        """Start again what ended without being asked to; a worker does when its jobs were handed on."""
        for name, worker in list(self.workers.items()):
            if not worker.running:
                self.events["a worker that ended by itself"] += 1
                worker.kill()
                self._start_worker(name)
        assert self.api.running, f"the API ended by itself:\n{self.api.log()[-4000:]}"

    def kill_worker(self, draw: random.Random, *, returns: bool) -> None:
        """Kill one; it comes back under its name, or never: then another takes its place."""
        name = draw.choice(sorted(self.workers))
        self.workers.pop(name).kill()
        self._start_worker(name if returns else next(self._names))

    def kill_api(self) -> None:
        self.api.kill()
        self.api = self._deployment.serve(worker=False, port=self._port)

    def kill_all(self) -> None:
        """Everything at once, as when a machine loses its power."""
        for process in (self.api, *self.workers.values()):
            process.kill()
        self.api = self._deployment.serve(worker=False, port=self._port)
        for name in list(self.workers):
            self._start_worker(name)

    def _start_worker(self, name: str) -> None:
        self.workers[name] = self._deployment.worker(name)


Trouble = tuple[str, Callable[[], None]]


def drawn(
    crew: Crew,
    draw: random.Random,
    *,
    rounds: int,
    restart_database: Callable[[], None],
    store_away: Callable[[], AbstractContextManager[object]],
) -> list[Trouble]:
    """Every kind of trouble ``rounds`` times, each round in another order."""

    def lose_store() -> None:
        with store_away():
            time.sleep(STORE_AWAY_S)

    kinds: list[Trouble] = [
        ("a worker killed, back under its name", lambda: crew.kill_worker(draw, returns=True)),
        ("a worker killed, replaced by another", lambda: crew.kill_worker(draw, returns=False)),
        ("the API killed", crew.kill_api),
        ("the database restarted", restart_database),
        ("the store away", lose_store),
    ]
    chosen: list[Trouble] = []
    for _ in range(rounds):
        chosen += draw.sample(kinds, len(kinds))
    return chosen


def strike(
    troubles: Sequence[Trouble],
    crew: Crew,
    draw: random.Random,
    progress: Callable[[], float],
    still: Callable[[], None],
) -> None:
    """Each trouble in its turn, spread over the work: the next one comes when its share of it is done, and
    a random moment later. ``progress`` is from 0 to 1; ``still`` raises when waiting has become useless."""
    for number, (name, happen) in enumerate(troubles):
        share = (number + draw.random()) / (len(troubles) + 1)
        while progress() < share:
            still()
            crew.tend()
            time.sleep(0.1)
        time.sleep(draw.uniform(0, 0.5))
        began = time.monotonic()
        happen()
        crew.events[name] += 1
        crew.story.append(f"{began - crew.began:.0f} s: {name}")
