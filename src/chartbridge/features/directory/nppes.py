"""Entries from rows of the NPPES dissemination file: CSV, by the names of its columns.

The file knows no OIDs. An entry's OID is made from its NPI: the name-based UUID (RFC 4122, version 5) of
the NPI, under the arc 2.25 that ITU-T X.667 gives to UUIDs; the same NPI has the same OID everywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from chartbridge.features.directory.entries import Entry, UnfitRowError, clean, npi_in
from chartbridge.fhir.ids import name_based_id, namespace
from chartbridge.matching import values

NPI = "NPI"
KIND = "Entity Type Code"
NAME = "Provider Organization Name (Legal Business Name)"
PARENT = "Parent Organization LBN"
DEACTIVATED = "NPI Deactivation Date"
REACTIVATED = "NPI Reactivation Date"
_PLACE = "Provider {}Business Practice Location Address{}"
LINES = (_PLACE.format("First Line ", ""), _PLACE.format("Second Line ", ""))
CITY = _PLACE.format("", " City Name")
STATE = _PLACE.format("", " State Name")
ZIP = _PLACE.format("", " Postal Code")
REQUIRED_COLUMNS = (NPI, NAME)
ORGANIZATION = "2"
_NPIS = namespace("npi")
_NOTHING = frozenset({"<UNAVAIL>", "N/A"})


def oid_of_npi(npi: str) -> str:
    """The OID that stands for an NPI where no other is known."""
    return f"2.25.{uuid.UUID(name_based_id(_NPIS, npi)).int}"


def is_organization(row: Mapping[str, str | None]) -> bool:
    """Whether the row is of an organization rather than of a person, or of nobody any more."""
    kind = (row.get(KIND) or "").strip()
    return kind == ORGANIZATION or (not kind and withdrawn(row) is None)


def withdrawn(row: Mapping[str, str | None]) -> str | None:
    """The OID of the NPI when it was withdrawn and the file tells nothing but that."""
    npi = npi_in(row.get(NPI))
    return oid_of_npi(npi) if npi and _text(row, DEACTIVATED) and not _text(row, NAME) else None


def entry_of(row: Mapping[str, str | None]) -> Entry:
    """The entry that a row is. Raises UnfitRowError."""
    try:
        npi = values.npi((row.get(NPI) or "").strip())
    except ValueError:
        raise UnfitRowError("has no valid NPI") from None
    return Entry(
        oid=oid_of_npi(npi),
        name=_text(row, NAME) or "",
        npi=npi,
        address_line=", ".join(text for line in LINES if (text := _text(row, line))) or None,
        city=_text(row, CITY),
        state=_text(row, STATE),
        zip_code=_zip(_text(row, ZIP)),
        root_organization=_text(row, PARENT),
        active=not _text(row, DEACTIVATED) or bool(_text(row, REACTIVATED)),
    )


def _text(row: Mapping[str, str | None], column: str) -> str | None:
    text = clean(row.get(column))
    return None if text in _NOTHING else text


def _zip(text: str | None) -> str | None:
    """Nine digits get the hyphen that belongs there."""
    return f"{text[:5]}-{text[5:]}" if text and len(text) == 9 and text.isdecimal() else text
