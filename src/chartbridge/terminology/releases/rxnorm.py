"""RxNorm in NLM's Rich Release Format, whole or its prescribable subset; RxNorm Technical Documentation, 12.

Only what NLM itself asserts (``SAB`` is RXNORM) is taken: the names of other sources in the same files have
licences of their own.

A row of RXNREL reads from right to left: ``RXCUI2 RELA RXCUI1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from chartbridge.terminology.releases.dates import given_date
from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.numbers import Numbers
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import CodeSystem, Kind, Options, Release
from chartbridge.terminology.releases.rxnorm_history import retired
from chartbridge.terminology.releases.tables import rrf, whole_number
from chartbridge.terminology.rows import Concept, Designation, MapRow, Property, Relation, Row

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
_OURS = "RXNORM"
_CURRENT = "N"

NAMES = frozenset(
    (
        *("IN", "PIN", "MIN", "BN", "DF", "DFG", "GPCK", "BPCK"),
        *("SCD", "SCDC", "SCDF", "SCDG", "SCDFP", "SCDGP"),
        *("SBD", "SBDC", "SBDF", "SBDG", "SBDFP"),
    )
)
"""Term types that name a concept; those of ``OTHER_NAMES`` are further names of one."""
OTHER_NAMES = {"SY": "synonym", "TMSY": "tall-man", "PSN": "prescribable-name", "ET": "entry-term"}
RELATIONS = {
    "has_ingredient": "ingredient",
    "has_precise_ingredient": "precise-ingredient",
    "has_ingredients": "ingredients",
    "has_part": "part",
    "consists_of": "consists-of",
    "contains": "contains",
    "has_dose_form": "dose-form",
    "has_form": "form",
    "tradename_of": "tradename-of",
}
INVERSES = {"has_ingredient": "ingredient_of", "tradename_of": "has_tradename", "consists_of": "constitutes"}
"""Each relation stands in RXNREL twice, once from either side."""


def _finds(files: Files) -> bool:
    return files.find(r"RXNCONSO\.RRF") is not None


def _open(files: Files, options: Options) -> Release:
    needed = [files.need(rf"{name}\.RRF", f"{name}.RRF") for name in ("RXNCONSO", "RXNREL", "RXNSAT")]
    folder = needed[0].path.rpartition("/")[0]
    for part in needed:
        if part.path.rpartition("/")[0] != folder:
            raise ReleaseError(files.name, 0, f"has no {part.name} beside {needed[0].path}")
    beside = {
        name: file
        for name in ("RXNSAB", "RXNCUI", "RXNATOMARCHIVE")
        if (file := files.find(rf"{name}\.RRF")) and file.path.rpartition("/")[0] == folder
    }
    day = options.released or _released(files, beside.get("RXNSAB")) or _in_name(files.name)
    date = given_date(day, files, "RXNSAB.RRF does not tell the release, or is not there")
    release = Release(
        version=date,
        date=date,
        files=[*needed, *beside.values()],
        # There are RXCUIs that only other sources have names for, and the prescribable subset has fewer.
        systems=[CodeSystem(RXNORM, "RxNorm", date, complete=False)],
        rows=lambda: iter(()),
    )
    release.rows = partial(_rows, files, needed, beside, release)
    return release


def _released(files: Files, file: File | None) -> str:
    """The release of RxNorm itself, such as ``RXNORM_20AA_240304F``."""
    if file is None:
        return ""
    for _, row in rrf(files, file, 25):
        found = re.fullmatch(r"RXNORM_\w+_(\d\d)(\d\d)(\d\d)F", row[2])
        if row[3] == _OURS and row[21] in ("Y", "") and found:
            return f"20{found[1]}-{found[2]}-{found[3]}"
    return ""


def _in_name(name: str) -> str:
    found = re.search(r"RxNorm_full(?:_prescribe)?_(\d\d)(\d\d)(\d{4})", name, re.IGNORECASE)
    return f"{found[3]}-{found[1]}-{found[2]}" if found else ""


def _rows(files: Files, needed: list[File], beside: dict[str, File], release: Release) -> Iterator[Row]:
    conso, rel, sat = needed
    known = Numbers(whole_number(conso, n, row[0], "the RXCUI") for n, row in rrf(files, conso, 18))
    types: dict[int, str] = {}
    yield from _concepts(files, conso, types)
    if not types:
        raise ReleaseError(conso.name, 0, "holds no concepts of RxNorm")
    yield from _relations(files, rel, known, types)
    yield from _packages(files, sat, known, release)
    yield from retired(files, beside, known, NAMES, RXNORM)


def _concepts(files: Files, file: File, types: dict[int, str]) -> Iterator[Row]:
    """Concepts and their other names; ``types`` receives the term type of each concept."""
    obsolete: dict[int, tuple[str, str]] = {}
    for number, row in rrf(files, file, 18):
        if row[11] != _OURS:
            continue
        code, kind, text = row[0], row[12], row[14].strip()
        if not text:
            raise ReleaseError(file.name, number, f"RXCUI {code} has no name")
        if kind in OTHER_NAMES:
            if row[16] == _CURRENT:
                yield Designation(RXNORM, code, OTHER_NAMES[kind], text)
        elif row[16] != _CURRENT:
            obsolete.setdefault(int(code), (kind, text))
        elif kind not in NAMES or int(code) in types:
            yield Designation(RXNORM, code, "synonym", text)
        else:
            types[int(code)] = kind
            yield Concept(RXNORM, code, text)
            yield Property(RXNORM, code, "tty", kind)
    for rxcui, (kind, text) in obsolete.items():
        if rxcui not in types:
            types[rxcui] = kind
            yield Concept(RXNORM, str(rxcui), text, active=False)
            yield Property(RXNORM, str(rxcui), "tty", kind)


def _relations(files: Files, file: File, known: Numbers, types: dict[int, str]) -> Iterator[Row]:
    balance = dict.fromkeys(INVERSES, 0)
    back = {inverse: kind for kind, inverse in INVERSES.items()}
    number = 0
    for number, row in rrf(files, file, 16):
        if row[10] != _OURS or row[2] != "CUI" or row[6] != "CUI":
            continue
        target, code, said = row[0], row[4], row[7]
        for rxcui in (target, code):
            if whole_number(file, number, rxcui, "the RXCUI") not in known:
                raise ReleaseError(file.name, number, f"names RXCUI {rxcui}, which RXNCONSO.RRF lacks")
        if said in balance:
            balance[said] += 1
        elif said in back:
            balance[back[said]] -= 1
        kind = RELATIONS.get(said)
        if kind and row[14] in ("", _CURRENT) and int(code) in types and int(target) in types:
            # A branded drug "has" its brand name as ingredient.
            kind = "brand" if kind == "ingredient" and types[int(target)] == "BN" else kind
            yield Relation(RXNORM, code, kind, RXNORM, target)
    for kind, more in balance.items():
        if more:
            why = f"the file is cut off: {kind} and {INVERSES[kind]} are not as many"
            raise ReleaseError(file.name, number, why)


def _packages(files: Files, file: File, known: Numbers, release: Release) -> Iterator[Row]:
    """Which drug is in the packages of an NDC; NLM normalises those to eleven digits."""
    name = f"RxNorm's NDC of {release.date}"
    others = 0
    for number, row in rrf(files, file, 13):
        if row[9] != _OURS:
            continue
        code = row[0]
        if whole_number(file, number, code, "the RXCUI") not in known:
            raise ReleaseError(file.name, number, f"names RXCUI {code}, which RXNCONSO.RRF lacks")
        if row[8] != "NDC" or row[11] not in ("", _CURRENT):
            continue
        ndc = row[10]
        if not (len(ndc) == 11 and ndc.isascii() and ndc.isdigit()):
            others += 1
            continue
        yield MapRow(name, NDC, ndc, RXNORM, code, "wider")
    if others:
        release.remarks.append(f"{others} NDCs are not of eleven digits and were left out")


KIND = Kind(
    name="rxnorm",
    title="RxNorm",
    publisher="US National Library of Medicine",
    licence="UMLS Metathesaurus License, as the operator accepted it; the prescribable content needs none",
    notice=(
        "RxNorm is made and published by the US National Library of Medicine, which does not endorse or "
        "recommend this or any other product. Only names that NLM itself made are kept here."
    ),
    finds=_finds,
    opens=_open,
)
