"""How long many documents take to become one chart.

    python benchmarks/consolidate.py

Invents the charts that consolidation is for: every hospital repeats the same conditions, medications,
allergies and vaccinations in its own words and with dates of its own precision, and adds visits, vital signs
and laboratory results of its own, of which its neighbours repeat some. 10,000 resources come from 200
documents, and ten times as many from ten times as many documents; for each the best of three runs. The
bounds are of processor time, so that they can be checked beside other work; the time by the clock is shown.
As in the processes that make charts (`chart_task`), the cyclic garbage collector rests meanwhile.
"""

from __future__ import annotations

import gc
import platform
import sys
import time
from random import Random
from typing import Any

from chartbridge.consolidate.merge import SourceBundle, consolidate

Resource = dict[str, Any]
PATIENT: Resource = {"resourceType": "Patient", "id": "p-now"}
SCT, LOINC, RXNORM = (
    "http://snomed.info/sct",
    "http://loinc.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
)
CVX, ICD = "http://hl7.org/fhir/sid/cvx", "http://hl7.org/fhir/sid/icd-10-cm"
CONDITIONS = [
    ("44054006", "E11.9", "Type 2 diabetes mellitus", "2009-03-12"),
    ("59621000", "I10", "Essential hypertension", "2011-10-05"),
    ("83986005", "E03.8", "Severe hypothyroidism", "2006-12-31"),
    ("195967001", "J45.909", "Asthma", "1998"),
]
DRUGS = [("209459", "Acetaminophen 500 MG"), ("860975", "Metformin 500 MG"), ("314076", "Lisinopril 10 MG")]
ALLERGENS = [("7980", "Penicillin G"), ("2670", "Codeine")]
VACCINES = [("88", "Influenza", "2014-05-10"), ("106", "Tetanus and diphtheria", "2012-01-04")]
TESTS = [("2345-7", "Glucose", "mg/dL", 70, 180), ("718-7", "Hemoglobin", "g/dL", 11, 16),
         ("2160-0", "Creatinine", "mg/dL", 1, 2), ("8867-4", "Heart rate", "/min", 55, 110),
         ("29463-7", "Body weight", "kg", 84, 92)]  # fmt: skip
PER_DOCUMENT = 50


