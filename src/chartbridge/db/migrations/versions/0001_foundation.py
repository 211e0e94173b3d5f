"""foundation"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_settings",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("webhook_url", sa.String(length=2048), nullable=True),
        sa.Column("webhook_key", sa.String(length=64), nullable=True),
        sa.Column("webhook_enabled", sa.Boolean(), nullable=False),
        sa.Column("webhook_status_detail", sa.String(length=2048), nullable=True),
        sa.Column("mr_filters", JSON, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "environment", name=op.f("pk_account_settings")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("medical_api_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )
    op.create_table(
        "facilities",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("oid", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("npi", sa.String(length=10), nullable=False),
        sa.Column("tin", sa.String(length=500), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("address", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facilities")),
        sa.UniqueConstraint(
            "account_id", "environment", "npi", name=op.f("uq_facilities_account_id_environment_npi")
        ),
    )
    op.create_index(op.f("ix_facilities_account_id"), "facilities", ["account_id"], unique=False)
    op.create_table(
        "job_runs",
        sa.Column("workflow_id", sa.String(length=255), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", name=op.f("pk_job_runs")),
    )
    op.create_table(
        "patients",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("first_name", sa.String(length=500), nullable=False),
        sa.Column("last_name", sa.String(length=500), nullable=False),
        sa.Column("dob", sa.String(length=10), nullable=False),
        sa.Column("gender_at_birth", sa.String(length=1), nullable=False),
        sa.Column("address", JSON, nullable=False),
        sa.Column("contact", JSON, nullable=False),
        sa.Column("personal_identifiers", JSON, nullable=False),
        sa.Column("external_id", sa.String(length=500), nullable=True),
        sa.Column("additional_ids", JSON, nullable=False),
        sa.Column("hie_opt_out", sa.Boolean(), nullable=False),
        sa.Column("treatment_relationship", sa.Boolean(), nullable=False),
        sa.Column("hie", JSON, nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("search_ids", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
    )
    op.create_index(op.f("ix_patients_account_id"), "patients", ["account_id"], unique=False)
    op.create_index(
        op.f("ix_patients_account_id_environment_dob_gender_at_birth"),
        "patients",
        ["account_id", "environment", "dob", "gender_at_birth"],
        unique=False,
    )
    op.create_index(
        op.f("ix_patients_account_id_environment_external_id"),
        "patients",
        ["account_id", "environment", "external_id"],
        unique=False,
    )
    op.create_table(
        "rate_windows",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("operation", sa.String(length=40), nullable=False),
        sa.Column("window", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "environment", "operation", "window", name=op.f("pk_rate_windows")
        ),
    )
    op.create_table(
        "worker_leases",
        sa.Column("worker_id", sa.String(length=100), nullable=False),
        sa.Column("instance", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reaper", sa.String(length=36), nullable=True),
        sa.Column("reaper_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("worker_id", name=op.f("pk_worker_leases")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_api_keys_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_account_id"), "api_keys", ["account_id"], unique=False)
    op.create_table(
        "consolidated_queries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("parameters", sa.String(length=64), nullable=False),
        sa.Column("conversion_type", sa.String(length=10), nullable=False),
        sa.Column("resources", JSON, nullable=False),
        sa.Column("date_from", sa.String(length=10), nullable=True),
        sa.Column("date_to", sa.String(length=10), nullable=True),
        sa.Column("from_dashboard", sa.Boolean(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("query_metadata", JSON, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patients.id"],
            name=op.f("fk_consolidated_queries_patient_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consolidated_queries")),
    )
    op.create_index(
        op.f("ix_consolidated_queries_account_id"), "consolidated_queries", ["account_id"], unique=False
    )
    op.create_index(
        "ix_consolidated_queries_patient_status",
        "consolidated_queries",
        ["patient_id", "status"],
        unique=False,
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("connector", sa.String(length=40), nullable=False),
        sa.Column("home_community_id", sa.String(length=200), nullable=False),
        sa.Column("unique_id", sa.String(length=300), nullable=False),
        sa.Column("assigning_authority", sa.String(length=200), nullable=False),
        sa.Column("remote_patient_id", sa.String(length=300), nullable=False),
        sa.Column("remote", JSON, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.String(length=100), nullable=False),
        sa.Column("file_name", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("conversion", sa.String(length=10), nullable=False),
        sa.Column("conversion_failure", sa.String(length=500), nullable=True),
        sa.Column("converted_sha256", sa.String(length=64), nullable=True),
        sa.Column("converter_version", sa.String(length=40), nullable=True),
        sa.Column("refused_by_version", sa.String(length=40), nullable=True),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_documents_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint(
            "account_id",
            "environment",
            "patient_id",
            "connector",
            "home_community_id",
            "unique_id",
            name="uq_documents_identity",
        ),
    )
    op.create_index(op.f("ix_documents_account_id"), "documents", ["account_id"], unique=False)
    op.create_index(op.f("ix_documents_patient_id"), "documents", ["patient_id"], unique=False)
    op.create_table(
        "network_queries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("purpose_of_use", sa.String(length=12), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("query_metadata", JSON, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_data_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_network_queries_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_queries")),
    )
    op.create_index(op.f("ix_network_queries_account_id"), "network_queries", ["account_id"], unique=False)
    op.create_index(op.f("ix_network_queries_patient_id"), "network_queries", ["patient_id"], unique=False)
    op.create_table(
        "patient_facilities",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("facility_id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["facility_id"],
            ["facilities.id"],
            name=op.f("fk_patient_facilities_facility_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_patient_facilities_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("patient_id", "facility_id", name=op.f("pk_patient_facilities")),
    )
    op.create_index(
        op.f("ix_patient_facilities_account_id"), "patient_facilities", ["account_id"], unique=False
    )
    op.create_index(
        op.f("ix_patient_facilities_facility_id"), "patient_facilities", ["facility_id"], unique=False
    )
    op.create_table(
        "records",
        sa.Column("patient_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("snapshot_id", sa.String(length=36), nullable=False),
        sa.Column("inputs", sa.String(length=64), nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_records_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_records")),
    )
    op.create_index(op.f("ix_records_account_id"), "records", ["account_id"], unique=False)
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("patient_id", sa.String(length=36), nullable=True),
        sa.Column("body", JSON, nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("status_detail", sa.String(length=2048), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("request_url", sa.String(length=2048), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt_limit", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_webhook_messages_patient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
    )
    op.create_index(op.f("ix_webhook_messages_account_id"), "webhook_messages", ["account_id"], unique=False)
    op.create_index(op.f("ix_webhook_messages_patient_id"), "webhook_messages", ["patient_id"], unique=False)
    op.create_index(
        "ix_webhook_messages_status",
        "webhook_messages",
        ["account_id", "environment", "status"],
        unique=False,
    )
    op.create_table(
        "network_query_errors",
        sa.Column("query_id", sa.String(length=36), nullable=False),
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["query_id"],
            ["network_queries.id"],
            name=op.f("fk_network_query_errors_query_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("query_id", "id", name=op.f("pk_network_query_errors")),
    )
    op.create_index(
        op.f("ix_network_query_errors_account_id"), "network_query_errors", ["account_id"], unique=False
    )
    op.create_table(
        "network_query_providers",
        sa.Column("query_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("connector", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["query_id"],
            ["network_queries.id"],
            name=op.f("fk_network_query_providers_query_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("query_id", "source", "connector", name=op.f("pk_network_query_providers")),
    )
    op.create_index(
        op.f("ix_network_query_providers_account_id"), "network_query_providers", ["account_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_network_query_providers_account_id"), table_name="network_query_providers")
    op.drop_table("network_query_providers")
    op.drop_index(op.f("ix_network_query_errors_account_id"), table_name="network_query_errors")
    op.drop_table("network_query_errors")
    op.drop_index("ix_webhook_messages_status", table_name="webhook_messages")
    op.drop_index(op.f("ix_webhook_messages_patient_id"), table_name="webhook_messages")
    op.drop_index(op.f("ix_webhook_messages_account_id"), table_name="webhook_messages")
    op.drop_table("webhook_messages")
    op.drop_index(op.f("ix_records_account_id"), table_name="records")
    op.drop_table("records")
    op.drop_index(op.f("ix_patient_facilities_facility_id"), table_name="patient_facilities")
    op.drop_index(op.f("ix_patient_facilities_account_id"), table_name="patient_facilities")
    op.drop_table("patient_facilities")
    op.drop_index(op.f("ix_network_queries_patient_id"), table_name="network_queries")
    op.drop_index(op.f("ix_network_queries_account_id"), table_name="network_queries")
    op.drop_table("network_queries")
    op.drop_index(op.f("ix_documents_patient_id"), table_name="documents")
    op.drop_index(op.f("ix_documents_account_id"), table_name="documents")
    op.drop_table("documents")
    op.drop_index("ix_consolidated_queries_patient_status", table_name="consolidated_queries")
    op.drop_index(op.f("ix_consolidated_queries_account_id"), table_name="consolidated_queries")
    op.drop_table("consolidated_queries")
    op.drop_index(op.f("ix_api_keys_account_id"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("worker_leases")
    op.drop_table("rate_windows")
    op.drop_index(op.f("ix_patients_account_id_environment_external_id"), table_name="patients")
    op.drop_index(op.f("ix_patients_account_id_environment_dob_gender_at_birth"), table_name="patients")
    op.drop_index(op.f("ix_patients_account_id"), table_name="patients")
    op.drop_table("patients")
    op.drop_table("job_runs")
    op.drop_index(op.f("ix_facilities_account_id"), table_name="facilities")
    op.drop_table("facilities")
    op.drop_table("accounts")
    op.drop_table("account_settings")
