"""Tables that say who is who; they stand above tenants and belong to none."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, column, table
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Json
from chartbridge.ids import new_id, utcnow


class Account(Base):
    """A customer; in each environment it is one tenant."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    medical_api_enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class ApiKey(Base):
    """A key of one account in one environment. ``secret_sha256`` is of 256 random bits, which no
    guessing can reach, so a slow password hash would only slow every request. ``scope`` is ``full`` or
    ``read``."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    environment: Mapped[str] = mapped_column(String(10))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    revoked_at: Mapped[datetime | None]
    scope: Mapped[str] = mapped_column(String(4), default="full", server_default="full")
    expires_at: Mapped[datetime | None]


LIMITS_OF_TENANTS = table(
    "account_settings", column("account_id"), column("environment"), column("rate_limits", Json)
)
"""What the platform reads of the accounts feature's table, with each request."""
