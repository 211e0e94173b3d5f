"""How long the medical record summary of a chart of 10,000 resources takes, as HTML and as PDF.

    python benchmarks/summary.py [--resources 10000] [--runs 5] [--keep FOLDER]

The chart is made here, the same each time: thirty years of a patient seen at four places, in the proportions
that exports of real systems have, two thirds of it results. Exits with 1 when the median is over a limit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from chartbridge.summary import render_html, render_pdf

Json = dict[str, Any]
LIMITS_S = {"html": 1.0, "pdf": 3.0}
NOW = datetime(2026, 2, 1, 10, 5, tzinfo=UTC)
PATIENT: Json = {
    "resourceType": "Patient",
    "id": "0196c3a2-5d6e-7a41-9c0b-2f1d3e4a5b6c",
    "name": [{"family": "Sample", "given": ["Jane"]}],
    "birthDate": "1951-03-04",
    "gender": "female",
}
_SOURCE_URL = "https://public.metriport.com/fhir/StructureDefinition/data-source.json"
_NETWORKS = ("CAREQUALITY", "COMMONWELL", "PHARMACY", "LAB")
_SHARES = {
    "labs": 0.58, "vitals": 0.12, "reports": 0.07, "dispenses": 0.06, "encounters": 0.05,
    "conditions": 0.03, "medications": 0.03, "documents": 0.03, "procedures": 0.02, "immunizations": 0.01,
}  # fmt: skip


def chart(count: int) -> list[Json]:
    """A chart of ``count`` resources, made from their numbers alone."""
    made: list[Json] = []
    for kind, share in _SHARES.items():
        made += [_MAKERS[kind](number) for number in range(round(count * share))]
    return [_sourced(one, number) for number, one in enumerate(made)]


def _sourced(held: Json, number: int) -> Json:
    network = _NETWORKS[number % len(_NETWORKS)]
    return held | {
        "id": f"r{number}",
        "meta": {"source": f"{network.lower()}/document-{number % 200}.xml"},
        "extension": [{"url": _SOURCE_URL, "valueCoding": {"code": network}}],
    }


def _day(number: int) -> str:
    return (date(2026, 1, 25) - timedelta(days=number * 37 % 11_000)).isoformat()


def _coded(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _category(code: str) -> Json:
    return _coded("http://terminology.hl7.org/CodeSystem/observation-category", code, code)


def _lab(number: int) -> Json:
    test = number % 110
    value = round(4 + test + (number * 7919 % 100) / 40, 2)
    flags = {0: "H", 50: "L"}
    flag = flags.get(number % 100)
    return {
        "resourceType": "Observation", "status": "final",
        "category": [_category("laboratory")],
        "code": _coded("http://loinc.org", f"{10_000 + test}-1", f"Analyte {test} [Mass/volume] in Serum"),
        "effectiveDateTime": f"{_day(number // 20)}T08:30:00-05:00",
        "valueQuantity": {"value": value, "unit": "mg/dL"},
        "referenceRange": [
            {"low": {"value": 4 + test, "unit": "mg/dL"}, "high": {"value": 6 + test, "unit": "mg/dL"}}
        ],
        "interpretation": [{"coding": [{"code": flag}]}] if flag else [],
        "performer": [{"display": "General Hospital Laboratory"}],
    }  # fmt: skip


_VITALS = (
    ("8867-4", "Heart rate", "/min", 72), ("9279-1", "Respiratory rate", "/min", 16),
    ("8310-5", "Body temperature", "Cel", 37), ("2708-6", "Oxygen saturation", "%", 97),
    ("29463-7", "Body weight", "kg", 70), ("39156-5", "Body mass index", "kg/m2", 25),
)  # fmt: skip


def _vital(number: int) -> Json:
    common: Json = {
        "resourceType": "Observation", "status": "final",
        "category": [_category("vital-signs")],
        "effectiveDateTime": f"{_day(number // 7)}T09:10:00-05:00",
    }  # fmt: skip
    if number % 7 == 0:
        parts = [("8480-6", "Systolic", 120 + number % 40), ("8462-4", "Diastolic", 80)]
        return common | {
            "code": _coded("http://loinc.org", "85354-9", "Blood pressure panel"),
            "component": [
                {
                    "code": _coded("http://loinc.org", code, name),
                    "valueQuantity": {"value": value, "unit": "mm[Hg]"},
                }
                for code, name, value in parts
            ],
        }
    code, name, unit, value = _VITALS[number % 7 - 1]
    quantity = {"value": value + number % 5, "unit": unit}
    return common | {"code": _coded("http://loinc.org", code, name), "valueQuantity": quantity}


def _report(number: int) -> Json:
    return {
        "resourceType": "DiagnosticReport", "status": "final",
        "code": _coded("http://loinc.org", f"{20_000 + number % 30}-1", f"Imaging study {number % 30}"),
        "effectiveDateTime": _day(number), "performer": [{"display": "Radiology Group"}],
        "conclusion": "No acute finding. " + "The structures shown are of usual size. " * (number % 9),
    }  # fmt: skip


def _drug(number: int) -> Json:
    drug = number % 40
    name = f"Drug {drug} {5 * (drug + 1)} MG Oral Tablet"
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    return {"medicationCodeableConcept": _coded(rxnorm, str(300_000 + drug), name)}


def _medication(number: int) -> Json:
    return _drug(number) | {
        "resourceType": "MedicationRequest", "intent": "order",
        "status": "active" if number % 5 == 0 else "completed", "authoredOn": _day(number),
        "dosageInstruction": [{"text": "Take 1 tablet by mouth once a day"}],
        "dispenseRequest": {"quantity": {"value": 90, "unit": "tablet"}, "numberOfRepeatsAllowed": 3},
        "requester": {"display": "Anne Example MD"},
    }  # fmt: skip


def _dispense(number: int) -> Json:
    return _drug(number) | {
        "resourceType": "MedicationDispense", "status": "completed", "whenHandedOver": _day(number),
        "quantity": {"value": 90, "unit": "tablet"}, "daysSupply": {"value": 90, "unit": "d", "code": "d"},
        "performer": [{"actor": {"display": "Old Port Apothecary"}}],
    }  # fmt: skip


def _encounter(number: int) -> Json:
    day = _day(number)
    return {
        "resourceType": "Encounter", "status": "finished", "class": {"code": "AMB", "display": "ambulatory"},
        "type": [_coded("urn:example", f"v{number % 6}", f"Office visit {number % 6}")],
        "period": {"start": day, "end": day}, "serviceProvider": {"display": "Harbor Clinic"},
        "reasonCode": [{"text": "follow-up of long-standing problems"}],
        "participant": [{"individual": {"display": "Anne Example MD"}}],
    }  # fmt: skip


def _condition(number: int) -> Json:
    return {
        "resourceType": "Condition",
        "code": _coded("http://hl7.org/fhir/sid/icd-10-cm", f"X{number:03}", f"Disorder {number}"),
        "clinicalStatus": {"coding": [{"code": "active" if number % 4 == 0 else "resolved"}]},
        "category": [{"coding": [{"code": "problem-list-item"}]}], "onsetDateTime": _day(number),
    }  # fmt: skip


def _document(number: int) -> Json:
    return {
        "resourceType": "DocumentReference", "status": "current", "date": f"{_day(number)}T12:00:00Z",
        "type": _coded("http://loinc.org", "34133-9", "Summarization of episode note"),
        "content": [{"attachment": {"contentType": "application/xml", "title": f"document-{number}.xml"}}],
    }  # fmt: skip


def _procedure(number: int) -> Json:
    return {
        "resourceType": "Procedure", "status": "completed", "performedDateTime": _day(number),
        "code": _coded("urn:example", f"p{number}", f"Procedure {number}"),
        "performer": [{"actor": {"display": "Bo Example MD"}}],
    }  # fmt: skip


def _immunization(number: int) -> Json:
    return {
        "resourceType": "Immunization", "status": "completed", "occurrenceDateTime": _day(number),
        "vaccineCode": _coded("urn:example", str(number % 15), f"Vaccine {number % 15}"),
        "lotNumber": f"L{number}",
    }  # fmt: skip


_MAKERS: dict[str, Callable[[int], Json]] = {
    "labs": _lab, "vitals": _vital, "reports": _report, "dispenses": _dispense, "encounters": _encounter,
    "conditions": _condition, "medications": _medication, "documents": _document, "procedures": _procedure,
    "immunizations": _immunization,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the medical record summary.")
    parser.add_argument("--resources", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder to write the last HTML and PDF to")
    given = parser.parse_args()
    held = chart(given.resources)
    render_pdf(held[:1], patient=PATIENT, generated_at=NOW)  # imports and fonts are loaded once in a process
    late = False
    for form in ("html", "pdf"):
        taken, made = [], b""
        worked = -time.process_time()
        for _ in range(given.runs):
            start = time.perf_counter()
            if form == "pdf":
                made = render_pdf(held, patient=PATIENT, generated_at=NOW)
            else:
                made = render_html(held, patient=PATIENT, generated_at=NOW).encode()
            taken.append(time.perf_counter() - start)
        worked += time.process_time()
        median = statistics.median(taken)
        late |= median > LIMITS_S[form]
        print(
            f"{form}: {len(held)} resources in {median:.2f} s ({min(taken):.2f} to {max(taken):.2f}; "
            f"limit {LIMITS_S[form]:.0f} s), of it {worked / given.runs:.2f} s of a processor; "
            f"{len(made) / 1e6:.1f} MB"
        )
        if given.keep:
            (given.keep / f"summary.{form}").write_bytes(made)
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
