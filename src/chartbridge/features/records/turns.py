"""One thread at a time for each of many keys, within this process."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Turns:
    """Who works on a key has others wait who ask for the same one; keys that nobody works on take no room."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[Hashable, tuple[threading.Lock, int]] = {}
        """A key's lock, and how many hold it or wait for it."""

    @contextmanager
    def of(self, key: Hashable) -> Iterator[None]:
        with self._guard:
            lock, users = self._held.get(key, (threading.Lock(), 0))
            self._held[key] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                users = self._held.pop(key)[1]
                if users > 1:
                    self._held[key] = lock, users - 1

    def __len__(self) -> int:
        """How many keys are worked on."""
        with self._guard:
            return len(self._held)
