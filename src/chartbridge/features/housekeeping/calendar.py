"""When rounds of housekeeping are, and which tenants' objects are looked through in which. Pure functions."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

_DAY_S = 86_400


def round_of(now: datetime, every_s: float) -> datetime:
    """When the round that ``now`` falls into began, counted from 1970."""
    return datetime.fromtimestamp(now.timestamp() // every_s * every_s, UTC)


def next_round(now: datetime, every_s: float) -> datetime:
    return round_of(now, every_s) + timedelta(seconds=every_s)


def has_turn(tenant: str, begun: datetime, every_s: float) -> bool:
    """Whether it is in this round of the day that a tenant's objects are looked through. Which of a day's
    rounds it is changes daily, so a machine that is off at night comes to every tenant too."""
    rounds = max(1, int(_DAY_S // every_s))
    turn = int.from_bytes(hashlib.sha256(f"{tenant} {begun.date()}".encode()).digest()[:8], "big") % rounds
    since_midnight = begun.timestamp() % _DAY_S
    return int(since_midnight // every_s) % rounds == turn
