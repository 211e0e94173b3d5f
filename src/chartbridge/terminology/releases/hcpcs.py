"""HCPCS Level II as CMS publishes it each quarter: HCPC<year>_<month>_ANWEB.txt or .csv.

The text has records of 320 characters (CMS, HCPCS Contractor Record): code 1-5 (a modifier in 4-5), sequence
6-10, kind of record 11, long description 12-91, short description 92-119, added 269-276, effective 277-284,
terminated 285-292, action 293. Records 3 and 7 begin a procedure or modifier, 4 and 8 carry on its long
description. The CSV has the same columns by name, as in the spreadsheet beside it.

Left out are the codes with D, which are the American Dental Association's, and any of digits alone, which
are the American Medical Association's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from chartbridge.terminology.releases.dates import given_date, iso_day
from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import CodeSystem, Kind, Options, Release
from chartbridge.terminology.releases.tables import comma_separated
from chartbridge.terminology.rows import Concept, Designation, Property, Row

HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
LENGTH = 320
_NAME = r"HCPC(\d{4})_?([A-Z]{3})?_?(?:ANWEB|CONTR_ANWEB)[^/]*\.(?:txt|csv)"
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_COLUMNS = (
    "HCPC",
    "SEQNUM",
    "RECID",
    "LONG DESCRIPTION",
    "SHORT DESCRIPTION",
    "ADD DT",
    "ACT EFF DT",
    "TERM DT",
)
_FIELDS = ((0, 5), (5, 10), (10, 11), (11, 91), (91, 119), (268, 276), (276, 284), (284, 292))
_BEGINS, _CONTINUES = frozenset("37"), frozenset("48")
_ENCODING = "cp1252"
_MOST_COMMENTS = 100
"""Lines that may stand in front of the first record."""

_Record = tuple[int, tuple[str, ...]]


@dataclass(slots=True)
class _Entry:
    """A code and all its records."""

    line: int
    code: str
    is_modifier: bool
    sequence: int
    long: list[str]
    short: str
    days: dict[str, str]


def _finds(files: Files) -> bool:
    return _file(files) is not None


def _file(files: Files) -> File | None:
    return files.find(_NAME.replace("(?:txt|csv)", "txt")) or files.find(_NAME)


def _open(files: Files, options: Options) -> Release:
    file = _file(files) or files.need(r"[^/]*\.(txt|csv)", "HCPC<year>_<month>_ANWEB.txt or .csv")
    named = re.fullmatch(_NAME, file.name, re.IGNORECASE)
    day = options.released
    if not day and named and (named[2] or "JAN").upper() in _MONTHS:
        day = f"{named[1]}-{_MONTHS.index((named[2] or 'JAN').upper()) + 1:02}-01"
    date = given_date(day, files, f"the name of {file.name} does not tell its quarter")
    return Release(
        version=date,
        date=date,
        files=[file],
        # Codes that ended long ago are no longer in the file.
        systems=[CodeSystem(HCPCS, "HCPCS Level II", date, complete=False)],
        rows=partial(_rows, files, file, date),
    )


def _rows(files: Files, file: File, date: str) -> Iterator[Row]:
    seen: set[str] = set()
    for entry in _entries(files, file):
        if entry.code in seen:
            raise ReleaseError(file.name, entry.line, f"gives {entry.code} for the second time")
        seen.add(entry.code)
        if entry.code[0] != "D" or entry.is_modifier:
            yield from _of_entry(file, entry, date)
    if not seen:
        raise ReleaseError(file.name, 0, "holds no codes")


def _of_entry(file: File, entry: _Entry, date: str) -> Iterator[Row]:
    long = " ".join(entry.long)
    display = long or entry.short
    if not display:
        raise ReleaseError(file.name, entry.line, f"{entry.code} has no description")
    ended = entry.days.get("terminated", "")
    yield Concept(HCPCS, entry.code, display, active=not ended or ended > date)
    yield Property(HCPCS, entry.code, "hcpcs-kind", "modifier" if entry.is_modifier else "procedure")
    if entry.short and entry.short != display:
        yield Designation(HCPCS, entry.code, "short-name", entry.short)
    for name, day in entry.days.items():
        yield Property(HCPCS, entry.code, name, day)


def _entries(files: Files, file: File) -> Iterator[_Entry]:
    """The codes of the file that may be taken in, each with its whole description."""
    entry: _Entry | None = None
    for number, row in _records(files, file):
        code, sequence, kind = row[0], row[1], row[2]
        if not (sequence.isascii() and sequence.isdigit()):
            raise ReleaseError(file.name, number, "the sequence is no number")
        if kind in _BEGINS:
            if entry:
                yield entry
            entry = _begun(file, number, row)
        elif kind in _CONTINUES:
            if entry is None or code != entry.code or int(sequence) <= entry.sequence:
                raise ReleaseError(file.name, number, "carries on a code that does not stand before it")
            entry.long.append(row[3])
            entry.sequence = int(sequence)
        else:
            raise ReleaseError(file.name, number, "the kind of record is none of 3, 4, 7 and 8")
    if entry:
        yield entry


def _begun(file: File, number: int, row: tuple[str, ...]) -> _Entry:
    code, is_modifier = row[0], row[2] == "7"
    if not re.fullmatch(r"[A-Z][A-Z0-9]" if is_modifier else r"[A-Z][0-9]{4}", code):
        raise ReleaseError(file.name, number, "the code is none of HCPCS Level II")
    days = {}
    for name, text in zip(("added", "effective", "terminated"), row[5:], strict=True):
        if text:
            day = iso_day(text)
            if day is None:
                raise ReleaseError(file.name, number, f"the day on which {code} was {name} is none")
            days[name] = day
    return _Entry(number, code, is_modifier, int(row[1]), [row[3]] if row[3] else [], row[4], days)


def _records(files: Files, file: File) -> Iterator[_Record]:
    """All records but those of other owners."""
    found = _by_name(files, file) if file.name.lower().endswith(".csv") else _by_place(files, file)
    for number, row in found:
        if not re.fullmatch(r"[0-9]{4}[0-9A-Z]|[0-9][0-9A-Z]", row[0]):
            yield number, row


def _by_name(files: Files, file: File) -> Iterator[_Record]:
    for number, row in comma_separated(files, file, _COLUMNS):
        yield number, tuple(text.strip() for text in row)


def _by_place(files: Files, file: File) -> Iterator[_Record]:
    has_begun = False
    for number, line in files.lines(file, fallback=_ENCODING, all_end=False):
        if line.strip(" \x1a") == "":
            continue
        has_begun = has_begun or bool(re.match(r"[ A-Z0-9]{3}[A-Z0-9]{2}[0-9]{5}[3478]", line))
        if not has_begun and number <= _MOST_COMMENTS:
            continue
        if len(line) != LENGTH:
            why = f"has {len(line)} characters and should have {LENGTH}: it is cut, or another file"
            raise ReleaseError(file.name, number, why)
        yield number, tuple(line[begin:end].strip() for begin, end in _FIELDS)


KIND = Kind(
    name="hcpcs",
    title="HCPCS Level II",
    publisher="US Centers for Medicare & Medicaid Services",
    licence="public domain in the United States, but for the codes that begin with D, which are left out",
    notice="HCPCS Level II is published by the US Centers for Medicare & Medicaid Services.",
    finds=_finds,
    opens=_open,
)
