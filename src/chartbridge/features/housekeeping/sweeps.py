"""What is done for each tenant in a round of housekeeping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select

from chartbridge.auth.models import Account
from chartbridge.db import Tenant
from chartbridge.db.tenancy import ENVIRONMENTS
from chartbridge.features.bulk import retention as bulk_retention
from chartbridge.features.bulk import service as bulk
from chartbridge.features.cohorts import monitoring
from chartbridge.features.documents import uploads
from chartbridge.features.webhooks import retention as webhooks_retention
from chartbridge.logs import describe
from chartbridge.platform import Platform

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One kind of removal; ``run`` says how much went. It is bounded, and repeating it does no harm."""

    name: str
    run: Callable[[Platform, Tenant, datetime], int]


def _forget_unsent(platform: Platform, tenant: Tenant, now: datetime) -> int:
    with platform.db.write(tenant) as session:
        return uploads.forget_unsent(session, now)


def _hand_on_schedules(platform: Platform, tenant: Tenant, now: datetime) -> int:  # noqa: ARG001 - as all have it
    with platform.db.write(tenant) as session:
        monitoring.hand_on_all(session)
    return 0


TENANT_SWEEPS = (
    Sweep("uploads whose file never came", _forget_unsent),
    Sweep("unsent bulk imports", lambda platform, tenant, _: bulk.expire_waiting(platform, tenant)),
    Sweep("old bulk imports", lambda platform, tenant, _: bulk_retention.drop_old_imports(platform, tenant)),
    Sweep("old webhooks", lambda platform, tenant, _: webhooks_retention.drop_old_messages(platform, tenant)),
    Sweep("schedules of cohorts", _hand_on_schedules),
)


def sweep_tenant(platform: Platform, tenant: Tenant, now: datetime) -> dict[str, int]:
    """Run every sweep; one that fails does not stop the others, and is run again in the next round. What
    went, by the sweep's name."""
    gone = {}
    for sweep in TENANT_SWEEPS:
        try:
            gone[sweep.name] = sweep.run(platform, tenant, now)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next round tries again
            log.warning("housekeeping failed", sweep=sweep.name, tenant=str(tenant), error=describe(error))
    return {name: count for name, count in gone.items() if count}


def tenants_after(platform: Platform, account_id: str, limit: int) -> list[Tenant]:
    """The tenants of the next accounts, by the order of ids; ``limit`` accounts at most."""
    with platform.db.glance(None) as session:
        accounts = session.scalars(
            select(Account.id).where(Account.id > account_id).order_by(Account.id).limit(limit)
        ).all()
    return [Tenant(account, environment) for account in accounts for environment in ENVIRONMENTS]
