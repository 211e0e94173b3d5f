"""CDC's vaccines administered (CVX) and their manufacturers (MVX): cvx.txt and mvx.txt, with ``|`` between.

CDC has published both in UTF-8 and in UTF-16 with a byte order mark; codes come padded with blanks.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from functools import partial

from chartbridge.terminology.releases.dates import iso_day
from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import CodeSystem, Kind, Options, Release
from chartbridge.terminology.rows import Concept, Designation, Property, Row

CVX = "http://hl7.org/fhir/sid/cvx"
MVX = "urn:oid:2.16.840.1.113883.12.227"
"""R4 has no other name for it that all validators know."""
_CVX_COLUMNS, _MVX_COLUMNS = 7, 5
_STATUSES = frozenset(("active", "inactive", "pending", "non-us", "never active"))
_RETIRED = frozenset(("inactive", "never active"))

_Reader = Callable[[File, int, list[str]], Iterator[Row]]


def _finds(name: str, files: Files) -> bool:
    return files.find(rf"{name}\.txt") is not None


def _open(name: str, uri: str, columns: int, of_row: _Reader, files: Files, options: Options) -> Release:
    file = files.need(rf"{name}\.txt", f"{name}.txt")
    rows = _table(file, files.small(file), columns)
    newest = max((_day(file, number, row[-1]) for number, row in rows if row[-1]), default="")
    date = options.released or newest
    if not date:
        raise ReleaseError(file.name, 0, "tells no day; say with --released YYYY-MM-DD when it was published")
    return Release(
        version=date,
        date=date,
        files=[file],
        systems=[CodeSystem(uri, name.upper(), date)],
        rows=partial(_rows, files, file, rows, of_row),
    )


def _table(file: File, content: bytes, columns: int) -> list[tuple[int, list[str]]]:
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        place = content[: error.start].count(b"\n") + 1
        raise ReleaseError(file.name, place, f"is not {'UTF-16' if is_utf_16 else 'UTF-8'}") from None
    found: list[tuple[int, list[str]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        row = [part.strip() for part in line.split("|")]
        if row == [""]:
            continue
        if len(row) != columns:
            raise ReleaseError(
                file.name,
                number,
                f"has {len(row)} columns and should have {columns}: it is cut, or another file",
            )
        found.append((number, row))
    if not found:
        raise ReleaseError(file.name, 0, "is empty")
    if not text.endswith("\n") and not found[-1][1][-1]:
        raise ReleaseError(file.name, found[-1][0], "has no end: the file is cut off here")
    return found


def _day(file: File, number: int, text: str) -> str:
    day = iso_day(text.split(" ", maxsplit=1)[0])
    if day is None:
        raise ReleaseError(file.name, number, "the last column is no day")
    return day


def _rows(files: Files, file: File, rows: list[tuple[int, list[str]]], of_row: _Reader) -> Iterator[Row]:
    codes: set[str] = set()
    for number, row in rows:
        files.at = (file.name, number)
        if row[0] in codes:
            raise ReleaseError(file.name, number, f"gives {row[0]} for the second time")
        codes.add(row[0])
        yield from of_row(file, number, row)


def _vaccine(file: File, number: int, row: list[str]) -> Iterator[Row]:
    code, short, full, notes, status, is_no_vaccine, _ = row
    if not (code.isascii() and code.isdigit() and len(code) <= 3):
        raise ReleaseError(file.name, number, "the code is no CVX code")
    if not (short or full):
        raise ReleaseError(file.name, number, f"{code} has no name")
    if status.casefold() not in _STATUSES:
        raise ReleaseError(file.name, number, f"the status of {code} is none that CVX has")
    yield Concept(CVX, code, short or full, active=status.casefold() not in _RETIRED)
    yield Property(CVX, code, "status", status)
    yield Property(CVX, code, "non-vaccine", str(is_no_vaccine.casefold() in ("true", "1")).lower())
    if full:
        yield Designation(CVX, code, "full-name", full)
    if notes:
        yield Property(CVX, code, "note", notes)


def _manufacturer(file: File, number: int, row: list[str]) -> Iterator[Row]:
    code, name, notes, status, _ = row
    if not (code.isascii() and code.isalnum() and 2 <= len(code) <= 5):
        raise ReleaseError(file.name, number, "the code is no MVX code")
    if not name:
        raise ReleaseError(file.name, number, f"{code} has no name")
    if status.casefold() not in _STATUSES:
        raise ReleaseError(file.name, number, f"the status of {code} is none that MVX has")
    yield Concept(MVX, code, name, active=status.casefold() not in _RETIRED)
    yield Property(MVX, code, "status", status)
    if notes:
        yield Property(MVX, code, "note", notes)


def _kind(name: str, title: str, uri: str, columns: int, of_row: _Reader) -> Kind:
    return Kind(
        name=name,
        title=title,
        publisher="US Centers for Disease Control and Prevention",
        licence="public domain in the United States",
        notice=f"{name.upper()} codes are maintained by the US Centers for Disease Control and Prevention.",
        finds=partial(_finds, name),
        opens=partial(_open, name, uri, columns, of_row),
    )


CVX_KIND = _kind("cvx", "Vaccines administered (CVX)", CVX, _CVX_COLUMNS, _vaccine)
MVX_KIND = _kind("mvx", "Manufacturers of vaccines (MVX)", MVX, _MVX_COLUMNS, _manufacturer)
