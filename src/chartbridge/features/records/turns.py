"""One thread at a time for each of many keys, within this process."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

PATIENCE_S = 60.0


class Turns:
    """Who works on a key has others wait who ask for the same one; keys that nobody works on take no room.

    It spares work and protects nothing: whoever has waited for ``patience_s`` goes on beside the other.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._guard = threading.Lock()
        self._held: dict[Hashable, tuple[threading.Lock, int]] = {}
        """A key's lock, and how many hold it or wait for it."""

    @contextmanager
    def of(self, key: Hashable) -> Iterator[None]:
        with self._guard:
            lock, users = self._held.get(key, (threading.Lock(), 0))
            self._held[key] = lock, users + 1
        is_held = lock.acquire(timeout=self._patience_s)
        try:
            yield
        finally:
            if is_held:
                lock.release()
            with self._guard:
                users = self._held.pop(key)[1]
                if users > 1:
                    self._held[key] = lock, users - 1

    def __len__(self) -> int:
        """How many keys are worked on."""
        with self._guard:
            return len(self._held)