def sources(resources: int, seed: int = 5) -> list[SourceBundle]:
    """So many resources in documents of fifty; the same each time for a seed."""
    random = Random(seed)
    return [_document(number, random) for number in range(resources // PER_DOCUMENT)]


def _document(number: int, random: Random) -> SourceBundle:
    day = _day(random, number)
    made = [*_directory(number), *_standing_facts(number, random)]
    visit = _visit(number, day)
    made.append(visit)
    while len(made) < PER_DOCUMENT:
        # One in three is the neighbour's, told again with the day alone.
        repeats = number > 0 and random.random() < 1 / 3
        slot = random.randrange(40)
        made.append(_result(number, len(made), number - 1 if repeats else number, slot, repeats))
    name = f"hospital-{number}"
    return SourceBundle(made, f"{name}.xml", "BENCHMARK", name, f"{day}T12:00:00Z")


def _id(number: int, name: str) -> Resource:
    return {"id": f"{name}-{number}", "identifier": [{"system": f"urn:oid:2.999.{number}", "value": name}]}


def _directory(number: int) -> list[Resource]:
    clinic = number % 20
    doctor = {
        "resourceType": "Practitioner",
        **_id(number, "doctor"),
        "name": [{"family": f"Family{clinic}", "given": ["Given"]}],
        "telecom": [{"system": "phone", "value": f"+1 (555) 555-{clinic:04}"}],
    }
    place = {
        "resourceType": "Organization",
        **_id(number, "clinic"),
        "name": f"Clinic {clinic}",
        "address": [{"line": [f"{clinic} Rocky Place"], "city": "Beaverton", "postalCode": "97006"}],
    }
    drugs: list[Resource] = [
        {
            "resourceType": "Medication",
            "id": f"drug-{number}-{code}",
            "code": _concept(RXNORM, code, words, number),
        }
        for code, words in DRUGS
    ]
    return [doctor, place, *drugs]


def _standing_facts(number: int, random: Random) -> list[Resource]:
    asserted = {"reference": f"Practitioner/doctor-{number}"}
    facts: list[Resource] = []
    for code, icd, words, onset in CONDITIONS:
        concept = _concept(SCT, code, words, number)
        if number % 3 == 0:
            concept["coding"].append({"system": ICD, "code": icd})
        dated = {"onsetDateTime": onset[:4] if number % 4 == 1 else onset} if number % 5 else {}
        facts.append(
            _statement("Condition", number, code, {"code": concept, **dated, "recorder": asserted})
            | {"clinicalStatus": {"coding": [{"code": "active"}]}}
        )
    for code, words in ALLERGENS:
        facts.append(
            _statement("AllergyIntolerance", number, code, {"code": _concept(RXNORM, code, words, number)})
            | {"patient": {"reference": "Patient/p-then"}, "recorder": asserted}
        )
    for code, _words in DRUGS:
        facts.append(
            _statement("MedicationStatement", number, code, {"status": random.choice(("active", "unknown"))})
            | {"medicationReference": {"reference": f"Medication/drug-{number}-{code}"}}
            | {"effectivePeriod": {"start": "2015-06-22"}}
        )
    for code, words, day in VACCINES:
        given = {"vaccineCode": _concept(CVX, code, words, number), "occurrenceDateTime": day}
        facts.append(_statement("Immunization", number, code, {"status": "completed", **given}))
    return facts


def _visit(number: int, day: str) -> Resource:
    return _statement(
        "Encounter",
        number,
        "visit",
        {
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "period": {"start": f"{day}T09:30:00-05:00"},
            "serviceProvider": {"reference": f"Organization/clinic-{number}"},
        },
    )


def _result(document: int, place: int, of: int, slot: int, day_only: bool) -> Resource:
    random = Random(of * 1000 + slot)
    code, words, unit, low, high = TESTS[slot % len(TESTS)]
    day = _day(random, of)
    return _statement(
        "Observation",
        document,
        f"result-{place}",
        {
            "status": "final",
            "code": _concept(LOINC, code, words, document),
            "effectiveDateTime": day if day_only else f"{day}T{8 + slot % 10:02}:{slot:02}:00-05:00",
            "valueQuantity": {"value": round(random.uniform(low, high), 1), "unit": unit, "code": unit},
            "performer": [{"reference": f"Practitioner/doctor-{document}"}],
        },
    )


def _statement(kind: str, number: int, name: str, elements: Resource) -> Resource:
    return {"resourceType": kind, **_id(number, name), "subject": {"reference": "Patient/p-then"}, **elements}


def _concept(system: str, code: str, words: str, number: int) -> Resource:
    said = (words, words.upper(), f"{words} (disorder)", f"{words}, unspecified")[number % 4]
    return {"coding": [{"system": system, "code": code, "display": said}]}


def _day(random: Random, number: int) -> str:
    return f"{2000 + number % 25}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"


def best_of(runs: int, resources: int) -> tuple[float, float, int]:
    """The shortest processor time and time by the clock in seconds; how many resources the chart has."""
    given = sources(resources)
    times, clock = [], []
    kept = 0
    for _ in range(runs):
        start, began = time.process_time(), time.perf_counter()
        kept = len(consolidate(given, patient=PATIENT).resources)
        times.append(time.process_time() - start)
        clock.append(time.perf_counter() - began)
    return min(times), min(clock), kept


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}")
    gc.disable()
    small, clock, kept = best_of(3, 10_000)
    print(f"10,000 resources of 200 documents: {small:.2f} s ({clock:.2f} s by the clock), {kept:,} stand")
    large, clock, kept = best_of(3, 100_000)
    print(f"100,000 resources of 2,000 documents: {large:.2f} s ({clock:.2f} s by the clock), {kept:,} stand")
    print(f"ratio {large / small:.1f}")
    if small > 2 or large > 11 * small:
        sys.exit("slower than 2 s, or more than 11 times as slow for ten times as much")


if __name__ == "__main__":
    main()
