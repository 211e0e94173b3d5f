"""LOINC as Regenstrief publishes it: Loinc.csv, with MapTo.csv for deprecated codes; LOINC Users' Guide.

The version is the newest that any row says it was changed in. LoincTableCore.csv, where it is there, holds
the same codes and so shows whether Loinc.csv is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.numbers import is_loinc
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import CodeSystem, Kind, Options, Release
from chartbridge.terminology.releases.tables import comma_separated
from chartbridge.terminology.rows import Concept, Designation, Property, Relation, Row

LOINC = "http://loinc.org"
_COLUMNS = ("LOINC_NUM", "LONG_COMMON_NAME", "STATUS", "SHORTNAME", "CONSUMER_NAME", "DisplayName")
_PROPERTIES = {
    "CLASS": "loinc-class",
    "CLASSTYPE": "loinc-class-type",
    "EXAMPLE_UCUM_UNITS": "example-unit",
    "PROPERTY": "loinc-property",
    "SCALE_TYP": "loinc-scale",
    "ORDER_OBS": "loinc-order-obs",
    "EXTERNAL_COPYRIGHT_NOTICE": "copyright",
}
_DESIGNATIONS = ("short-name", "consumer-name", "display-name")
_STATUSES = frozenset(("ACTIVE", "TRIAL", "DISCOURAGED", "DEPRECATED"))
_LONGEST = 8_000


def _finds(files: Files) -> bool:
    return files.find(r"Loinc\.csv") is not None


def _open(files: Files, options: Options) -> Release:
    table = files.need(r"Loinc\.csv", "Loinc.csv")
    map_to = files.find(r"MapTo\.csv")
    core = files.find(r"LoincTableCore\.csv")
    version = _version(files, table)
    return Release(
        version=version,
        date=options.released,
        files=[file for file in (table, map_to, core) if file],
        systems=[CodeSystem(LOINC, "LOINC", version)],
        rows=partial(_rows, files, table, map_to, core),
    )


def _version(files: Files, table: File) -> str:
    """Versions are such as ``2.77``; the oldest, ``1.0h(2)`` and the like, never are the newest."""
    newest, version = (0, 0), ""
    for _, (changed,) in comma_separated(files, table, ("VersionLastChanged",)):
        found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", changed.strip())
        if found and (int(found[1]), int(found[2])) > newest:
            newest, version = (int(found[1]), int(found[2])), found[0]
    if not version:
        raise ReleaseError(table.name, 0, "does not tell the version of LOINC")
    return version


def _rows(files: Files, table: File, map_to: File | None, core: File | None) -> Iterator[Row]:
    codes: set[str] = set()
    columns = (*_COLUMNS, *_PROPERTIES)
    for number, row in _with_display_name(files, table, columns):
        code = row[0]
        _check_code(table, number, code)
        if code in codes:
            raise ReleaseError(table.name, number, f"gives {code} for the second time")
        if row[2] not in _STATUSES:
            raise ReleaseError(table.name, number, f"the status of {code} is none that LOINC has")
        codes.add(code)
        yield from _of_code(table, number, row)
    if core:
        for number, (code,) in comma_separated(files, core, ("LOINC_NUM",)):
            if code not in codes:
                raise ReleaseError(
                    core.name, number, f"names {code}, which {table.name} lacks: that is cut off"
                )
    if map_to:
        yield from _replacements(files, map_to, table, codes)


def _with_display_name(
    files: Files, table: File, columns: Sequence[str]
) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows; releases before 2.68 have no DisplayName, and give an empty one here."""
    try:
        yield from comma_separated(files, table, columns)
    except ReleaseError as error:
        place = columns.index("DisplayName")
        if error.line != 1 or not str(error).endswith("lacks DisplayName"):
            raise
        older = (*columns[:place], *columns[place + 1 :])
        for number, row in comma_separated(files, table, older):
            yield number, (*row[:place], "", *row[place:])


def _of_code(table: File, number: int, row: Sequence[str]) -> Iterator[Row]:
    code, name, status, *others = (text.strip() for text in row)
    display = name or others[0]
    if not display:
        raise ReleaseError(table.name, number, f"{code} has no name")
    yield Concept(LOINC, code, display, active=status != "DEPRECATED")
    yield Property(LOINC, code, "status", status)
    for kind, text in zip(_DESIGNATIONS, others, strict=False):
        if text:
            yield Designation(LOINC, code, kind, text)
    for name, value in zip(_PROPERTIES.values(), others[len(_DESIGNATIONS) :], strict=True):
        if value:
            yield Property(LOINC, code, name, value[:_LONGEST])


def _replacements(files: Files, map_to: File, table: File, codes: set[str]) -> Iterator[Row]:
    for number, (old, new) in comma_separated(files, map_to, ("LOINC", "MAP_TO")):
        for code in (old, new):
            _check_code(map_to, number, code)
            if code not in codes:
                raise ReleaseError(map_to.name, number, f"names {code}, which {table.name} lacks")
        yield Relation(LOINC, old, "replaced-by", LOINC, new)


def _check_code(file: File, number: int, code: str) -> None:
    if not is_loinc(code):
        raise ReleaseError(file.name, number, "the LOINC code is none: its check digit is another")


KIND = Kind(
    name="loinc",
    title="LOINC",
    publisher="Regenstrief Institute",
    licence="LOINC License, as the operator accepted it",
    notice=(
        "LOINC is a registered trademark of Regenstrief Institute, Inc., which holds the copyright of its "
        "contents together with the LOINC Committee. It is available at no cost under the LOINC License. "
        "Codes that others hold rights in carry their notice as the property 'copyright'."
    ),
    finds=_finds,
    opens=_open,
)
