"""What must not be seen where operators look: everything that is said of an invented patient."""

from __future__ import annotations

from datetime import date
from typing import Any

from chartbridge.features.networks.sandbox.persona import load
from tests.support import people

_COMMON = {"phoenix", "boise"}
"""Cities that are too common a word to look for."""


def of_persona(key: str) -> set[str]:
    """Names, dates, addresses, telephone numbers and identifiers of one of the sandbox's patients, of the
    people about them and of the documents that the network gives."""
    persona = load(key)
    found = {persona.mrn, persona.authority, persona.full_name}
    for table in ("patient", "organization", "pharmacy", "laboratory"):
        found |= _said(persona.facts[table])
    for kind in ("contact", "clinician"):
        for entry in persona.each(kind):
            found |= _said(entry)
    return _telling(found)


def of_stranger() -> set[str]:
    told = people.stranger()
    found = {told["firstName"], told["lastName"], told["dob"]}
    for part in ("address", "contact", "personalIdentifiers"):
        for entry in told[part]:
            found |= {str(value) for value in entry.values()}
    return _telling(found)


def seen_in(text: str, secrets: set[str]) -> list[str]:
    """Those of the secrets that stand in the text, in whatever case."""
    lowered = text.lower()
    return sorted(secret for secret in secrets if secret.lower() in lowered)


def _said(facts: dict[str, Any]) -> set[str]:
    names = (
        "first",
        "last",
        "first_name",
        "last_name",
        "dob",
        "street",
        "phone",
        "email",
        "mrn",
        "npi",
        "zip",
    )
    values = [facts[name] for name in (*names, "name") if name in facts]
    return {value.isoformat() if isinstance(value, date) else str(value) for value in values}


def _telling(values: set[str]) -> set[str]:
    """Without what is too short to be told from other words and numbers."""
    return {value for value in values if len(value) >= 5 and value.lower() not in _COMMON}
