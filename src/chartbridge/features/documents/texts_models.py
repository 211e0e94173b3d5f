"""Table of what documents say, for content search."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, TenantOwned


class DocumentText(TenantOwned, Base):
    """The searchable text of a document with the content ``sha256``, read by ``reader_version``.

    ``attempts`` counts reads that ended their process or took too long; ``text`` is then blank.
    """

    __tablename__ = "document_texts"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    reader_version: Mapped[int] = mapped_column(Integer)
    attempts: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)
