"""Persona → Continuity of Care Document (C-CDA R2.1 CCD), as bytes.

In: a :class:`Persona`. Out: XML whose every entry points at the narrative that says the same, with
ids, dates and order fixed, so that the bytes never change. No clock, no randomness.
"""

from __future__ import annotations

from lxml import etree

from chartbridge.features.networks.sandbox.ccd import (
    allergies,
    care,
    coverage,
    history,
    immunizations,
    medications,
    observations,
    planning,
    problems,
    status,
)
from chartbridge.features.networks.sandbox.ccd.header import header
from chartbridge.features.networks.sandbox.ccd.xml import el
from chartbridge.features.networks.sandbox.persona import Persona

SECTIONS = (
    allergies.allergies,
    medications.medications,
    problems.problems,
    care.procedures,
    observations.result_section,
    coverage.advance_directives,
    care.encounters,
    history.family_history,
    status.functional_status,
    status.mental_status,
    immunizations.immunizations,
    coverage.payers,
    planning.assessment,
    planning.plan_of_treatment,
    planning.goals,
    planning.health_concerns,
    history.social_history,
    observations.vital_signs,
    coverage.care_team,
    care.notes,
)


def render(persona: Persona) -> bytes:
    """The persona's CCD, UTF-8 with an XML declaration."""
    document = el(
        "ClinicalDocument",
        None,
        header(persona),
        el(
            "component",
            None,
            el("structuredBody", None, [section(persona) for section in SECTIONS]),
        ),
    )
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
