"""The address that a group of columns holds, as the contract normalises it (bulk patient create, 3.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chartbridge.features.bulk import cells
from chartbridge.features.bulk.columns import Group, first

COLUMNS = ("addressLine1", "addressLine2", "city", "state", "zip")
_REQUIRED = ("addressLine1", "city", "state", "zip")

_STREET_TYPES_TEXT = """
    street st road rd lane ln drive dr avenue ave boulevard blvd circle cir court ct place pl terrace ter
    trail trl way highway hwy parkway pkwy crossing xing square sq loop path pike alley run
"""
_STREET_TYPES = frozenset(_STREET_TYPES_TEXT.split())
_DIRECTIONS = frozenset(("n", "s", "e", "w", "ne", "nw", "se", "sw", "north", "south", "east", "west"))
_UNIT = re.compile(
    r"(?:#|(?:apt|apartment|unit|suite|number|floor|fl|ste|lot|rm|room|trlr|building|blg|no)(?=[ #0-9]))"
    r"[ #]*[^ #].*",
    re.IGNORECASE,
)
_PO_BOX = re.compile(r"p ?o box\b", re.IGNORECASE)
_BRACKETS = re.compile(r"\([^()]*\)")
_PUNCTUATION = str.maketrans(".,;", "   ")


class IncompleteAddressError(ValueError):
    """What of an address is lacking, by the names of the columns without their group."""

    def __init__(self, lacking: Sequence[str]) -> None:
        super().__init__(", ".join(lacking))
        self.lacking = lacking


def address_in(row: Sequence[str], group: Group) -> dict[str, str] | None:
    """The address of a group in the API's shape; None when nothing in it can be used.

    ``row`` holds clean cells. Raises IncompleteAddressError.
    """
    place = group.places
    found = {
        "addressLine1": line(first(row, place["addressLine1"])),
        "addressLine2": line(first(row, place["addressLine2"])),
        "city": cells.city(first(row, place["city"])),
        "state": cells.state(first(row, place["state"])),
        "zip": cells.zip_code(first(row, place["zip"])),
    }
    if not any(found.values()):
        return None
    if lacking := [column for column in _REQUIRED if not found[column]]:
        raise IncompleteAddressError(lacking)
    address = {column: text for column, text in found.items() if text}
    address["addressLine1"], unit = split_unit(address["addressLine1"])
    if unit and "addressLine2" in address:
        address["addressLine1"] += f", {unit}"
    elif unit:
        address["addressLine2"] = unit
    return address


def line(cell: str) -> str:
    """An address line without bracketed text and punctuation, in title case if it has but one case."""
    if not cell:
        return ""
    if "(" in cell:
        cell = _BRACKETS.sub(" ", cell)
    return cells.title_case(" ".join(cell.translate(_PUNCTUATION).split()))


def split_unit(text: str) -> tuple[str, str]:
    """A line without the unit behind its street type (`Main St Apt 4`), and the unit; empty if it has none.

    A direction may stand between them (`Main St NW Apt 4`). A unit has a number or a name.
    """
    words = text.split(" ")
    if _PO_BOX.match(text):
        return text, ""
    types = [place for place, word in enumerate(words) if place and word.lower() in _STREET_TYPES]
    if not types:
        return text, ""
    end = types[-1] + 1
    while end < len(words) and words[end].lower() in _DIRECTIONS:
        end += 1
    unit = " ".join(words[end:])
    if not _UNIT.fullmatch(unit):
        return text, ""
    return " ".join(words[:end]), unit
