"""webhooks: what is due to be sent, each attempt, and receivers that fail"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from chartbridge.db.migrate import add_index

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_index(
        "ix_webhook_messages_created", "webhook_messages", ["account_id", "environment", "created_at", "id"]
    )
    add_index(op.f("ix_webhook_messages_request_id"), "webhook_messages", ["request_id"])
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(length=2048), nullable=False),
        sa.Column("answer", sa.String(length=1024), nullable=True),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["webhook_messages.id"],
            name=op.f("fk_webhook_attempts_message_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
    )
    op.create_index(op.f("ix_webhook_attempts_account_id"), "webhook_attempts", ["account_id"])
    op.create_index(op.f("ix_webhook_attempts_message_id"), "webhook_attempts", ["message_id"])
    deliveries = op.create_table(
        "webhook_deliveries",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("tenant", sa.String(length=50), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(length=100), nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("traceparent", sa.String(length=55), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["webhook_messages.id"],
            name=op.f("fk_webhook_deliveries_message_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index("ix_webhook_deliveries_due", "webhook_deliveries", ["tenant", "due_at"])
    op.create_index("ix_webhook_deliveries_expires", "webhook_deliveries", ["expires_at"])
    op.create_table(
        "webhook_circuits",
        sa.Column("tenant", sa.String(length=50), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pauses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_webhook_circuits")),
    )
    _have_waiting_messages_sent(deliveries)


def _have_waiting_messages_sent(deliveries: sa.Table) -> None:
    """Messages whose next attempt is a job get a row: the job then finds nothing left to do."""
    messages = sa.table(
        "webhook_messages",
        sa.column("id", sa.String),
        sa.column("account_id", sa.String),
        sa.column("environment", sa.String),
        sa.column("status", sa.String),
    )
    now = datetime.now(UTC)
    op.execute(
        deliveries.insert().from_select(
            ["message_id", "tenant", "due_at", "expires_at", "claims"],
            sa.select(
                messages.c.id,
                messages.c.environment + "/" + messages.c.account_id,
                sa.literal(now, sa.DateTime(timezone=True)),
                sa.literal(now + timedelta(days=1), sa.DateTime(timezone=True)),
                sa.literal(0),
            ).where(messages.c.status == "processing"),
        )
    )


def downgrade() -> None:
    """Messages that were on their way stay as ``processing``; a later upgrade has them sent."""
    op.drop_table("webhook_circuits")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_attempts")
    op.drop_index(op.f("ix_webhook_messages_request_id"), "webhook_messages")
    op.drop_index("ix_webhook_messages_created", "webhook_messages")
