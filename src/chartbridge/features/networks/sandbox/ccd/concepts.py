"""Codes that more than one section uses, and catalog entries as codes."""

from __future__ import annotations

from chartbridge.features.networks.sandbox.ccd.xml import Child, Code, Element, coded, el
from chartbridge.features.networks.sandbox.measures import FLAG_DISPLAYS
from chartbridge.features.networks.sandbox.persona import Facts

ASSERTION = Code("actcode", "ASSERTION", "Assertion")
CONCERN = Code("actclass", "CONC", "Concern")
PROBLEM = Code("snomed", "55607006", "Problem")
PROBLEM_LOINC = Code("loinc", "75326-9", "Problem")
ORAL = Code("ncit", "C38288", "Oral")
SUBCUTANEOUS = Code("ncit", "C38299", "Subcutaneous")
INTRAMUSCULAR = Code("ncit", "C28161", "Intramuscular")
ENCOUNTER_CLASSES = {
    "AMB": Code("actcode", "AMB", "ambulatory"),
    "EMER": Code("actcode", "EMER", "emergency"),
    "IMP": Code("actcode", "IMP", "inpatient encounter"),
}


def snomed(entry: Facts) -> Code:
    return Code("snomed", entry["code"], entry["display"])


def problem_codes(entry: Facts) -> tuple[Code, tuple[Code, ...]]:
    """A catalog problem as SNOMED CT with its ICD-10-CM translation."""
    return (
        Code("snomed", entry["snomed"], entry["display"]),
        (Code("icd10", entry["icd10"], entry["display"]),),
    )


OBSERVATION = {"classCode": "OBS", "moodCode": "EVN"}
CLUSTER = {"classCode": "CLUSTER", "moodCode": "EVN"}


def interpretation(flag: str) -> Element:
    return coded("interpretationCode", Code("interpretation", flag, FLAG_DISPLAYS[flag]))


def component(*children: Child) -> Element:
    return el("component", None, *children)
