"""An application that takes webhooks badly: slow, redirecting, resetting, failing, some for ever."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.support.receiver import Receiver, _Trouble

ELSEWHERE = "/elsewhere"
"""Where redirects point to; nobody may come (``met`` would say so)."""

_RESET = 0
_PLANS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (76, ()),
    (6, ("error",)),
    (4, ("error", "error")),
    (4, ("redirect",)),
    (4, ("reset",)),
    (3, ("slow",)),
    (3, ("reset", "error", "slow")),
)


class RoughReceiver(Receiver):
    """Each message meets a plan drawn in the order of first arrival, from a generator that starts with
    ``seed``: what its first attempts suffer before it is taken. ``hopeless`` (0 to 1) is the share of
    messages that are always refused. ``slow_s`` should outlast the sender's patience.
    """

    def __init__(self, *, seed: int, slow_s: float, hopeless: float = 0.0) -> None:
        super().__init__()
        self.attempts: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.hopeless: set[str] = set()
        self._random = random.Random(seed)
        self._slow_s = slow_s
        self._hopeless_share = hopeless
        self._plans: dict[str, tuple[str, ...]] = {}
        self._planning = threading.Lock()

    def _answer(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, _Trouble | None]:
        meta = json.loads(body)["meta"]
        if meta["type"] == "ping":
            return super()._answer(body, headers)
        name = self._suffers(meta["messageId"])
        if name == "taken":
            return super()._answer(body, headers)
        status, delay_s, extra = 500, 0.0, {}
        if name == "redirect":
            status, extra = 302, {"location": ELSEWHERE}
        elif name == "reset":
            status = _RESET
        elif name == "slow":
            status, delay_s = 200, self._slow_s
        # A late 200 is no success to the sender, which gave up, so it must not count as accepted.
        shown = 408 if name == "slow" else status
        return shown, b"", _Trouble(0, None, status, delay_s, extra)

    def _suffers(self, message_id: str) -> str:
        with self._planning:
            if message_id not in self._plans:
                if self._random.random() < self._hopeless_share:
                    self.hopeless.add(message_id)
                weights = [weight for weight, _ in _PLANS]
                self._plans[message_id] = self._random.choices([plan for _, plan in _PLANS], weights)[0]
            number = self.attempts[message_id]
            self.attempts[message_id] += 1
            plan = self._plans[message_id]
            suffered = plan[number] if number < len(plan) else "taken"
            if message_id in self.hopeless:
                suffered = "error"
            self.met[suffered] += 1
            return suffered

    def accepted(self) -> Counter[str]:
        """How often each message was taken, by its id."""
        taken = [r.json["meta"] for r in list(self.received) if r.answered == 200]
        return Counter(meta["messageId"] for meta in taken if meta["type"] != "ping")

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        usual: Any = super()._handler_class()
        receiver = self

        class Rough(usual):  # type: ignore[misc]  # a class made at run time
            def do_GET(self) -> None:
                receiver.met["followed a redirect"] += 1
                super()._send(404, b"", {})

            def _send(self, status: int, answer: bytes, headers: Mapping[str, str]) -> None:
                if status == _RESET:
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.close_connection = True
                else:
                    super()._send(status, answer, headers)

        return Rough
