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
ICD9CM = ("http://terminology.hl7.org/CodeSystem/icd9cm", "http://hl7.org/fhir/sid/icd-9-cm")
CDC_RACE = "urn:oid:2.16.840.1.113883.6.238"

_ICD10CM = re.compile(r"([A-Z][0-9][0-9AB])\.?([0-9A-Z]{0,4})", re.ASCII)
_ICD9CM = re.compile(r"(V\d\d|E\d{3}|\d{3})\.?(\d{0,2})", re.ASCII)
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


def _icd10cm(code: str, _: Edition) -> str:
    read = _ICD10CM.fullmatch(code.upper())
    return code if read is None else read[1] + ("." + read[2] if read[2] else "")


def _icd9cm(code: str, _: Edition) -> str:
    """Diagnoses only where they are no procedures: four digits without a point may be either."""
    upper = code.upper()
    read = _ICD9CM.fullmatch(upper)
    if read is None or not read[2] or (upper.isdigit() and len(upper) != 5):
        return code
    return f"{read[1]}.{read[2]}"


def _loinc(code: str, _: Edition) -> str:
    return "".join(code.split())


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
