"""A small edition in which each rule of standardising has something to find."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.rows import (
    Alias,
    Concept,
    MapRow,
    Property,
    Relation,
    Row,
    Source,
    System,
)
from chartbridge.terminology.writing import EditionWriter

Json = dict[str, Any]

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
ICD9 = "http://terminology.hl7.org/CodeSystem/icd9cm"
ICD9_PROCEDURES_OID = "urn:oid:2.16.840.1.113883.6.104"
ICD10PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
CVX = "http://hl7.org/fhir/sid/cvx"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
ICD10_OID = "urn:oid:2.16.840.1.113883.6.90"
V3_FUNCTION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationFunction"
V3_FUNCTION_OID = "urn:oid:2.16.840.1.113883.5.88"
SNOMED_MAP = "SNOMED CT to ICD-10-CM of 2026-09-01"
FEMALE_ONLY = "IFA 248152002 | Female (finding) |"
GEM = "ICD-9-CM to ICD-10-CM 2018"

ROWS: tuple[Row, ...] = (
    Source("made", "Made for tests", "1", "2026-11-01", "0" * 64, "none", "", "made by hand"),
    System(ICD10, "ICD-10-CM", "2026", "made", complete=True),
    System(ICD9, "ICD-9-CM", "2015", "made", complete=False),
    System(LOINC, "LOINC", "2.80", "made", complete=False),
    System(RXNORM, "RxNorm", "2026-11-02", "made", complete=False),
    System(CVX, "CVX", "2026", "made", complete=True),
    System(SNOMED, "SNOMED CT", "made", "made", complete=False),
    Alias(ICD10_OID, ICD10),
    Alias("http://hl7.org/fhir/sid/icd-9-cm", ICD9),
    System(V3_FUNCTION, "ParticipationFunction", "2018", "made", complete=True),
    Alias(V3_FUNCTION_OID, V3_FUNCTION),
    Concept(V3_FUNCTION, "ATTPHYS", "attending physician"),
    Concept(ICD10, "E11.9", "Type 2 diabetes mellitus without complications"),
    Concept(ICD10, "I10", "Essential (primary) hypertension"),
    Concept(ICD10, "J06.9", "Acute upper respiratory infection, unspecified"),
    Concept(ICD10, "Z00.00", "Encounter for general adult medical examination"),
    Property(ICD10, "E11.9", "chronicity", "C"),
    Property(ICD10, "I10", "chronicity", "C"),
    Property(ICD10, "J06.9", "chronicity", "N"),
    Property(ICD10, "Z00.00", "chronicity", "U"),
    Alias(ICD9_PROCEDURES_OID, ICD9),
    Concept(ICD9, "311", "Depressive disorder, not elsewhere classified"),
    Concept(ICD9, "31.1", "Temporary tracheostomy"),
    MapRow(GEM, ICD9, "311", ICD10, "J06.9", "equivalent"),
    System(ICD10PCS, "ICD-10-PCS", "2024", "made", complete=True),
    Concept(ICD10PCS, "B00B0ZZ", "Plain Radiography of Spinal Cord using High Osmolar Contrast"),
    Concept(ICD9, "250.00", "Diabetes mellitus without mention of complication"),
    MapRow(GEM, ICD9, "401.1", ICD10, "I10", "equivalent"),
    MapRow(GEM, ICD9, "250.00", ICD10, "E11.9", "inexact"),
    MapRow(GEM, ICD9, "465.9", ICD10, "J06.9", "equivalent"),
    MapRow(GEM, ICD9, "465.9", ICD10, "I10", "equivalent", 2),
    MapRow(GEM, ICD9, "401.0", ICD10, "I10.99", "equivalent"),
    Concept(LOINC, "2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
    Property(LOINC, "2345-7", "loinc-class", "CHEM"),
    Property(LOINC, "26464-8", "category", "laboratory"),
    Property(LOINC, "3141-9", "category", "vital-signs"),
    Property(LOINC, "2345-7", "example-unit", "mg/dL"),
    Concept(LOINC, "29463-7", "Body weight"),
    Property(LOINC, "29463-7", "example-unit", "[lb_av];kg"),
    Property(LOINC, "8310-5", "example-unit", "Cel"),
    Concept(LOINC, "26464-8", "Leukocytes [#/volume] in Blood"),
    Property(LOINC, "26464-8", "example-unit", "10*3/uL"),
    Concept(LOINC, "4544-3", "Hematocrit [Volume Fraction] of Blood"),
    Property(LOINC, "4544-3", "example-unit", "%"),
    Concept(LOINC, "2339-0", "Glucose in Blood, deprecated for the test", active=False),
    Relation(LOINC, "2339-0", "replaced-by", LOINC, "2345-7"),
    Concept(LOINC, "1000-9", "Split in two", active=False),
    Relation(LOINC, "1000-9", "replaced-by", LOINC, "2345-7"),
    Relation(LOINC, "1000-9", "replaced-by", LOINC, "29463-7"),
    Concept(RXNORM, "860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet"),
    MapRow("RxNorm's NDC of 2026-11-02", NDC, "00093104801", RXNORM, "860975", "wider"),
    Concept(SNOMED, "10001005", "An illness of women, made for the test"),
    MapRow(SNOMED_MAP, SNOMED, "10001005", ICD10, "I10", "relatedto", 1, 1, FEMALE_ONLY),
    MapRow(SNOMED_MAP, SNOMED, "10001005", ICD10, "E11.9", "relatedto", 1, 2, "OTHERWISE TRUE"),
    Concept(CVX, "08", "Hep B, adolescent or pediatric"),
    Concept(CVX, "115", "Tdap"),
)


def edition_of(folder: Path, rows: Iterable[Row] = ROWS) -> Edition:
    """An edition of these rows, open."""
    path = folder / "made.edition"
    with EditionWriter(path) as writer:
        for row in rows:
            writer.add(row)
        writer.finish()
    return Edition.open(path)


def concept(*codings: Json, text: str | None = None) -> Json:
    return {"coding": list(codings), **({"text": text} if text else {})}


def coding(system: str, code: str, **more: Any) -> Json:
    return {"system": system, "code": code, **more}


def observation(code: Json, **more: Any) -> Json:
    return {"resourceType": "Observation", "id": "o", "status": "final", "code": code, **more}


def condition(*codings: Json, **more: Any) -> Json:
    subject = {"reference": "Patient/p"}
    return {"resourceType": "Condition", "id": "c", "subject": subject, "code": concept(*codings), **more}
