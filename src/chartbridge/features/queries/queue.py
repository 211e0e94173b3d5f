"""The queue of this room's jobs: those of one patient and source run one after the other."""

from __future__ import annotations

from chartbridge.jobs.queue import Queue

QUERIES = Queue("network-query", serial_per_key=True)


def queue_key(patient_id: str, source: str) -> str:
    """What jobs that must not run at the same time have in common."""
    return f"{patient_id}:{source}"
