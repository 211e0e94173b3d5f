"""The result file: the rows as they came, and what became of each (bulk patient create, 3.5).

Safe to open in a spreadsheet, whichever separator its locale has: what would be read as a formula gets an
apostrophe before it. A number, or what looks like one (`+1-617-555-0100`, `-`), is no danger and stays as
it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from chartbridge.features.bulk.sheet import Sheet

ADDED_HEADERS = ("metriportId", "status", "reason")
SUCCEEDED, FAILED = "succeeded", "failed"

# Behind apostrophes and spaces too: so that taking one apostrophe away gives back what was there.
_FORMULA = re.compile(r"[' ]*[=+\-@＝＋－＠]")
_NUMBER = re.compile(r" *[+\-][0-9 ().\-]*")


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of a row: a patient, or reasons why there is none.

    In a dry run there are neither. ``number`` is the row's.
    """

    number: int
    patient_id: str | None
    reasons: tuple[str, ...]


def write_outcomes(sheet: Sheet, outcomes: Iterable[RowOutcome], target: BinaryIO) -> None:
    """Write UTF-8, row by row. ``outcomes`` has one for each row of ``sheet``, in order: else ValueError."""
    width = len(sheet.header)
    text = io.TextIOWrapper(target, encoding="utf-8", newline="")
    try:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*map(guarded, sheet.header), *ADDED_HEADERS])
        for row, outcome in zip(sheet.rows(), outcomes, strict=True):
            if row.number != outcome.number:
                raise ValueError(f"outcome {outcome.number} given for row {row.number}")
            writer.writerow([*map(guarded, row.cells[:width]), *_added(outcome)])
    finally:
        text.detach()  # flushes; the target stays open


def guarded(cell: str) -> str:
    """The cell, or the same with an apostrophe before each part that a spreadsheet would calculate.

    Parts, since a spreadsheet whose separator is the semicolon begins a new cell behind each.
    """
    if ";" in cell:
        return ";".join(map(_guarded_part, cell.split(";")))
    return _guarded_part(cell)


def _guarded_part(part: str) -> str:
    return f"'{part}" if _FORMULA.match(part) and not _NUMBER.fullmatch(part) else part


def _added(outcome: RowOutcome) -> Sequence[str]:
    reason = "; ".join(outcome.reasons).replace(",", ";")
    return outcome.patient_id or "", FAILED if outcome.reasons else SUCCEEDED, guarded(reason)
