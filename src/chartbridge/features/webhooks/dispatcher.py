"""Sends what is due, in a thread beside a worker's jobs: many messages at once, and nobody waits for another.

One event loop sends; threads speak to the database. A worker claims no more than it has slots for, and an
account gets no more than its share of them, less the fuller they are: a receiver that hangs, or has ten
thousand messages waiting, takes nothing from the others. What came of the attempts is recorded in batches.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
import structlog
from anyio.abc import TaskGroup

from chartbridge.db import Tenant
from chartbridge.features.webhooks import attempts, outbox
from chartbridge.features.webhooks.addresses import SharedLookUps
from chartbridge.features.webhooks.attempts import Ended
from chartbridge.features.webhooks.delivery import Courier, Letter
from chartbridge.features.webhooks.outbox import Claim, Queue
from chartbridge.ids import utcnow
from chartbridge.logs import describe
from chartbridge.observability import tracing
from chartbridge.platform import Platform

R = TypeVar("R")
THREADS = 6
EXPIRED_AT_ONCE = 200
LOOKS_BETWEEN_EXPIRIES = 25
log = structlog.get_logger(__name__)


class Dispatcher:
    """A companion of a worker. ``worker_id`` is its name: what it left under it is taken up at the start."""

    def __init__(self, platform: Platform, worker_id: str) -> None:
        self._platform = platform
        self._worker_id = worker_id
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._stopping = threading.Event()
        self._wake: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, give what is being sent its time, and give back the rest."""
        self._stopping.set()
        self._wake()
        settings = self._platform.settings
        self._thread.join(2 * settings.webhook_timeout_s + 10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                anyio.run(self._dispatch)
            except Exception as error:  # noqa: BLE001 - the database may be away; claims end by themselves
                log.error("sending webhooks was interrupted", error=describe(error))
                self._stopping.wait(1.0)

    async def _dispatch(self) -> None:
        loop, awake = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(awake.set)
            except RuntimeError:  # the loop has ended: there is nobody to wake
                return

        self._wake = wake
        with outbox.listening(wake):
            async with Courier(SharedLookUps()) as courier:
                await _Round(self._platform, self._worker_id, courier, awake, self._stopping).run()


class _Round:
    """One life of the event loop: what is claimed, being sent, and waiting to be recorded."""

    def __init__(
        self,
        platform: Platform,
        worker_id: str,
        courier: Courier,
        awake: asyncio.Event,
        stopping: threading.Event,
    ) -> None:
        self._platform = platform
        self._worker_id = worker_id
        self._courier = courier
        self._awake = awake
        self._stopping = stopping
        settings = platform.settings
        self._slots = settings.webhook_concurrency
        self._share = settings.webhook_account_concurrency
        # As long as a worker may be silent before its jobs are handed on, and an attempt may take.
        self._lease_s = settings.webhook_timeout_s + settings.worker_lost_after_s
        self._busy: Counter[str] = Counter()
        self._held: set[str] = set()
        self._ended: dict[str, list[Ended]] = {}
        self._recording: set[str] = set()
        self._tasks: TaskGroup
        self._threads = anyio.CapacityLimiter(THREADS)
        self._writers = anyio.CapacityLimiter(1 if platform.db.is_sqlite else THREADS // 2)
        self._after = ""
        self._looks = 0

    async def run(self) -> None:
        """Send until told to stop. Raises when the database is away at the start."""
        settings = self._platform.settings
        await self._in_thread(self._take_up)
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            while not self._stopping.is_set():
                try:
                    if await self._look():
                        continue
                except Exception as error:  # noqa: BLE001 - what is being sent goes on meanwhile
                    log.warning("webhooks cannot be claimed yet", error=describe(error))
                with anyio.move_on_after(settings.queue_poll_s):
                    await self._awake.wait()
            with anyio.move_on_after(settings.webhook_timeout_s):
                while self._held:
                    await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
        if self._held:
            await self._in_thread(partial(self._give_back, list(self._held)))

    async def _look(self) -> bool:
        """Claim what is due and there is room for. True when it is worth looking again at once."""
        self._awake.clear()
        self._looks += 1
        if self._looks % LOOKS_BETWEEN_EXPIRIES == 0:
            await self._in_thread(self._give_up_expired)
        queues, self._after = await self._in_thread(self._due)
        wanted = self._wanted(queues)
        if not wanted:
            return bool(self._after)
        claimed = await self._in_thread(partial(self._claim, wanted))
        for tenant, claims in claimed.items():
            self._busy[tenant] += len(claims)
            self._held.update(claim.message_id for claim in claims)
            self._tasks.start_soon(self._send_all, Tenant.parse(tenant), claims)
        return bool(claimed)

    def _wanted(self, queues: list[Queue]) -> list[tuple[Queue, int]]:
        """How many messages of which tenants: an account may have its share, and half of what is free."""
        free = self._slots - len(self._held)
        random.shuffle(queues)
        wanted = []
        for queue in sorted(queues, key=lambda queue: self._busy[queue.tenant]):
            most = min(self._share - self._busy[queue.tenant], (free + 1) // 2)
            if most > 0:
                wanted.append((queue, most))
                free -= most
        return wanted

    async def _send_all(self, tenant: Tenant, claims: list[Claim]) -> None:
        try:
            letters, ended = await self._in_thread(
                partial(attempts.write_letters, self._platform, tenant, claims)
            )
        except Exception as error:  # noqa: BLE001 - they are claimed anew when the claim ends
            log.warning("webhooks could not be prepared", tenant=str(tenant), error=describe(error))
            self._free(str(tenant), claims)
            return
        for one in ended:
            self._enter(tenant, one)
        for claim, letter in letters:
            self._tasks.start_soon(self._send, tenant, claim, letter)

    async def _send(self, tenant: Tenant, claim: Claim, letter: Letter) -> None:
        began_at = utcnow()
        about = {"chartbridge.message_id": claim.message_id}
        with tracing.span(
            "webhook attempt", kind="client", parent=claim.traceparent, attributes=about
        ) as span:
            outcome = await self._courier.deliver(letter)
            if outcome.kind != "delivered":
                span.failed(str(outcome.kind))
        self._enter(tenant, Ended(claim, outcome, letter.url, began_at))

    def _enter(self, tenant: Tenant, ended: Ended) -> None:
        name = str(tenant)
        self._ended.setdefault(name, []).append(ended)
        if name not in self._recording:
            self._recording.add(name)
            self._tasks.start_soon(self._record_all, name)

    async def _record_all(self, tenant: str) -> None:
        """Record what ends for the tenant, all that has ended by the time a writer is free at once."""
        while tenant in self._ended:
            async with self._writers:
                batch = self._ended.pop(tenant)
                recorded = await self._record(tenant, batch)
            if not recorded:
                await self._insist(tenant, batch)
            self._free(tenant, [one.claim for one in batch])
        self._recording.discard(tenant)

    async def _record(self, tenant: str, batch: list[Ended]) -> bool:
        try:
            await self._in_thread(
                partial(attempts.record, self._platform, Tenant.parse(tenant), self._worker_id, batch)
            )
        except Exception as error:  # noqa: BLE001 - tried again
            log.warning("webhooks cannot be recorded yet", tenant=tenant, error=describe(error))
            return False
        return True

    async def _insist(self, tenant: str, batch: list[Ended]) -> None:
        """Try to record again while the claims last. What cannot be recorded by then is sent again."""
        pause_s = 0.2
        with anyio.move_on_after(self._lease_s):
            while True:
                await anyio.sleep(pause_s)
                async with self._writers:
                    if await self._record(tenant, batch):
                        return
                pause_s = min(5.0, 2 * pause_s)

    def _free(self, tenant: str, claims: Sequence[Claim]) -> None:
        self._busy[tenant] -= len(claims)
        if not self._busy[tenant]:
            del self._busy[tenant]
        self._held.difference_update(claim.message_id for claim in claims)
        self._awake.set()

    async def _in_thread(self, function: Callable[[], R]) -> R:
        return await anyio.to_thread.run_sync(function, limiter=self._threads)

    def _take_up(self) -> None:
        with self._platform.db.write(None) as session:
            outbox.unclaim(session, self._worker_id)

    def _give_back(self, message_ids: list[str]) -> None:
        with self._platform.db.write(None) as session:
            outbox.unclaim(session, self._worker_id, message_ids)

    def _due(self) -> tuple[list[Queue], str]:
        with self._platform.db.glance(None) as session:
            return outbox.due(session, self._after)

    def _claim(self, wanted: list[tuple[Queue, int]]) -> dict[str, list[Claim]]:
        with self._platform.db.write(None) as session:
            return outbox.claim(session, self._worker_id, wanted, self._lease_s)

    def _give_up_expired(self) -> None:
        with self._platform.db.glance(None) as session:
            found = outbox.expired(session, EXPIRED_AT_ONCE)
        for tenant, message_ids in found.items():
            attempts.give_up(self._platform, Tenant.parse(tenant), message_ids)
