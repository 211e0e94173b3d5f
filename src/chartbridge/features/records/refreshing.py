"""Having a chart brought up to date in the background, after something of the patient was stored."""

from __future__ import annotations

from collections.abc import Iterable

from chartbridge.db import TenantSession
from chartbridge.ids import new_id
from chartbridge.jobs.queue import Queue
from chartbridge.platform import Platform

REFRESHES = Queue("refresh-record", serial_per_key=True, seldom=True)
REFRESH = "refresh-record"


def refresh_later(
    platform: Platform, session: TenantSession, patient_id: str, document_ids: Iterable[str] = ()
) -> None:
    """Once the session's transaction commits, convert and read the text of those documents (stored
    already), and then make the chart of all that is stored of the patient.

    One patient's jobs run one after the other. A chart that is up to date already is not made again, so
    calling this once too often costs little.
    """
    platform.jobs.enqueue(
        session,
        REFRESHES,
        REFRESH,
        str(session.tenant),
        patient_id,
        ",".join(document_ids),
        job_id=f"{REFRESH}:{new_id()}",
        key=patient_id,
    )
