"""What a process of the pool does to tell whom a document is about."""

from __future__ import annotations

from typing import Any

from chartbridge.ccda import CcdaError
from chartbridge.ccda.subject import subjects


def subjects_of(xml: bytes) -> list[dict[str, Any]]:
    """Runs in a process of the pool: the document's patients as FHIR; none of what is no C-CDA document,
    which no chart takes anything from."""
    try:
        return subjects(xml)
    except CcdaError:
        return []
