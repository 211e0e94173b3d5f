"""Whether a process can do its work now, for the probes of load balancers and orchestrators."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chartbridge.db import Database
from chartbridge.db.migrate import is_current
from chartbridge.platform import Platform

TIMEOUT_S = 2.0
KEPT_S = 1.0
SCHEMA_KEPT_S = 30.0
"""Comparing schemas reads the migrations' files."""

OK = "OK"
UNAVAILABLE = "UNAVAILABLE"
SILENT = "does not answer"
SLOW = "does not answer in time"

Check = Callable[[], str | None]
"""None when the part is well, or in a few words what is not; raises when it does not answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``parts`` says of each part ``OK``, or in a few words what is not well."""

    parts: Mapping[str, str]

    @property
    def is_ready(self) -> bool:
        return all(said == OK for said in self.parts.values())

    def body(self) -> dict[str, Any]:
        return {"status": OK if self.is_ready else UNAVAILABLE, "parts": dict(self.parts)}


class Readiness:
    """Asks each part, at most once a second, and waits for all of them for two seconds at most.

    A part that hangs holds one thread until it answers, however many probes come.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._parts = [_Part(name, check) for name, check in checks.items()]
        self._lock = threading.Lock()
        self._kept: tuple[float, Verdict] | None = None

    @classmethod
    def of(cls, platform: Platform, **more: Check) -> Readiness:
        """Of the database and the object store, and what else is given."""
        return cls({"database": _Database(platform.db), "objects": platform.store.ensure_answers, **more})

    def kept(self) -> Verdict | None:
        """The verdict that was found, while it is new enough."""
        kept = self._kept
        return kept[1] if kept is not None and time.monotonic() - kept[0] < KEPT_S else None

    def verdict(self) -> Verdict:
        """The kept verdict, or a new one."""
        with self._lock:
            verdict = self.kept()
            if verdict is None:
                until = time.monotonic() + TIMEOUT_S
                for part in self._parts:
                    part.ask()
                verdict = Verdict({part.name: part.answer(until) for part in self._parts})
                self._kept = (time.monotonic(), verdict)
            return verdict


class _Part:
    def __init__(self, name: str, check: Check) -> None:
        self.name = name
        self._check = check
        self._thread: threading.Thread | None = None
        self._said = OK

    def ask(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name=f"ready: {self.name}", daemon=True)
            self._thread.start()

    def answer(self, until: float) -> str:
        assert self._thread is not None
        self._thread.join(max(0.0, until - time.monotonic()))
        return SLOW if self._thread.is_alive() else self._said

    def _run(self) -> None:
        try:
            self._said = self._check() or OK
        except Exception:  # noqa: BLE001 - any driver's error; its message may hold an address or a password
            self._said = SILENT


class _Database:
    """Asks each time whether it answers, and now and then whether this program can work with its schema."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._fits_until = float("-inf")

    def __call__(self) -> str | None:
        self._db.check()
        if time.monotonic() >= self._fits_until:
            if not is_current(self._db):
                return "has a schema that this program cannot work with"
            self._fits_until = time.monotonic() + SCHEMA_KEPT_S
        return None
