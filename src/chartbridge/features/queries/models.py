"""Tables of network queries and document queries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
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


class DocumentQuery(TenantOwned, Base):
    """One document query of the legacy flow (contract, documents 4.1); it runs until ``ended_at``.

    ``networks``: the names of those asked. ``download_status``: processing, completed, failed;
    ``convert_status``: the same, or None before the downloads have ended. ``discovered``: how many
    documents there are is known. ``failure`` is for the operator: what went wrong.
    """

    __tablename__ = "document_queries"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    facility_id: Mapped[str | None] = mapped_column(String(36))
    again: Mapped[bool] = mapped_column(default=False)
    networks: Mapped[list[Any]] = mapped_column(Json)
    query_metadata: Mapped[dict[str, Any]] = mapped_column(Json)
    download_status: Mapped[str] = mapped_column(String(12))
    convert_status: Mapped[str | None] = mapped_column(String(12))
    discovered: Mapped[bool] = mapped_column(default=False)
    failure: Mapped[str | None] = mapped_column(String(500))
    started_at: Mapped[datetime] = mapped_column(default=utcnow)
    ended_at: Mapped[datetime | None]


class DocumentQueryItem(TenantOwned, Base):
    """One document that a document query has work with; what a query reports is counted over them.

    ``download``: pending, done, failed, or held where the bytes were here before. ``conversion``: none
    (it is no C-CDA), pending, done, failed.
    """

    __tablename__ = "document_query_items"

    query_id: Mapped[str] = mapped_column(
        ForeignKey("document_queries.id", ondelete="CASCADE"), primary_key=True
    )
    document_id: Mapped[str] = mapped_column(
        ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    download: Mapped[str] = mapped_column(String(10))
    conversion: Mapped[str] = mapped_column(String(10))


LINK_IDENTITY = (
    "account_id",
    "environment",
    "patient_id",
    "source",
    "connector",
    "assigning_authority",
    "remote_patient_id",
)


TAKEN_IN = ("linked", "accepted")
"""What a link must be for what comes through it to reach the chart."""


class NetworkLink(TenantOwned, Base):
    """As whom a network knows a patient, and whether that is believed (see ``links``).

    ``status``: linked, review or refused, as the last comparison left it; accepted or undone, as a person
    decided, which no comparison changes. ``score``, ``decision`` and ``reasons`` are those of the last
    comparison and hold no value of anybody's; ``score`` is None where there was nothing to compare.
    ``history``: each decision of a person: what, who, when. Of the demographics nothing is kept.
    """

    __tablename__ = "network_links"
    __table_args__ = (UniqueConstraint(*LINK_IDENTITY, name="uq_network_links_identity"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(String(10))
    connector: Mapped[str] = mapped_column(String(40))
    assigning_authority: Mapped[str] = mapped_column(String(200))
    remote_patient_id: Mapped[str] = mapped_column(String(300))
    status: Mapped[str] = mapped_column(String(10))
    score: Mapped[float | None]
    decision: Mapped[str] = mapped_column(String(10))
    reasons: Mapped[list[Any]] = mapped_column(Json)
    compared_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(100))
    decided_at: Mapped[datetime | None]
    history: Mapped[list[Any]] = mapped_column(Json, default=list)
