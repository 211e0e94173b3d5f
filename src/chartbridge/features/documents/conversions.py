"""Converting stored C-CDA documents, once for each content and converter version."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from chartbridge.ccda import CONVERTER_VERSION
from chartbridge.db import Tenant, TenantSession
from chartbridge.features.documents import service, uploads
from chartbridge.features.documents.conversion_task import convert_to_gzip
from chartbridge.features.documents.models import Document
from chartbridge.features.patients import service as patients
from chartbridge.jobs.pool import PoolTaskError
from chartbridge.observability import metrics
from chartbridge.platform import Platform
from chartbridge.storage import keys


@dataclass(frozen=True, slots=True)
class Converted:
    """A document whose conversion lies under ``key``; ``created`` is ISO-8601 or empty."""

    document_id: str
    connector: str
    file_name: str
    created: str
    key: str


def convert_stored(platform: Platform, tenant: Tenant, ids: Sequence[str]) -> int:
    """Convert those of the documents that need it; returns how many are converted now. Idempotent.

    A document that cannot be converted is marked so with the reason; the others go on. One that got other
    content meanwhile stays as whoever brought that content left it, and one that was withheld stays so.
    """
    with platform.db.read(tenant) as session:
        rows = [row for row in _rows(session, ids) if row.conversion != "none" and row.status == "stored"]
    key_of = {r.id: keys.conversion(tenant, r.patient_id, str(r.sha256), CONVERTER_VERSION) for r in rows}
    todo = [row for row in rows if platform.store.size(key_of[row.id]) is None]
    inputs = [
        (platform.store.get(keys.document(tenant, r.patient_id, r.file_name)), r.patient_id) for r in todo
    ]
    failures: dict[str, str] = {}
    interrupted: dict[str, str] = {}
    results = platform.cpu.map(convert_to_gzip, list(inputs))
    for row, (xml, _), result in zip(todo, inputs, results, strict=True):
        metrics.conversion_done(_outcome(result), len(xml))
        if isinstance(result, bytes):
            platform.store.put(key_of[row.id], result, content_type="application/gzip")
        elif isinstance(result, PoolTaskError):  # says nothing of the document: the next query tries again
            interrupted[row.id] = f"conversion {result.reason}"
        else:
            failures[row.id] = result
    hashes = {row.id: row.sha256 for row in rows}
    with platform.db.write(tenant) as session:
        for patient_id in sorted({row.patient_id for row in rows}):
            patients.hold_patient(session, patient_id)
        held = _rows(session, list(hashes), lock=True)
        current = [row for row in held if row.status == "stored" and row.sha256 == hashes[row.id]]
        for row in current:
            failure = failures.get(row.id) or interrupted.get(row.id)
            row.conversion_failure = failure[:500] if failure else None
            if row.id in failures:
                row.conversion, row.refused_by_version = "failed", CONVERTER_VERSION
            elif row.id not in interrupted:
                row.conversion = "converted"
                row.converted_sha256, row.converter_version = hashes[row.id], CONVERTER_VERSION
    for patient_id in {row.patient_id for row in rows} - {row.patient_id for row in held}:
        # Deleted meanwhile: what was written came after the deletion of their objects.
        platform.store.delete_below(keys.patient_folder(tenant, patient_id))
    return sum(row.id not in failures and row.id not in interrupted for row in current)


def _outcome(result: bytes | str | PoolTaskError) -> str:
    if isinstance(result, bytes):
        return "converted"
    return "interrupted" if isinstance(result, PoolTaskError) else "unreadable"


def convert_awaiting(
    platform: Platform,
    tenant: Tenant,
    patient_id: str,
    *,
    besides: Collection[str] = (),
    untried: bool = False,
) -> None:
    """Convert the patient's uploads, ``besides`` those, that are here and that the present converter has not
    seen: nobody offers an upload again, as a network does. ``untried``: not what went wrong last time."""
    with platform.db.read(tenant) as session:
        ids = service.awaiting_conversion(session, patient_id, uploads.SOURCE, untried=untried)
    convert_stored(platform, tenant, [document_id for document_id in ids if document_id not in besides])


def converted(session: TenantSession, patient_id: str) -> list[Converted]:
    """The patient's converted documents, for consolidation."""
    rows = session.scalars(
        select(Document)
        .where(Document.patient_id == patient_id, Document.converted_sha256.is_not(None))
        .where(Document.status == "stored")
        .order_by(Document.id)
    )
    return [
        Converted(
            row.id,
            row.connector,
            row.file_name,
            str(row.remote.get("created") or ""),
            keys.conversion(
                session.tenant, patient_id, str(row.converted_sha256), str(row.converter_version)
            ),
        )
        for row in rows
    ]


def _rows(session: TenantSession, ids: Sequence[str], *, lock: bool = False) -> list[Document]:
    query = select(Document).where(Document.id.in_(ids)).order_by(Document.id)
    return list(session.scalars(query.with_for_update() if lock else query))
