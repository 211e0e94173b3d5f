"""A part's resources as files: NDJSON by type, or one Parquet table.

They are written beside, to a folder of this machine, and put into the target when the part is whole.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol

from chartbridge.batch.converting import Result
from chartbridge.batch.plan import BatchError, Format, part_name

ROW_GROUP = 10_000
"""Resources that a Parquet file's writer holds in memory."""


class Writer(Protocol):
    """Takes results, document by document; ``files`` then gives what is to be put where."""

    def add(self, key: str, result: Result) -> None: ...

    def files(self) -> Iterator[tuple[str, Path]]:
        """Keys in the target and the files, closed; to be called once, at the end."""

    def close(self) -> None: ...


def writer(format: Format, folder: Path, number: int) -> Writer:
    """A writer of a part that writes below ``folder``. Raises BatchError where a library is missing."""
    return _Ndjson(folder, number) if format == "ndjson" else _Parquet(folder, number)


class _Ndjson:
    """``<Type>/part-00000001.ndjson.gz``: one resource a line, as FHIR's bulk data has it."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._name = f"part-{part_name(number)}.ndjson.gz"
        self._opened: dict[str, IO[bytes]] = {}
        self._closing = ExitStack()

    def add(self, key: str, result: Result) -> None:
        del key  # the report tells which patient, and so which resources, a document has
        for row in result.rows:
            if row.type not in self._opened:
                (self._folder / row.type).mkdir()
                self._opened[row.type] = self._closing.enter_context(self._file(row.type))
            self._opened[row.type].write(row.json + b"\n")

    def _file(self, kind: str) -> Any:
        # Without a name and a time in it, so that converting a part again gives the same bytes.
        raw = self._closing.enter_context((self._folder / kind / self._name).open("wb"))
        return gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0)

    def files(self) -> Iterator[tuple[str, Path]]:
        self.close()
        for kind in sorted(self._opened):
            yield f"{kind}/{self._name}", self._folder / kind / self._name

    def close(self) -> None:
        self._closing.close()


class _Parquet:
    """``part-00000001.parquet``: a row a resource, with its document, patient, type, id and JSON."""

    def __init__(self, folder: Path, number: int) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise BatchError("Parquet needs an extra: pip install 'chartbridge[batch]'") from None
        self._arrow: Any = pyarrow
        self._schema = pyarrow.schema(
            [
                ("document", pyarrow.string()),
                ("document_sha256", pyarrow.string()),
                ("patient_id", pyarrow.string()),
                ("resource_type", pyarrow.dictionary(pyarrow.int16(), pyarrow.string())),
                ("id", pyarrow.string()),
                ("resource", pyarrow.string()),
            ]
        )
        self._name = f"part-{part_name(number)}.parquet"
        self._path = folder / self._name
        self._file: Any = pyarrow.parquet.ParquetWriter(self._path, self._schema, compression="zstd")
        self._rows: list[tuple[str, str, str, str, str, str]] = []

    def add(self, key: str, result: Result) -> None:
        for row in result.rows:
            self._rows.append((key, result.sha256, result.patient_id, row.type, row.id, row.json.decode()))
        if len(self._rows) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = [
                self._arrow.array(column, type=field.type)
                for column, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
            ]
            self._file.write_table(self._arrow.table(columns, schema=self._schema))
            self._rows.clear()

    def files(self) -> Iterator[tuple[str, Path]]:
        self._flush()
        self.close()
        yield self._name, self._path

    def close(self) -> None:
        self._file.close()
