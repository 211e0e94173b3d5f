"""network links: as whom networks know a patient, and whether that is believed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "network_links",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("connector", sa.String(length=40), nullable=False),
        sa.Column("assigning_authority", sa.String(length=200), nullable=False),
        sa.Column("remote_patient_id", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("reasons", JSON, nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("history", JSON, nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_network_links_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_links")),
        sa.UniqueConstraint(
            "account_id",
            "environment",
            "patient_id",
            "source",
            "connector",
            "assigning_authority",
            "remote_patient_id",
            name="uq_network_links_identity",
        ),
    )
    op.create_index(op.f("ix_network_links_account_id"), "network_links", ["account_id"])
    op.create_index(op.f("ix_network_links_patient_id"), "network_links", ["patient_id"])


def downgrade() -> None:
    op.drop_table("network_links")
