"""The table of organizations."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, TenantOwned, Versioned
from chartbridge.ids import new_id, new_oid


class Organization(Versioned, TenantOwned, Base):
    """Who the account is. ``location`` is an address in the API's shape."""

    __tablename__ = "organizations"
    __table_args__ = (UniqueConstraint("account_id", "environment"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    oid: Mapped[str] = mapped_column(String(64), default=new_oid)
    name: Mapped[str] = mapped_column(String(500))
    type: Mapped[str] = mapped_column(String(20))
    location: Mapped[dict[str, Any]]
