"""Documents that must not be seen: those of a network's patient who is not ours, and those about another.

``withhold`` keeps the bytes, for what was decided may be decided anew; no list, chart, search, download or
export has them. ``reject`` keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select

from chartbridge.db import TenantSession
from chartbridge.features.documents.models import Document
from chartbridge.features.documents.texts_models import DocumentText
from chartbridge.features.networks.protocol import RemotePatient
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


@dataclass(frozen=True, slots=True)
class Rejected:
    """Keys of objects to delete once the rejection is committed, and whether charts may hold the document."""

    left_over: list[str]
    was_stored: bool


def reject(session: TenantSession, document_id: str, reason: str) -> Rejected | None:
    """The document is about another person: nothing of it is kept, a copy fetched earlier neither. The next
    query tries again, since our patient's demographics may have been corrected. None when there is nothing
    to do. The patient must be held.

    The bytes are named even where none should be: a worker may have died before it deleted them.
    """
    row = session.get(Document, document_id, with_for_update=True)
    if row is None or row.status == "withheld":
        return None
    bytes_key = keys.document(session.tenant, row.patient_id, row.file_name)
    left_over = [bytes_key, *_own_conversions(session, row)]
    was_stored = row.sha256 is not None
    row.status, row.failure = "failed", f"{MISMATCH}: {reason}"[:500]
    row.sha256, row.size = None, None
    _forget_conversion(row)
    _forget_texts(session, [row.id])
    return Rejected(left_over, was_stored)


def count_rejected(session: TenantSession, ids: list[str]) -> int:
    """How many of the documents were found to be about another person."""
    rows = session.scalars(select(Document.failure).where(Document.id.in_(ids), Document.status == "failed"))
    return sum((failure or "").startswith(MISMATCH) for failure in rows)


def is_unseen(row: Mapping[str, Any]) -> bool:
    """Whether a document's row, by column, tells of what may be another person's."""
    return row["status"] == "withheld" or (row["failure"] or "").startswith(MISMATCH)


def marks(session: TenantSession, patient_id: str) -> frozenset[str]:
    """Ids and content hashes that stand in the names of objects of documents that are kept and must not be
    seen; without hashes of what a document that may be seen has too."""
    kept = Document.patient_id == patient_id, Document.sha256.is_not(None)
    rows = list(session.scalars(select(Document).where(*kept)))
    shown = {row.sha256 for row in rows if row.status == "stored"}
    unseen = [row for row in rows if row.status != "stored"]
    hashes = {str(row.sha256) for row in unseen} - shown
    return frozenset(hashes | {row.id for row in unseen})


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
