"""Charts read lately, kept as they were parsed: reading one again takes most of an answer's time."""

from __future__ import annotations

import gc
import gzip
import threading
from collections import OrderedDict
from typing import Any

import orjson

Resource = dict[str, Any]
MAX_JSON_BYTES = 24_000_000
"""Of all charts that a process keeps, as JSON; parsed they take some ten times that."""


class ParsedCharts:
    """The resources of snapshots, by the key of the object, which begins with the tenant and names one
    content for ever. Safe for threads.

    Who asks for a chart has read the pointer to it, within the tenant, just before. The resources are shared,
    and must not be changed.
    """

    def __init__(self, max_json_bytes: int = MAX_JSON_BYTES) -> None:
        self._most = max_json_bytes
        self._held: OrderedDict[str, tuple[int, list[Resource]]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> list[Resource] | None:
        """The resources of a snapshot that is kept."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[1]

    def read(self, key: str, content: bytes) -> list[Resource]:
        """The resources of a snapshot as it is stored, kept from now on if there is room for it."""
        json = gzip.decompress(content)
        resources = [entry["resource"] for entry in _loads(json)["entry"]]
        with self._lock:
            if len(json) <= self._most and key not in self._held:
                self._held[key] = (len(json), resources)
                self._size += len(json)
                while self._size > self._most:
                    self._size -= self._held.popitem(last=False)[1][0]
        return resources


def _loads(json: bytes) -> Any:
    """What JSON says, without looking for garbage meanwhile: all that is made is in use, and looking through
    it again and again takes longer than making it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(json)
    finally:
        if was_on:
            gc.enable()
