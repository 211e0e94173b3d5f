"""documents"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _owned() -> list[sa.Column[Any]]:
    """The columns of every table that belongs to a tenant."""
    return [
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _document_queries() -> None:
    op.add_column(
        "account_settings",
        sa.Column("document_url_pages", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_table(
        "document_queries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("facility_id", sa.String(length=36), nullable=True),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("networks", JSON, nullable=False),
        sa.Column("query_metadata", JSON, nullable=False),
        sa.Column("download_status", sa.String(length=12), nullable=False),
        sa.Column("convert_status", sa.String(length=12), nullable=True),
        sa.Column("discovered", sa.Boolean(), nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *_owned(),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_document_queries_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_queries")),
    )
    op.create_index(op.f("ix_document_queries_account_id"), "document_queries", ["account_id"])
    op.create_index(op.f("ix_document_queries_patient_id"), "document_queries", ["patient_id"])
    op.create_table(
        "document_query_items",
        sa.Column("query_id", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("download", sa.String(length=10), nullable=False),
        sa.Column("conversion", sa.String(length=10), nullable=False),
        *_owned(),
        sa.ForeignKeyConstraint(
            ["query_id"],
            ["document_queries.id"],
            name=op.f("fk_document_query_items_query_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name=op.f("fk_document_query_items_document_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("query_id", "document_id", name=op.f("pk_document_query_items")),
    )
    op.create_index(op.f("ix_document_query_items_account_id"), "document_query_items", ["account_id"])
    op.create_index(op.f("ix_document_query_items_document_id"), "document_query_items", ["document_id"])
    op.create_table(
        "document_url_runs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("query_metadata", JSON, nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *_owned(),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_document_url_runs_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_url_runs")),
    )
    op.create_index(op.f("ix_document_url_runs_account_id"), "document_url_runs", ["account_id"])
    op.create_index(op.f("ix_document_url_runs_patient_id"), "document_url_runs", ["patient_id"])


def _drop_document_queries() -> None:
    for table in ("document_url_runs", "document_query_items", "document_queries"):
        op.drop_table(table)
    op.drop_column("account_settings", "document_url_pages")


def _uploads() -> None:
    op.add_column("documents", sa.Column("reference", JSON, nullable=True))


def _drop_uploads() -> None:
    op.drop_column("documents", "reference")


def upgrade() -> None:
    _document_queries()
    _uploads()


def downgrade() -> None:
    _drop_uploads()
    _drop_document_queries()
