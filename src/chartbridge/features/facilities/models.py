"""The table of facilities."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, TenantOwned, Versioned
from chartbridge.ids import new_id, new_oid


class Facility(Versioned, TenantOwned, Base):
    """A place of care. ``address`` is in the API's shape."""

    __tablename__ = "facilities"
    __table_args__ = (UniqueConstraint("account_id", "environment", "npi"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    oid: Mapped[str] = mapped_column(String(64), default=new_oid)
    name: Mapped[str] = mapped_column(String(500))
    npi: Mapped[str] = mapped_column(String(10))
    tin: Mapped[str | None] = mapped_column(String(500))
    active: Mapped[bool | None]
    address: Mapped[dict[str, Any]]
