"""The commands that import releases and tell of them: what they print, how they end, what they leave.

They run on a small default edition, which is in the place of the one that comes with Chartbridge.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chartbridge.cli import cli
from chartbridge.terminology import editions
from chartbridge.terminology.edition import Edition
from chartbridge.terminology.releases.loinc import LOINC
from chartbridge.terminology.releases.rxnorm import RXNORM
from chartbridge.terminology.rows import Concept, Source, System
from chartbridge.terminology.writing import EditionWriter
from tests.terminology import made

Run = Callable[..., Result]
PROVIDERS = "npidata_pfile_20050523-20240310.csv"
HL7 = Source("hl7", "HL7 [made]", "1", "2020-01-01", "ab" * 32, "CC0", "A notice of HL7's.", "HL7")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CHARTBRIDGE_TERMINOLOGY_DIR", raising=False)
    terminology_dir = tmp_path / "data" / "terminology"
    default = terminology_dir / "default-made.sqlite"
    with EditionWriter(default) as writer:
        writer.add(HL7)
        writer.add(System(LOINC, "LOINC", "0.1", "hl7", complete=False))
        writer.add(Concept(LOINC, "8867-4", "Heart rate"))
        for number in range(25):
            writer.add(System(f"http://example.org/{number}", f"Example {number}", "1", "hl7", complete=True))
        writer.finish()
    with Edition.open(default) as edition:
        monkeypatch.setattr(editions, "manifest", lambda: {"edition": edition.id})
    monkeypatch.setattr(editions, "default_edition", lambda _: default)
    return terminology_dir


@pytest.fixture
def run(folder: Path) -> Run:
    def call(*arguments: str | Path, status: int = 0) -> Result:
        told = ["terminology", *map(str, arguments), "--data-dir", str(folder.parent)]
        result = CliRunner().invoke(cli, told)
        assert result.exit_code == status, result.output
        return result

    return call


def in_use(folder: Path) -> str:
    with Edition.open(editions.current(folder)) as edition:
        edition.verify()
        return edition.id


def test_what_was_imported_is_used_beside_the_default(run: Run, folder: Path, tmp_path: Path) -> None:
    before = in_use(folder)
    archive = made.zipped(tmp_path / "RxNorm.zip", made.rxnorm())
    said = run("import", archive, made.put(tmp_path / "vaccines", made.cvx())).stderr
    assert f"{archive}: RxNorm 2024-03-04: 8 concepts, 1 rows of maps" in said
    with Edition.open(editions.current(folder)) as edition:
        assert edition.holds(RXNORM)
        assert edition.concept(LOINC, "8867-4")
        assert edition.id != before
    run("drop", "rxnorm")
    run("drop", "cvx")
    assert in_use(folder) == before
    assert "no such import" in run("drop", "cvx", status=1).stderr


def test_the_same_release_makes_the_same_edition(run: Run, folder: Path, tmp_path: Path) -> None:
    release = made.put(tmp_path / "release", made.loinc())
    run("import", release)
    once = in_use(folder)
    run("import", made.zipped(tmp_path / "again.zip", made.loinc()))
    assert in_use(folder) == once


def test_an_older_release_is_refused_unless_forced(run: Run, folder: Path, tmp_path: Path) -> None:
    new = made.put(tmp_path / "new", made.loinc("2.81"))
    old = made.put(tmp_path / "old", made.loinc("2.8"))
    run("import", new)
    before = in_use(folder)
    said = run("import", old, status=1).stderr
    assert f"error: {old}: is 2.73, and 2.81 is loaded; use --force" in said
    assert in_use(folder) == before
    run("import", old, "--force")
    assert in_use(folder) != before


def test_a_refused_release_leaves_everything_as_it_was(run: Run, folder: Path, tmp_path: Path) -> None:
    good = made.put(tmp_path / "good", made.loinc())
    run("import", good)
    before, files_before = in_use(folder), sorted(folder.rglob("*"))
    files = made.loinc("2.78")
    files["LoincTable/Loinc.csv"] = files["LoincTable/Loinc.csv"][:-40]
    said = run("import", made.put(tmp_path / "cut", files), status=1).stderr
    assert f"error: {tmp_path / 'cut'}: Loinc.csv, line 6: has no end: the file is cut off here" in said
    assert "nothing of it was loaded" in said
    files = made.rxnorm()
    files["rrf/RXNCONSO.RRF"] = files["rrf/RXNCONSO.RRF"].replace(b"Inventol|", b"I" * 9_000 + b"|")
    said = run("import", made.put(tmp_path / "long", files), status=1).stderr
    assert "RXNCONSO.RRF, line 7: Concept" in said, "what an edition cannot hold is told with its line, too"
    assert (in_use(folder), sorted(folder.rglob("*"))) == (before, files_before)


def test_one_bad_release_does_not_keep_others_out(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    said = run("import", tmp_path / "bad.zip", made.put(tmp_path / "good", made.mvx()), status=1).stderr
    assert f"error: {tmp_path / 'bad.zip'}: is no zip archive, or damaged" in said
    assert editions.imports(folder) == ["mvx"]


STAGES = (".arriving-*", ".arriving-*/.edition-*/rows", ".arriving-*/edition.sqlite", ".edition-*/rows")
"""What is in the folder when an import has begun, writes, has written, and is being merged."""


def _import(release: Path, data_dir: Path) -> None:
    CliRunner().invoke(cli, ["terminology", "import", str(release), "--data-dir", str(data_dir)])


def _kill_at(stage: str, release: Path, folder: Path) -> bool:
    """Whether an import was killed at a stage, and not over before that was seen."""
    process = multiprocessing.get_context("fork").Process(target=_import, args=(release, folder.parent))
    process.start()
    while process.is_alive() and not list(folder.glob(stage)):
        time.sleep(0.001)
    process.kill()
    process.join()
    return process.exitcode != 0


@pytest.mark.fault
def test_an_import_killed_at_any_stage_leaves_the_edition_that_was(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    run("import", made.put(tmp_path / "mvx", made.mvx()))
    before = in_use(folder)
    files = made.npi_data()
    rows = [made.nppes_row(100_000_001 + number, _1="2", _2=f"Clinic {number}") for number in range(4_000)]
    files[PROVIDERS] = made.comma(made.NPPES_HEADER, rows, "\n")
    release = made.put(tmp_path / "release", files)
    for stage in STAGES:
        assert _kill_at(stage, release, folder)
        assert (editions.imports(folder), in_use(folder)) == (["mvx"], before), stage
        for remnant in folder.glob(".[a-z]*-*"):
            shutil.rmtree(remnant)
    run("import", release)
    assert editions.imports(folder) == ["mvx", "nppes"]
    assert in_use(folder) != before


def test_status_tells_systems_maps_sources_and_notices(run: Run, folder: Path, tmp_path: Path) -> None:
    run("import", made.put(tmp_path / "release", made.rxnorm()))
    told = run("status")
    lines = told.stdout.splitlines()
    (rxnorm,) = [line for line in lines if RXNORM in line]
    assert rxnorm.split("  ")[0] == f"RxNorm ({RXNORM})"
    assert "2024-03-04" in rxnorm
    assert " 8 " in rxnorm
    assert "UMLS Metathesaurus License" in rxnorm
    assert any(line.startswith("26 code systems (--all)") and "HL7 [made]" in line for line in lines), (
        told.stdout
    )
    assert any(line.split() == ["RxNorm's", "NDC", "of", "2024-03-04", "1"] for line in lines)
    assert "Example 7 (http://example.org/7)" in run("status", "--all").stdout
    assert "A notice of HL7's." not in told.stdout
    noticed = run("status", "--notices").stdout
    assert "  notice: A notice of HL7's." in noticed
    assert "US National Library of Medicine" in noticed
    assert "  RXNCONSO.RRF; " in noticed, "the SHA-256 of each file"
    as_json = json.loads(run("status", "--json").stdout)
    assert as_json["imports"] == ["rxnorm"]
    assert {source["id"] for source in as_json["sources"]} == {"hl7", "operator-rxnorm"}
    assert all(source["notice"] for source in as_json["sources"])
    assert as_json["edition"] == in_use(folder)


def test_looking_up_a_code(run: Run, folder: Path, tmp_path: Path) -> None:
    run("import", made.put(tmp_path / "snomed", made.snomed_ct()), made.put(tmp_path / "rx", made.rxnorm()))
    shown = run("lookup", "snomed ct", made.DISEASE).stdout
    assert f"http://snomed.info/sct|{made.DISEASE}  Madeup disease\n" in shown
    assert "  fully-specified-name: Madeup disease (disorder)" in shown
    assert f"icd-10-cm|Z98.1 (relatedto, group 1, 1: {made.FEMALE})" in shown
    assert (
        f"  replaced-by: http://snomed.info/sct|{made.DISEASE}"
        in run("lookup", "SNOMED CT", made.GONE).stdout
    )
    assert "(retired)" in run("lookup", "SNOMED CT", made.GONE).stdout
    packages = json.loads(run("lookup", "http://hl7.org/fhir/sid/ndc", "0011-2222-33", "--json").stdout)
    assert packages["maps"][0][2] == "900003", "in whatever form the NDC is given"
    assert run("lookup", "loinc", " 8867 -4").stdout.startswith(f"{LOINC}|8867-4  Heart rate")
    assert "RxNorm has no 1\n" in run("lookup", "rxnorm", "1", status=1).stderr
    assert (
        "nothing is held of a code system urn:oid:1.2" in run("lookup", "urn:oid:1.2", "x", status=1).stderr
    )


def test_what_cannot_be_meant(run: Run, tmp_path: Path) -> None:
    release = made.put(tmp_path / "release", made.loinc())
    assert "--kind must be one of rxnorm, loinc" in run("import", release, "--kind", "icd", status=2).stderr
    assert "has no RXNCONSO.RRF" in run("import", release, "--kind", "rxnorm", status=1).stderr
    assert "Invalid value for 'PATH...'" in run("import", tmp_path / "nowhere", status=2).stderr


def test_a_folder_that_cannot_be_used_is_named_without_a_traceback(run: Run, folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file where the folder should be")
    for arguments in (("status",), ("lookup", "LOINC", "8867-4"), ("drop", "rxnorm")):
        told = run(*arguments, status=1)
        assert f"error: {folder}: " in told.stderr.replace("\n", "")
        assert isinstance(told.exception, SystemExit)
