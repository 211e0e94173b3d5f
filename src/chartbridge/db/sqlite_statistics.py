"""What SQLite's planner is told about the tables.

Every statement names the tenant, and on SQLite nearly all rows are one tenant's. But a planner without
statistics takes an index that begins with the tenant for as good as any, and then reads all of the tenant's
rows to find those of one patient. Measuring (``ANALYZE``) would help only where there are rows already, so
what is so by design is written down in its place, in the form that SQLite documents for ``sqlite_stat1``:
for each index the number of rows, and how many of them are alike in its first column, in its first two, and
so on. What an operator has measured stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, text

ROWS = 1_000_000
OF_ONE_THING = 20
"""Rows that name the same patient, query, document and so on."""
PART = 50
"""Of how many rows one is alike in a column that names no thing: a day, a status."""

_TENANT = frozenset(("account_id", "environment"))
_INDEXES = text(
    'SELECT t.name, i.name, i."unique", c.name FROM sqlite_schema AS t'
    " JOIN pragma_index_list(t.name) AS i JOIN pragma_index_info(i.name) AS c"
    " WHERE t.type = 'table' AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'account_id')"
    " ORDER BY t.name, i.name, c.seqno"
)


def describe_tables(connection: Connection) -> None:
    """Write what is missing. Connections that are opened later heed it."""
    indexes: dict[tuple[str, str, bool], list[str | None]] = defaultdict(list)
    for table, index, unique, column in connection.execute(_INDEXES):
        indexes[table, index, bool(unique)].append(column)
    if not connection.execute(text("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'")).first():
        connection.execute(text("ANALYZE alembic_version"))  # makes the table, which nothing else may
    told = {(table, index) for table, index in connection.execute(text("SELECT tbl, idx FROM sqlite_stat1"))}
    missing = [
        {"tbl": table, "idx": index, "stat": statistic(columns, unique=unique)}
        for (table, index, unique), columns in indexes.items()
        if (table, index) not in told
    ]
    if missing:
        connection.execute(
            text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:tbl, :idx, :stat)"), missing
        )


def statistic(columns: Iterable[str | None], *, unique: bool) -> str:
    """``stat`` of an index over those columns (``None``: an expression), as ``sqlite_stat1`` has it.

    >>> statistic(["account_id", "environment", "dob"], unique=False)
    '1000000 1000000 1000000 20000'
    """
    alike = [ROWS]
    for column in columns:
        if column in _TENANT:
            alike.append(alike[-1])
        elif column is not None and (column == "id" or column.endswith("_id")):
            alike.append(min(alike[-1], OF_ONE_THING))
        else:
            alike.append(max(alike[-1] // PART, 1))
    if unique:
        alike[-1] = 1
    return " ".join(map(str, alike))
