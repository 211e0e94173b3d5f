"""Reading one patient: what callers ask for most, so that it is a statement made once and no more."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from chartbridge.db import Database, Lookup, Tenant
from chartbridge.errors import NotFoundError
from chartbridge.features.patients.models import Patient, PatientFacility
from chartbridge.ids import etag


class StoredPatient(NamedTuple):
    """A patient as stored, to be answered with; a :class:`Patient` has the same and may be changed."""

    id: str
    first_name: str
    last_name: str
    dob: str
    gender_at_birth: str
    address: list[dict[str, Any]]
    contact: list[dict[str, Any]]
    personal_identifiers: list[dict[str, Any]]
    external_id: str | None
    additional_ids: dict[str, Any]
    hie_opt_out: bool
    treatment_relationship: bool
    version: int
    created_at: datetime
    facility_ids: list[str]

    @property
    def etag(self) -> str:
        return etag(self.id, self.version)


_COLUMNS = [getattr(Patient, name) for name in StoredPatient._fields[:-1]]
# One row for each of the patient's facilities: both databases can say that.
_PATIENT = Lookup(
    select(*_COLUMNS, PatientFacility.facility_id)
    .outerjoin(PatientFacility, PatientFacility.patient_id == Patient.id)
    .where(Patient.id == bindparam("patient_id"))
)


def read_patient(db: Database, tenant: Tenant, patient_id: str) -> StoredPatient:
    """Raises NotFoundError."""
    rows = db.look_up(_PATIENT, tenant, {"patient_id": patient_id})
    if not rows:
        raise NotFoundError("Could not find patient", id=patient_id)
    facility_ids = sorted(row[-1] for row in rows if row[-1] is not None)
    return StoredPatient._make([*rows[0][:-1], facility_ids])
