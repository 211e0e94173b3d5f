"""Table of documents."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Json, TenantOwned
from chartbridge.ids import new_id

IDENTITY = ("account_id", "environment", "patient_id", "connector", "home_community_id", "unique_id")


class Document(TenantOwned, Base):
    """One document of one patient.

    ``status``: found (its bytes are not here yet), stored, failed (``failure`` says why; the next
    query tries again), awaited (the application is to upload its bytes), withheld (the link it came
    through was undone; see ``withholding``). ``reference`` is the
    DocumentReference that the application gave with an upload. ``conversion``: none (not a C-CDA),
    pending, converted, failed (the converter ``refused_by_version`` found it unreadable; a later one
    tries again). The last good conversion is of the content ``converted_sha256`` by
    ``converter_version``; it stays in use until a newer one succeeds.
    """

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint(*IDENTITY, name="uq_documents_identity"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(String(10))
    connector: Mapped[str] = mapped_column(String(40))
    home_community_id: Mapped[str] = mapped_column(String(200))
    unique_id: Mapped[str] = mapped_column(String(300))
    assigning_authority: Mapped[str] = mapped_column(String(200))
    remote_patient_id: Mapped[str] = mapped_column(String(300))
    remote: Mapped[dict[str, Any]] = mapped_column(Json)
    description: Mapped[str] = mapped_column(Text)
    mime_type: Mapped[str] = mapped_column(String(100))
    file_name: Mapped[str] = mapped_column(String(300))
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(10))
    failure: Mapped[str | None] = mapped_column(String(500))
    conversion: Mapped[str] = mapped_column(String(10))
    conversion_failure: Mapped[str | None] = mapped_column(String(500))
    converted_sha256: Mapped[str | None] = mapped_column(String(64))
    converter_version: Mapped[str | None] = mapped_column(String(40))
    refused_by_version: Mapped[str | None] = mapped_column(String(40))
    reference: Mapped[dict[str, Any] | None] = mapped_column(Json)
