"""schedules: what is monitored since when, what was begun for which occasion, and follow-ups of discharges"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_runs", sa.Column("queue", sa.String(length=100), nullable=True))
    op.create_table(
        "monitoring_schedules",
        sa.Column("cohort_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("tenant", sa.String(length=50), nullable=False),
        sa.Column("frequency", sa.String(length=10), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_occasion", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("cohort_id", "source", name=op.f("pk_monitoring_schedules")),
    )
    op.create_index(op.f("ix_monitoring_schedules_look_at"), "monitoring_schedules", ["look_at"])
    op.create_table(
        "monitoring_rounds",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("cohort_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("occasion", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(length=50), nullable=False),
        sa.Column("frequency", sa.String(length=10), nullable=False),
        sa.Column("position", sa.String(length=36), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("passed_over", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ending", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitoring_rounds")),
        sa.UniqueConstraint(
            "cohort_id", "source", "occasion", name=op.f("uq_monitoring_rounds_cohort_id_source_occasion")
        ),
    )
    op.create_index(op.f("ix_monitoring_rounds_ended_at"), "monitoring_rounds", ["ended_at"])
    op.create_table(
        "monitoring_pace",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_monitoring_pace")),
    )
    op.create_table(
        "monitored_patients",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        *_owner(),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_monitored_patients_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("patient_id", "source", name=op.f("pk_monitored_patients")),
    )
    op.create_index(op.f("ix_monitored_patients_account_id"), "monitored_patients", ["account_id"])
    op.create_table(
        "discharge_follow_ups",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("encounter_id", sa.String(length=64), nullable=False),
        sa.Column("discharged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ending", sa.String(length=500), nullable=True),
        *_owner(),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patients.id"],
            name=op.f("fk_discharge_follow_ups_patient_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("patient_id", "encounter_id", name=op.f("pk_discharge_follow_ups")),
    )
    op.create_index(op.f("ix_discharge_follow_ups_account_id"), "discharge_follow_ups", ["account_id"])


def _owner() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    for name in (
        "discharge_follow_ups",
        "monitored_patients",
        "monitoring_pace",
        "monitoring_rounds",
        "monitoring_schedules",
    ):
        op.drop_table(name)
    op.drop_column("job_runs", "queue")
