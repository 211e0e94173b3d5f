"""The result file (contract 3.5)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chartbridge.features.bulk.outcome_sheet import RowOutcome, guarded, write_outcomes
from chartbridge.features.bulk.sheet import clean, open_sheet
from tests.bulk.generated import generated

ID = "0196a000-0000-7000-8000-000000000004"


def written(path: Path, content: str, outcomes: Iterable[RowOutcome]) -> str:
    path.write_text(content, encoding="utf-8", newline="")
    target = io.BytesIO()
    write_outcomes(open_sheet(path), outcomes, target)
    return target.getvalue().decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "patients.csv"


@pytest.mark.contract("3.5", "header, one line per input row, metriportId, status, reason")
def test_the_contract_s_example(path: Path) -> None:
    content = (
        "First Name,LAST_NAME,dob,gender,Address Line 1,city,state,zip\r\n"
        "ana,RUIZ,1980-04-02,f,1 Pine St,Boise,ID,83702\r\n"
        "\r\n"
        "bo,,1979-01-01,x,2 Oak,Boise,ID,83702\r\n"
    )
    outcomes = [
        RowOutcome(1, ID, ()),
        RowOutcome(2, None, ("Missing lastName", "Missing/invalid gender")),
    ]
    assert written(path, content, outcomes) == (
        "firstname,lastname,dob,gender,addressline1,city,state,zip,metriportId,status,reason\n"
        f"ana,RUIZ,1980-04-02,f,1 Pine St,Boise,ID,83702,{ID},succeeded,\n"
        "bo,,1979-01-01,x,2 Oak,Boise,ID,83702,,failed,Missing lastName; Missing/invalid gender\n"
    )


@pytest.mark.contract("3.5", "metriportId: empty on failure and in a dry run")
def test_a_dry_run_has_no_ids(path: Path) -> None:
    assert written(path, "firstName\nana\n", [RowOutcome(1, None, ())]).endswith("\nana,,succeeded,\n")


@pytest.mark.contract("3.5", "cells after white-space cleaning, otherwise as given; quoting")
def test_cells_are_as_they_were_but_for_white_space_and_quotes(path: Path) -> None:
    content = 'firstName,notes\n"  ana\tmaria ","said ""hi"", left"\nbo,two\nno\n'
    outcomes = [RowOutcome(1, ID, ()), RowOutcome(2, ID, ()), RowOutcome(3, None, ("Missing lastName",))]
    assert written(path, content, outcomes).splitlines()[1:] == [
        f'ana maria,"said ""hi"", left",{ID},succeeded,',
        f"bo,two,{ID},succeeded,",
        "no,,,failed,Missing lastName",
    ]


@pytest.mark.contract("3.5", "reason: joined by `; `, any comma in them turned into `;`")
def test_a_reason_has_no_commas(path: Path) -> None:
    outcome = RowOutcome(1, None, ("too long, on [address,0,city]", "Invalid phone"))
    assert written(path, "firstName\nana\n", [outcome]).endswith(
        ",failed,too long; on [address;0;city]; Invalid phone\n"
    )


def test_other_encodings_and_separators_come_back_as_utf_8_with_commas(path: Path) -> None:
    path.write_bytes("firstName;city\nJosé;A, B\n".encode("cp1252"))
    target = io.BytesIO()
    write_outcomes(open_sheet(path), [RowOutcome(1, ID, ())], target)
    assert target.getvalue().decode().splitlines()[1] == f'José,"A, B",{ID},succeeded,'
    assert not target.closed


def test_cells_beyond_the_header_do_not_shift_the_status(path: Path) -> None:
    outcome = RowOutcome(1, None, ("Row has 3 cells under 2 headers",))
    line = written(path, "firstName,city\nAna,1 Pine St,Apt 2\n", [outcome]).splitlines()[1]
    assert line == "Ana,1 Pine St,,failed,Row has 3 cells under 2 headers"


def test_outcomes_that_do_not_fit_the_rows_are_an_error(path: Path) -> None:
    for outcomes in ([], [RowOutcome(2, ID, ())], [RowOutcome(1, ID, ()), RowOutcome(2, ID, ())]):
        with pytest.raises(ValueError):
            written(path, "firstName\nAna\n", outcomes)


def test_outcomes_may_come_from_a_stream(path: Path) -> None:
    rows = "".join(f"Ana{number}\n" for number in range(1, 2001))
    lines = written(
        path, f"firstName\n{rows}", (RowOutcome(n, None, ()) for n in range(1, 2001))
    ).splitlines()
    assert lines[-1] == "Ana2000,,succeeded,"
    assert len(lines) == 2001


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(1,2)", "'@SUM(1,2)"),
        ("+A1", "'+A1"),
        ("-A1+B2", "'-A1+B2"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("＝1＋1", "'＝1＋1"),
        ("a;=1+1", "a;'=1+1"),
        ("a; @x", "a;' @x"),
        ("'=1", "''=1"),
        ("''@x", "'''@x"),
        ("'a", "'a"),
        ("o'neil", "o'neil"),
        ("a=b", "a=b"),
        ("+1-617-555-0100", "+1-617-555-0100"),
        ("+1 (617) 555.0100", "+1 (617) 555.0100"),
        ("-", "-"),
        ("-3", "-3"),
        ("", ""),
    ],
)
def test_what_a_spreadsheet_would_calculate_gets_an_apostrophe(cell: str, safe: str) -> None:
    assert guarded(cell) == safe


def test_header_and_cells_of_the_file_are_guarded(path: Path) -> None:
    lines = written(path, "-A1,firstName\n=1+1,@x\n", [RowOutcome(1, ID, ())]).splitlines()
    assert lines == ["'-a1,firstname,metriportId,status,reason", f"'=1+1,'@x,{ID},succeeded,"]


def unguarded(cell: str) -> str:
    """The way back that the page on the file tells."""
    return re.sub(r"(^|;)'([' ]*[=+\-@＝＋－＠])", r"\1\2", cell)


_CELLS = st.text(st.sampled_from("=+-@＝'; a1,\"|") | st.characters(codec="utf-8"))


@generated
@given(cell=_CELLS)
@example(cell="'=")
@example(cell="' =")
@example(cell=";'-1;-1")
def test_guarding_can_be_taken_back_and_leaves_no_formula(cell: str) -> None:
    safe = guarded(cell)
    assert unguarded(safe) == cell
    for part in safe.split(";"):
        if part.lstrip(" ")[:1] in tuple("=+-@＝＋－＠"):
            assert re.fullmatch(r" *[+\-][0-9 ().\-]*", part)


@generated
@given(cells=st.lists(_CELLS.filter(lambda cell: "\0" not in cell), min_size=2, max_size=2))
def test_the_result_file_holds_the_cells_of_the_file(path: Path, cells: list[str]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["firstName", "notes", "key"], [*cells, "k"]])
    [_, row] = csv.reader(io.StringIO(written(path, text.getvalue(), [RowOutcome(1, ID, ())])))
    assert [unguarded(cell) for cell in row] == [*map(clean, cells), "k", ID, "succeeded", ""]


def test_a_result_file_can_be_sent_again(path: Path) -> None:
    again = written(path, "firstName\nAna\n", [RowOutcome(1, None, ("Missing lastName",))])
    lines = written(path, again, [RowOutcome(1, ID, ())]).splitlines()
    assert lines[0] == "firstname,metriportid,status,reason,metriportId,status,reason"
