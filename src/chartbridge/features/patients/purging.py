"""What background work writes about a patient who is deleted meanwhile must go as well."""

from __future__ import annotations

from sqlalchemy import select

from chartbridge.db import Tenant
from chartbridge.features.patients.models import Patient
from chartbridge.platform import Platform
from chartbridge.storage import keys


def is_gone(platform: Platform, tenant: Tenant, patient_id: str) -> bool:
    """Whether the patient is not there, or no longer."""
    with platform.db.read(tenant) as session:
        return session.scalars(select(Patient.id).where(Patient.id == patient_id)).first() is None


def swept_if_gone(platform: Platform, tenant: Tenant, patient_id: str) -> bool:
    """To be asked after an object of the patient was written: whether the patient was deleted before that.

    Then the purge may have passed already, so all objects of the patient are deleted here.
    """
    if not is_gone(platform, tenant, patient_id):
        return False
    platform.store.delete_below(keys.patient_folder(tenant, patient_id))
    return True
