"""How SQLite finds rows: every statement names the tenant, and none may read all of its rows for that."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from chartbridge.db import Database
from chartbridge.db.migrate import upgrade
from chartbridge.db.sqlite_statistics import statistic
from chartbridge.jobs.queue import SYSTEM_SCHEMA

TENANT = "account_id = 'a' AND environment = 'sandbox'"


def plan(connection: Connection, statement: str) -> str:
    """The first step of the planner, after which the rest follows."""
    return str(connection.execute(text(f"EXPLAIN QUERY PLAN {statement}")).first()[3])  # type: ignore[index]


@pytest.mark.parametrize(
    ("table", "condition", "found_by"),
    [
        ("patients", "dob IN ('1980-01-01', '1981-01-01') AND gender_at_birth = 'F'", "dob=?"),
        ("patients", "external_id = 'e'", "external_id=?"),
        ("patients", "id IN ('x', 'y')", "id=?"),
        ("documents", "id IN ('x', 'y') AND status = 'available'", "id=?"),
        ("documents", "patient_id = 'x'", "patient_id=?"),
        ("patient_facilities", "patient_id IN ('x', 'y')", "patient_id=?"),
        ("contributions", "patient_id = 'x'", "patient_id=?"),
        ("medical_records", "patient_id = 'x'", "patient_id=?"),
        ("network_queries", "patient_id = 'x'", "patient_id=?"),
        ("network_query_providers", "query_id IN ('x')", "query_id=?"),
        ("document_query_items", "query_id = 'x'", "query_id=?"),
        ("webhook_messages", "id IN ('x', 'y')", "id=?"),
        ("bulk_import_rows", "import_id = 'x'", "import_id=?"),
    ],
)
def test_rows_are_found_by_what_tells_most(
    migrated_sqlite: Path, table: str, condition: str, found_by: str
) -> None:
    db = Database(f"sqlite:///{migrated_sqlite}")
    with db.engine.connect() as connection:
        for order in ("", " ORDER BY created_at", " ORDER BY account_id"):
            found = plan(connection, f"SELECT * FROM {table} WHERE {condition} AND {TENANT}{order}")
            assert found.startswith(f"SEARCH {table} USING "), found
            assert found_by in found
    db.dispose()


def test_what_was_measured_stays_and_what_is_missing_is_added(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'some.sqlite'}")
    upgrade(db, system_schema=SYSTEM_SCHEMA)
    with db.engine.begin() as connection:
        connection.execute(
            text("UPDATE sqlite_stat1 SET stat = '7 7 7 1' WHERE idx = 'ix_patients_account_id'")
        )
        connection.execute(text("DELETE FROM sqlite_stat1 WHERE tbl = 'documents'"))
    upgrade(db, system_schema=SYSTEM_SCHEMA)
    with db.engine.connect() as connection:
        told: dict[str, str] = dict(connection.execute(text("SELECT idx, stat FROM sqlite_stat1")).all())
        own = connection.execute(text("SELECT count(*) FROM pragma_index_list('documents')")).scalar_one()
        again = connection.execute(
            text("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'documents'")
        ).scalar_one()
    assert told["ix_patients_account_id"] == "7 7 7 1"
    assert own == again > 0
    db.dispose()


def test_an_index_is_described_by_its_columns() -> None:
    assert statistic(["account_id"], unique=False) == "1000000 1000000"
    assert statistic(["patient_id", "facility_id"], unique=True) == "1000000 20 1"
    assert statistic(["account_id", "environment", "dob", None], unique=False).split()[2:] == [
        "1000000",
        "20000",
        "400",
    ]
