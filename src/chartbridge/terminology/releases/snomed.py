"""SNOMED CT in Release Format 2, the snapshot of the US edition or another; SNOMED CT RF2 specification.

Taken are concepts with their preferred term in US English, fully specified names and synonyms, the
associations that replace a retired concept, is-a relations when asked for, and the map to ICD-10-CM
(:mod:`.snomed_map`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from chartbridge.terminology.releases import snomed_map
from chartbridge.terminology.releases.dates import iso_day
from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.numbers import Numbers, is_sctid
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import CodeSystem, Kind, Options, Release
from chartbridge.terminology.releases.tables import Numbered, tabbed, whole_number
from chartbridge.terminology.rows import Concept, Designation, Relation, Row

SNOMED = "http://snomed.info/sct"
US_MODULE = "731000124108"
INTERNATIONAL_MODULE = "900000000000207008"
US_ENGLISH = "900000000000509007"
PREFERRED = "900000000000548007"
FULLY_SPECIFIED = "900000000000003001"
SYNONYM = "900000000000013009"
SAME_AS = "900000000000527005"
REPLACED_BY = "900000000000526001"
IS_A = "116680003"
INFERRED = "900000000000011006"

_STATED = ("id", "effectiveTime", "active", "moduleId")
_MEMBER = (*_STATED, "refsetId", "referencedComponentId")
CONCEPTS = (*_STATED, "definitionStatusId")
DESCRIPTIONS = (*_STATED, "conceptId", "languageCode", "typeId", "term", "caseSignificanceId")
RELATIONSHIPS = (
    *_STATED,
    "sourceId",
    "destinationId",
    "relationshipGroup",
    "typeId",
    "characteristicTypeId",
    "modifierId",
)
LANGUAGE = (*_MEMBER, "acceptabilityId")
ASSOCIATIONS = (*_MEMBER, "targetComponentId")

_ACTIVE, _NAMED, _DESCRIBED = 1, 2, 4
"""Flags of a concept: it is active; its preferred term was found; it has any description."""


def _finds(files: Files) -> bool:
    return files.find(r"x?sct2_Concept_Snapshot_.+\.txt") is not None


def _open(files: Files, options: Options) -> Release:
    concepts = files.need(r"x?sct2_Concept_Snapshot_.+\.txt", "snapshot of concepts")
    named = re.fullmatch(r"x?sct2_Concept_Snapshot_(\w+)_(\d{8})\.txt", concepts.name, re.IGNORECASE)
    date = iso_day(named[2]) if named else None
    if named is None or date is None:
        raise ReleaseError(concepts.name, 0, "the name does not end with the day of the release")
    ending = rf"[-_]?.*_{re.escape(named[1])}_{named[2]}\.txt"
    wanted = {
        "description": r"x?sct2_Description_Snapshot-en",
        "language": r"x?der2_cRefset_LanguageSnapshot-en",
        "association": r"x?der2_cRefset_Association(Reference)?Snapshot",
    }
    if options.hierarchy:
        wanted["relationship"] = r"x?sct2_Relationship_Snapshot"
    found = {part: files.need(name + ending, f"file of {part}s") for part, name in wanted.items()}
    if definitions := files.find(r"x?sct2_TextDefinition_Snapshot-en" + ending):
        found["definition"] = definitions
    extended = files.find(r"x?der2_iisssccRefset_ExtendedMapSnapshot" + ending)
    module = US_MODULE if "US" in named[1].upper() else INTERNATIONAL_MODULE
    version = f"{SNOMED}/{module}/version/{named[2]}"
    release = Release(
        version=date,
        date=date,
        files=[concepts, *found.values(), *([extended] if extended else [])],
        systems=[CodeSystem(SNOMED, "SNOMED CT", version)],
        rows=lambda: iter(()),
    )
    release.rows = partial(_rows, files, concepts, found, extended, release)
    return release


def _rows(
    files: Files, file: File, parts: dict[str, File], extended: File | None, release: Release
) -> Iterator[Row]:
    concepts = _concepts(files, file)
    yield from _described(files, parts, concepts)
    for number, row in _active(files, parts["association"], ASSOCIATIONS):
        if row[4] in (SAME_AS, REPLACED_BY):
            ends = [_concept(concepts, parts["association"], number, code) for code in (row[5], row[6])]
            yield Relation(SNOMED, ends[0], "replaced-by", SNOMED, ends[1])
    if relationships := parts.get("relationship"):
        yield from _parents(files, relationships, concepts)
    if extended:
        yield from snomed_map.rows(files, extended, concepts, release)


def _concepts(files: Files, file: File) -> Numbers:
    def each(is_wanted: str) -> Iterator[int]:
        for number, row in tabbed(files, file, CONCEPTS, exactly=True):
            if not is_sctid(row[0]):
                raise ReleaseError(file.name, number, "the id is no SNOMED CT identifier")
            if row[2] not in ("0", "1"):
                raise ReleaseError(file.name, number, "active is neither 0 nor 1")
            if row[2] == is_wanted or not is_wanted:
                yield int(row[0])

    concepts = Numbers(each(""))
    if not len(concepts):
        raise ReleaseError(file.name, 0, "holds no concepts")
    for code in each("1"):
        concepts.flags[concepts.place(code)] = _ACTIVE
    return concepts


def _described(files: Files, parts: dict[str, File], concepts: Numbers) -> Iterator[Row]:
    file, language = parts["description"], parts["language"]
    preferred = Numbers(_preferred(files, language))
    yield from _texts(files, file, concepts, preferred)
    for place, found in enumerate(concepts.flags):
        if not found & _DESCRIBED:
            why = f"the file is cut off: concept {concepts[place]} has no description"
            raise ReleaseError(file.name, _last(files, file), why)
        if found & _ACTIVE and not found & _NAMED:
            why = f"the file is cut off: concept {concepts[place]} has no preferred term"
            raise ReleaseError(language.name, _last(files, language), why)
    if definitions := parts.get("definition"):
        _check_preferred(files, file, definitions, preferred)
    yield from _retired_without_term(files, file, concepts)


def _check_preferred(files: Files, file: File, definitions: File, preferred: Numbers) -> None:
    """Terms are preferred among descriptions and among definitions, which are kept in a file of their own."""
    for number, row in tabbed(files, definitions, DESCRIPTIONS, exactly=True):
        place = preferred.place(whole_number(definitions, number, row[0], "the definition's id"))
        if place >= 0:
            preferred.flags[place] = 1
    for place, found in enumerate(preferred.flags):
        if not found:
            why = f"the file is cut off: description {preferred[place]} is preferred, and not here"
            raise ReleaseError(file.name, _last(files, file), why)


def _last(files: Files, file: File) -> int:
    return max((number for number, _ in files.lines(file)), default=0)


def _preferred(files: Files, file: File) -> Iterator[int]:
    for number, row in _active(files, file, LANGUAGE):
        if row[4] == US_ENGLISH and row[6] == PREFERRED:
            yield whole_number(file, number, row[5], "the description's id")


def _texts(files: Files, file: File, concepts: Numbers, preferred: Numbers) -> Iterator[Row]:
    """Concepts with their preferred term, and the other terms; marks what was seen in the flags."""
    for number, row in tabbed(files, file, DESCRIPTIONS, exactly=True):
        code = _concept(concepts, file, number, row[4])
        description = preferred.place(whole_number(file, number, row[0], "the description's id"))
        if description >= 0:
            preferred.flags[description] = 1
        place, term = concepts.place(int(code)), row[7].strip()
        concepts.flags[place] |= _DESCRIBED
        if row[2] != "1":
            continue
        if not term:
            raise ReleaseError(file.name, number, "has no term")
        if row[6] == FULLY_SPECIFIED:
            yield Designation(SNOMED, code, "fully-specified-name", term)
        elif row[6] == SYNONYM and description >= 0 and not concepts.flags[place] & _NAMED:
            concepts.flags[place] |= _NAMED
            yield Concept(SNOMED, code, term, active=bool(concepts.flags[place] & _ACTIVE))
        elif row[6] == SYNONYM:
            yield Designation(SNOMED, code, "synonym", term)


def _retired_without_term(files: Files, file: File, concepts: Numbers) -> Iterator[Row]:
    """Retired concepts that no term is preferred for any more: by their fully specified name, or any."""
    if all(found & _NAMED for found in concepts.flags):
        return
    for kinds in ((FULLY_SPECIFIED,), (SYNONYM, FULLY_SPECIFIED)):
        for number, row in tabbed(files, file, DESCRIPTIONS, exactly=True):
            place = concepts.place(whole_number(file, number, row[4], "the concept's id"))
            is_fit = row[2] == "1" or kinds[0] == SYNONYM
            if is_fit and row[6] in kinds and not concepts.flags[place] & _NAMED:
                concepts.flags[place] |= _NAMED
                yield Concept(SNOMED, row[4], row[7].strip(), active=False)


def _parents(files: Files, file: File, concepts: Numbers) -> Iterator[Row]:
    with_parent = Numbers(
        whole_number(file, number, row[4], "the concept's id")
        for number, row in _active(files, file, RELATIONSHIPS)
        if row[7] == IS_A
    )
    number = 0
    for number, row in _active(files, file, RELATIONSHIPS):
        if row[7] == IS_A and row[8] == INFERRED:
            ends = [_concept(concepts, file, number, code) for code in (row[4], row[5])]
            yield Relation(SNOMED, ends[0], "parent", SNOMED, ends[1])
    root = 138875005
    for place, found in enumerate(concepts.flags):
        code = concepts[place]
        if found & _ACTIVE and code != root and code not in with_parent:
            raise ReleaseError(file.name, number, f"the file is cut off: concept {code} has no parent")


def _active(files: Files, file: File, columns: tuple[str, ...]) -> Iterator[Numbered]:
    for number, row in tabbed(files, file, columns, exactly=True):
        if row[2] == "1":
            yield number, row


def _concept(concepts: Numbers, file: File, number: int, code: str) -> str:
    if whole_number(file, number, code, "the concept's id") not in concepts:
        raise ReleaseError(file.name, number, f"names concept {code}, which the file of concepts lacks")
    return code


KIND = Kind(
    name="snomed",
    title="SNOMED CT",
    publisher="SNOMED International; the US edition by the US National Library of Medicine",
    licence="SNOMED CT Affiliate License, as the operator accepted it",
    notice=(
        "SNOMED CT is a registered trademark and the copyright of SNOMED International. Use needs a licence, "
        "which the operator holds; it covers the United States and other member countries only."
    ),
    finds=_finds,
    opens=_open,
)
