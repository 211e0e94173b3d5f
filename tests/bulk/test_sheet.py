"""Files as spreadsheets write them, and what of them is refused as a whole."""

from __future__ import annotations

import csv
import gc
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chartbridge.features.bulk import sheet as sheets
from chartbridge.features.bulk.sheet import Sheet, SheetError, open_sheet
from tests.bulk.generated import generated

HEADER = "firstName,lastName,city"
TEXT = f"{HEADER}\r\nJosé,Núñez,San José\r\nAna,Ruiz,Boise\r\n"
ROWS = [["José", "Núñez", "San José"], ["Ana", "Ruiz", "Boise"]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "patients.csv"


def opened(path: Path, content: bytes | str, **options: int) -> Sheet:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_sheet(path, **options)


def cells(sheet: Sheet) -> list[list[str]]:
    return [row.cells for row in sheet.rows()]


def refusal(path: Path, content: bytes | str, **options: int) -> str:
    with pytest.raises(SheetError) as refused:
        opened(path, content, **options)
    return str(refused.value)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le-marked", "utf-16-be-marked"]
)
@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_the_encodings_of_spreadsheets_are_read(path: Path, encoding: str, line_end: str) -> None:
    text = TEXT.replace("\r\n", line_end)
    if encoding.endswith("-marked"):
        text, encoding = "\ufeff" + text, encoding.removesuffix("-marked")
    sheet = opened(path, text.encode(encoding))
    assert sheet.header == ["firstname", "lastname", "city"]
    assert cells(sheet) == ROWS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "mac-roman"])
def test_lines_may_end_with_a_lone_carriage_return(path: Path, encoding: str) -> None:
    assert cells(opened(path, TEXT.replace("\r\n", "\r").encode(encoding))) == ROWS


def test_characters_beyond_the_first_plane_survive(path: Path) -> None:
    for encoding in ("utf-8", "utf-16"):
        assert cells(opened(path, "firstName\n𝒜na 王芳\n".encode(encoding))) == [["𝒜na 王芳"]]


def test_a_character_at_the_border_of_two_reads_is_one_character(path: Path) -> None:
    name = "é" * 30_000
    content = "firstName,notes\n" + f"Ana,{name}\n" * 20
    for shift in ("", "x"):
        assert cells(opened(path, shift + content))[-1] == ["Ana", name]


def test_one_stray_byte_does_not_turn_all_accents_into_something_else(path: Path) -> None:
    content = TEXT.encode() + "Zoë,Lee,Boise\r\n".encode("cp1252")
    assert refusal(path, content) == "CSV is partly UTF-8 and partly not: save it as CSV UTF-8"
    assert "partly UTF-8" in refusal(path, TEXT.encode()[:-2] + "é".encode()[:1])


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00",  # a workbook
        TEXT.encode("utf-16-le"),  # no mark
        "firstName\nZoë\n".encode("utf-16")[:-1],
        b"\xef\xbb\xbffirstName\nZo\xeb\n",
        b"firstName\nZo\x81\n",
        "firstName\nAna\0\n".encode("utf-16"),
        b"firstName\nAna\0\n",
    ],
)
def test_what_is_no_text_is_refused(path: Path, content: bytes) -> None:
    assert refusal(path, content) == "CSV cannot be read as text: save it as CSV UTF-8"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_header_tells_what_separates_cells(path: Path, separator: str) -> None:
    sheet = opened(path, f'{HEADER},"notes, other"\nAna,Ruiz,Boise,"a;b,c\td"\n'.replace(",", separator))
    assert sheet.header == ["firstname", "lastname", "city", "notesother"]
    assert len(sheet.header) == len(cells(sheet)[0])


def test_separators_within_quotes_and_lines_before_the_header_decide_nothing(path: Path) -> None:
    sheet = opened(path, '\n , ,\n"notes;;;;;;",firstName\n;,Ana\n')
    assert sheet.header == ["notes", "firstname"]
    assert cells(sheet) == [[";", "Ana"]]


