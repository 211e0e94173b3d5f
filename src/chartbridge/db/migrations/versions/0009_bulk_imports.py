"""bulk patient create: imports and what became of their rows"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulk_imports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("facility_id", sa.String(length=36), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("upload_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("upload_id", sa.String(length=36), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("has_result", sa.Boolean(), nullable=False),
        sa.Column("rows_total", sa.Integer(), nullable=True),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("rows_failed", sa.Integer(), nullable=False),
        sa.Column("patients_created", sa.Integer(), nullable=False),
        sa.Column("patients_updated", sa.Integer(), nullable=False),
        sa.Column("patients_matched", sa.Integer(), nullable=False),
        sa.Column("rows_asked", sa.Integer(), nullable=False),
        sa.Column("queries_started", sa.Integer(), nullable=False),
        sa.Column("queries_ended", sa.Integer(), nullable=False),
        sa.Column("running", JSON, nullable=False),
        sa.Column("next_query_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_imports")),
    )
    op.create_index(op.f("ix_bulk_imports_account_id"), "bulk_imports", ["account_id"])
    op.create_table(
        "bulk_import_rows",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("import_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=True),
        sa.Column("effect", sa.String(length=8), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=True),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["bulk_imports.id"],
            name=op.f("fk_bulk_import_rows_import_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patients.id"],
            name=op.f("fk_bulk_import_rows_patient_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_bulk_import_rows")),
    )
    op.create_index(op.f("ix_bulk_import_rows_patient_id"), "bulk_import_rows", ["patient_id"])


def downgrade() -> None:
    op.drop_table("bulk_import_rows")
    op.drop_table("bulk_imports")
