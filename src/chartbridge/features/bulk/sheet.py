"""A CSV file as a spreadsheet wrote it: header and rows, read as a stream, however large it is."""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from chartbridge.features.bulk.columns import Layout
from chartbridge.features.bulk.encoding import encoding_of
from chartbridge.features.bulk.errors import SheetError as SheetError

MAX_ROWS = 100_000
MAX_COLUMNS = 500
MAX_RECORD = 65_536
"""Characters of one row, with its quotes and separators. Below the limit of a cell in the csv module, which
belongs to the whole process."""

SEPARATORS = ",;\t"
_QUOTED = re.compile(r'"[^"]*"?')
_REMOVED = dict.fromkeys(map(ord, "!@#$%^&*()+=[]\\';,./{}|\":<>?~_"))


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row that holds something.

    ``number`` counts such rows from 1. ``cells`` are clean and at least as many as the header has; where
    there are more, the row does not fit the header.
    """

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that can be read to its end. ``count`` is the number of its rows; ``header`` is normalised."""

    path: Path
    encoding: str
    separator: str
    header: list[str]
    count: int

    def rows(self, after: int = 0) -> Iterator[SheetRow]:
        """The rows behind that many in order, one in memory at a time. May be called again."""
        width = len(self.header)
        with closing(_records(self.path, self.encoding, self.separator)) as records:
            next(records)
            for number, record in enumerate(islice(records, after, None), start=after + 1):
                cells = [clean(cell) for cell in record]
                if len(cells) < width:
                    cells.extend([""] * (width - len(cells)))
                elif not any(cells[width:]):
                    del cells[width:]
                yield SheetRow(number, cells)


def open_sheet(path: Path, *, max_rows: int = MAX_ROWS) -> Sheet:
    """The file, read through once to know that it can be used whole. Raises SheetError."""
    encoding = encoding_of(path)
    separator = _separator(path, encoding)
    with closing(_records(path, encoding, separator)) as records:
        header = [normalise_header(cell) for cell in next(records, [])]
        if not any(header):
            raise SheetError("CSV has no header")
        if len(header) > MAX_COLUMNS:
            raise SheetError(f"CSV has more columns than max ({MAX_COLUMNS})")
        if twice := Layout(header).repeated:
            raise SheetError(f"CSV has more than one column {twice[0]}")
        count = 0
        for _ in records:
            count += 1
            if count > max_rows:
                raise SheetError(f"CSV has more rows than max ({max_rows})")
    return Sheet(path, encoding, separator, header, count)


def normalise_header(cell: str) -> str:
    """The name of a column as it is compared: lower-case, without white space and punctuation but `-`."""
    return "".join(cell.translate(_REMOVED).split()).lower()


def clean(cell: str) -> str:
    """A cell with single spaces for all white space, and none at its ends."""
    return " ".join(cell.split())


def _separator(path: Path, encoding: str) -> str:
    """What separates cells: of comma, semicolon and tab the one that the header line has most of."""
    with path.open(encoding=encoding, newline="") as file:
        while line := file.readline(MAX_RECORD):
            if line.strip(SEPARATORS + '"\r\n '):
                bare = _QUOTED.sub("", line)
                return max(SEPARATORS, key=bare.count)
    return ","


def _records(path: Path, encoding: str, separator: str) -> Generator[list[str], None, None]:
    """The cells of each record that is not blank, the header's too. Raises SheetError."""
    length = 0

    def lines() -> Iterator[str]:
        nonlocal length
        while line := file.readline(MAX_RECORD + 1):
            length += len(line)
            if length > MAX_RECORD:
                raise SheetError(
                    f"CSV has a row longer than {MAX_RECORD} characters at line {reader.line_num + 1}:"
                    " is a double quote not closed?"
                )
            yield line

    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(lines(), delimiter=separator, strict=True)
        while True:
            length = 0
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error:
                raise SheetError(
                    f"CSV cannot be read at line {reader.line_num}:"
                    " a double quote in it is neither doubled nor closed"
                ) from None
            if any(map(str.strip, record)):
                yield record
