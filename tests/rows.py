"""What a database holds, to show that something changed nothing."""

from __future__ import annotations

from sqlalchemy import Engine, MetaData, func, select

# Counting a call against a limit is meant to be kept when the call is refused; the other two are notes
# of workers on their own work.
COUNTERS = frozenset({"rate_windows", "job_runs", "worker_leases"})


def row_counts(engine: Engine, tables: MetaData) -> dict[str, int]:
    """Rows by table, without those of counters."""
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in tables.sorted_tables
            if table.name not in COUNTERS
        }
