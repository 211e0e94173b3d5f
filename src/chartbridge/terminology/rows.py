"""What goes into an edition, one kind of row a class, and the bounds that every row must keep.

A code system is named by its canonical FHIR URI throughout. Nothing here reads or writes a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

MAX_URI = 1_024
MAX_CODE = 256
MAX_NAME = 256
"""Characters of the name of a source, system, property, kind or map, and of a version."""
MAX_TEXT = 8_192
"""Characters of a display, designation, property value, rule, advice or notice."""


class TerminologyError(ValueError):
    """Base of what can go wrong with terminologies; the message is for the operator."""


class RowError(TerminologyError):
    """A row that cannot be taken in; the message names its system and code and says why."""


class Source(NamedTuple):
    """Where contents came from, and on what terms.

    ``date`` is when it was published (ISO 8601, as precise as known, else empty), ``sha256`` that of the
    file it was read from, ``licence`` its name, ``notice`` the text to be shown beside it, ``origin``
    where such a file is had (a publisher, a package's name), never an address.
    """

    id: str
    name: str
    version: str
    date: str
    sha256: str
    licence: str
    notice: str
    origin: str


class System(NamedTuple):
    """A code system of which an edition has contents.

    ``complete`` says that a code which the edition lacks does not exist in that version. ``concepts`` is
    counted by the writer: what a reader is told, ignored when written.
    """

    uri: str
    name: str
    version: str
    source_id: str
    complete: bool
    concepts: int = 0


class Alias(NamedTuple):
    """Another name of a code system: ``urn:oid:…`` (the bare OID then works too) or an older URI."""

    alias: str
    uri: str


class Concept(NamedTuple):
    """A code with its display; not ``active`` when the system retired it."""

    system: str
    code: str
    display: str
    active: bool = True


class Property(NamedTuple):
    """One value of a property of a code: ``chronicity`` C|N|U, ``ccsr``, ``loinc-class``, ``tty`` …

    The code need not have a concept: an indicator may cover codes of which no display is known.
    """

    system: str
    code: str
    name: str
    value: str


class Designation(NamedTuple):
    """Another text for a code; ``kind`` is ``synonym``, ``brand``, ``short-name`` …"""

    system: str
    code: str
    kind: str
    text: str


class Relation(NamedTuple):
    """``kind`` says what the target is to the code: ``replaced-by``, ``parent``, ``ingredient`` …"""

    system: str
    code: str
    kind: str
    target_system: str
    target_code: str


class MapRow(NamedTuple):
    """One row of the map ``name``, in the manner of SNOMED CT's map reference sets and CMS's GEMs.

    Within a ``group`` the row of lowest ``priority`` whose ``rule`` holds applies; the targets of the
    groups belong together. ``target_code`` is empty where the map says that there is no target.
    ``equivalence`` is a code of FHIR R4's ConceptMapEquivalence. ``name`` holds the map's version.
    """

    name: str
    system: str
    code: str
    target_system: str
    target_code: str
    equivalence: str
    group: int = 1
    priority: int = 1
    rule: str = ""
    advice: str = ""


Row = Source | System | Alias | Concept | Property | Designation | Relation | MapRow

EQUIVALENCES = frozenset(
    (
        "relatedto",
        "equivalent",
        "equal",
        "wider",
        "subsumes",
        "narrower",
        "specializes",
        "inexact",
        "unmatched",
        "disjoint",
    )
)


def check(row: Row) -> None:
    """Raise :class:`RowError` where a row does not keep the bounds."""
    _CHECKS[type(row)](row)


def _refuse(row: Row, why: str) -> RowError:
    where = getattr(row, "system", None) or getattr(row, "uri", None) or row[0]
    code = getattr(row, "code", "")
    return RowError(f"{type(row).__name__} {where[:MAX_NAME]}{'|' if code else ''}{code[:MAX_NAME]}: {why}")


def _uri(row: Row, uri: str) -> None:
    if not uri or len(uri) > MAX_URI or uri.split() != [uri]:
        raise _refuse(row, "the system is no URI")


def _code(row: Row, code: str) -> None:
    if not code or len(code) > MAX_CODE or code.strip() != code or not code.isprintable():
        raise _refuse(row, f"a code has 1 to {MAX_CODE} characters and no space around it")


def _name(row: Row, name: str) -> None:
    if not name or len(name) > MAX_NAME or name.strip() != name or not name.isprintable():
        raise _refuse(row, f"a name has 1 to {MAX_NAME} characters and no space around it")


def _text(row: Row, text: str, least: int = 1) -> None:
    if not least <= len(text) <= MAX_TEXT or "\0" in text:
        raise _refuse(row, f"a text has {least} to {MAX_TEXT} characters")
    if text.strip() != text:
        raise _refuse(row, "a text has no space around it")


def _check_source(row: Source) -> None:
    _name(row, row.id)
    for field in row:
        _text(row, field, least=0)


def _check_system(row: System) -> None:
    _uri(row, row.uri)
    _name(row, row.name)
    _text(row, row.version, least=0)


def _check_alias(row: Alias) -> None:
    _uri(row, row.alias)
    _uri(row, row.uri)


def _check_concept(row: Concept) -> None:
    _uri(row, row.system)
    _code(row, row.code)
    _text(row, row.display)


def _check_named_text(row: Property | Designation) -> None:
    _uri(row, row.system)
    _code(row, row.code)
    _name(row, row[2])
    _text(row, row[3])


def _check_relation(row: Relation) -> None:
    _uri(row, row.system)
    _code(row, row.code)
    _name(row, row.kind)
    _uri(row, row.target_system)
    _code(row, row.target_code)


def _check_map_row(row: MapRow) -> None:
    _name(row, row.name)
    _uri(row, row.system)
    _code(row, row.code)
    _uri(row, row.target_system)
    if row.target_code:
        _code(row, row.target_code)
    if row.equivalence not in EQUIVALENCES:
        raise _refuse(row, f"{row.equivalence[:MAX_NAME]!r} is no equivalence of FHIR R4")
    if not (0 <= row.group < 2**31 and 0 <= row.priority < 2**31):
        raise _refuse(row, "group and priority are whole numbers from 0")
    _text(row, row.rule, least=0)
    _text(row, row.advice, least=0)


_CHECKS: dict[type, Callable[[Any], None]] = {
    Source: _check_source,
    System: _check_system,
    Alias: _check_alias,
    Concept: _check_concept,
    Property: _check_named_text,
    Designation: _check_named_text,
    Relation: _check_relation,
    MapRow: _check_map_row,
}
