"""What may never be in the shipped edition: content of SNOMED CT, CPT, NUCC's and other licensed code sets.

Their names as code systems (aliases) are facts and may be there; their codes, words and maps may not.
"""

from __future__ import annotations

import re

from chartbridge.terminology.rows import Alias, MapRow, Relation, Row, Source, System

_LICENSED = re.compile(
    r"snomed|ama-assn|/cpt|nucc|ada\.org|/cdt|dicom|nubc|x12\.org|iso[:/]|whocc|medispan|"
    r"2\.16\.840\.1\.113883\.6\.(96|12|101|13|68|253)$",
    re.IGNORECASE,
)
_HL7 = re.compile(r"http://(terminology\.hl7\.org|hl7\.org/fhir)/(?!sid/|CodeSystem/icd9cm)")
_TAXONOMY = re.compile(r"[0-9]{3}[0-9A-Z]{6}X")
_PROCEDURE = re.compile(r"[0-9]{4}[0-9FTU]")


def refuse(row: Row) -> None:
    """Stop the build where a row is of a licensed code system, or a code in another has the form of one."""
    if isinstance(row, (Source, Alias)):
        return
    systems = [row.uri] if isinstance(row, System) else [row.system]
    if isinstance(row, (Relation, MapRow)):
        systems.append(row.target_system)
    code = "" if isinstance(row, System) else row.code
    for system in systems:
        if _LICENSED.search(system):
            raise SystemExit(f"{row!r}: is of a licensed code system and may not be shipped")
        if _HL7.match(system) and (
            _TAXONOMY.fullmatch(code) or _PROCEDURE.fullmatch(code) or is_snomed_identifier(code)
        ):
            raise SystemExit(f"{row!r}: the code looks like one of a licensed code system")


def is_snomed_identifier(code: str) -> bool:
    """Whether 6 to 18 digits are a SNOMED CT concept's: partition 00 or 10, Verhoeff's check digit."""
    return code.isdigit() and 6 <= len(code) <= 18 and code[-3:-1] in ("00", "10") and _checks(code)


_FLIP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _product(first: int, second: int) -> int:
    """Of two elements of the dihedral group of order ten, 0-4 being turns and 5-9 reflections."""
    if first < 5:
        return (first + second) % 5 + (5 if second >= 5 else 0)
    return (first - second) % 5 + (0 if second >= 5 else 5)


def _checks(digits: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _FLIP[value]
        check = _product(check, value)
    return check == 0
