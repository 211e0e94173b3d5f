"""The page on the file says what the code does."""

from __future__ import annotations

import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chartbridge.features.bulk.columns import GROUP_SPELLINGS, SPELLINGS
from chartbridge.features.bulk.outcome_sheet import RowOutcome, guarded, write_outcomes
from chartbridge.features.bulk.rows import Accepted, RowReader
from chartbridge.features.bulk.sheet import normalise_header, open_sheet
from tests.bulk.generated import generated

PAGE = (Path(__file__).parents[2] / "docs" / "bulk-file.md").read_text(encoding="utf-8")
ID = "0196a000-0000-7000-8000-000000000004"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_gives_the_patient_and_the_result_that_are_shown(tmp_path: Path) -> None:
    given_, result = blocks("csv")
    [stored] = blocks("json")
    path = tmp_path / "patients.csv"
    path.write_text(given_, encoding="utf-8")
    sheet = open_sheet(path)
    reader = RowReader(sheet.header, date(2026, 2, 1))

    good, bad = (reader.read(row.cells) for row in sheet.rows())
    assert isinstance(good, Accepted)
    assert {**good.patient.wire(), "externalId": good.patient.externalId} == json.loads(stored)
    assert not isinstance(bad, Accepted)

    written = io.BytesIO()
    write_outcomes(sheet, [RowOutcome(1, ID, ()), RowOutcome(2, None, bad.reasons)], written)
    assert written.getvalue().decode() == result


def test_the_table_names_every_column_in_each_of_its_spellings() -> None:
    table = PAGE.split("| Column | | Rule |")[1].split("\n\n")[0]
    named = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:]]
    written = [normalise_header(name) for row in named for name in row]
    known = [name for column in (SPELLINGS, GROUP_SPELLINGS) for names in column.values() for name in names]
    assert sorted(written) == sorted(known)
    for spellings in (*SPELLINGS.values(), *GROUP_SPELLINGS.values()):
        assert [name for name in written if name in spellings] == list(spellings)


@generated
@given(cell=st.text(st.sampled_from("=+-@＝'; a1") | st.characters(codec="utf-8")))
def test_the_way_back_that_is_shown_gives_the_cell_as_it_was(cell: str) -> None:
    shown: dict[str, Any] = {}
    exec(blocks("python")[0], shown)
    assert shown["as_it_was"](guarded(cell)) == cell
