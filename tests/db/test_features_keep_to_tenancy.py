"""Tenancy is kept by sessions, for statements on entities. Features must not go round that with
statements on bare tables, text, connections, or SQLAlchemy's bulk operations, which sessions cannot see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FEATURES = Path(__file__).parents[2] / "src" / "chartbridge" / "features"
ROUND_TENANCY = {
    "__table__",
    "bulk_insert_mappings",
    "bulk_save_objects",
    "bulk_update_mappings",
    "connection",
    "engine",
    "exec_driver_sql",
    "from_statement",
    "local_table",
    "tables",
}
SQLALCHEMY_NAMES = {
    "text",
    "insert",
    "Table",
    "table",
    "TextClause",
    "create_engine",
    "Session",
    "sessionmaker",
}
TENANT_COLUMNS = {"account_id", "environment"}


def trespasses(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ROUND_TENANCY:
            yield node.attr
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            yield from (alias.name for alias in node.names if alias.name in SQLALCHEMY_NAMES)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("sqlalchemy"))
        is_values = (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "values"
        )
        if is_values:
            assert isinstance(node, ast.Call)
            yield from (keyword.arg for keyword in node.keywords if keyword.arg in TENANT_COLUMNS)


@pytest.mark.parametrize(
    "path", sorted(FEATURES.rglob("*.py")), ids=lambda path: path.relative_to(FEATURES).as_posix()
)
def test_a_feature_does_not_go_round_tenancy(path: Path) -> None:
    assert list(trespasses(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy import text",
        "from sqlalchemy import insert as i",
        "from sqlalchemy.dialects.postgresql import insert",
        "import sqlalchemy as sa",
        "session.execute(select(Patient.__table__))",
        "session.connection().execute(x)",
        "platform.db.engine.begin()",
        "session.bulk_update_mappings(Patient, rows)",
        "select(Patient).from_statement(x)",
        "update(Patient).values(environment='production')",
    ],
)
def test_the_rule_sees_each_way_round(source: str) -> None:
    assert list(trespasses(source))
