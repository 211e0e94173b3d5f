"""A round of housekeeping, in the background.

Rounds come every ``housekeeping_s``; one that no worker was there for is left out. Each begins with the jobs
that ended long ago and goes through the tenants, in steps of bounded size; after a crash it goes on with the
step it was in. The objects of a tenant are looked through once a day, in the round whose turn it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from chartbridge.db import Tenant
from chartbridge.features.housekeeping import calendar, objects, sweeps
from chartbridge.features.monitoring import rounds as monitoring_rounds
from chartbridge.ids import utcnow
from chartbridge.jobs import retention as jobs_retention
from chartbridge.jobs.queue import HOUSEKEEPING
from chartbridge.jobs.scheduler import Plan
from chartbridge.jobs.workflow import platform, step, workflow
from chartbridge.logs import describe
from chartbridge.platform import Platform

ROUND = "housekeeping"
QUEUE = HOUSEKEEPING
ACCOUNTS_A_STEP = 20
FOLDERS_A_STEP = 500
JOBS_A_STEP = 5_000
STEPS_OF_JOBS = 40
"""A round deletes no more than these; the next goes on."""

log = structlog.get_logger(__name__)


def plan() -> Plan:
    """Begins a round whenever the clock enters a new one."""
    return Plan(ROUND, _beginner())


def _beginner() -> Callable[[Platform, datetime], int]:
    last: datetime | None = None

    def begin(here: Platform, now: datetime) -> int:
        nonlocal last
        begun = calendar.round_of(now, here.settings.housekeeping_s)
        if begun == last:
            return 0
        with here.db.write(None) as session:
            # Of all workers that come here, the first one's job counts: the id is the round's.
            here.jobs.enqueue(session, QUEUE, ROUND, begun.isoformat(), job_id=f"{ROUND}:{begun.isoformat()}")
        last = begun
        return 1

    return begin


def _failed(begun: str, *, reason: str) -> None:
    log.error("a round of housekeeping did not come to its end", begun=begun, reason=reason)


@workflow(ROUND, failed=_failed)
def do_round(begun: str) -> None:
    for _ in range(STEPS_OF_JOBS):
        if drop_jobs() < JOBS_A_STEP:
            break
    drop_monitoring_rounds()
    after = ""
    while tenants := next_tenants(after):
        sweep_tenants(tenants)
        for tenant in look_through(tenants, begun):
            position = ""
            while (position := sweep_objects(tenant, position)) != "":
                pass
        after = Tenant.parse(tenants[-1]).account_id


@step
def drop_jobs() -> int:
    here = platform()
    before = utcnow() - timedelta(days=here.settings.job_kept_days)
    return jobs_retention.drop_ended(here, before, limit=JOBS_A_STEP)


@step
def drop_monitoring_rounds() -> int:
    return monitoring_rounds.drop_old(platform(), utcnow())


@step
def next_tenants(after: str) -> list[str]:
    return [str(tenant) for tenant in sweeps.tenants_after(platform(), after, ACCOUNTS_A_STEP)]


@step
def sweep_tenants(tenants: list[str]) -> None:
    for tenant in tenants:
        gone = sweeps.sweep_tenant(platform(), Tenant.parse(tenant), utcnow())
        if gone:
            log.info("housekeeping", tenant=tenant, removed=gone)


@step
def look_through(tenants: list[str], begun: str) -> list[str]:
    """Those of the tenants whose turn it is; a step, because settings may change before a crash is over."""
    every_s = platform().settings.housekeeping_s
    return [tenant for tenant in tenants if calendar.has_turn(tenant, datetime.fromisoformat(begun), every_s)]


@step
def sweep_objects(tenant: str, after: str) -> str:
    """Look through the objects of the next patients; the last patient's id, or empty at the end."""
    here, owner = platform(), Tenant.parse(tenant)
    if not after and (count := objects.sweep_imports(here, owner, utcnow())):
        log.info("objects of forgotten imports removed", tenant=tenant, count=count)
    patient_ids = objects.patient_folders(here, owner, after, FOLDERS_A_STEP)
    for patient_id in patient_ids:
        try:
            count = objects.sweep_patient(here, owner, patient_id, utcnow())
        except Exception as error:  # noqa: BLE001 - the others' objects do not wait for this patient's
            log.warning("objects could not be looked through", patient=patient_id, error=describe(error))
            continue
        if count:
            log.info("objects removed that nothing refers to", tenant=tenant, patient=patient_id, count=count)
    return patient_ids[-1] if patient_ids else ""
