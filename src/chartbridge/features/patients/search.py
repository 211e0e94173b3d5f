"""What the filter of the patient list looks at (conventions 1.8); its language is that of
:mod:`chartbridge.search.filters`.

On PostgreSQL indexes answer it (migration 0006): one of the words of ``search_text``, each with the tenant
before it, and of ``search_ids`` one of all runs of six characters and, for shorter texts, one of
trigrams. SQLite looks at every row of the tenant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Text, and_, false, func, not_, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from chartbridge.db import TenantSession
from chartbridge.features.patients.drafts import PatientDraft
from chartbridge.features.patients.models import Patient, PatientFacility
from chartbridge.search import filters

RUN = 6
"""Length of the runs of characters that the index of ``search_ids`` knows."""


def text_of(patient: Patient | PatientDraft) -> str:
    """What ``search_text`` holds for the patient."""
    fields = (
        f"{patient.first_name} {patient.last_name}",
        patient.dob,
        patient.id,
        patient.external_id or "",
    )
    return filters.text_of_fields(fields)


def ids_of(patient: Patient | PatientDraft) -> str:
    """What ``search_ids`` holds: the external id and those in other systems, one a line, without case."""
    others = [value for held in patient.additional_ids.values() for value in held]
    return "\n".join(filters.plain(value) for value in (patient.external_id or "", *others))


def matching(session: TenantSession, text: str, facility_ids: Sequence[str]) -> ColumnElement[bool]:
    """The condition for patients that the filter finds.

    ``facility_ids`` are the facilities whose id or name the text is or is part of.
    """
    whole = filters.plain(text)
    in_facility = select(PatientFacility.patient_id).where(PatientFacility.facility_id.in_(facility_ids))
    return or_(
        _any(_hold(session, terms) for terms in filters.parse(text)),
        _in_ids(session, whole),
        Patient.id == whole,
        Patient.id.in_(in_facility) if facility_ids else false(),
    )


def _in_ids(session: TenantSession, part: str) -> ColumnElement[bool]:
    found = Patient.search_ids.contains(part, autoescape=True)
    if len(part) < RUN or not _has_indexes(session):
        return found
    # Whether the runs stand together is told by strpos: LIKE would bring the slower index of trigrams in.
    runs = [part[place : place + RUN] for place in range(len(part) - RUN + 1)]
    known = func.chartbridge_runs(Patient.search_ids, type_=ARRAY(Text)).contains(runs)
    return and_(known, func.strpos(Patient.search_ids, part) > 0)


def _has_indexes(session: TenantSession) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def names_facility(text: str, facility_id: str, facility_name: str) -> bool:
    """Whether the filter is a facility's id or part of its name."""
    whole = filters.plain(text)
    return whole == facility_id.casefold() or whole in filters.plain(facility_name)


def _any(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    return or_(false(), *conditions)


def _hold(session: TenantSession, terms: Sequence[filters.Term]) -> ColumnElement[bool]:
    """All of the terms hold."""
    conditions = [_holds(term) for term in terms]
    wanted = {word for term in terms if not term.negated for word in term.words}
    if wanted and _has_indexes(session):
        # The index knows words: single ones are found by it alone, the order in a phrase is looked at after.
        conditions = [_holds(term) for term in terms if term.negated or len(term.words) > 1]
        tenant = f"{session.tenant.account_id}/{session.tenant.environment}"
        mark = hashlib.md5(tenant.encode(), usedforsecurity=False).hexdigest()[:8]
        conditions.insert(0, _words().contains([f"{mark}/{word}" for word in sorted(wanted)]))
    return and_(*conditions)


def _words() -> ColumnElement[list[str]]:
    return func.chartbridge_tenant_words(
        Patient.account_id, Patient.environment, Patient.search_text, type_=ARRAY(Text)
    )


def _holds(term: filters.Term) -> ColumnElement[bool]:
    found = Patient.search_text.like(filters.pattern(term))
    return not_(found) if term.negated else found
