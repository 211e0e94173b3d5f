"""How generated examples are run: however slow the machine is, and all in the one folder of a test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

generated = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
