"""What the rules of a map may ask of the patient."""

from __future__ import annotations

from typing import NamedTuple


class PatientFacts(NamedTuple):
    """``gender`` as in FHIR (``male``, ``female`` …) and ``birth_date`` as ISO 8601; ``None``: not known."""

    gender: str | None = None
    birth_date: str | None = None
