"""Codes in the spelling of their system, where there is one way only to read what stands there."""

from __future__ import annotations

import re
from collections.abc import Callable

from chartbridge.terminology.edition import Edition

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
NDC = "http://hl7.org/fhir/sid/ndc"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
ICD9CM = ("http://terminology.hl7.org/CodeSystem/icd9cm", "http://hl7.org/fhir/sid/icd-9-cm")
ICD9CM_PROCEDURES = frozenset(
    (
        "urn:oid:2.16.840.1.113883.6.104",
        "2.16.840.1.113883.6.104",
        "http://hl7.org/fhir/sid/icd-9-cm/procedure",
    )
)
"""Other names of ICD-9-CM that say that a code is one of its procedures, and no diagnosis."""
CDC_RACE = "urn:oid:2.16.840.1.113883.6.238"

_ICD10CM = re.compile(r"([A-Z][0-9][0-9AB])\.?([0-9A-Z]{0,4})", re.ASCII)
_ICD9CM = re.compile(r"(V\d\d|E\d{3}|\d{3})\.?(\d{0,2})", re.ASCII)
_ICD9CM_PROCEDURE = re.compile(r"(\d\d)\.?(\d{1,2})", re.ASCII)
_LOINC = re.compile(r"(?:\d{1,7}|L[APG]\d{1,7})-\d", re.ASCII)
_NDC_GROUPS = {(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)}


def spelling(system: str, code: str, edition: Edition) -> str:
    """The code as its system spells it; unchanged where that is not certain."""
    shorter = code.strip()
    by_system = _SPELLINGS.get(system)
    return by_system(shorter, edition) if by_system is not None else shorter


def ndc11(code: str) -> str | None:
    """The eleven digits of an NDC: of ten, the hyphens tell where the missing zero goes. Else ``None``."""
    groups = code.split("-")
    if not all(group.isascii() and group.isdigit() for group in groups):
        return None
    if len(groups) == 1:
        return code if len(code) == 11 else None
    if tuple(map(len, groups)) not in _NDC_GROUPS:
        return None
    labeler, product, package = groups
    return labeler.zfill(5) + product.zfill(4) + package.zfill(2)


def icd9cm_procedure(code: str, edition: Edition) -> str | None:
    """The ICD-9-CM procedure that a code stands for, with its point; ``None`` where there is none such.

    Without a point it may be a diagnosis as well (``340``), so only who knows that it is none may ask.
    """
    read = _ICD9CM_PROCEDURE.fullmatch(code.strip())
    dotted = f"{read[1]}.{read[2]}" if read else None
    return dotted if dotted and any(edition.concept(system, dotted) for system in ICD9CM) else None


def _icd10cm(code: str, edition: Edition) -> str:
    """A code of ICD-10-PCS, which is longer than most and has no point, gets none under a wrong name."""
    upper = code.upper()
    read = _ICD10CM.fullmatch(upper)
    if read is None or (len(upper) == 7 and edition.concept(ICD10PCS, upper) is not None):
        return code
    return read[1] + ("." + read[2] if read[2] else "")


def _icd9cm(code: str, _: Edition) -> str:
    """Diagnoses only where they are no procedures: four digits without a point may be either."""
    upper = code.upper()
    read = _ICD9CM.fullmatch(upper)
    if read is None or not read[2] or (upper.isdigit() and len(upper) != 5):
        return code
    return f"{read[1]}.{read[2]}"


def _loinc(code: str, _: Edition) -> str:
    """Only where a code is left: a text that stands where a code should keeps its blanks."""
    shorter = "".join(code.split())
    return shorter if _LOINC.fullmatch(shorter) else code


def _cvx(code: str, edition: Edition) -> str:
    """CDC's list writes the codes below 10 with a zero before them."""
    padded = code.lstrip("0").zfill(2)
    if padded == code or not code.isdigit() or edition.concept(CVX, code) is not None:
        return code
    return padded if edition.concept(CVX, padded) is not None else code


_SPELLINGS: dict[str, Callable[[str, Edition], str]] = {
    ICD10CM: _icd10cm,
    LOINC: _loinc,
    CVX: _cvx,
    **dict.fromkeys(ICD9CM, _icd9cm),
}
