"""Tables of network queries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chartbridge.db import Base, Json, TenantOwned
from chartbridge.ids import new_id, utcnow


class NetworkQuery(TenantOwned, Base):
    """One request. ``errors`` are those that the contract's status lists."""

    __tablename__ = "network_queries"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    purpose_of_use: Mapped[str] = mapped_column(String(12), default="treatment")
    again: Mapped[bool] = mapped_column(default=False)
    query_metadata: Mapped[dict[str, Any]] = mapped_column(Json)
    started_at: Mapped[datetime] = mapped_column(default=utcnow)
    first_data_at: Mapped[datetime | None]

    providers: Mapped[list[QueryProvider]] = relationship(
        order_by="QueryProvider.source, QueryProvider.connector", lazy="selectin"
    )
    errors: Mapped[list[QueryError]] = relationship(order_by="QueryError.id", lazy="selectin")


class QueryProvider(TenantOwned, Base):
    """One network asked in a query. ``status``: processing, completed, failed."""

    __tablename__ = "network_query_providers"

    query_id: Mapped[str] = mapped_column(
        ForeignKey("network_queries.id", ondelete="CASCADE"), primary_key=True
    )
    source: Mapped[str] = mapped_column(String(10), primary_key=True)
    connector: Mapped[str] = mapped_column(String(40), primary_key=True)
    status: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class QueryError(TenantOwned, Base):
    """Something that went wrong with a source. The key makes a repeated step report it once."""

    __tablename__ = "network_query_errors"

    query_id: Mapped[str] = mapped_column(
        ForeignKey("network_queries.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    source: Mapped[str] = mapped_column(String(10))
    http_status: Mapped[int]
    message: Mapped[str] = mapped_column(String(500))
    occurred_at: Mapped[datetime]
