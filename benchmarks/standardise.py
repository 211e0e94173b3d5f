"""How long it takes to standardise resources, with warm caches.

    .venv/bin/python benchmarks/standardise.py [--resources 10000] [--edition FILE]

Without an edition, one with a few codes is made. Prints the best of five runs, in seconds of one processor.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from chartbridge.terminology.edition import Edition
from chartbridge.terminology.rows import Concept, Property, Source, System
from chartbridge.terminology.standardise import Standardiser
from chartbridge.terminology.writing import EditionWriter

LOINC = "http://loinc.org"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
CODES = 200


def small_edition(path: Path) -> None:
    with EditionWriter(path) as writer:
        writer.add(Source("made", "Made", "1", "", "", "none", "", "this script"))
        writer.add(System(LOINC, "LOINC", "made", "made", complete=False))
        writer.add(System(ICD10CM, "ICD-10-CM", "made", "made", complete=False))
        for number in range(CODES):
            writer.add(Concept(LOINC, f"{number}-0", f"Analyte {number}"))
            writer.add(Property(LOINC, f"{number}-0", "loinc-class", "CHEM"))
            writer.add(Property(LOINC, f"{number}-0", "example-unit", "mg/dL"))
            writer.add(Concept(ICD10CM, f"E{number % 90 + 10}.{number // 90}", f"Disease {number}"))
            writer.add(Property(ICD10CM, f"E{number % 90 + 10}.{number // 90}", "chronicity", "C"))
        writer.finish()


def resource(number: int) -> dict[str, Any]:
    kind = number % 4
    pick, said = number % CODES, f"Said {number}"
    if kind == 3:
        code = {
            "coding": [{"system": ICD10CM, "code": f"E{pick % 90 + 10}{pick // 90}"}],
            "text": said,
        }
        return {"resourceType": "Condition", "id": str(number), "code": code, "onsetDateTime": "2020-01-02"}
    code = {
        "coding": [{"system": LOINC, "code": f"{pick}-0", "display": "Analyte"}],
        "text": said,
    }
    value = {"value": number / 7, "unit": ("mg/dL", "g/L", "mg/dl")[kind]}
    limits = [{"low": {"value": 1, "unit": "mg/dl"}, "high": {"value": 9, "unit": "mg/dl"}}]
    return {
        "resourceType": "Observation",
        "id": str(number),
        "status": "final",
        "code": code,
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-01-02T10:00:00Z",
        "performer": [{"reference": "Practitioner/a", "display": "A"}],
        "valueQuantity": value,
        "referenceRange": limits,
        "meta": {"source": "a.xml"},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--edition", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.edition
        if path is None:
            path = Path(folder) / "made.edition"
            small_edition(path)
        with Edition.open(path) as edition:
            standardiser = Standardiser(edition)
            resources = [resource(number) for number in range(given.resources)]
            times = []
            for _ in range(5):
                begun = time.process_time()
                made = [standardiser.resource(one) for one in resources]
                times.append(time.process_time() - begun)
            begun = time.process_time()
            again = [standardiser.resource(one) for one in made]
            second = time.process_time() - begun
    unchanged = sum(one is other for one, other in zip(made, again, strict=True))
    print(f"{given.resources} resources: first {times[0]:.3f} s, best {min(times):.3f} s")
    print(f"standard already: {second:.3f} s, {unchanged} came back as they were")


if __name__ == "__main__":
    main()
