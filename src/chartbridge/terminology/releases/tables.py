"""Rows out of the lines of a file: RRF, tab-separated and comma-separated, each with its line number.

Every reader checks the number of columns of every row, and the header where the layout has one. A row is a
sequence of texts in the order of the columns that were asked for, or of all.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, cast

from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.problems import ReleaseError

Numbered = tuple[int, Sequence[str]]


def rrf(files: Files, file: File, columns: int) -> Iterator[Numbered]:
    """Rows of NLM's Rich Release Format: no header, and a ``|`` after every column, the last as well."""
    for number, line in files.lines(file):
        row = line.split("|")
        if len(row) != columns + 1 or row[-1]:
            raise _columns(file, number, len(row) - 1, columns)
        yield number, row


def tabbed(
    files: Files,
    file: File,
    wanted: Sequence[str],
    *,
    exactly: bool = False,
    fallback: str | None = None,
) -> Iterator[Numbered]:
    """The wanted columns of tab-separated rows under a header; nothing is quoted.

    With ``exactly`` the header must be those columns and no others, as in SNOMED CT's RF2.
    """
    lines = files.lines(file, fallback=fallback)
    header = next(lines, (1, ""))[1].split("\t")
    if exactly and header != list(wanted):
        raise ReleaseError(file.name, 1, f"the header is not {' '.join(wanted)}")
    pick = _picking(file, header, wanted)
    for number, line in lines:
        row = line.split("\t")
        if len(row) != len(header):
            raise _columns(file, number, len(row), len(header))
        yield number, row if exactly else pick(row)


def comma_separated(files: Files, file: File, wanted: Sequence[str]) -> Iterator[Numbered]:
    """The wanted columns of RFC 4180 rows under a header, with the number of each row's last line."""
    reader = csv.reader(_with_ends(files, file), strict=True)
    header: list[str] = []
    pick = None
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error:
            raise ReleaseError(
                file.name, reader.line_num, "is no CSV, or a quoted text is cut off before it ends"
            ) from None
        if pick is None:
            header, pick = row, _picking(file, row, wanted)
            continue
        if len(row) != len(header):
            raise _columns(file, reader.line_num, len(row), len(header))
        yield reader.line_num, pick(row)
    if pick is None:
        raise ReleaseError(file.name, 1, "has no header")


def whole_number(file: File, line: int, text: str, what: str) -> int:
    """A number of digits alone, of at most 18. Raises ReleaseError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ReleaseError(file.name, line, f"{what} is no number")
    return int(text)


def _with_ends(files: Files, file: File) -> Iterator[str]:
    for _, line in files.lines(file):
        yield line + "\n"


def _picking(
    file: File, header: Sequence[str], wanted: Sequence[str]
) -> Callable[[list[str]], Sequence[str]]:
    places = {name.strip().casefold(): place for place, name in enumerate(header)}
    missing = [name for name in wanted if name.casefold() not in places]
    if missing:
        raise ReleaseError(file.name, 1, f"the header lacks {', '.join(missing)}")
    chosen = [places[name.casefold()] for name in wanted]
    if len(chosen) == 1:
        return lambda row: (row[chosen[0]],)
    pick: Callable[[list[str]], Sequence[str]] = cast(Any, itemgetter)(*chosen)
    return pick


def _columns(file: File, number: int, found: int, expected: int) -> ReleaseError:
    return ReleaseError(file.name, number, f"has {found} columns and should have {expected}")
