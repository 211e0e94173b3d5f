"""Releases that are wrong, cut or made to do harm: refused with the file and the line."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chartbridge.terminology.releases import files as release_files
from chartbridge.terminology.releases.loading import load
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import Options
from chartbridge.terminology.rows import Row, check
from tests.terminology import made

SNAPSHOT = "SnomedCT_ManagedServiceUS_PRODUCTION_US1000124_20240301T120000Z/Snapshot"
CONCEPTS = f"{SNAPSHOT}/Terminology/sct2_Concept_Snapshot_US1000124_20240301.txt"
DESCRIPTIONS = f"{SNAPSHOT}/Terminology/sct2_Description_Snapshot-en_US1000124_20240301.txt"
RELATIONSHIPS = f"{SNAPSHOT}/Terminology/sct2_Relationship_Snapshot_US1000124_20240301.txt"
LANGUAGE = f"{SNAPSHOT}/Refset/Language/der2_cRefset_LanguageSnapshot-en_US1000124_20240301.txt"
MAP = f"{SNAPSHOT}/Refset/Map/der2_iisssccRefset_ExtendedMapSnapshot_US1000124_20240301.txt"
PROVIDERS = "npidata_pfile_20050523-20240310.csv"
ALL: dict[str, Callable[[], made.Made]] = {
    "rxnorm": made.rxnorm,
    "loinc": made.loinc,
    "snomed": made.snomed_ct,
    "ndc": made.ndc,
    "cvx": made.cvx,
    "mvx": made.mvx,
    "nppes": made.npi_data,
    "hcpcs": made.hcpcs,
}
Change = Callable[[bytes], bytes]


def read(release: Path, kind: str | None = None, *, hierarchy: bool = True) -> list[Row]:
    options = Options(released="2024-03-10" if kind in ("ndc", None) else "", hierarchy=hierarchy)
    with load(release, kind, options) as loaded:
        rows = list(loaded.rows())
    for row in rows:
        check(row)
    return rows


def refusal(folder: Path, files: made.Made, kind: str | None = None) -> ReleaseError:
    with pytest.raises(ReleaseError) as caught:
        read(made.put(folder / "release", files), kind)
    return caught.value


def lines(content: bytes) -> int:
    return content.count(b"\n")


def cut_lines(count: int) -> Change:
    return lambda content: made.without_last_lines(content, count)


def cut_bytes(count: int) -> Change:
    return lambda content: content[:-count]


def swap(old: bytes, new: bytes) -> Change:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return change


@pytest.mark.parametrize("kind", ALL)
def test_every_release_is_found_by_its_names_and_read(tmp_path: Path, kind: str) -> None:
    folder = made.put(tmp_path / "release", ALL[kind]())
    with load(folder, None, Options(released="2024-03-10")) as loaded:
        assert loaded.kind.name == kind
    assert len(read(folder)) > 4


@pytest.mark.parametrize(
    ("kind", "path", "change", "line", "why"),
    [
        ("rxnorm", "rrf/RXNCONSO.RRF", cut_bytes(5), 10, "cut off here"),
        ("rxnorm", "rrf/RXNCONSO.RRF", swap(b"|SCDC|", b"|SCDC"), 3, "17 columns and should have 18"),
        ("rxnorm", "rrf/RXNCONSO.RRF", swap(b"\n900002|", b"\nC9|"), 3, "RXCUI is no number"),
        ("rxnorm", "rrf/RXNCONSO.RRF", swap(b"madeupine 10 mg tablet", b""), 5, "has no name"),
        ("rxnorm", "rrf/RXNCONSO.RRF", swap(b"Inventol|", b"Invent\xf8l|"), 7, "is not UTF-8"),
        ("rxnorm", "rrf/RXNCONSO.RRF", swap(b"Inventol|", b"Invent\0l|"), 7, "zero byte"),
        ("rxnorm", "rrf/RXNREL.RRF", cut_lines(1), 9, "cut off: tradename_of and has_tradename"),
        (
            "rxnorm",
            "rrf/RXNSAT.RRF",
            swap(b"900003|", b"900009|"),
            1,
            "900009, which RXNCONSO.RRF lacks",
        ),
        ("rxnorm", "rrf/RXNSAB.RRF", swap(b"|RxNorm|", b"|"), 1, "24 columns and should have 25"),
        ("loinc", "LoincTable/Loinc.csv", cut_bytes(1), 6, "cut off here"),
        ("loinc", "LoincTable/Loinc.csv", cut_bytes(3), 6, "cut off here"),
        ("loinc", "LoincTable/Loinc.csv", swap(b'"CLASS"', b'"GLASS"'), 1, "header lacks CLASS"),
        ("loinc", "LoincTable/Loinc.csv", swap(b"900001-", b"900009-"), 2, "check digit"),
        ("loinc", "LoincTable/MapTo.csv", swap(b',""\r\n', b"\r\n"), 2, "2 columns and should have 3"),
        ("loinc", "LoincTable/MapTo.csv", swap(b"LOINC", b"LOINK"), 1, "header lacks LOINC"),
        ("snomed", DESCRIPTIONS, cut_lines(1), 13, "has no description"),
        ("snomed", DESCRIPTIONS, cut_lines(4), 10, "has no description"),
        ("snomed", LANGUAGE, cut_lines(3), 10, "has no preferred term"),
        ("snomed", RELATIONSHIPS, cut_lines(1), 3, "has no parent"),
        ("snomed", CONCEPTS, swap(b"moduleId", b"module"), 1, "the header is not id effectiveTime"),
        ("snomed", CONCEPTS, swap(b"\t1\t", b"\tyes\t"), 2, "neither 0 nor 1"),
        ("snomed", MAP, swap(b"447561005", b"447561000"), 2, "correlation"),
        ("snomed", MAP, cut_bytes(20), 5, "cut off here"),
        ("ndc", "package.txt", swap(b"0011-2222-33", b"0011-2222"), 2, "NDC of the package is none"),
        ("ndc", "package.txt", cut_lines(1), 2, "products have no package"),
        ("mvx", "mvx.txt", cut_bytes(6), 2, "is no day"),
        ("mvx", "mvx.txt", cut_bytes(14), 2, "has 4 columns and should have 5"),
        ("nppes", PROVIDERS, swap(b"1000000012", b"1000000013"), 2, "check digit"),
        ("nppes", PROVIDERS, cut_bytes(30), 4, "cut off here"),
        ("hcpcs", "HCPC2024_JUL_ANWEB.txt", cut_bytes(60), 7, "should have 320"),
        ("hcpcs", "HCPC2024_JUL_ANWEB.txt", swap(b"00200", b"00050"), 3, "carries on a code"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(
    tmp_path: Path, kind: str, path: str, change: Change, line: int, why: str
) -> None:
    files = ALL[kind]()
    files[path] = change(files[path])
    found = refusal(tmp_path, files, kind)
    assert (found.file, found.line) == (path.rpartition("/")[2], line), found
    assert why in str(found)
    assert str(found).startswith(f"{found.file}, line {line}: ")


@pytest.mark.parametrize(
    ("kind", "cut", "names", "line", "why"),
    [
        ("rxnorm", ("rrf/RXNCONSO.RRF", 5), "RXNREL.RRF", 3, "names RXCUI 900004, which RXNCONSO.RRF lacks"),
        ("loinc", ("LoincTable/Loinc.csv", 1), "LoincTableCore.csv", 5, "which Loinc.csv lacks: that is cut"),
        ("snomed", (CONCEPTS, 1), DESCRIPTIONS.rpartition("/")[2], 11, "which the file of concepts lacks"),
        ("ndc", ("product.txt", 1), "package.txt", 3, "is of a product that product.txt lacks"),
        ("nppes", (PROVIDERS, 3), PROVIDERS, 1, "holds no providers"),
    ],
)
def test_a_cut_between_lines_shows_in_the_files_beside(
    tmp_path: Path, kind: str, cut: tuple[str, int], names: str, line: int, why: str
) -> None:
    files = ALL[kind]()
    files[cut[0]] = made.without_last_lines(files[cut[0]], cut[1])
    found = refusal(tmp_path, files, kind)
    assert (found.file, found.line) == (names, line), found
    assert why in str(found)


def test_providers_that_only_the_files_beside_name_show_that_the_large_one_is_cut(tmp_path: Path) -> None:
    files = made.npi_data()
    header, _, *others = files[PROVIDERS].splitlines(keepends=True)
    files[PROVIDERS] = b"".join((header, *others))
    found = refusal(tmp_path, files)
    assert (found.file, found.line) == (PROVIDERS, 3)
    assert "lacks 1 of the providers that othername" in str(found)


def test_a_release_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    files = made.rxnorm()
    del files["rrf/RXNREL.RRF"]
    assert str(refusal(tmp_path, files)) == "release: has no RXNREL.RRF"
    mixed = made.rxnorm(folder="prescribe/rrf") | files
    why = "release: has no RXNREL.RRF beside rrf/RXNCONSO.RRF"
    assert str(refusal(tmp_path, mixed)) == why, "that of the subset is of another release"


def test_two_releases_at_once_are_refused(tmp_path: Path) -> None:
    both = made.rxnorm(folder="old") | made.rxnorm(folder="new")
    assert "give one release alone" in str(refusal(tmp_path, both))
    kinds = made.rxnorm() | made.loinc()
    assert "say which with --kind: rxnorm, loinc" in str(refusal(tmp_path / "kinds", kinds))


def test_what_is_no_release_is_refused(tmp_path: Path) -> None:
    assert "holds no release that is known" in str(refusal(tmp_path, {"read.me": b"hello\n"}))
    told = str(refusal(tmp_path / "packed", {"read.me": b"hello\n", "in/Loinc_2.77.zip": b"PK"}))
    assert told.endswith("holds archives such as in/Loinc_2.77.zip; give those, each by itself")


def test_a_folder_of_which_a_part_cannot_be_seen_is_refused(tmp_path: Path) -> None:
    """Not even root can open a folder by a path of more than 4,096 characters."""
    release = made.put(tmp_path / "release", made.loinc())
    place = os.open(release, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=place)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    with pytest.raises(ReleaseError, match="File name too long"):
        read(release)
    shutil.rmtree(release)
    with pytest.raises(ReleaseError, match="there is no such file or folder"):
        read(tmp_path / "nowhere")
    (tmp_path / "no.zip").write_bytes(b"PK and nothing more")
    with pytest.raises(ReleaseError, match="is no zip archive, or damaged"):
        read(tmp_path / "no.zip")


def test_a_weekly_file_of_providers_is_no_release(tmp_path: Path) -> None:
    assert "changes of a week" in str(refusal(tmp_path, made.npi_data(first="20240304")))


def test_the_day_is_asked_for_where_files_do_not_tell_it(tmp_path: Path) -> None:
    folder = made.put(tmp_path / "release", made.ndc())
    with pytest.raises(ReleaseError, match="say with --released YYYY-MM-DD"), load(folder, "ndc", Options()):
        pass
    with pytest.raises(ReleaseError, match="is no day"), load(folder, "ndc", Options(released="2024-13-01")):
        pass


def test_an_archive_cut_anywhere_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    whole = made.zipped(tmp_path / "whole.zip", made.rxnorm()).read_bytes()
    for size in range(0, len(whole), 97):
        (tmp_path / "cut.zip").write_bytes(whole[:size])
        with pytest.raises(ReleaseError, match=r"cut\.zip: "):
            read(tmp_path / "cut.zip")


def test_an_archive_with_a_changed_byte_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    content = bytearray(made.zipped(tmp_path / "release.zip", made.rxnorm()).read_bytes())
    with zipfile.ZipFile(tmp_path / "release.zip") as archive:
        member = archive.getinfo("rrf/RXNREL.RRF")
    content[member.header_offset + 60] ^= 0xFF
    (tmp_path / "release.zip").write_bytes(content)
    with (
        pytest.raises(ReleaseError, match="is damaged, or cut off"),
        load(tmp_path / "release.zip", "rxnorm", Options()),
    ):
        pass


def test_an_archive_that_unpacks_to_a_multitude_of_its_size_is_refused(tmp_path: Path) -> None:
    bomb = made.rxnorm() | {"rrf/RXNCONSO.RRF": bytes(release_files.HARMLESS + 1)}
    with pytest.raises(ReleaseError, match=r"RXNCONSO\.RRF: unpacks to more than 200 times its size"):
        read(made.zipped(tmp_path / "bomb.zip", bomb))


def test_an_archive_of_more_members_than_any_release_has_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_files, "MAX_FILES", 5)
    with pytest.raises(ReleaseError, match="more than 5 members"):
        read(made.zipped(tmp_path / "many.zip", made.rxnorm()))


def test_names_that_lead_out_of_an_archive_lead_nowhere(tmp_path: Path) -> None:
    outside = {f"../../{path}": content for path, content in made.rxnorm().items()}
    (tmp_path / "within").mkdir()
    archive = made.zipped(tmp_path / "within" / "escape.zip", outside)
    before = sorted(tmp_path.rglob("*"))
    assert read(archive), "members are read by name, and never written"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_line_without_end_is_not_taken_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_files, "MAX_LINE", 1000)
    files = made.rxnorm()
    files["rrf/RXNSAT.RRF"] += b"x" * 1500
    found = refusal(tmp_path, files)
    assert (found.line, "longer than 1000 bytes" in str(found)) == (5, True)
