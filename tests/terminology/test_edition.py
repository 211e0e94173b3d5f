"""Writing an edition and reading it again."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chartbridge.terminology.edition import Edition, EditionError
from chartbridge.terminology.rows import (
    Alias,
    Concept,
    Designation,
    MapRow,
    Property,
    Relation,
    Row,
    RowError,
    Source,
    System,
)
from chartbridge.terminology.writing import EditionWriter
from tests.terminology.editions import COLORS, ROWS, SHAPES, SOURCE, write


@pytest.fixture
def edition(tmp_path: Path) -> Iterator[Edition]:
    with Edition.open(write(tmp_path / "made.sqlite")) as opened:
        yield opened


def test_it_answers_with_what_was_written(edition: Edition) -> None:
    assert edition.concept(COLORS, "R") == Concept(COLORS, "R", "red", True)
    assert edition.concept(COLORS, "P") == Concept(COLORS, "P", "puce", False)
    assert edition.properties(COLORS, "R") == {"warm": ("yes",), "wave": ("620", "700")}
    assert [d.text for d in edition.designations(COLORS, "R")] == ["crimson", "scarlet"]
    assert edition.related(COLORS, "P", "replaced-by") == [(COLORS, "R")]
    assert [(row.group, row.priority, row.target_code) for row in edition.mapped(COLORS, "R", SHAPES)] == [
        (1, 1, "3"),
        (1, 2, "2"),
        (2, 1, "1"),
    ]
    assert edition.mapped(COLORS, "P", SHAPES)[0].target_code == ""
    assert edition.sources() == [SOURCE]
    assert [(system.uri, system.concepts, system.complete) for system in edition.systems()] == [
        (COLORS, 2, True),
        (SHAPES, 1, False),
    ]
    assert edition.maps() == [("by feeling", 4)]


def test_what_it_does_not_hold_is_nothing_and_no_error(edition: Edition) -> None:
    assert edition.concept(COLORS, "X") is None
    assert edition.properties(COLORS, "X") == {"warm": ("no",)}, "a property needs no concept"
    assert edition.concept("http://example.com/none", "R") is None
    assert edition.properties("http://example.com/none", "R") == {}
    assert edition.related(COLORS, "R", "never heard of") == []
    assert edition.mapped(COLORS, "R", "http://example.com/none") == []
    assert edition.holds(COLORS)
    assert not edition.holds("http://example.com/none")
    assert edition.canonical("9.9.9") == "9.9.9"


def test_a_system_goes_by_all_its_names(edition: Edition) -> None:
    for name in (COLORS, "urn:oid:1.2.3.9", "1.2.3.9", "http://example.org/old/colors"):
        assert edition.canonical(name) == COLORS
        assert edition.concept(name, "R") == Concept(COLORS, "R", "red")
    assert edition.canonical("1.2.3.4") == SHAPES, "the bare OID of a system that has no other URI"


def test_all_rows_come_out_again(edition: Edition) -> None:
    without_counts = {row._replace(concepts=0) if isinstance(row, System) else row for row in edition.rows()}
    assert without_counts == set(ROWS)


def test_equal_contents_make_an_equal_edition_whatever_their_order(tmp_path: Path) -> None:
    first = write(tmp_path / "first.sqlite")
    turned = write(
        tmp_path / "turned.sqlite", *ROWS[:1], *reversed(ROWS[1:3]), *reversed(ROWS[3:]), *ROWS[4:]
    )
    assert first.read_bytes() == turned.read_bytes()
    other = write(tmp_path / "other.sqlite", *ROWS, Concept(SHAPES, "2", "square"))
    with Edition.open(first) as one, Edition.open(other) as two:
        assert one.id != two.id


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (Concept("http://example.com/none", "R", "red"), "was not added"),
        (Property("http://example.com/none", "R", "warm", "yes"), "was not added"),
        (System("http://example.com/more", "More", "1", "nowhere", True), "its source"),
        (System(COLORS, "Colours", "2", "made", True), "other contents"),
        (Source("made", "Other", "2", "", "", "", "", ""), "other contents"),
        (Alias("1.2.3.9 ", COLORS), "no URI"),
        (Concept(COLORS, "", "nothing"), "a code has"),
        (Concept(COLORS, "R" * 257, "long"), "a code has"),
        (Concept(COLORS, "B", ""), "a text has"),
        (Concept(COLORS, "B", "b" * 8_193), "a text has"),
        (Designation(COLORS, "R", "", "rot"), "a name has"),
        (Relation(COLORS, "R", "parent", "", "X"), "no URI"),
        (MapRow("m", COLORS, "R", SHAPES, "1", "similar"), "no equivalence"),
        (MapRow("m", COLORS, "R", SHAPES, "1", "equal", priority=-1), "whole numbers"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, tuple) else value.replace(" ", "-"),
)
def test_a_row_out_of_bounds_is_refused(tmp_path: Path, row: Row, says: str) -> None:
    with EditionWriter(tmp_path / "made.sqlite") as writer:
        for good in ROWS:
            writer.add(good)
        with pytest.raises(RowError, match=says):
            writer.add(row)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (Concept(COLORS, "R", "rouge"), r"example\.com/colors\|R"),
        (Concept(COLORS, "R", "red", active=False), r"example\.com/colors\|R"),
        (MapRow("by feeling", COLORS, "R", SHAPES, "1", "equal", group=2), r"example\.com/colors\|R"),
        (Alias(SHAPES, COLORS), "is a system with contents"),
    ],
    ids=["display", "active", "map", "alias"],
)
def test_contradicting_rows_are_refused_and_the_old_edition_stands(
    tmp_path: Path, row: Row, says: str
) -> None:
    path = write(tmp_path / "made.sqlite")
    before = path.read_bytes()
    with EditionWriter(path) as writer:
        for good in ROWS:
            writer.add(good)
        writer.add(row)
        with pytest.raises(RowError, match=says):
            writer.finish()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path], "nothing is left behind"


def test_leaving_without_finishing_leaves_nothing(tmp_path: Path) -> None:
    with EditionWriter(tmp_path / "made.sqlite") as writer:
        writer.add(SOURCE)
    assert list(tmp_path.iterdir()) == []


def damaged(path: Path, how: str) -> Path:
    content = path.read_bytes()
    made = {
        "missing": None,
        "empty": b"",
        "text": b"not an edition" * 100,
        "truncated": content[:-5_000],
        "another database": content[:68] + b"\0\0\0\0" + content[72:],
        "another format": content[:60] + b"\0\0\0\x63" + content[64:],
    }[how]
    target = path.with_name("damaged.sqlite")
    if made is not None:
        target.write_bytes(made)
    return target


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("missing", "No such file"),
        ("empty", "is no terminology edition"),
        ("text", "is no terminology edition"),
        ("truncated", "is damaged"),
        ("another database", "but no terminology edition"),
        ("another format", "format 99"),
    ],
)
def test_a_file_that_is_no_whole_edition_is_refused_by_name(tmp_path: Path, how: str, says: str) -> None:
    path = damaged(write(tmp_path / "made.sqlite"), how)
    with pytest.raises(EditionError, match=says) as raised:
        Edition.open(path)
    assert "damaged.sqlite" in str(raised.value)


def test_changed_contents_are_found_by_verifying(tmp_path: Path) -> None:
    path = write(tmp_path / "made.sqlite")
    with Edition.open(path) as edition:
        edition.verify()
    changed = tmp_path / "changed.sqlite"
    changed.write_bytes(path.read_bytes().replace(b"scarlet", b"harlots"))
    with Edition.open(changed) as edition, pytest.raises(EditionError, match="were changed"):
        edition.verify()


def test_many_threads_read_at_once_and_their_connections_end_with_them(edition: Edition) -> None:
    wrong: list[object] = []
    gate = threading.Barrier(8)

    def read() -> None:
        gate.wait()
        for _ in range(200):
            if edition.concept(COLORS, "R") != Concept(COLORS, "R", "red"):
                wrong.append(threading.get_ident())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(edition._connections) == 1, "the one of this thread, which opened the edition"


def _read_in_child(edition: Edition, answers: multiprocessing.Queue[object]) -> None:
    found = edition.concept(COLORS, "R")
    answers.put((os.getpid(), found and found.display))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_reads_by_its_own_connection(edition: Edition) -> None:
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[object] = context.Queue()
    assert edition.concept(COLORS, "R") is not None
    child = context.Process(target=_read_in_child, args=(edition, answers))
    child.start()
    assert answers.get(timeout=30) == (child.pid, "red")
    child.join(30)
    assert child.exitcode == 0
    assert edition.concept(COLORS, "R") is not None, "and the parent's goes on"


def test_a_replaced_file_is_read_to_the_end(tmp_path: Path, edition: Edition) -> None:
    edition.concept(COLORS, "R")
    write(edition.path, *ROWS[:3])
    assert edition.concept(COLORS, "R") == Concept(COLORS, "R", "red")


def test_a_closed_edition_says_so(edition: Edition) -> None:
    edition.close()
    with pytest.raises(EditionError, match="was closed"):
        edition.concept(COLORS, "R")
