"""The columns that a file may have, and where a file has them.

A column of a group may stand eleven times: without a number, and with `-1` to `-10` behind its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_GROUP = 10
SUFFIXES = ("", *(f"-{number}" for number in range(1, MAX_GROUP + 1)))

_LICENCES = ("driverslicense", "driverslicence")
SPELLINGS: dict[str, tuple[str, ...]] = {
    "firstName": ("firstname",),
    "lastName": ("lastname",),
    "dob": ("dob",),
    "gender": ("gender",),
    "externalId": ("id", "externalid"),
    "ssn": ("ssn",),
    "driversLicense": tuple(
        licence + ending for ending in ("", "value", "no", "number") for licence in _LICENCES
    ),
    "driversLicenseState": tuple(f"{licence}state" for licence in _LICENCES),
    "hieOptOut": ("hieoptout",),
}
"""Normalised headers of columns that stand once; of several cells the first that is not empty holds."""

GROUP_SPELLINGS: dict[str, tuple[str, ...]] = {
    "addressLine1": ("addressline1", "address1"),
    "addressLine2": ("addressline2", "address2"),
    "city": ("city",),
    "state": ("state",),
    "zip": ("zip", "zipcode"),
    "phone": ("phone",),
    "email": ("email",),
    "cohort": ("cohort",),
}
"""The same for columns that a group number may follow."""

_KNOWN = frozenset(
    [spelling for spellings in SPELLINGS.values() for spelling in spellings]
    + [
        spelling + suffix
        for spellings in GROUP_SPELLINGS.values()
        for spelling in spellings
        for suffix in SUFFIXES
    ]
)

Place = tuple[int, ...]
"""Where in a row the cells of one column are, the preferred spelling first; empty when it has none."""


def first(cells: Sequence[str], place: Place) -> str:
    """The first cell that is not empty; else an empty one."""
    for index in place:
        if cells[index]:
            return cells[index]
    return ""


@dataclass(frozen=True, slots=True)
class Group:
    """Columns of one group. ``suffix`` is empty or `-N`."""

    suffix: str
    places: dict[str, Place]


class Layout:
    """Where the columns of a header are. What is not known is left out."""

    def __init__(self, header: Sequence[str]) -> None:
        """``header`` is normalised."""
        self.width = len(header)
        at: dict[str, int] = {}
        self.repeated: list[str] = []
        """Known columns that stand more than once, so that nobody knows which of them is meant."""
        for index, name in enumerate(header):
            if name in at:
                self.repeated.append(name)
            elif name in _KNOWN:
                at[name] = index
        self.single: dict[str, Place] = {
            column: tuple(at[spelling] for spelling in spellings if spelling in at)
            for column, spellings in SPELLINGS.items()
        }
        self._at = at

    def groups(self, *columns: str) -> list[Group]:
        """The groups of which the header has at least one of ``columns``, by number."""
        found = []
        for suffix in SUFFIXES:
            places = {
                column: tuple(
                    self._at[spelling + suffix]
                    for spelling in GROUP_SPELLINGS[column]
                    if spelling + suffix in self._at
                )
                for column in columns
            }
            if any(places.values()):
                found.append(Group(suffix, places))
        return found
