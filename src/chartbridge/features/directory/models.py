"""Table of the directory."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base
from chartbridge.ids import new_id, utcnow


class NetworkEntry(Base):
    """One organization of a network, in one environment. It belongs to no tenant: all accounts of the
    environment read the same directory. ``search_text`` is what filters look at."""

    __tablename__ = "network_entries"
    __table_args__ = (
        UniqueConstraint("environment", "oid"),
        Index(None, "environment", "id"),
        Index(None, "environment", "npi"),
        Index(None, "environment", "managing_org_oid"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    environment: Mapped[str] = mapped_column(String(10))
    oid: Mapped[str] = mapped_column(String(200))
    network: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(500))
    npi: Mapped[str | None] = mapped_column(String(10))
    address_line: Mapped[str | None] = mapped_column(String(500))
    city: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str | None] = mapped_column(String(100))
    zip_code: Mapped[str | None] = mapped_column(String(20))
    root_organization: Mapped[str | None] = mapped_column(String(500))
    managing_org_oid: Mapped[str | None] = mapped_column(String(200))
    supports_messaging: Mapped[bool]
    active: Mapped[bool]
    search_text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow, onupdate=utcnow)
