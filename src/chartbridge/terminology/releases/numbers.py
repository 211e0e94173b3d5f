"""Large sets of numbers in little memory, and the check digits of identifiers."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from collections.abc import Iterable

_RUN = 65_536
_DIHEDRAL = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_FIRST_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _permutations() -> tuple[tuple[int, ...], ...]:
    rows: list[tuple[int, ...]] = [tuple(range(10))]
    for _ in range(7):
        rows.append(tuple(rows[-1][place] for place in _FIRST_PERMUTATION))
    return tuple(rows)


_PERMUTATIONS = _permutations()


class Numbers:
    """A set of numbers below 2**64, made once, of 8 bytes each, with one byte of flags for each."""

    def __init__(self, found: Iterable[int]) -> None:
        runs: list[array[int]] = []
        run: list[int] = []
        for number in found:
            run.append(number)
            if len(run) == _RUN:
                runs.append(array("Q", sorted(run)))
                run = []
        runs.append(array("Q", sorted(run)))
        self._sorted = array("Q")
        last = -1
        for number in heapq.merge(*runs):
            if number != last:
                self._sorted.append(number)
                last = number
        self.flags = bytearray(len(self._sorted))

    def __len__(self) -> int:
        return len(self._sorted)

    def __getitem__(self, place: int) -> int:
        return self._sorted[place]

    def __contains__(self, number: int) -> bool:
        return self.place(number) >= 0

    def place(self, number: int) -> int:
        """Where in ``flags`` and in order of size a number stands; -1 when it is not in the set."""
        place = bisect_left(self._sorted, number)
        return place if place < len(self._sorted) and self._sorted[place] == number else -1


def is_sctid(text: str) -> bool:
    """Whether a text is an SNOMED CT identifier: 6 to 18 digits, the last of them Verhoeff's check digit."""
    if not (6 <= len(text) <= 18 and text.isascii() and text.isdigit()):
        return False
    check = 0
    for place, digit in enumerate(reversed(text)):
        check = _DIHEDRAL[check][_PERMUTATIONS[place % 8][ord(digit) - 48]]
    return check == 0


def luhn(digits: str) -> int:
    """The check digit (mod 10, Luhn) that belongs behind digits: LOINC's, and an NPI's behind 80840."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = (ord(digit) - 48) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return (10 - total % 10) % 10


def is_loinc(text: str) -> bool:
    """Whether a text is a LOINC code: digits, a hyphen and their check digit."""
    digits, hyphen, check = text.partition("-")
    return bool(
        hyphen and digits.isascii() and digits.isdigit() and len(digits) <= 7 and check == str(luhn(digits))
    )


def is_npi(text: str) -> bool:
    """Whether a text is a National Provider Identifier: ten digits from 1 or 2 on, with their check digit."""
    return (
        len(text) == 10
        and text.isascii()
        and text.isdigit()
        and text[0] in "12"
        and text[9] == str(luhn("80840" + text[:9]))
    )