def test_a_file_of_one_column_has_one_column(path: Path) -> None:
    assert cells(opened(path, "firstName\nAna; Anna\n")) == [["Ana; Anna"]]


@pytest.mark.contract("3.3", "Blank lines skipped")
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_blank_lines_are_skipped_and_not_counted(path: Path, line_end: str) -> None:
    text = f"\n{HEADER}\n\n  \nAna,Ruiz,Boise\n,,\n\t,,\nBo,Lee,Boise\n\n".replace("\n", line_end)
    sheet = opened(path, text)
    assert [(row.number, row.cells[0]) for row in sheet.rows()] == [(1, "Ana"), (2, "Bo")]
    assert sheet.count == 2


@pytest.mark.contract("3.3", "Cell cleaning before parsing")
def test_cells_are_cleaned_of_white_space(path: Path) -> None:
    sheet = opened(path, f'{HEADER}\n  Ana  \t Maria ,"Ruiz\r\n  Diaz",\u00a0Boise\u00a0\n')
    assert cells(sheet) == [["Ana Maria", "Ruiz Diaz", "Boise"]]


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_a_quoted_cell_may_hold_line_ends_separators_and_quotes(path: Path, line_end: str) -> None:
    sheet = opened(
        path, f'{HEADER}\n"Ana\nMaria","Ruiz, ""R""",Boise\nBo,Lee,Boise\n'.replace("\n", line_end)
    )
    assert cells(sheet) == [["Ana Maria", 'Ruiz, "R"', "Boise"], ["Bo", "Lee", "Boise"]]


@pytest.mark.contract("3.3", "Header normalisation")
@pytest.mark.parametrize(
    "spelling",
    ["firstName", "First Name", "first_name", "FIRSTNAME", " first\tname ", '"First\nName"', "First.Name:"],
)
def test_spellings_of_a_header_are_one_column(path: Path, spelling: str) -> None:
    assert opened(path, f"{spelling},x\nAna,\n").header == ["firstname", "x"]


@pytest.mark.contract("3.3", "`-` survives, it separates the group number")
def test_a_header_loses_punctuation_but_not_the_hyphen() -> None:
    assert sheets.normalise_header("!@#$%^&*()+=[]\\';,./{}|\":<>?~_ Zip Code - 2") == "zipcode-2"
    assert sheets.normalise_header("a`é-1") == "a`é-1"


def test_a_short_row_is_filled_up_and_a_longer_one_stays_longer(path: Path) -> None:
    sheet = opened(path, f"{HEADER}\nAna\nBo,Lee,Boise,,\nCy,Lee,1 Main St, Apt 2,Boise\n")
    assert cells(sheet) == [
        ["Ana", "", ""],
        ["Bo", "Lee", "Boise"],
        ["Cy", "Lee", "1 Main St", "Apt 2", "Boise"],
    ]


def test_rows_can_be_read_again_and_left_in_the_middle(path: Path) -> None:
    sheet = opened(path, TEXT)
    assert next(iter(sheet.rows())).number == 1
    assert cells(sheet) == cells(sheet) == ROWS


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", ",,,\n \n", '""\n'])
def test_a_file_without_a_header_is_refused(path: Path, content: str) -> None:
    assert refusal(path, content) == "CSV has no header"


def test_a_header_of_nothing_but_signs_is_none(path: Path) -> None:
    assert refusal(path, "?,!\nAna,Ruiz\n") == "CSV has no header"


def test_a_file_may_have_no_rows(path: Path) -> None:
    sheet = opened(path, HEADER)
    assert (sheet.count, cells(sheet)) == (0, [])


def test_a_column_that_stands_twice_is_refused_and_one_that_nobody_knows_is_not(path: Path) -> None:
    assert refusal(path, "First Name,first_name\nAna,Bo\n") == "CSV has more than one column firstname"
    assert refusal(path, "phone-2,Phone - 2\n1,2\n") == "CSV has more than one column phone-2"
    assert opened(path, "firstName,notes,notes,,\nAna,a,b,,\n").header == [
        "firstname",
        "notes",
        "notes",
        "",
        "",
    ]


