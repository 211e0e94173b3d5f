"""The contents of an edition through DuckDB, for look-ups by the hundred thousand.

Needs the extra ``batch``. A :class:`Batch` holds the concepts, properties, maps and aliases of an edition in
memory as tables, which can be joined in SQL with whatever DuckDB reads (Parquet, CSV); what it answers is
what :class:`~chartbridge.terminology.edition.Edition` answers, one by one. For a few codes that is quicker.
Nothing is fetched from anywhere.

    with Batch.open(path) as batch:
        batch.displays([("http://loinc.org", "2345-7"), …])
        batch.connection.sql("SELECT * FROM 'labs.parquet' JOIN concept USING (system, code)")
"""

from __future__ import annotations

import contextlib
import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.rows import Alias, Concept, MapRow, Property, TerminologyError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CANONICAL = """
WITH canonical AS (
    SELECT place, coalesce(alias.uri, asked.system) AS system, code
    FROM asked LEFT JOIN alias ON alias.alias = asked.system
)
"""
"""What was asked for, with the canonical URIs of the systems."""
_TABLES = {
    Alias: ("alias", {"alias": "VARCHAR", "uri": "VARCHAR"}),
    Concept: (
        "concept",
        {"system": "VARCHAR", "code": "VARCHAR", "display": "VARCHAR", "active": "BOOLEAN"},
    ),
    Property: ("property", {"system": "VARCHAR", "code": "VARCHAR", "name": "VARCHAR", "value": "VARCHAR"}),
    MapRow: (
        "map",
        {
            "name": "VARCHAR",
            "system": "VARCHAR",
            "code": "VARCHAR",
            "target_system": "VARCHAR",
            "target_code": "VARCHAR",
            "equivalence": "VARCHAR",
            "map_group": "INTEGER",
            "priority": "INTEGER",
            "rule": "VARCHAR",
            "advice": "VARCHAR",
        },
    ),
}
_ASKED = {"place": "INTEGER", "system": "VARCHAR", "code": "VARCHAR"}


class Batch:
    """An edition's tables in DuckDB; see :meth:`open`. A context manager that closes it."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self.connection = connection

    @classmethod
    def open(cls, path: Path) -> Batch:
        """Read the edition in a file; raises :class:`~chartbridge.terminology.edition.EditionError` for a
        file that is none, and :class:`~chartbridge.terminology.rows.TerminologyError` without DuckDB."""
        try:
            import duckdb
        except ImportError as error:
            raise TerminologyError("batches need DuckDB: install chartbridge[batch]") from error
        connection = duckdb.connect(config={"autoinstall_known_extensions": False})
        with Edition.open(path) as edition, contextlib.ExitStack() as opened:
            loaders = {kind: opened.enter_context(_loading(connection, *_TABLES[kind])) for kind in _TABLES}
            for row in edition.rows():
                load = loaders.get(type(row))
                if load is not None:
                    load(row)
        # A bare OID names a system too, as in Edition.canonical.
        connection.execute(
            "INSERT INTO alias SELECT substr(name, 9), any_value(uri) FROM "
            "(SELECT alias AS name, uri FROM alias UNION SELECT uri, uri FROM alias "
            "UNION SELECT system, system FROM concept) "
            "WHERE name LIKE 'urn:oid:%' GROUP BY name"
        )
        return cls(connection)

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back."""
        self.connection.close()

    def displays(self, codings: Iterable[tuple[str, str]]) -> list[Concept | None]:
        """For each (system, code), in their order, what :meth:`Edition.concept` gives."""
        found = self._ask(
            codings,
            "SELECT c.system, c.code, c.display, c.active FROM canonical AS a "
            "LEFT JOIN concept AS c ON c.system = a.system AND c.code = a.code ORDER BY a.place",
        )
        return [None if row[0] is None else Concept(*row) for row in found]

    def mapped(self, codings: Iterable[tuple[str, str]], target_system: str) -> list[list[MapRow]]:
        """For each (system, code), in their order, what :meth:`Edition.mapped` gives."""
        asked = list(codings)
        target = self._ask([(target_system, "")], "SELECT system FROM canonical")[0][0]
        found = self._ask(
            asked,
            "SELECT a.place, m.* FROM canonical AS a "
            "JOIN map AS m ON m.system = a.system AND m.code = a.code WHERE m.target_system = ? "
            "ORDER BY a.place, m.name, m.map_group, m.priority, m.target_code, m.rule",
            [target],
        )
        answers: list[list[MapRow]] = [[] for _ in asked]
        for place, *row in found:
            answers[place].append(MapRow(*row))
        return answers

    def _ask(self, codings: Iterable[tuple[str, str]], sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        with self.connection.cursor() as cursor:
            with _loading(cursor, "asked", _ASKED, "TEMP TABLE") as load:
                for place, (system, code) in enumerate(codings):
                    load((place, system, code))
            answers: list[Any] = cursor.execute(_CANONICAL + sql, list(parameters)).fetchall()
            cursor.execute("DROP TABLE asked")
        return answers


@contextlib.contextmanager
def _loading(
    connection: DuckDBPyConnection, table: str, columns: dict[str, str], kind: str = "TABLE"
) -> Iterator[Callable[[Iterable[Any]], Any]]:
    """A function that takes the rows of a new table, which is filled at the end of the block.

    They go by way of a file: DuckDB reads one a hundred times as fast as it takes values from Python.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            yield csv.writer(file, quoting=csv.QUOTE_ALL).writerow
        # Everything is quoted and nothing is null, so that no text can be taken for something else.
        read = (
            "read_csv(?, header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
            f"nullstr = 'null', allow_quoted_nulls = false, max_line_size = 1000000, columns = {columns!r})"
        )
        connection.execute(f"CREATE {kind} {table} AS SELECT * FROM {read}", [str(path)])  # noqa: S608 our names
