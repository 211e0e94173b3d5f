"""What the filter of the patient list looks at (conventions 1.8); its language is that of
:mod:`chartbridge.search.filters`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, and_, false, not_, or_, select

from chartbridge.features.patients.models import Patient, PatientFacility
from chartbridge.search import filters


def text_of(patient: Patient) -> str:
    """What ``search_text`` holds for the patient."""
    fields = (
        f"{patient.first_name} {patient.last_name}",
        patient.dob,
        patient.id,
        patient.external_id or "",
    )
    return filters.text_of_fields(fields)


def ids_of(patient: Patient) -> str:
    """What ``search_ids`` holds: the external id and those in other systems, one a line, without case."""
    others = [value for held in patient.additional_ids.values() for value in held]
    return "\n".join(filters.plain(value) for value in (patient.external_id or "", *others))


def matching(text: str, facility_ids: Sequence[str]) -> ColumnElement[bool]:
    """The condition for patients that the filter finds.

    ``facility_ids`` are the facilities whose id or name the text is or is part of.
    """
    whole = filters.plain(text)
    in_facility = select(PatientFacility.patient_id).where(PatientFacility.facility_id.in_(facility_ids))
    return or_(
        _any(and_(*(_holds(term) for term in terms)) for terms in filters.parse(text)),
        Patient.search_ids.contains(whole, autoescape=True),
        Patient.id == whole,
        Patient.id.in_(in_facility) if facility_ids else false(),
    )


def names_facility(text: str, facility_id: str, facility_name: str) -> bool:
    """Whether the filter is a facility's id or part of its name."""
    whole = filters.plain(text)
    return whole == facility_id.casefold() or whole in filters.plain(facility_name)


def _any(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    return or_(false(), *conditions)


def _holds(term: filters.Term) -> ColumnElement[bool]:
    found = Patient.search_text.like(filters.pattern(term))
    return not_(found) if term.negated else found
