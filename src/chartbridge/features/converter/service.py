"""Converting in a process of the pool."""

from __future__ import annotations

from chartbridge.db import Tenant
from chartbridge.features.converter.task import Unreadable, convert_to_json
from chartbridge.http.ratelimit import Limit, Usage, count_call
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.observability import metrics
from chartbridge.platform import Platform

DAY_S = 86_400
QUOTA_USED_UP = "Too many conversions today, please try again tomorrow."


def run(platform: Platform, xml: bytes, patient_id: str, with_report: bool) -> bytes | Unreadable:
    """The bundle as JSON, with the report beside it where it is asked for. Raises PoolTaskError when it
    takes too long."""
    outcome = "interrupted"
    try:
        result = platform.cpu.run(convert_to_json, xml, patient_id, with_report)
        outcome = "unreadable" if isinstance(result, Unreadable) else "converted"
    finally:
        metrics.conversion_done(outcome, len(xml))
    return result


def count_conversion(platform: Platform, tenant: Tenant) -> Usage | None:
    """Count against the sandbox's daily quota; None where there is none."""
    if tenant.environment != "sandbox":
        return None
    limit = Limit("conversion", platform.settings.sandbox_conversions_per_day, QUOTA_USED_UP, DAY_S)
    return count_call(platform.db, tenant, limit, platform.settings.rate_limits)


__all__ = ["PoolTaskError", "Unreadable", "count_conversion", "run"]
