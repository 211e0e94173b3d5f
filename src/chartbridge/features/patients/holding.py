"""Locking many patients at once, always in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Select, select

from chartbridge.db import TenantSession
from chartbridge.features.patients.models import Patient


def hold_patients(session: TenantSession, patient_ids: Sequence[str]) -> dict[str, bool]:
    """Those of the patients who are there, by id, and whether the account treats them.

    Until this transaction ends they stay, and so does that answer.
    """
    query = (
        select(Patient.id, Patient.treatment_relationship)
        .where(Patient.id.in_(patient_ids))
        .order_by(Patient.id)
        .with_for_update(read=True)
    )
    return dict(session.execute(query).all())


def hold_all(
    session: TenantSession,
    batch: int,
    *,
    treated_only: bool = False,
    among: Select[str] | None = None,
) -> Iterator[list[str]]:
    """Ids of all patients, or of those ``among`` a query's, oldest first, in batches that are locked as by
    ``hold_patients``. With ``treated_only`` those whom the account treats."""
    query = select(Patient.id).order_by(Patient.id).limit(batch).with_for_update(read=True)
    if treated_only:
        query = query.where(Patient.treatment_relationship)
    if among is not None:
        query = query.where(Patient.id.in_(among))
    last = ""
    while ids := list(session.scalars(query.where(Patient.id > last))):
        yield ids
        last = ids[-1]
