"""The folder of editions: swapping, importing over the default, and crashes in between."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from pathlib import Path

import pytest

from chartbridge.terminology import editions
from chartbridge.terminology.default import default_edition, manifest
from chartbridge.terminology.edition import Edition, EditionError
from chartbridge.terminology.rows import (
    Alias,
    Concept,
    Designation,
    MapRow,
    Property,
    Relation,
    Row,
    System,
    TerminologyError,
)
from tests.terminology.editions import COLORS, ROWS, SHAPES, SOURCE, write

DAY_S = 86_400


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose default edition is the small one, so that merging takes no time."""
    small = write(tmp_path / "small" / "small.sqlite")
    with Edition.open(small) as edition:
        told = {"edition": edition.id}

    def unpack(folder: Path) -> Path:
        target = folder / "default-small.sqlite"
        if not target.exists():
            shutil.copyfile(small, target)
        return target

    monkeypatch.setattr(editions, "default_edition", unpack)
    monkeypatch.setattr(editions, "manifest", lambda: told)
    return tmp_path / "terminology"


def overlay(path: Path, *rows: Row) -> Path:
    return write(path, SOURCE._replace(id="mine"), System(COLORS, "Colors", "2", "mine", True), *rows)


def test_the_first_use_installs_the_default(tmp_path: Path) -> None:
    path = editions.current(tmp_path / "new")
    with Edition.open(path) as edition:
        assert edition.id == manifest()["edition"]
    assert editions.current(tmp_path / "new") == path


def _current_id(folder: Path, answers: multiprocessing.Queue[str]) -> None:
    with Edition.open(editions.current(folder)) as edition:
        answers.put(edition.id)


