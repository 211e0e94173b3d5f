"""Fixed one-minute windows per tenant and operation (conventions 1.10).

Operations with a published limit are counted in the database, so that the limit holds over any number of API
processes. All calls together have a generous budget in each process's memory, so that a read writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Request, params
from sqlalchemy import Integer, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.auth.models import LIMITS_OF_TENANTS
from chartbridge.db import Base, Database, Tenant, TenantOwned, TenantSession
from chartbridge.db.upsert import upsert
from chartbridge.errors import RateLimitedError
from chartbridge.http.context import CurrentPlatform, CurrentTenant
from chartbridge.observability import metrics

WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """``per_minute`` calls of ``operation``; ``message`` is the plain-text answer beyond them.

    The limit that holds for a tenant is what the operator set for its account, or else for all
    (``CHARTBRIDGE_RATE_LIMITS``), or else ``per_minute``.
    """

    operation: str
    per_minute: int
    message: str
    window_s: int = WINDOW_S

    def __post_init__(self) -> None:
        if self.window_s == WINDOW_S:
            OPERATIONS[self.operation] = self.per_minute

    def allowed(self, account: Mapping[str, int], everybody: Mapping[str, int]) -> int:
        return account.get(self.operation, everybody.get(self.operation, self.per_minute))


OPERATIONS: dict[str, int] = {}
"""The usual limit of every operation that has one, by its name."""

GENERAL = Limit("general", 6_000, "Too many requests, please try again later.")
PATIENT_WRITES = Limit("patient-write", 15, "Too many patient creates or updates, please try again later.")
CONSOLIDATED_QUERIES = Limit(
    "consolidated-query", 120, "Too many patient consolidated data query starts, please try again later."
)
DOCUMENT_QUERIES = Limit(
    "document-query", 20, "Too many patient document query starts, please try again later."
)
CONTRIBUTIONS = Limit("contribution", 120, "Too many patient data contributions, please try again later.")
NETWORK_QUERIES = {
    source: Limit(f"network-query-{source}", 20, f"Rate limit exceeded for {name} data source")
    for source, name in (("hie", "hie"), ("pharmacy", "pharmacy"), ("lab", "laboratory"))
}


def limits_in_force(account: Mapping[str, int], everybody: Mapping[str, int]) -> dict[str, int]:
    """Calls a minute by operation, as an account with those limits of its own has them."""
    return {name: account.get(name, everybody.get(name, usual)) for name, usual in sorted(OPERATIONS.items())}


class RateWindow(TenantOwned, Base):
    """How often an operation was called in one window."""

    __tablename__ = "rate_windows"

    account_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    environment: Mapped[str] = mapped_column(String(10), primary_key=True)
    operation: Mapped[str] = mapped_column(String(40), primary_key=True)
    window: Mapped[int] = mapped_column(Integer, primary_key=True)
    calls: Mapped[int] = mapped_column(Integer)


@dataclass(frozen=True, slots=True)
class Usage:
    """Where a tenant stands in the current window."""

    limit: int
    used: int
    reset_s: int
    window_s: int

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit

    def headers(self) -> dict[str, str]:
        headers = {
            "RateLimit-Policy": f"{self.limit};w={self.window_s}",
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.reset_s),
        }
        if self.exceeded:
            headers["Retry-After"] = str(self.reset_s)
        return headers


def count_call(
    db: Database,
    tenant: Tenant,
    limit: Limit,
    overrides: dict[str, int],
    clock: Callable[[], float] = time.time,
) -> Usage:
    """Count one call, in a transaction of its own, and say where the tenant stands after it.

    ``overrides`` are the limits that the operator set for everybody; those of the account are read with it.
    """
    now = clock()
    window = int(now // limit.window_s)
    with db.write(tenant) as session:
        used = upsert(
            session,
            RateWindow,
            {"operation": limit.operation, "window": window, "calls": 1},
            key=("account_id", "environment", "operation", "window"),
            update={"calls": RateWindow.calls + 1},
            returning=RateWindow.calls,
        )
        if used == 1:
            session.execute(
                delete(RateWindow).where(RateWindow.operation == limit.operation, RateWindow.window < window)
            )
        allowed = limit.allowed(_limits_of(session), overrides)
    return _counted(limit, Usage(allowed, used, _left(limit, window, now), limit.window_s))


def _counted(limit: Limit, usage: Usage) -> Usage:
    if usage.exceeded:
        metrics.RATE_LIMITED.labels(limit.operation).inc()
    return usage


def _limits_of(session: TenantSession) -> Mapping[str, int]:
    of = LIMITS_OF_TENANTS.c
    tenant = session.tenant
    found: Mapping[str, int] | None = session.scalar(
        select(of.rate_limits).where(of.account_id == tenant.account_id, of.environment == tenant.environment)
    )
    return found or {}


def _left(limit: Limit, window: int, now: float) -> int:
    return max(1, int((window + 1) * limit.window_s - now))


class GeneralBudget:
    """Every call of each tenant in the present minute, in this process. Not for several threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._window = 0
        self._calls: dict[Tenant, int] = {}

    def use(self, tenant: Tenant, allowed: int) -> Usage:
        """Count one call and say where the tenant stands after it."""
        now = self._clock()
        window = int(now // WINDOW_S)
        if window != self._window:
            self._window, self._calls = window, {}
        used = self._calls[tenant] = self._calls.get(tenant, 0) + 1
        return _counted(GENERAL, Usage(allowed, used, _left(GENERAL, window, now), WINDOW_S))


def rate_limited(limit: Limit) -> params.Depends:
    """A dependency that counts the call, sets the headers and refuses calls beyond the limit."""

    def dependency(request: Request, platform: CurrentPlatform, tenant: CurrentTenant) -> None:
        usage = count_call(platform.db, tenant, limit, platform.settings.rate_limits)
        request.state.response_headers = usage.headers()
        if usage.exceeded:
            raise RateLimitedError(limit.message)

    return params.Depends(dependency)
