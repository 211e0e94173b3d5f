"""Fixed one-minute windows per tenant and operation (conventions 1.10), counted in the database so
that they hold over any number of API processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request, params
from sqlalchemy import Integer, String, delete
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Database, Tenant, TenantOwned
from chartbridge.db.upsert import upsert
from chartbridge.errors import RateLimitedError
from chartbridge.http.context import CurrentPlatform, CurrentTenant

WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """``per_minute`` calls of ``operation``; ``message`` is the plain-text answer beyond them."""

    operation: str
    per_minute: int
    message: str
    window_s: int = WINDOW_S


PATIENT_WRITES = Limit("patient-write", 15, "Too many patient creates or updates, please try again later.")
CONSOLIDATED_QUERIES = Limit(
    "consolidated-query", 120, "Too many patient consolidated data query starts, please try again later."
)
NETWORK_QUERIES = {
    source: Limit(f"network-query-{source}", 20, f"Rate limit exceeded for {name} data source")
    for source, name in (("hie", "hie"), ("pharmacy", "pharmacy"), ("lab", "laboratory"))
}


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
    """Count one call, in a transaction of its own, and say where the tenant stands after it."""
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
    allowed = overrides.get(limit.operation, limit.per_minute)
    return Usage(allowed, used, max(1, int((window + 1) * limit.window_s - now)), limit.window_s)


def rate_limited(limit: Limit) -> params.Depends:
    """A dependency that counts the call, sets the headers and refuses calls beyond the limit."""

    def dependency(request: Request, platform: CurrentPlatform, tenant: CurrentTenant) -> None:
        usage = count_call(platform.db, tenant, limit, platform.settings.rate_limits)
        request.state.response_headers = usage.headers()
        if usage.exceeded:
            raise RateLimitedError(limit.message)

    return params.Depends(dependency)
