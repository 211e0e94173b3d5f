"""The default edition as it is shipped: whole, true to its manifest, useful, and lawful."""

from __future__ import annotations

import importlib.resources
import importlib.util
import lzma
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chartbridge.ccda.codesystems import CODE_SYSTEMS, IDENTIFIER_SYSTEMS
from chartbridge.terminology import default
from chartbridge.terminology.default import default_edition, manifest
from chartbridge.terminology.edition import Edition, EditionError
from chartbridge.terminology.rows import Concept, System

ROOT = Path(__file__).parents[2]
ICD10CM, ICD9CM = "http://hl7.org/fhir/sid/icd-10-cm", "http://terminology.hl7.org/CodeSystem/icd9cm"
LOINC, RXNORM = "http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
CVX, UNII = "http://hl7.org/fhir/sid/cvx", "http://fdasis.nlm.nih.gov"
RACE, ZIP = "urn:oid:2.16.840.1.113883.6.238", "urn:oid:2.16.840.1.113883.6.231"


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edition]:
    with Edition.open(default_edition(tmp_path_factory.mktemp("default"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def refusals() -> Any:
    """The build script's rule of what may not be shipped."""
    spec = importlib.util.spec_from_file_location("refusals", ROOT / "scripts/terminology/refusals.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_the_edition_of_the_manifest(edition: Edition) -> None:
    edition.verify()
    assert edition.id == manifest()["edition"]
    assert {system.uri: system.concepts for system in edition.systems()} == manifest()["systems"]
    assert dict(edition.maps()) == manifest()["maps"]


def test_every_source_says_all_of_itself(edition: Edition) -> None:
    told = manifest()["sources"]
    assert [source._asdict() for source in edition.sources()] == [
        {name: value for name, value in source.items() if name != "rows"} for source in told
    ]
    for source in told:
        assert all(source.values()), f"{source['id']} lacks something"
        assert re.fullmatch(r"[0-9a-f]{64}", source["sha256"])
        assert re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", source["date"])
        assert "://" not in source["origin"]
    assert {system.source_id for system in edition.systems()} <= {source["id"] for source in told}


def test_the_sources_account_for_every_row(edition: Edition) -> None:
    rows: Counter[str] = Counter()
    for source in manifest()["sources"]:
        rows.update(source["rows"])
    with sqlite3.connect(f"file:{edition.path}?mode=ro&immutable=1", uri=True) as connection:
        tables = {"Concept": "concept", "Property": "property", "Relation": "relation", "Alias": "alias"}
        for kind, table in {
            **tables,
            "MapRow": "map",
            "Designation": "designation",
            "System": "system",
        }.items():
            (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            # Some few codes are in two places of one source with the same contents.
            assert found <= rows[kind] <= found + 150, kind
    connection.close()


def test_the_sources_are_locked_by_version_and_hash() -> None:
    lock = (ROOT / "requirements/terminology.txt").read_text("utf-8")
    packages = (ROOT / "scripts/terminology/package-lock.json").read_text("utf-8")
    for source in manifest()["sources"]:
        found = re.fullmatch(r"(PyPI|npm) package (\S+) (\S+)", source["origin"])
        if found is None:
            assert source["id"] == "aliases"
        elif found[1] == "PyPI":
            assert f"{found[2]}=={found[3]}" in lock
            assert f"--hash=sha256:{source['sha256']}" in lock
        else:
            assert f'"{found[2]}": "{found[3]}"' in packages


def test_loinc_is_shipped_with_its_notice(edition: Edition) -> None:
    (system,) = [system for system in edition.systems() if system.uri == LOINC]
    sources = {source.id: source for source in edition.sources()}
    assert "LOINC" in sources[system.source_id].notice
    assert "loinc.org/license" in sources[system.source_id].notice
    assert "Regenstrief" in sources[system.source_id].notice


def test_it_has_no_content_of_licensed_code_systems(edition: Edition, refusals: Any) -> None:
    for system in edition.systems():
        refusals.refuse(system)
    with sqlite3.connect(f"file:{edition.path}?mode=ro&immutable=1", uri=True) as connection:
        names = dict(connection.execute("SELECT id, uri FROM uri"))
        for table in ("concept", "property", "designation", "relation", "map"):
            for (system_id,) in connection.execute(f"SELECT DISTINCT system FROM {table}"):
                refusals.refuse(System(names[system_id], "name", "", "source", True))
        for table in ("relation", "map"):
            for (system_id,) in connection.execute(f"SELECT DISTINCT target_system FROM {table}"):
                refusals.refuse(System(names[system_id], "name", "", "source", True))
        small = "SELECT uri FROM system WHERE concepts < 2000"
        few = f"SELECT system, code, display FROM concept WHERE system IN ({small})"
        for system_id, code, display in connection.execute(few):
            refusals.refuse(Concept(names[system_id], code, display))
    connection.close()


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("http://snomed.info/sct", "x"),
        ("http://www.ama-assn.org/go/cpt", "x"),
        ("http://nucc.org/provider-taxonomy", "x"),
        ("urn:oid:2.16.840.1.113883.6.96", "x"),
        ("http://terminology.hl7.org/CodeSystem/made", "44054006"),
        ("http://terminology.hl7.org/CodeSystem/made", "99213"),
        ("http://hl7.org/fhir/made", "207R00000X"),
    ],
)
def test_the_build_refuses_licensed_content(refusals: Any, system: str, code: str) -> None:
    with pytest.raises(SystemExit):
        refusals.refuse(Concept(system, code, "anything"))
    refusals.refuse(Concept("http://terminology.hl7.org/CodeSystem/made", "44054007", "wrong check digit"))


def test_aliases_agree_with_the_converter(edition: Edition) -> None:
    for oid, (uri, name) in {**CODE_SYSTEMS, **IDENTIFIER_SYSTEMS}.items():
        assert edition.canonical(f"urn:oid:{oid}") == uri, name
        if uri != f"urn:oid:{oid}":
            assert edition.canonical(oid) == uri, name


@pytest.mark.parametrize(
    ("system", "code", "display"),
    [
        (ICD10CM, "E11.9", "Type 2 diabetes mellitus without complications"),
        (ICD10CM, "I10", "Essential (primary) hypertension"),
        (ICD10CM, "S93.401A", "Sprain of unspecified ligament of right ankle, initial encounter"),
        (ICD9CM, "250.00", "Diabetes mellitus without mention of complication, type II or unspecified type, "
         "not stated as uncontrolled"),
        (ICD9CM, "V70.0", "Routine general medical examination at a health care facility"),
        (ICD9CM, "47.01", "Laparoscopic appendectomy"),
        (ICD10PCS, "0DTJ4ZZ", "Resection of Appendix, Percutaneous Endoscopic Approach"),
        (LOINC, "34133-9", "Summary of episode note"),
        (LOINC, "2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
        (LOINC, "29463-7", "Body weight"),
        (RXNORM, "313782", "Acetaminophen 325 MG Oral Tablet"),
        (CVX, "115", "Tdap"),
        (UNII, "QE1QX6B99R", "PEANUT"),
        (RACE, "2106-3", "White"),
        (ZIP, "02139", "Cambridge, MA"),
        ("https://www.usps.com/", "MA", "Massachusetts"),
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB", "ambulatory"),
        ("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "Active"),
    ],
)  # fmt: skip
def test_it_knows_common_codes(edition: Edition, system: str, code: str, display: str) -> None:
    found = edition.concept(system, code)
    assert found is not None
    assert found.display == display


def test_properties_that_the_chart_uses(edition: Edition) -> None:
    assert edition.properties(ICD10CM, "E11.9") == {
        "billable": ("true",),
        "ccsr": ("END002",),
        "chronicity": ("C",),
    }
    assert edition.properties(ICD10CM, "E11")["billable"] == ("false",)
    assert edition.properties(ICD10CM, "J02.9")["chronicity"] == ("N",)
    assert edition.properties(LOINC, "8480-6")["category"] == ("vital-signs",)
    assert edition.properties(LOINC, "2345-7") == {"category": ("laboratory",), "example-unit": ("mg/dL",)}
    assert "category" not in edition.properties(LOINC, "34133-9")
    assert edition.properties(RXNORM, "313782") == {"tty": ("SCD",)}
    assert edition.related(ICD10CM, "E11.9", "parent") == [(ICD10CM, "E11")]
    assert edition.related(ICD10CM, "E11", "parent") == []


def test_a_retired_code_has_its_display_and_says_that_it_is_retired(edition: Edition) -> None:
    found = edition.concept(ICD10CM, "V25.2XXA")
    assert found is not None
    assert found.display
    assert not found.active


def test_the_maps_say_how_exact_they_are(edition: Edition) -> None:
    (row,) = edition.mapped(ICD9CM, "003.0", ICD10CM)
    assert (row.target_code, row.equivalence, row.rule) == ("A02.0", "equivalent", "")
    combined = edition.mapped(ICD9CM, "073.0", ICD10CM)
    assert [(row.target_code, row.group, row.rule) for row in combined] == [
        ("A70", 1, "COMBINATION 1"),
        ("J17", 2, "COMBINATION 1"),
    ]
    (none,) = edition.mapped(ICD9CM, "365.70", ICD10CM)
    assert (none.target_code, none.equivalence) == ("", "unmatched")


def test_a_damaged_installation_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, package = importlib.resources.files("chartbridge.terminology.default"), tmp_path / "package"
    package.mkdir()
    packed = real.joinpath("edition.xz").read_bytes()
    monkeypatch.setattr(default, "files", lambda _: package)
    for content, says in (
        (packed[: len(packed) // 10], "cannot be unpacked"),
        (b"?" * 1_000, "cannot be unpacked"),
        (lzma.compress(b"other"), "is damaged"),
    ):
        (package / "edition.xz").write_bytes(content)
        with pytest.raises(EditionError, match=says):
            default_edition(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
