"""Enqueueing jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dbos import DBOSClient, EnqueueOptions
from dbos import DBOSPortableJSONSerializer as JsonSerializer
from sqlalchemy import Engine

from chartbridge.db import Database, TenantSession
from chartbridge.observability import tracing

APPLICATION = "chartbridge"
SYSTEM_SCHEMA = "dbos"
TRACE = "traceparent"
"""Attribute of a job: the span that enqueued it. Only while traces are on."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A named queue. With ``serial_per_key`` jobs of one key run one after the other, everywhere. One that is
    ``seldom`` used, and by jobs whose begin nobody waits for, is looked at less often: each look costs."""

    name: str
    serial_per_key: bool = False
    seldom: bool = False


SELDOM = 5
"""Times ``queue_poll_s`` between two looks."""

HOUSEKEEPING = Queue("housekeeping", seldom=True)
"""Small jobs that nobody waits for: removals, sweeps, schedules. One queue for all, because each one that a
worker polls costs even when it is empty."""


class JobQueue:
    """Puts jobs into the database; workers take them out."""

    def __init__(self, db: Database) -> None:
        self._engine: Engine = db.engine
        self._client: DBOSClient | None = None

    def enqueue(
        self,
        session: TenantSession,
        queue: Queue,
        workflow: str,
        *arguments: str,
        job_id: str,
        key: str | None = None,
        delay_s: float | None = None,
    ) -> None:
        """Have ``workflow`` run with the arguments once the session's transaction commits.

        ``job_id`` is unique for as long as the job is kept, which is ``job_kept_days`` after its end:
        enqueueing it again changes nothing. Ids are made of what does not come again. ``key`` is required
        for a queue that is serial per key.
        """
        options: EnqueueOptions = {"workflow_name": workflow, "queue_name": queue.name, "workflow_id": job_id}
        if queue.serial_per_key:
            if key is None:
                raise ValueError(f"jobs of the queue {queue.name} need a key")
            options["queue_partition_key"] = key
        if delay_s is not None:
            options["delay_seconds"] = delay_s
        if (delay_s or 0) <= tracing.OWN_TRACE_AFTER_S and (traceparent := tracing.traceparent()) is not None:
            options["attributes"] = {TRACE: traceparent}
        self.client().enqueue_in_transaction(session, options, *arguments)

    def register(self, queues: Sequence[Queue], *, worker_concurrency: int, poll_s: float) -> None:
        """Make the queues known in the database, with this configuration."""
        for queue in queues:
            self.client().register_queue(
                queue.name,
                worker_concurrency=worker_concurrency,
                partition_concurrency=1 if queue.serial_per_key else None,
                polling_interval_sec=poll_s * (SELDOM if queue.seldom else 1),
                on_conflict="always_update",
            )

    def traceparent(self, job_id: str) -> str | None:
        """What the job was enqueued under, if traces were on then."""
        found = self.client().list_workflows(workflow_ids=[job_id], load_input=False, load_output=False)
        attributes = found[0].attributes if found else None
        return str(attributes[TRACE]) if attributes and TRACE in attributes else None

    def has_begun(self, worker_id: str) -> bool:
        """Whether the worker of that name has jobs that it began and did not finish."""
        found = self.client().list_workflows(
            executor_id=worker_id, status="PENDING", limit=1, load_input=False, load_output=False
        )
        return bool(found)

    def client(self) -> DBOSClient:
        """The engine's own calls, for looking at jobs and steering them."""
        if self._client is None:
            self._client = DBOSClient(
                system_database_engine=self._engine,
                dbos_system_schema=SYSTEM_SCHEMA,
                serializer=JsonSerializer(),
                application_name=APPLICATION,
                lazy=True,
            )
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.destroy()
            self._client = None
