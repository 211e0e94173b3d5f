"""A worker: takes jobs from the queues and runs them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
from dbos import DBOS, DBOSConfig
from dbos import DBOSPortableJSONSerializer as JsonSerializer

from chartbridge.jobs import patience, workflow
from chartbridge.jobs.heartbeat import Heartbeat
from chartbridge.jobs.queue import APPLICATION, SYSTEM_SCHEMA, Queue
from chartbridge.platform import Platform

WORKFLOW_VERSION = "1"
"""Raised only when a change to a workflow cannot continue what an older version began."""

LEASE_LOST_EXIT_CODE = 70
log = structlog.get_logger(__name__)


class Companion(Protocol):
    """What runs beside the jobs for as long as a worker does, in a thread of its own.

    Several workers run it at the same time, and any of them may die at any moment: what it does must be
    shared out through the database.
    """

    def start(self) -> None:
        """Begin; called once the worker holds its name's lease."""

    def stop(self) -> None:
        """End soon, and return once it has ended; what it leaves another worker's takes up."""


class Worker:
    """One worker in this process. ``worker_id`` must be stable over restarts and held by one process.

    ``queues`` are the queues it serves; ``warm_up`` is run once in each process of the CPU pool;
    ``companions`` run for as long as it does.
    """

    def __init__(
        self,
        platform: Platform,
        worker_id: str,
        queues: Sequence[Queue],
        warm_up: Callable[[], Any],
        companions: Sequence[Companion] = (),
    ) -> None:
        self._platform = platform
        self.worker_id = worker_id
        self._queues = queues
        self._warm_up = warm_up
        self._companions = companions
        settings = platform.settings
        self._heartbeat = Heartbeat(
            platform.db,
            worker_id,
            interval_s=settings.heartbeat_s,
            lost_after_s=settings.worker_lost_after_s,
            on_lost=_leave,
        )

    def start(self) -> None:
        """Take the name's lease, continue what it left, and begin. Raises WorkerNameTakenError."""
        settings = self._platform.settings
        self._platform.cpu.warm(self._warm_up)  # before the lease, which runs out while nothing beats
        self._heartbeat.acquire()
        self._platform.jobs.register(
            self._queues, worker_concurrency=settings.worker_concurrency, poll_s=settings.queue_poll_s
        )
        workflow.bind(self._platform)
        logging.getLogger("dbos").setLevel(logging.WARNING)
        patience.install()
        config = DBOSConfig(
            name=APPLICATION,
            system_database_url=settings.db_url,
            dbos_system_schema=SYSTEM_SCHEMA,
            application_version=WORKFLOW_VERSION,
            executor_id=self.worker_id,
            serializer=JsonSerializer(),
            run_migrations=False,
            log_level="WARNING",
            notification_listener_polling_interval_sec=settings.queue_poll_s,
        )
        DBOS(config=config)
        DBOS.launch()
        registered = [version["version_name"] for version in DBOS.list_application_versions()]
        self._heartbeat.give_back([name for name in registered if name != WORKFLOW_VERSION])
        self._heartbeat.start()
        for companion in self._companions:
            companion.start()
        log.info("worker started", worker=self.worker_id)

    def trouble(self) -> str | None:
        """What keeps this worker from taking jobs, in a few words; None when nothing does."""
        return None if self._heartbeat.is_fresh else "does not hold its name's lease"

    def stop(self, grace_s: int = 10) -> None:
        """Let running steps end for ``grace_s`` seconds, then leave; what is unfinished continues later."""
        workflow.stopping()
        for companion in self._companions:
            companion.stop()
        # The engine waits in whole seconds, the first of them even where nothing runs.
        busy = self._platform.jobs.has_begun(self.worker_id)
        DBOS.destroy(workflow_completion_timeout_sec=grace_s if busy else 0)
        self._heartbeat.stop(unfinished=self._platform.jobs.has_begun(self.worker_id))
        workflow.bind(None)
        log.info("worker stopped", worker=self.worker_id)


def default_worker_id() -> str:
    """A name that stays the same over restarts on one machine."""
    return f"worker-{socket.gethostname()}"


def _leave() -> None:
    """Others do this worker's jobs now, so it must not go on beside them, not even to clean up."""
    os._exit(LEASE_LOST_EXIT_CODE)
