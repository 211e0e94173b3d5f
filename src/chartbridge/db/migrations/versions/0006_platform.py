"""platform: scopes and ends of keys, limits of accounts, kept answers, numbers of patients, indexes of the
patient list"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from chartbridge.config import ConfigurationError

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# A patient that comes or goes is counted where the row is written, so that nothing can forget it. Each
# connection has a row of its own, nearly, so that writers do not wait for each other; the sum is exact.
_COUNT_POSTGRESQL = """
CREATE FUNCTION chartbridge_count_patients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO patient_counts (account_id, environment, shard, patients, created_at, updated_at)
  SELECT account_id, environment, pg_backend_pid() % 16,
         CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END, now(), now()
  FROM changed GROUP BY account_id, environment ORDER BY account_id, environment
  ON CONFLICT (account_id, environment, shard)
  DO UPDATE SET patients = patient_counts.patients + excluded.patients, updated_at = now();
  RETURN NULL;
END $$
"""
_COME_POSTGRESQL = """
CREATE TRIGGER patients_come AFTER INSERT ON patients REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION chartbridge_count_patients()
"""
_GO_POSTGRESQL = """
CREATE TRIGGER patients_go AFTER DELETE ON patients REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION chartbridge_count_patients()
"""
_NOW_SQLITE = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'"
_COUNT_SQLITE = """
CREATE TRIGGER {name} AFTER {event} ON patients BEGIN
  INSERT INTO patient_counts (account_id, environment, shard, patients, created_at, updated_at)
  VALUES ({row}.account_id, {row}.environment, 0, {change}, {now}, {now})
  ON CONFLICT (account_id, environment, shard)
  DO UPDATE SET patients = patients + excluded.patients, updated_at = excluded.updated_at;
END
"""
# The words of search_text, each with the tenant before it (shortened: other tenants' rows that it lets in are
# told by their columns), so that a search reads nothing of other tenants, and no list of all of its own.
_WORDS = """
CREATE FUNCTION chartbridge_tenant_words(account_id text, environment text, words text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT string_to_array(
    replace(words, ' ', ' ' || left(md5(account_id || '/' || environment), 8) || '/'), ' ')
$$
"""
# Every run of six characters of search_ids: a part of an id that is that long is found at once, where its
# trigrams, being common to all numbers, would each lead to thousands.
_RUNS = """
CREATE FUNCTION chartbridge_runs(ids text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT COALESCE(array_agg(substr(ids, place, 6)), '{}')
  FROM generate_series(1, length(ids) - 5) AS place
$$
"""


def _make_trigrams_known() -> None:
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError:
        raise ConfigurationError(
            "the database needs PostgreSQL's extension pg_trgm, and its user may not make it; have an "
            "administrator run, in this database: CREATE EXTENSION pg_trgm (on Debian and Ubuntu it comes "
            "with the package postgresql; elsewhere it may be in postgresql-contrib)"
        ) from None


def _patients_on_postgresql() -> None:
    _make_trigrams_known()
    op.execute(_WORDS)
    op.execute(_RUNS)
    op.execute(
        "CREATE INDEX ix_patients_search_runs ON patients USING gin (chartbridge_runs(search_ids)) "
        "WITH (fastupdate = off)"
    )
    op.execute(
        "CREATE INDEX ix_patients_search_words ON patients USING gin "
        "(chartbridge_tenant_words(account_id, environment, search_text)) WITH (fastupdate = off)"
    )
    op.execute(
        "CREATE INDEX ix_patients_search_ids ON patients USING gin (search_ids gin_trgm_ops) "
        "WITH (fastupdate = off)"
    )
    for statement in (_COUNT_POSTGRESQL, _COME_POSTGRESQL, _GO_POSTGRESQL):
        op.execute(statement)


def _patients_on_sqlite() -> None:
    for name, event, row, change in (
        ("patients_come", "INSERT", "NEW", 1),
        ("patients_go", "DELETE", "OLD", -1),
    ):
        op.execute(_COUNT_SQLITE.format(name=name, event=event, row=row, change=change, now=_NOW_SQLITE))


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("scope", sa.String(length=4), server_default="full", nullable=False))
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("account_settings", sa.Column("rate_limits", JSON, nullable=True))
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("claim", sa.String(length=36), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", JSON, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("mentions", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "environment", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "patient_counts",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("environment", sa.String(length=10), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("patients", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "environment", "shard", name=op.f("pk_patient_counts")),
    )
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    if on_postgresql:
        op.execute(
            "LOCK TABLE patients IN SHARE ROW EXCLUSIVE MODE"
        )  # none may come between count and trigger
    op.execute(
        "INSERT INTO patient_counts (account_id, environment, shard, patients, created_at, updated_at) "
        "SELECT account_id, environment, 0, count(*), min(created_at), max(updated_at) FROM patients "
        "GROUP BY account_id, environment"
    )
    op.create_index(
        op.f("ix_patients_account_id_environment_id"), "patients", ["account_id", "environment", "id"]
    )
    if on_postgresql:
        _patients_on_postgresql()
    else:
        _patients_on_sqlite()


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    table = " ON patients" if on_postgresql else ""
    op.execute(f"DROP TRIGGER patients_go{table}")
    op.execute(f"DROP TRIGGER patients_come{table}")
    if on_postgresql:
        op.execute("DROP FUNCTION chartbridge_count_patients()")
        op.execute("DROP INDEX ix_patients_search_runs")
        op.execute("DROP FUNCTION chartbridge_runs(text)")
        op.execute("DROP INDEX ix_patients_search_ids")
        op.execute("DROP INDEX ix_patients_search_words")
        op.execute("DROP FUNCTION chartbridge_tenant_words(text, text, text)")
    op.drop_index(op.f("ix_patients_account_id_environment_id"), table_name="patients")
    op.drop_table("patient_counts")
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_column("account_settings", "rate_limits")
    op.drop_column("api_keys", "expires_at")
    op.drop_column("api_keys", "scope")
