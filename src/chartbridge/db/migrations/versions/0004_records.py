"""records"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("records", sa.Column("previous_snapshot_id", sa.String(length=36), nullable=True))
    op.create_table(
        "contributions",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("resource_id", sa.String(length=64), nullable=False),
        sa.Column("resource_type", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resource", JSON, nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_contributions_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("patient_id", "resource_id", name=op.f("pk_contributions")),
    )
    op.create_index(op.f("ix_contributions_account_id"), "contributions", ["account_id"], unique=False)
    op.create_table(
        "medical_records",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("format", sa.String(length=10), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_medical_records_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("patient_id", "format", name=op.f("pk_medical_records")),
    )
    op.create_index(op.f("ix_medical_records_account_id"), "medical_records", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_medical_records_account_id"), table_name="medical_records")
    op.drop_table("medical_records")
    op.drop_index(op.f("ix_contributions_account_id"), table_name="contributions")
    op.drop_table("contributions")
    with op.batch_alter_table("records") as records:
        records.drop_column("previous_snapshot_id")