def test_several_processes_may_be_the_first(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[str] = context.Queue()
    processes = [context.Process(target=_current_id, args=(tmp_path / "new", answers)) for _ in range(3)]
    for process in processes:
        process.start()
    assert {answers.get(timeout=60) for _ in processes} == {manifest()["edition"]}
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert [path.name for path in (tmp_path / "new").glob("*.sqlite")] == [
        default_edition(tmp_path / "new").name
    ]


def test_an_import_replaces_a_code_system_whole_and_leaves_the_others(folder: Path, tmp_path: Path) -> None:
    path = editions.import_over(
        folder,
        "colors",
        overlay(
            tmp_path / "mine.sqlite",
            Concept(COLORS, "R", "rouge"),
            Alias("http://example.org/colours", COLORS),
            MapRow("by feeling", COLORS, "R", SHAPES, "9", "equal"),
        ),
    )
    assert editions.current(folder) == path
    assert editions.imports(folder) == ["colors"]
    with Edition.open(path) as edition:
        edition.verify()
        assert edition.concept(COLORS, "R") == Concept(COLORS, "R", "rouge")
        assert edition.concept(COLORS, "P") is None
        assert edition.properties(COLORS, "R") == {}
        assert edition.designations(COLORS, "R") == []
        assert edition.related(COLORS, "P", "replaced-by") == []
        assert [row.target_code for row in edition.mapped(COLORS, "R", SHAPES)] == ["9"]
        assert edition.concept(SHAPES, "1") == Concept(SHAPES, "1", "round")
        assert edition.canonical("1.2.3.9") == edition.canonical("http://example.org/colours") == COLORS
        assert [source.id for source in edition.sources()] == ["made", "mine"]


def test_a_map_alone_leaves_the_code_systems_as_they_are(folder: Path, tmp_path: Path) -> None:
    row = MapRow("another", COLORS, "R", SHAPES, "9", "equal")
    with Edition.open(
        editions.import_over(folder, "map", write(tmp_path / "m.sqlite", SOURCE, row))
    ) as edition:
        assert edition.concept(COLORS, "R") == Concept(COLORS, "R", "red")
        assert [found.name for found in edition.mapped(COLORS, "R", SHAPES)].count("another") == 1
        assert edition.maps() == [("another", 1), ("by feeling", 4)]


def test_the_same_import_again_takes_the_place_of_the_first_and_can_be_forgotten(
    folder: Path, tmp_path: Path
) -> None:
    default = editions.current(folder)
    editions.import_over(folder, "colors", overlay(tmp_path / "1.sqlite", Concept(COLORS, "1", "one")))
    path = editions.import_over(folder, "colors", overlay(tmp_path / "2.sqlite", Concept(COLORS, "2", "two")))
    with Edition.open(path) as edition:
        assert (edition.concept(COLORS, "1"), edition.holds(COLORS)) == (None, True)
    assert editions.forget(folder, "colors") == default
    assert editions.current(folder) == default
    with pytest.raises(TerminologyError, match="no such import"):
        editions.forget(folder, "colors")


def test_a_newer_default_is_merged_with_the_imports(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = editions.import_over(folder, "c", overlay(tmp_path / "c.sqlite", Concept(COLORS, "1", "one")))
    newer = write(tmp_path / "newer.sqlite", *ROWS, Concept(SHAPES, "7", "seven-sided"))
    monkeypatch.setattr(editions, "default_edition", lambda _: newer)
    monkeypatch.setattr(editions, "manifest", lambda: {"edition": "newer"})
    with Edition.open(editions.current(folder)) as edition:
        assert edition.path != before
        assert edition.concept(COLORS, "1") is not None
        assert edition.concept(SHAPES, "7") is not None


def test_while_another_process_makes_a_new_edition_the_old_one_is_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = editions.current(folder)
    monkeypatch.setattr(editions, "manifest", lambda: {"edition": "newer"})
    with editions._locked(folder):
        assert editions.current(folder) == before


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65])
def test_the_name_of_an_import_is_a_word(folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(TerminologyError, match="is a word"):
        editions.import_over(folder, name, tmp_path / "mine.sqlite")


@pytest.mark.parametrize("fails", ["replace", "merged", "_swap"])
def test_a_crash_in_the_middle_leaves_the_old_edition(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    before = editions.current(folder)
    mine = overlay(tmp_path / "mine.sqlite", Concept(COLORS, "R", "rouge"))

    def crash(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(os if fails == "replace" else editions, fails, crash)
        with pytest.raises(OSError, match="no space"):
            editions.import_over(folder, "colors", mine)
    assert editions.current(folder) == before
    with Edition.open(before) as edition:
        assert edition.concept(COLORS, "R") == Concept(COLORS, "R", "red")


def test_a_damaged_file_is_not_installed(folder: Path, tmp_path: Path) -> None:
    before = editions.current(folder)
    changed = tmp_path / "changed.sqlite"
    changed.write_bytes(write(tmp_path / "m.sqlite").read_bytes().replace(b"scarlet", b"harlots"))
    for install in (editions.install, lambda folder, file: editions.import_over(folder, "x", file)):
        with pytest.raises(EditionError, match="were changed"):
            install(folder, changed)
    assert editions.current(folder) == before
    assert editions.imports(folder) == []


def test_an_installed_edition_stands_as_it_is(folder: Path, tmp_path: Path) -> None:
    path = editions.install(folder, write(tmp_path / "own.sqlite", *ROWS, Concept(SHAPES, "2", "square")))
    assert editions.current(folder) == path
    with Edition.open(path) as edition:
        assert edition.concept(SHAPES, "2") is not None


def test_a_replaced_edition_goes_when_it_was_unused_for_a_day(folder: Path, tmp_path: Path) -> None:
    kept = []
    for code in "123":
        mine = overlay(tmp_path / f"{code}.sqlite", Concept(COLORS, code, code))
        kept.append(editions.import_over(folder, "colors", mine))
    assert all(path.exists() for path in kept)
    old = kept[0].stat().st_mtime - DAY_S - 60
    os.utime(kept[0], (old, old))
    editions.import_over(folder, "colors", overlay(tmp_path / "4.sqlite", Concept(COLORS, "4", "4")))
    assert [path.exists() for path in kept] == [False, True, True]


def test_an_unreadable_pointer_says_what_to_do(folder: Path) -> None:
    editions.current(folder)
    (folder / "current").write_text("?", encoding="utf-8")
    with pytest.raises(EditionError, match="delete it"):
        editions.current(folder)


def test_everything_of_an_overlay_survives_merging(tmp_path: Path) -> None:
    base = write(tmp_path / "base.sqlite", *ROWS[:3], Concept(COLORS, "Z", "gone"))
    rows = (
        SOURCE,
        System(COLORS, "Colors", "2", "made", True),
        Concept(COLORS, "R", "red"),
        Property(COLORS, "R", "warm", "yes"),
        Designation(COLORS, "R", "synonym", "scarlet"),
        Relation(COLORS, "R", "parent", SHAPES, "1"),
    )
    editions.merged(tmp_path / "all.sqlite", base, write(tmp_path / "over.sqlite", *rows))
    with Edition.open(tmp_path / "all.sqlite") as edition:
        found = {row._replace(concepts=0) if isinstance(row, System) else row for row in edition.rows()}
    assert found == {*rows, ROWS[2]}