def test_too_many_columns_are_refused(path: Path) -> None:
    fitting = ",".join(f"c{number}" for number in range(sheets.MAX_COLUMNS))
    assert len(opened(path, fitting).header) == sheets.MAX_COLUMNS
    assert refusal(path, f"{fitting},more") == "CSV has more columns than max (500)"


def test_a_quote_that_is_never_closed_is_refused(path: Path) -> None:
    assert refusal(path, f'{HEADER}\n"Ana,Ruiz,Boise\nBo,Lee,Boise\n') == (
        "CSV cannot be read at line 3: a double quote in it is neither doubled nor closed"
    )
    assert "at line 2:" in refusal(path, f'{HEADER}\n"Bob "Bobby"",Ruiz,Boise\n')


def test_an_endless_row_is_refused_before_it_is_read_whole(path: Path) -> None:
    reason = "CSV has a row longer than 65536 characters at line 2: is a double quote not closed?"
    assert refusal(path, f"{HEADER}\n" + "x" * 70_000) == reason
    assert "longer than" in refusal(path, f'{HEADER}\n"' + "Ana,Ruiz,Boise\n" * 10_000)
    assert "longer than" in refusal(path, "x" * 70_000)
    assert "longer than" in refusal(path, "," * 1_000_000)


def test_a_huge_cell_that_fits_a_row_is_read(path: Path) -> None:
    huge = "x" * (sheets.MAX_RECORD - 10)
    for ceiling in (csv.field_size_limit(), 100_000):
        before = csv.field_size_limit(ceiling)
        try:
            assert cells(opened(path, f"firstName,notes\nAna,{huge}\n")) == [["Ana", huge]]
        finally:
            csv.field_size_limit(before)


@pytest.mark.contract("3.6", "100 001 rows → failed")
def test_one_row_more_than_allowed_is_refused(path: Path) -> None:
    head, row = "firstName\n", "Ana\n"
    assert opened(path, head + row * 100_000).count == 100_000
    assert refusal(path, head + row * 100_001) == "CSV has more rows than max (100000)"
    assert refusal(path, head + row * 3, max_rows=2) == "CSV has more rows than max (2)"


def check_that_it_is_read_or_refused(path: Path, content: bytes) -> None:
    try:
        sheet = opened(path, content)
    except SheetError:
        return
    assert [row.number for row in sheet.rows()] == list(range(1, sheet.count + 1))
    assert all(len(row.cells) >= len(sheet.header) for row in sheet.rows())


@generated
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(path: Path, content: bytes) -> None:
    check_that_it_is_read_or_refused(path, content)


@generated
@given(content=st.text(st.sampled_from('a,;\t"\r\n é\0\ufeff'), max_size=60))
def test_any_text_of_what_a_csv_is_made_of_is_read_or_refused(path: Path, content: str) -> None:
    check_that_it_is_read_or_refused(path, content.encode())


_CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1)


@generated
@given(
    rows=st.lists(st.lists(_CELLS, min_size=3, max_size=3), max_size=5),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    separator=st.sampled_from(sheets.SEPARATORS),
    line_end=st.sampled_from(["\r\n", "\n", "\r"]),
)
def test_what_a_csv_writer_writes_is_read_as_it_was(
    path: Path, rows: list[list[str]], encoding: str, separator: str, line_end: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=line_end)
    writer.writerows([HEADER.split(","), *rows])
    assert cells(opened(path, text.getvalue().encode(encoding))) == rows


@pytest.mark.slow
def test_memory_stays_flat_over_a_file_of_50_megabytes(path: Path) -> None:
    row = "Ana," + "x" * 490 + ",Boise\n"
    with path.open("w") as file:
        file.write(HEADER + "\n")
        for _ in range(100_000):
            file.write(row)
    assert path.stat().st_size > 50_000_000
    gc.collect()
    tracemalloc.start()
    try:
        count = sum(1 for _ in open_sheet(path).rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 8_000_000
