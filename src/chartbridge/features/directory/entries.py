"""What one organization of a directory is, whatever it was read from."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from chartbridge.search import filters

_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_URN = re.compile(r"urn:oid:", re.IGNORECASE)
_NPI = re.compile(r"[0-9]{10}")
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
"""NUL, which PostgreSQL does not keep, and halves of characters, which JSON can name."""
_LIMITS = {
    "oid": 200,
    "name": 500,
    "address_line": 500,
    "city": 200,
    "state": 100,
    "zip_code": 20,
    "root_organization": 500,
    "managing_org_oid": 200,
}


class Network(StrEnum):
    """The networks whose directories are kept."""

    COMMONWELL = "COMMONWELL"
    CAREQUALITY = "CAREQUALITY"
    EHEX = "EHEX"


class UnfitRowError(ValueError):
    """A row that no entry can be made of; the text says why, without quoting the row."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An organization as a network publishes it. Raises UnfitRowError for what cannot be kept."""

    oid: str
    name: str
    npi: str | None = None
    address_line: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    root_organization: str | None = None
    managing_org_oid: str | None = None
    supports_messaging: bool = False
    active: bool = True

    def __post_init__(self) -> None:
        if not self.name:
            raise UnfitRowError("has no name")
        if not is_oid(self.oid):
            raise UnfitRowError("has no OID")
        for field, limit in _LIMITS.items():
            value = getattr(self, field)
            if value is not None and len(value) > limit:
                raise UnfitRowError(f"{field} is longer than {limit} characters")
            if value is not None and _UNSTORABLE.search(value):
                raise UnfitRowError(f"{field} holds a character that cannot be kept")

    def values(self) -> dict[str, Any]:
        """The columns of the directory's table that the row decides."""
        return {**asdict(self), "search_text": self._search_text()}

    def _search_text(self) -> str:
        address = (self.address_line, self.city, self.state, self.zip_code)
        fields = (self.name, " ".join(part for part in address if part), self.oid, self.npi)
        return filters.text_of_fields(field for field in fields if field)


def is_oid(text: str | None) -> bool:
    """Whether a text is a dotted OID."""
    return text is not None and _OID.fullmatch(text) is not None


def oid_in(text: object) -> str | None:
    """The OID that a text is, with or without ``urn:oid:`` before it."""
    if not isinstance(text, str):
        return None
    bare = _URN.sub("", text.strip(), count=1)
    return bare if is_oid(bare) else None


def npi_in(text: object) -> str | None:
    """The ten digits that a text is."""
    return text.strip() if isinstance(text, str) and _NPI.fullmatch(text.strip()) else None


def clean(text: object) -> str | None:
    """A text with single spaces, or None for what says nothing."""
    if not isinstance(text, str):
        return None
    return " ".join(text.split()) or None
