"""What is taken from each kind of release, from folders and from zip archives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.releases.hcpcs import HCPCS
from chartbridge.terminology.releases.loading import load
from chartbridge.terminology.releases.loinc import LOINC
from chartbridge.terminology.releases.ndc import NDC
from chartbridge.terminology.releases.nppes import NPI
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import Options
from chartbridge.terminology.releases.rxnorm import RXNORM
from chartbridge.terminology.releases.snomed import SNOMED
from chartbridge.terminology.releases.snomed_map import ICD_10_CM
from chartbridge.terminology.releases.vaccines import CVX, MVX
from chartbridge.terminology.writing import EditionWriter
from tests.terminology import made

Opened = Callable[..., Edition]


def written(new_file: Path, release: Path, kind: str | None = None, **options: object) -> Edition:
    with load(release, kind, Options(**options)) as loaded, EditionWriter(new_file) as writer:  # type: ignore[arg-type]
        loaded.write(writer)
        writer.finish()
    return Edition.open(new_file)


@pytest.fixture
def loaded(tmp_path: Path) -> Opened:
    def opened(files: made.Made, kind: str | None = None, **options: object) -> Edition:
        return written(tmp_path / "edition", made.put(tmp_path / "release", files), kind, **options)

    return opened


def texts(edition: Edition, system: str, code: str) -> set[tuple[str, str]]:
    return {(found.kind, found.text) for found in edition.designations(system, code)}


def display(edition: Edition, system: str, code: str) -> tuple[str, bool] | None:
    found = edition.concept(system, code)
    return (found.display, found.active) if found else None


def test_rxnorm(loaded: Opened) -> None:
    edition = loaded(made.rxnorm())
    (system,) = edition.systems()
    assert (system.uri, system.version, system.complete) == (RXNORM, "2024-03-04", False)
    assert display(edition, RXNORM, "900003") == ("madeupine 10 MG Oral Tablet", True)
    assert texts(edition, RXNORM, "900003") == {
        ("prescribable-name", "madeupine 10 mg tablet"),
        ("tall-man", "madeUPine 10 MG Oral Tablet"),
    }
    assert edition.properties(RXNORM, "900003") == {"tty": ("SCD",)}
    assert display(edition, RXNORM, "900006") == ("madeupine 5 MG Oral Tablet", False)
    assert edition.concept(RXNORM, "900007") is None, "other sources' names have licences of their own"
    assert texts(edition, RXNORM, "900001") == set()


def test_rxnorm_relations_point_from_the_drug(loaded: Opened) -> None:
    edition = loaded(made.rxnorm())
    assert edition.related(RXNORM, "900003", "consists-of") == [(RXNORM, "900002")]
    assert edition.related(RXNORM, "900002", "ingredient") == [(RXNORM, "900001")]
    assert edition.related(RXNORM, "900005", "tradename-of") == [(RXNORM, "900003")]
    assert edition.related(RXNORM, "900005", "brand") == [(RXNORM, "900004")]
    assert edition.related(RXNORM, "900005", "ingredient") == [], "a brand is no ingredient"
    assert edition.related(RXNORM, "900001", "tradename-of") == []


def test_rxnorm_maps_packages_to_drugs(loaded: Opened) -> None:
    edition = loaded(made.rxnorm())
    (row,) = edition.mapped(NDC, "00011222233", RXNORM)
    assert (row.target_code, row.name) == ("900003", "RxNorm's NDC of 2024-03-04")
    assert edition.mapped(NDC, "00011222244", RXNORM) == [], "an obsolete NDC"


def test_the_release_of_rxnorm_is_told_by_its_sources_its_name_or_the_operator(tmp_path: Path) -> None:
    files = made.rxnorm()
    del files["rrf/RXNSAB.RRF"]
    with load(made.zipped(tmp_path / "RxNorm_full_04012024.zip", files), None, Options()) as loaded:
        assert loaded.source.version == "2024-04-01"
    archive = made.zipped(tmp_path / "rx.zip", files)
    with pytest.raises(ReleaseError, match="say with --released"), load(archive, None, Options()):
        pass
    with load(archive, None, Options(released="2024-04-02")) as loaded:
        assert loaded.source.version == "2024-04-02"


def test_rxnorm_follows_what_was_remapped_and_chooses_nothing(loaded: Opened) -> None:
    edition = loaded(made.rxnorm())
    assert display(edition, RXNORM, "800001") == ("madeupine 10 MG Tablet", False)
    assert edition.related(RXNORM, "800001", "replaced-by") == [(RXNORM, "900003")], "by way of 800002"
    assert edition.related(RXNORM, "800003", "replaced-by") == [(RXNORM, "900001"), (RXNORM, "900002")]
    assert edition.related(RXNORM, "900003", "replaced-by") == [], "only an old name of it moved"


def test_rxnorm_prefers_the_whole_release_to_the_subset_within_it(loaded: Opened) -> None:
    subset = dict.fromkeys(made.rxnorm(folder="prescribe/rrf"), b"never read\n")
    assert loaded(subset | made.rxnorm()).holds(RXNORM)


def test_loinc(loaded: Opened) -> None:
    edition = loaded(made.loinc())
    assert edition.systems()[0].version == "2.77", "the newest that any row was changed in"
    code = made.loinc_code(900002)
    assert display(edition, LOINC, code) == ('Madeupate "free", in Serum\nor Plasma', True)
    assert edition.properties(LOINC, code)["example-unit"] == ("mg/dL",)
    assert edition.properties(LOINC, code)["loinc-class"] == ("CHEM",)
    assert texts(edition, LOINC, made.loinc_code(900001)) == {("short-name", "Madeup SerPl-mCnc")}
    deprecated = made.loinc_code(900003)
    assert display(edition, LOINC, deprecated) == ("Madeupate in Blood", False)
    assert edition.related(LOINC, deprecated, "replaced-by") == [(LOINC, made.loinc_code(900001))]
    assert edition.properties(LOINC, made.loinc_code(900004))["copyright"] == ("(c) Somebody",)


def test_loinc_of_before_display_names(loaded: Opened) -> None:
    files = made.loinc()
    files["LoincTable/Loinc.csv"] = files["LoincTable/Loinc.csv"].replace(b'"DisplayName"', b'"SPECIES"')
    assert display(loaded(files), LOINC, made.loinc_code(900003)) == ("Madeupate in Blood", False)


def test_snomed(loaded: Opened) -> None:
    edition = loaded(made.snomed_ct())
    (system,) = edition.systems()
    assert system.version == "http://snomed.info/sct/731000124108/version/20240301"
    assert display(edition, SNOMED, made.DISEASE) == ("Madeup disease", True)
    assert texts(edition, SNOMED, made.DISEASE) == {
        ("fully-specified-name", "Madeup disease (disorder)"),
        ("synonym", '"Madeup disease", otherwise'),
    }
    assert display(edition, SNOMED, made.GONE) == ("Gone disease (disorder)", False)
    assert edition.related(SNOMED, made.GONE, "replaced-by") == [(SNOMED, made.DISEASE)]
    assert edition.related(SNOMED, made.PART, "parent") == [], "unless asked for"
    assert [row.target_code for row in edition.mapped(SNOMED, made.DISEASE, ICD_10_CM)] == [
        "Z98.1",
        "Z98.2",
        "Z99.9",
    ]
    assert edition.mapped(SNOMED, made.PART, ICD_10_CM) == [], "WHO's ICD-10 is another map"


def test_snomed_with_its_hierarchy(loaded: Opened) -> None:
    edition = loaded(made.snomed_ct(), hierarchy=True)
    assert edition.related(SNOMED, made.PART, "parent") == [(SNOMED, made.ROOT)]


def test_ndc(loaded: Opened) -> None:
    edition = loaded(made.ndc(), released="2024-03-10")
    assert display(edition, NDC, "00011222233") == ("Inventol XR, 10 mg/1; 5 mg/1, tablet", True)
    assert display(edition, NDC, "00112033301") == ("Dr. Made’s, 5 mg/1, tablet", True)
    properties = edition.properties(NDC, "00112033301")
    assert (properties["ndc"], properties["marketing-end"]) == (("00112-333-01",), ("2025-12-31",))
    assert not edition.systems()[0].complete, "packages leave the list while records still name them"


def test_vaccines_and_manufacturers(tmp_path: Path) -> None:
    vaccines = written(tmp_path / "1", made.put(tmp_path / "cvx", made.cvx()))
    assert vaccines.systems()[0].version == "2020-01-02"
    assert display(vaccines, CVX, "991") == ("Madeup vaccine", True)
    assert display(vaccines, CVX, "992") == ("Old madeup", False)
    assert vaccines.properties(CVX, "998")["non-vaccine"] == ("true",)
    manufacturers = written(tmp_path / "2", made.put(tmp_path / "mvx", made.mvx()) / "mvx.txt")
    assert display(manufacturers, MVX, "ZZB") == ("Older Vaccines", False)


def test_nppes(loaded: Opened) -> None:
    edition = loaded(made.npi_data())
    assert display(edition, NPI, made.npi(100000001)) == ("Invented Clinic", True)
    assert display(edition, NPI, made.npi(100000002)) == ("Orsolya Vance, MD", True)
    assert display(edition, NPI, made.npi(100000003)) == ("withdrawn", False)
    assert edition.properties(NPI, made.npi(100000002)) == {
        "entity-type": ("individual",),
        "state": ("NM",),
        "taxonomy": ("207Q00000X",),
    }


@pytest.mark.parametrize("layout", ["txt", "csv"])
def test_hcpcs(loaded: Opened, layout: str) -> None:
    files = made.hcpcs()
    if layout == "csv":
        files = made.hcpcs_table()
    edition = loaded(files)
    assert edition.systems()[0].version == "2024-07-01"
    assert display(edition, HCPCS, "A9901") == (
        "Supply of a madeup device, with all that belongs to it and more, each",
        True,
    )
    assert texts(edition, HCPCS, "A9901") == {("short-name", "Madeup")}
    assert display(edition, HCPCS, "A9902") == ("Ended supply", False)
    assert display(edition, HCPCS, "Q9") == ("A madeup modifier", True)
    assert edition.concept(HCPCS, "D9901") is None, "the American Dental Association's"
    assert edition.concept(HCPCS, "99901") is None, "the American Medical Association's"


def test_a_folder_and_an_archive_of_it_make_the_same_edition(tmp_path: Path) -> None:
    files = made.rxnorm()
    folder = written(tmp_path / "1", made.put(tmp_path / "release", files))
    archive = written(tmp_path / "2", made.zipped(tmp_path / "any name.zip", files))
    assert folder.id == archive.id
    (source,) = folder.sources()
    names = hashlib.sha256(files["rrf/RXNCONSO.RRF"]).hexdigest()
    assert f"{names}  RXNCONSO.RRF; " in source.sha256
    assert source.sha256.count(";") == len(files) - 1, "one SHA-256 a file"
    assert source.notice
    assert source.licence
