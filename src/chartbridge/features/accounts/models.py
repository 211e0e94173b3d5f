"""Table of a tenant's settings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, false
from sqlalchemy.orm import Mapped, mapped_column

from chartbridge.db import Base, Json, TenantOwned


class AccountSettings(TenantOwned, Base):
    """One row a tenant, made at first use. ``webhook_enabled`` tells whether the last delivery arrived;
    ``document_url_pages`` whether bulk download URLs are sent in pages; ``rate_limits`` the calls a minute
    that the operator allows, by operation (:mod:`chartbridge.auth.keys` and :mod:`chartbridge.http.ratelimit`
    read them too)."""

    __tablename__ = "account_settings"

    account_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    environment: Mapped[str] = mapped_column(String(10), primary_key=True)
    webhook_url: Mapped[str | None] = mapped_column(String(2048))
    webhook_key: Mapped[str | None] = mapped_column(String(64))
    webhook_enabled: Mapped[bool] = mapped_column(default=False)
    webhook_status_detail: Mapped[str | None] = mapped_column(String(2048))
    mr_filters: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    document_url_pages: Mapped[bool] = mapped_column(default=False, server_default=false())
    rate_limits: Mapped[dict[str, Any] | None] = mapped_column(Json)
