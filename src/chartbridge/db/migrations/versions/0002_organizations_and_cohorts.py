"""organizations and cohorts, and what patients are called in other systems"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _owned() -> tuple[sa.Column[Any], ...]:
    """Columns of every table of a tenant."""
    return (
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("oid", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("location", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *_owned(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint(
            "account_id", "environment", name=op.f("uq_organizations_account_id_environment")
        ),
    )
    op.create_index(op.f("ix_organizations_account_id"), "organizations", ["account_id"], unique=False)
    op.create_table(
        "cohorts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("color", sa.String(length=10), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("purpose_of_use", sa.String(length=10), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *_owned(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohorts")),
        sa.UniqueConstraint(
            "account_id", "environment", "name", name=op.f("uq_cohorts_account_id_environment_name")
        ),
    )
    op.create_index(op.f("ix_cohorts_account_id"), "cohorts", ["account_id"], unique=False)
    op.create_table(
        "cohort_members",
        sa.Column("cohort_id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        *_owned(),
        sa.ForeignKeyConstraint(
            ["cohort_id"], ["cohorts.id"], name=op.f("fk_cohort_members_cohort_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_cohort_members_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cohort_id", "patient_id", name=op.f("pk_cohort_members")),
    )
    op.create_index(op.f("ix_cohort_members_account_id"), "cohort_members", ["account_id"], unique=False)
    op.create_index(op.f("ix_cohort_members_patient_id"), "cohort_members", ["patient_id"], unique=False)
    op.create_table(
        "integrations",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "environment", "source", name=op.f("pk_integrations")),
    )
    op.create_table(
        "patient_links",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("external_id", sa.String(length=500), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_patient_links_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "environment", "source", "external_id", name=op.f("pk_patient_links")
        ),
    )
    op.create_index(op.f("ix_patient_links_patient_id"), "patient_links", ["patient_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_patient_links_patient_id"), table_name="patient_links")
    op.drop_table("patient_links")
    op.drop_table("integrations")
    op.drop_index(op.f("ix_cohort_members_patient_id"), table_name="cohort_members")
    op.drop_index(op.f("ix_cohort_members_account_id"), table_name="cohort_members")
    op.drop_table("cohort_members")
    op.drop_index(op.f("ix_cohorts_account_id"), table_name="cohorts")
    op.drop_table("cohorts")
    op.drop_index(op.f("ix_organizations_account_id"), table_name="organizations")
    op.drop_table("organizations")
