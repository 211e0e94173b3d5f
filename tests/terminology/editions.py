"""A small made edition, for the tests of what reads, merges and batches editions."""

from __future__ import annotations

from pathlib import Path

from chartbridge.terminology.rows import (
    Alias,
    Concept,
    Designation,
    MapRow,
    Property,
    Relation,
    Row,
    Source,
    System,
)
from chartbridge.terminology.writing import EditionWriter

COLORS, SHAPES = "http://example.com/colors", "urn:oid:1.2.3.4"
SOURCE = Source("made", "Made", "1", "2026-01-01", "0" * 64, "CC0", "Made up.", "by hand")
ROWS: tuple[Row, ...] = (
    SOURCE,
    System(COLORS, "Colors", "1", "made", complete=True),
    System(SHAPES, "Shapes", "1", "made", complete=False),
    Alias("urn:oid:1.2.3.9", COLORS),
    Alias("http://example.org/old/colors", COLORS),
    Concept(COLORS, "R", "red"),
    Concept(COLORS, "P", "puce", active=False),
    Concept(SHAPES, "1", "round"),
    Property(COLORS, "R", "warm", "yes"),
    Property(COLORS, "R", "wave", "700"),
    Property(COLORS, "R", "wave", "620"),
    Property(COLORS, "X", "warm", "no"),
    Designation(COLORS, "R", "synonym", "scarlet"),
    Designation(COLORS, "R", "synonym", "crimson"),
    Relation(COLORS, "P", "replaced-by", COLORS, "R"),
    MapRow("by feeling", COLORS, "R", SHAPES, "1", "inexact", group=2, priority=1),
    MapRow("by feeling", COLORS, "R", SHAPES, "2", "equivalent", group=1, priority=2),
    MapRow(
        "by feeling", COLORS, "R", SHAPES, "3", "equivalent", group=1, priority=1, rule="IF", advice="see"
    ),
    MapRow("by feeling", COLORS, "P", SHAPES, "", "unmatched"),
)


def write(path: Path, *rows: Row) -> Path:
    """An edition of these rows, or of :data:`ROWS`."""
    with EditionWriter(path) as writer:
        for row in rows or ROWS:
            writer.add(row)
        writer.finish()
    return path
