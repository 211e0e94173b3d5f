"""Statements that contradict each other: each says so, and what the other one says."""

from __future__ import annotations

from chartbridge.summary import words
from chartbridge.summary.chart import Chart, Row
from chartbridge.summary.sections import Section


def resolve(built: list[Section], chart: Chart) -> None:
    """Writes beside each statement what those say that contradict it, whichever of them names the other.

    One that the summary does not show (a filter, another section) is named all the same.
    """
    rows = {row.about: row for section in built for row in section.rows if row.about}
    named = [(row.about, other) for row in rows.values() for other in row.conflicts]
    both_ways = dict.fromkeys([*named, *((other, one) for one, other in named)])
    number = 0
    for one, other in both_ways:
        row, opposed = rows.get(one), rows.get(other)
        if row is None:
            continue
        if opposed is None:
            row.disagrees.append((f"{_name(other, chart)} (in the chart, not in this summary)", ""))
            continue
        if not opposed.anchor:
            number += 1
            opposed.anchor = f"statement-{number}"
        row.disagrees.append((_said(opposed), opposed.anchor))


def _said(row: Row) -> str:
    """What a row says, short: its marks, its name and the cells beside that."""
    marks = [mark.text for mark in row.marks]
    name = [row.group] if row.result else []
    return words.joined([*marks, *name, *row.cells[:3]])


def _name(reference: str, chart: Chart) -> str:
    held = chart.by_reference.get(reference, {})
    return words.concept(held.get("code") or held.get("vaccineCode")) or "another statement"
