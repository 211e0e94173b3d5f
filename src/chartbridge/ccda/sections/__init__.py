"""One module for each kind of section; importing this package registers all of their mappers."""

from __future__ import annotations

from chartbridge.ccda.sections import (
    advance_directives,
    allergies,
    care_team,
    devices,
    encounters,
    family_history,
    generic,
    goals,
    health_concerns,
    immunizations,
    medications,
    notes,
    payers,
    plan,
    problems,
    procedures,
    results,
    social_history,
    status,
    vitals,
)

__all__ = [
    "advance_directives",
    "allergies",
    "care_team",
    "devices",
    "encounters",
    "family_history",
    "generic",
    "goals",
    "health_concerns",
    "immunizations",
    "medications",
    "notes",
    "payers",
    "plan",
    "problems",
    "procedures",
    "results",
    "social_history",
    "status",
    "vitals",
]
