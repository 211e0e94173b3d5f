"""The same answers by the batch as one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from chartbridge.terminology.batch import Batch
from chartbridge.terminology.edition import Edition, EditionError
from chartbridge.terminology.rows import Concept
from tests.terminology.editions import COLORS, ROWS, SHAPES, write

ODD = ('say "red", or\r\nnot', "null", "NULL", "é\tü", "'; DROP TABLE concept; --")


def test_a_batch_answers_as_single_look_ups_do(tmp_path: Path) -> None:
    codes = [f"c{number}" for number in range(50)]
    more = [Concept(COLORS, code, text) for code, text in zip(codes, (*ODD, *codes[5:]), strict=True)]
    path = write(tmp_path / "made.sqlite", *ROWS, *more, Concept(SHAPES, "null", "null"))
    systems = (COLORS, SHAPES, "1.2.3.9", "urn:oid:1.2.3.9", "1.2.3.4", "http://example.com/none", "")
    asked = [(system, code) for code in ("R", "P", "X", "", *ODD, *codes) for system in systems] * 2
    with Edition.open(path) as edition, Batch.open(path) as batch:
        assert batch.displays(asked) == [edition.concept(*coding) for coding in asked]
        for target in (SHAPES, "1.2.3.4", COLORS):
            assert batch.mapped(asked, target) == [edition.mapped(*coding, target) for coding in asked]
        assert batch.displays([]) == []
        assert batch.mapped(iter(asked[:1]), SHAPES) == [edition.mapped(*asked[0], SHAPES)]


def test_its_tables_can_be_joined_in_sql(tmp_path: Path) -> None:
    with Batch.open(write(tmp_path / "made.sqlite")) as batch:
        found = batch.connection.sql(
            "SELECT display, value FROM concept JOIN property USING (system, code) "
            "WHERE name = 'wave' ORDER BY value"
        ).fetchall()
    assert found == [("red", "620"), ("red", "700")]


def test_a_file_that_is_no_edition_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * 200)
    with pytest.raises(EditionError, match="is no terminology edition"):
        Batch.open(tmp_path / "x")
