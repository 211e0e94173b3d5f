"""Laboratory reports: DiagnosticReport with its Observations and Specimen (FHIR R4).

The laboratory knows every panel of the persona, those that reached the C-CDA and those that did
not; values, units, ranges and flags are those of the C-CDA.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from chartbridge.features.networks.protocol import Resource
from chartbridge.features.networks.sandbox.fhir import LOINC, SNOMED, UCUM, Maker, coding, concept, refer
from chartbridge.features.networks.sandbox.measures import FLAG_DISPLAYS, Result, panel_key, results
from chartbridge.features.networks.sandbox.persona import Facts, Persona

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
SPECIMENS = {
    "urine": coding(SNOMED, "122575003", "Urine specimen"),
    "blood": coding(SNOMED, "119297000", "Blood specimen"),
}
URINE_PANELS = {"urinalysis", "uacr"}
TURNAROUND = dt.timedelta(hours=20)


def resources(persona: Persona, subject_id: str) -> Iterator[Resource]:
    """The laboratory, then each panel: specimen, observations, report."""
    make = Maker(persona, subject_id)
    laboratory = make.organization(persona.facts["laboratory"], "prov", "Healthcare Provider")
    yield laboratory
    orderer = make.practitioner(persona.clinician())
    yield orderer
    for lab in persona.each("lab"):
        specimen = _specimen(make, lab)
        observations = [
            _observation(make, lab, result, specimen, laboratory) for result in results(persona, lab)
        ]
        order = _order(make, lab, orderer)
        yield order
        yield specimen
        yield from observations
        yield _report(make, lab, specimen, observations, laboratory, order)


def _panel(make: Maker, lab: Facts) -> Resource:
    panel = make.persona.look_up("panel", lab["panel"])
    return concept(coding(LOINC, panel["loinc"], panel["display"]), text=panel["display"])


def _order(make: Maker, lab: Facts, orderer: Resource) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "id": make.id("ServiceRequest", panel_key(lab)),
        "identifier": make.identifier("order", panel_key(lab)),
        "status": "completed",
        "intent": "order",
        "category": [concept(coding(SNOMED, "108252007", "Laboratory procedure"))],
        "code": _panel(make, lab),
        "subject": make.subject,
        "authoredOn": lab["drawn"].isoformat(),
        "requester": refer(orderer),
    }


def _specimen(make: Maker, lab: Facts) -> Resource:
    kind = SPECIMENS["urine" if lab["panel"] in URINE_PANELS else "blood"]
    return {
        "resourceType": "Specimen",
        "id": make.id("Specimen", panel_key(lab)),
        "status": "available",
        "type": concept(kind, text=kind["display"]),
        "subject": make.subject,
        "collection": {"collectedDateTime": lab["drawn"].isoformat()},
    }


def _observation(
    make: Maker, lab: Facts, result: Result, specimen: Resource, laboratory: Resource
) -> Resource:
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "id": make.id("Observation", panel_key(lab), result.key),
        "identifier": make.identifier("laboratory-result", panel_key(lab), result.key),
        "status": "final",
        "category": [
            concept(
                coding(
                    "http://terminology.hl7.org/CodeSystem/observation-category",
                    "laboratory",
                    "Laboratory",
                )
            )
        ],
        "code": concept(coding(LOINC, result.loinc, result.display), text=result.display),
        "subject": make.subject,
        "effectiveDateTime": lab["drawn"].isoformat(),
        "issued": _issued(lab),
        "performer": [refer(laboratory, laboratory["name"])],
        "specimen": refer(specimen),
        **_value(make, result),
    }
    if result.flag:
        observation["interpretation"] = [
            concept(coding(INTERPRETATION, result.flag, FLAG_DISPLAYS[result.flag]))
        ]
    if result.range_text:
        observation["referenceRange"] = [_range(result)]
    return observation


def _value(make: Maker, result: Result) -> Resource:
    if not isinstance(result.value, str):
        return {"valueQuantity": _quantity(result.value, result.unit)}
    if not result.presence:
        return {"valueString": result.value}
    found = make.persona.look_up("presence", result.value)
    return {
        "valueCodeableConcept": concept(coding(SNOMED, found["code"], found["display"]), text=result.value)
    }


def _quantity(value: float, unit: str | None) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _range(result: Result) -> Resource:
    found: dict[str, Any] = {"text": result.range_text}
    if result.low is not None:
        found["low"] = _quantity(result.low, result.unit)
    if result.high is not None:
        found["high"] = _quantity(result.high, result.unit)
    return found


def _issued(lab: Facts) -> str:
    drawn: dt.datetime = lab["drawn"]
    return (drawn + TURNAROUND).isoformat()


def _report(
    make: Maker,
    lab: Facts,
    specimen: Resource,
    observations: list[Resource],
    laboratory: Resource,
    order: Resource,
) -> Resource:
    return {
        "resourceType": "DiagnosticReport",
        "id": make.id("DiagnosticReport", panel_key(lab)),
        "identifier": make.identifier("laboratory-report", panel_key(lab)),
        "basedOn": [refer(order)],
        "status": "final",
        "category": [concept(coding("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory"))],
        "code": _panel(make, lab),
        "subject": make.subject,
        "effectiveDateTime": lab["drawn"].isoformat(),
        "issued": _issued(lab),
        "performer": [refer(laboratory, laboratory["name"])],
        "specimen": [refer(specimen)],
        "result": [refer(observation) for observation in observations],
    }
