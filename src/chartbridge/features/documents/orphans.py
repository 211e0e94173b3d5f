"""Objects of documents that no row speaks of: what a crash left between two steps, or an older content."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from chartbridge.db import TenantSession
from chartbridge.features.documents.models import Document


def strays(session: TenantSession, patient_id: str, keys: Iterable[str], *, lock: bool = False) -> list[str]:
    """Those of the patient's object keys that no document names. Keys of other kinds are never among them.

    With ``lock``, and with the patient locked against change so that no document is added, what is found
    stays so until this transaction ends: content that comes later is converted and shown anew.
    """
    query = (
        select(Document.file_name, Document.sha256, Document.converted_sha256)
        .where(Document.patient_id == patient_id)
        .order_by(Document.id)
    )
    rows = session.execute(query.with_for_update() if lock else query).all()
    names = {file_name.rpartition("/")[2] for file_name, _, _ in rows}
    contents = {sha256 for _, *hashes in rows for sha256 in hashes if sha256}
    shown = tuple(f"{file_name.rpartition('/')[2]}.{sha256[:16]}-" for file_name, sha256, _ in rows if sha256)

    def is_stray(key: str) -> bool:
        match key.split("/")[3:]:
            case ["documents", name]:
                return name not in names
            case ["conversions", name]:
                return name.partition("-")[0] not in contents
            case ["renderings", name]:
                return not name.startswith(shown)
        return False

    return [key for key in keys if is_stray(key)]
