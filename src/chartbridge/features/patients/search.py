"""The filter language of the patient list (conventions 1.8): words, ``"phrases"``, ``or``, ``-without``.

Whole words, in any case and with or without accents. It is answered with LIKE over a column of normalised
words, the same on every database: the text is `` word word | word … `` where a bar ends a field, so that
a phrase does not reach from one field into the next.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, not_, or_, select

from chartbridge.errors import BadRequestError
from chartbridge.features.patients.models import Patient, PatientFacility

MAX_LENGTH = 1000
MAX_TERMS = 100
_TOKEN = re.compile(r'(-?)"([^"]*)"?|(\S+)')


@dataclass(frozen=True, slots=True)
class Term:
    """Words that must (or, ``negated``, must not) follow each other in a field."""

    words: tuple[str, ...]
    negated: bool = False


def words(text: str) -> tuple[str, ...]:
    """The text's runs of letters and digits, without case and accents."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    kept = (c if c.isalnum() else " " for c in decomposed if not unicodedata.combining(c))
    return tuple("".join(kept).split())


def text_of(patient: Patient) -> str:
    """What ``search_text`` holds for the patient."""
    fields = (
        f"{patient.first_name} {patient.last_name}",
        patient.dob,
        patient.id,
        patient.external_id or "",
    )
    return f" {' | '.join(' '.join(words(field)) for field in fields)} "


def ids_of(patient: Patient) -> str:
    """What ``search_ids`` holds: the external id and those in other systems, one a line, without case."""
    others = [value for held in patient.additional_ids.values() for value in held]
    return "\n".join(_plain(value) for value in (patient.external_id or "", *others))


def parse(text: str) -> list[list[Term]]:
    """Alternatives, each a list of terms that must all hold. Raises BadRequestError beyond the limits."""
    if len(text) > MAX_LENGTH:
        raise BadRequestError(f"filters must have at most {MAX_LENGTH} characters")
    alternatives: list[list[Term]] = [[]]
    tokens = list(_TOKEN.finditer(text))
    if len(tokens) > MAX_TERMS:
        raise BadRequestError(f"filters must have at most {MAX_TERMS} words")
    for place, token in enumerate(tokens):
        minus, phrase, word = token.groups()
        if phrase is None and word.lower() == "or" and alternatives[-1] and place + 1 < len(tokens):
            alternatives.append([])
            continue
        negated = bool(minus) if phrase is not None else word.startswith("-")
        found = words(phrase if phrase is not None else word)
        if found:
            alternatives[-1].append(Term(found, negated))
    return [terms for terms in alternatives if terms]


def matching(text: str, facility_ids: Sequence[str]) -> ColumnElement[bool]:
    """The condition for patients that the filter finds.

    ``facility_ids`` are the facilities whose id or name the text is or is part of.
    """
    plain = _plain(text)
    in_facility = select(PatientFacility.patient_id).where(PatientFacility.facility_id.in_(facility_ids))
    return or_(
        _any(and_(*(_holds(term) for term in terms)) for terms in parse(text)),
        Patient.search_ids.contains(plain, autoescape=True),
        Patient.id == plain,
        Patient.id.in_(in_facility) if facility_ids else false(),
    )


def names_facility(text: str, facility_id: str, facility_name: str) -> bool:
    """Whether the filter is a facility's id or part of its name."""
    plain = _plain(text)
    return plain == facility_id.casefold() or plain in _plain(facility_name)


def _any(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    return or_(false(), *conditions)


def _holds(term: Term) -> ColumnElement[bool]:
    # Words hold letters and digits only, so none of LIKE's wild cards.
    found = Patient.search_text.like(f"% {' '.join(term.words)} %")
    return not_(found) if term.negated else found


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
