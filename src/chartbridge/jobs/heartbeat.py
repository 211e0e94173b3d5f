"""Who lives: leases of worker names, and handing on the jobs of a worker that went silent.

DBOS recovers a worker's jobs when a worker of the same name starts. When none does, another worker
takes them over here, through DBOS's public calls alone.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from dbos import DBOS
from sqlalchemy import CursorResult, delete, or_, select, update

from chartbridge.db import Database
from chartbridge.ids import new_message_id, utcnow
from chartbridge.jobs.models import WorkerLease
from chartbridge.logs import describe
from chartbridge.observability import metrics

log = structlog.get_logger(__name__)
_REAPER_CLAIM = timedelta(seconds=60)
_BATCH = 500


class WorkerNameTakenError(Exception):
    """Another living process already works under this name."""


class LeaseLostError(Exception):
    """This worker was silent for so long that its jobs were handed on; it must stop at once."""


class Heartbeat:
    """Keeps this worker's lease and watches those of the others."""

    def __init__(
        self,
        db: Database,
        worker_id: str,
        *,
        interval_s: float,
        lost_after_s: float,
        on_lost: Callable[[], None],
    ) -> None:
        self._db = db
        self._worker_id = worker_id
        self._instance = new_message_id()
        self._interval_s = interval_s
        self._lost_after = timedelta(seconds=lost_after_s)
        self._on_lost = on_lost
        self._last_beat = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def acquire(self) -> None:
        """Take the lease of this name. Raises WorkerNameTakenError while another process holds it."""
        host, pid, now = socket.gethostname(), os.getpid(), utcnow()
        with self._db.write(None) as session:
            self._db.lock(session, "worker-lease", self._worker_id)
            lease = session.get(WorkerLease, self._worker_id)
            if lease is not None:
                silent = now - lease.seen_at > self._lost_after
                gone = lease.host == host and not _alive(lease.pid)
                if not (silent or gone or (lease.host, lease.pid) == (host, pid)):
                    raise WorkerNameTakenError(
                        f"a worker named {self._worker_id} runs already (host {lease.host}, "
                        f"process {lease.pid}); give this one another --id"
                    )
                session.delete(lease)
                session.flush()
            session.add(
                WorkerLease(
                    worker_id=self._worker_id, instance=self._instance, host=host, pid=pid, seen_at=now
                )
            )

    def start(self) -> None:
        self._beaten()
        self._thread.start()

    def stop(self, *, unfinished: bool = False) -> None:
        """Stop, and give the name back; with ``unfinished`` jobs the lease stays, so that another worker
        takes them over once the name has been silent for long enough.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._interval_s + 5)
        if unfinished:
            return
        with self._db.write(None) as session:
            session.execute(delete(WorkerLease).where(WorkerLease.instance == self._instance))

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                self.beat()
                self.hand_on()
            except LeaseLostError:
                log.error("this worker's lease was lost", worker=self._worker_id)
                self._on_lost()
                return
            except Exception as error:  # noqa: BLE001 - the database may be away; the next beat tries again
                log.warning("heartbeat failed", worker=self._worker_id, error=describe(error))

    def beat(self) -> None:
        """Say that this worker lives. Raises LeaseLostError when its jobs were handed on meanwhile."""
        with self._db.write(None) as session:
            touched = session.execute(
                update(WorkerLease)
                .where(WorkerLease.instance == self._instance, WorkerLease.reaper.is_(None))
                .values(seen_at=utcnow())
            )
        if _rowcount(touched) == 0:
            raise LeaseLostError(self._worker_id)
        self._beaten()

    def _beaten(self) -> None:
        self._last_beat = time.monotonic()
        metrics.HEARTBEAT.set_to_current_time()

    @property
    def is_fresh(self) -> bool:
        """Whether the lease is held, kept by its thread, and too young to be taken away."""
        is_kept = self._thread.is_alive() and not self._stop.is_set()
        return is_kept and time.monotonic() - self._last_beat < self._lost_after.total_seconds()

    def hand_on(self) -> int:
        """Resume the jobs of workers that went silent; returns how many jobs there were."""
        return sum(self._hand_on(worker_id) for worker_id in self._silent_workers())

    def _silent_workers(self) -> list[str]:
        with self._db.read(None) as session:
            return list(
                session.scalars(
                    select(WorkerLease.worker_id).where(WorkerLease.seen_at < utcnow() - self._lost_after)
                )
            )

    def _hand_on(self, worker_id: str) -> int:
        now = utcnow()
        with self._db.write(None) as session:
            claimed = session.execute(
                update(WorkerLease)
                .where(
                    WorkerLease.worker_id == worker_id,
                    WorkerLease.seen_at < now - self._lost_after,
                    or_(WorkerLease.reaper.is_(None), WorkerLease.reaper_since < now - _REAPER_CLAIM),
                )
                .values(reaper=self._instance, reaper_since=now)
            )
        if _rowcount(claimed) == 0:
            return 0
        jobs = self._resume_pending(worker_id)
        with self._db.write(None) as session:
            session.execute(
                delete(WorkerLease).where(
                    WorkerLease.worker_id == worker_id, WorkerLease.reaper == self._instance
                )
            )
        log.warning("jobs of a lost worker handed on", lost=worker_id, by=self._worker_id, jobs=jobs)
        return jobs

    def give_back(self, versions: list[str]) -> int:
        """Put the jobs that this name began with those other versions back into their queues, where workers
        of these versions find them; returns how many. This one beats under the name, so nobody else would
        take them over, and the engine continues those of its own version alone.
        """
        jobs = self._resume_pending(self._worker_id, versions) if versions else 0
        if jobs:
            log.warning("jobs of another version given back", worker=self._worker_id, jobs=jobs)
        return jobs

    @staticmethod
    def _resume_pending(worker_id: str, versions: list[str] | None = None) -> int:
        """Of those versions, or of all."""
        count = 0
        while True:
            found = DBOS.list_workflows(
                executor_id=worker_id,
                app_version=versions,
                status="PENDING",
                limit=_BATCH,
                load_input=False,
                load_output=False,
            )
            if not found:
                return count
            by_queue: dict[str | None, list[str]] = {}
            for job in found:
                by_queue.setdefault(job.queue_name, []).append(job.workflow_id)
            for queue_name, ids in by_queue.items():
                # Back onto their own queue, so that jobs of one key still run one after the other.
                DBOS.resume_workflows(ids, queue_name=queue_name)
            count += len(found)


def _rowcount(result: object) -> int:
    assert isinstance(result, CursorResult)
    return int(result.rowcount)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
