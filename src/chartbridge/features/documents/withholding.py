"""Documents that must not be seen: those of a network's patient who is not ours, and those about another.

``withhold`` keeps the bytes, for what was decided may be decided anew; no list, chart, search, download or
export has them. ``reject`` keeps nothing.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, delete, select

from chartbridge.db import Tenant, TenantSession
from chartbridge.features.documents.models import Document
from chartbridge.features.documents.texts_models import DocumentText
from chartbridge.features.networks.protocol import RemotePatient
from chartbridge.platform import Platform
from chartbridge.storage import keys

MISMATCH = "patient mismatch"


def withhold(
    session: TenantSession, patient_id: str, source: str, connector: str, remote: RemotePatient
) -> list[str]:
    """Take the documents that came through a network's patient out of everything; gives their ids."""
    rows = session.scalars(select(Document).where(_through(patient_id, source, connector, remote))).all()
    for row in rows:
        row.status, row.failure = "withheld", "the link to the network's patient was undone"
        _forget_conversion(row)
    _forget_texts(session, [row.id for row in rows])
    return [row.id for row in rows]


def restore(
    session: TenantSession, patient_id: str, source: str, connector: str, remote: RemotePatient
) -> list[str]:
    """Undo ``withhold``: ids of the documents that are here again, to be converted and read anew."""
    query = select(Document).where(
        _through(patient_id, source, connector, remote), Document.status == "withheld"
    )
    back = []
    for row in session.scalars(query).all():
        row.status, row.failure = ("stored" if row.sha256 else "found"), None
        if row.sha256:
            back.append(row.id)
    return sorted(back)


def reject(platform: Platform, tenant: Tenant, document_id: str, reason: str) -> bool:
    """The document is about another person: nothing of it is kept, a copy fetched earlier neither. The next
    query tries again, since our patient's demographics may have been corrected. True when a copy was here."""
    with platform.db.write(tenant) as session:
        row = session.get(Document, document_id, with_for_update=True)
        if row is None or row.status == "withheld":
            return False
        was_stored = row.sha256 is not None
        left_over = [keys.document(tenant, row.patient_id, row.file_name)] if was_stored else []
        left_over += _own_conversions(session, row)
        row.status, row.failure = "failed", f"{MISMATCH}: {reason}"[:500]
        row.sha256, row.size = None, None
        _forget_conversion(row)
        _forget_texts(session, [row.id])
    for key in left_over:
        platform.store.delete(key)
    return was_stored


def count_rejected(session: TenantSession, ids: list[str]) -> int:
    """How many of the documents were found to be about another person."""
    rows = session.scalars(select(Document.failure).where(Document.id.in_(ids), Document.status == "failed"))
    return sum((failure or "").startswith(MISMATCH) for failure in rows)


def marks(session: TenantSession, patient_id: str) -> frozenset[str]:
    """Ids and content hashes that stand in the names of objects of withheld documents."""
    rows = session.scalars(
        select(Document).where(Document.patient_id == patient_id, Document.status == "withheld")
    )
    return frozenset(mark for row in rows for mark in (row.id, row.sha256) if mark)


def _through(patient_id: str, source: str, connector: str, remote: RemotePatient) -> ColumnElement[bool]:
    return and_(
        Document.patient_id == patient_id,
        Document.source == source,
        Document.connector == connector,
        Document.assigning_authority == remote.assigning_authority,
        Document.remote_patient_id == remote.id,
    )


def _own_conversions(session: TenantSession, row: Document) -> list[str]:
    """Keys of the document's conversion, unless another document of the same content uses it."""
    if row.converted_sha256 is None:
        return []
    same = select(Document.id).where(
        Document.patient_id == row.patient_id,
        Document.converted_sha256 == row.converted_sha256,
        Document.id != row.id,
    )
    if session.scalars(same.limit(1)).first() is not None:
        return []
    version = str(row.converter_version)
    return [keys.conversion(session.tenant, row.patient_id, row.converted_sha256, version)]


def _forget_conversion(row: Document) -> None:
    row.converted_sha256 = row.converter_version = row.refused_by_version = row.conversion_failure = None
    if row.conversion != "none":
        row.conversion = "pending"


def _forget_texts(session: TenantSession, ids: list[str]) -> None:
    session.execute(
        delete(DocumentText).where(DocumentText.document_id.in_(ids)),
        execution_options={"synchronize_session": False},
    )
