"""Medical record summaries: made by consolidated queries, kept for later (contract, consolidated 6.8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select

from chartbridge.db import Tenant, TenantSession
from chartbridge.db.upsert import upsert
from chartbridge.errors import NotFoundError
from chartbridge.features.accounts import service as accounts
from chartbridge.features.patients import service as patients
from chartbridge.features.records.models import MedicalRecord
from chartbridge.features.records.summary_task import render
from chartbridge.ids import utcnow
from chartbridge.platform import Platform
from chartbridge.storage import keys

Resource = dict[str, Any]
FORMATS = {"html": "text/html", "pdf": "application/pdf"}
"""The formats of a summary and their content types."""
URL_S = 180


def write(
    platform: Platform, tenant: Tenant, patient_id: str, request_id: str, form: str, chosen: list[Resource]
) -> None:
    """Render the summary of the resources, with the account's filters, and keep it as the request's result.

    Idempotent. ``chosen`` holds the current Patient. A chart without data gives a summary that says so.
    """
    with platform.db.read(tenant) as session:
        account = accounts.find_settings(session)
        filters = account.mr_filters if account else None
    (patient,) = (resource for resource in chosen if resource["resourceType"] == "Patient")
    content = platform.cpu.run(render, form, orjson.dumps(chosen), patient, utcnow(), filters)
    platform.store.put(
        keys.query_result(tenant, patient_id, request_id, form),
        content,
        content_type=FORMATS[form],
        inline=True,
    )


def note(session: TenantSession, patient_id: str, form: str, request_id: str, made_at: datetime) -> None:
    """From now on the request's summary is the patient's in that format."""
    values = {"request_id": request_id, "made_at": made_at, "updated_at": made_at}
    upsert(
        session,
        MedicalRecord,
        {"patient_id": patient_id, "format": form, **values},
        key=("patient_id", "format"),
        update=values,
        returning=MedicalRecord.request_id,
    )


def url(platform: Platform, tenant: Tenant, patient_id: str, form: str) -> str:
    """A presigned URL of the patient's newest summary in that format, good for three minutes. Raises
    NotFoundError."""
    with platform.db.read(tenant) as session:
        patients.get_patient(session, patient_id)
        record = session.get(MedicalRecord, (patient_id, form))
    if record is None:
        raise NotFoundError("Medical record summary not found")
    return platform.store.presigned_get(
        keys.query_result(tenant, patient_id, record.request_id, form),
        expires_in_s=URL_S,
        content_type=FORMATS[form],
        filename=f"medical-record.{form}",
        inline=True,
    )


def made_at(session: TenantSession, patient_id: str) -> dict[str, datetime]:
    """When the newest summary of each format was made, for those formats that exist. Raises NotFoundError."""
    patients.get_patient(session, patient_id)
    found = session.scalars(select(MedicalRecord).where(MedicalRecord.patient_id == patient_id))
    return {record.format: record.made_at for record in found}
