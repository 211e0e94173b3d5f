"""Keeping a patient from being deleted while something about them is written."""

from __future__ import annotations

from sqlalchemy.exc import InvalidRequestError

from chartbridge.db import TenantSession
from chartbridge.features.patients import service as patients


def hold_patient(session: TenantSession, patient_id: str) -> bool:
    """Whether the patient is there, and from now on stays until this transaction ends.

    Deleting locks the patient first and then what belongs to it. A transaction that locks something of
    the patient and then writes a row that refers to the patient must come in the same order, or the two
    wait for each other; so it calls this first.
    """
    patient = patients.find_patient(session, patient_id)
    if patient is None:
        return False
    try:
        session.refresh(patient, with_for_update={"read": True, "key_share": True})
    except InvalidRequestError:  # the deletion that held the lock has committed
        return False
    return True
