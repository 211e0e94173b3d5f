"""Pharmacy fills: one MedicationRequest a prescription, one MedicationDispense a fill (FHIR R4).

They tell of the medications in the persona's C-CDA, so both accounts agree on drug, directions and
dates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from chartbridge.features.networks.protocol import Resource
from chartbridge.features.networks.sandbox.fhir import (
    ICD10,
    NDC,
    RXNORM,
    SNOMED,
    UCUM,
    Maker,
    coding,
    concept,
    refer,
)
from chartbridge.features.networks.sandbox.persona import Facts, Persona, display_name

ORAL = concept(coding(SNOMED, "26643006", "Oral route"), text="By mouth")
SUBCUTANEOUS = concept(coding(SNOMED, "34206005", "Subcutaneous route"), text="Under the skin")
DOSE_NAMES = {"{tablet}": "tablet", "{capsule}": "capsule", "[iU]": "unit"}


def resources(persona: Persona, subject_id: str) -> Iterator[Resource]:
    """The pharmacy, the prescribers, then each prescription with its fills."""
    make = Maker(persona, subject_id)
    shop = make.organization(persona.facts["pharmacy"], "prov", "Healthcare Provider")
    yield shop
    dispensed = [medication for medication in persona.each("medication") if medication.get("fills")]
    prescribers: dict[str, Resource] = {}
    for medication in dispensed:
        clinician = persona.clinician(medication.get("clinician"))
        if clinician["key"] not in prescribers:
            prescribers[clinician["key"]] = make.practitioner(clinician)
            yield prescribers[clinician["key"]]
    for medication in dispensed:
        clinician = persona.clinician(medication.get("clinician"))
        request = _request(make, medication, prescribers[clinician["key"]], display_name(clinician))
        yield request
        for number, day in enumerate(medication["fills"]):
            yield _dispense(make, medication, request, shop, number, day)


def _request(make: Maker, medication: Facts, prescriber: Resource, prescriber_name: str) -> Resource:
    reason = make.persona.look_up("problem", medication["reason"])
    return {
        "resourceType": "MedicationRequest",
        "id": make.id("MedicationRequest", medication["key"]),
        "identifier": make.identifier("prescription", medication["key"]),
        "status": "completed" if "end" in medication else "active",
        "intent": "order",
        "category": [
            concept(
                coding(
                    "http://terminology.hl7.org/CodeSystem/medicationrequest-category",
                    "community",
                    "Community",
                )
            )
        ],
        "reportedBoolean": False,
        "medicationCodeableConcept": _drug(make, medication, packaged=False),
        "subject": make.subject,
        "authoredOn": str(medication["start"]),
        "requester": refer(prescriber, prescriber_name),
        "reasonCode": [
            concept(
                coding(SNOMED, reason["snomed"], reason["display"]),
                coding(ICD10, reason["icd10"], reason["display"]),
                text=reason["display"],
            )
        ],
        "dosageInstruction": [_dosage(make, medication)],
        "dispenseRequest": {
            "numberOfRepeatsAllowed": medication["refills"],
            "quantity": _amount(make, medication),
            "expectedSupplyDuration": _days(medication),
        },
    }


def _dispense(
    make: Maker, medication: Facts, request: Resource, shop: Resource, number: int, day: dt.date
) -> Resource:
    first = number == 0 and day - medication["start"] <= dt.timedelta(days=30)
    kind = ("FF", "First Fill") if first else ("RF", "Refill")
    return {
        "resourceType": "MedicationDispense",
        "id": make.id("MedicationDispense", medication["key"], day),
        "identifier": make.identifier("fill", medication["key"], day),
        "status": "completed",
        "category": concept(
            coding(
                "http://terminology.hl7.org/fhir/CodeSystem/medicationdispense-category",
                "community",
                "Community",
            )
        ),
        "medicationCodeableConcept": _drug(make, medication, packaged=True),
        "subject": make.subject,
        "performer": [{"actor": refer(shop, shop["name"])}],
        "authorizingPrescription": [refer(request)],
        "type": concept(coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", *kind)),
        "quantity": _amount(make, medication),
        "daysSupply": _days(medication),
        "whenPrepared": f"{day}T09:00:00Z",
        "whenHandedOver": f"{day}T18:30:00Z",
        "dosageInstruction": [_dosage(make, medication)],
    }


def _drug(make: Maker, medication: Facts, *, packaged: bool) -> Resource:
    """RxNorm, and for a dispensed package its NDC where the catalog has one."""
    drug = make.persona.look_up("drug", medication["drug"])
    codings = [coding(RXNORM, drug["rxnorm"], drug["display"])]
    if packaged and "ndc" in drug:
        codings.append(coding(NDC, drug["ndc"]))
    return concept(*codings, text=drug["display"])


def _dosage(make: Maker, medication: Facts) -> Resource:
    drug = make.persona.look_up("drug", medication["drug"])
    dosage: dict[str, Any] = {"sequence": 1, "text": medication["sig"]}
    if "every_h" in medication:
        dosage["timing"] = {
            "repeat": {"frequency": 1, "period": medication["every_h"], "periodUnit": "h"},
        }
    elif "event" in medication:
        dosage["timing"] = {"repeat": {"when": [medication["event"]]}}
    if "as_needed" in medication:
        need = make.persona.look_up("problem", medication["as_needed"])
        dosage["asNeededCodeableConcept"] = concept(
            coding(SNOMED, need["snomed"], need["display"]), text=need["display"]
        )
    dosage["route"] = SUBCUTANEOUS if drug.get("subcutaneous") else ORAL
    if "dose" in medication:
        dosage["doseAndRate"] = [
            {
                "doseQuantity": {
                    "value": medication["dose"],
                    "unit": DOSE_NAMES[drug["unit"]],
                    "system": UCUM,
                    "code": drug["unit"],
                }
            }
        ]
    return dosage


def _amount(make: Maker, medication: Facts) -> Resource:
    drug = make.persona.look_up("drug", medication["drug"])
    unit: str = drug["pack"] if "pack" in drug else drug["unit"]
    return {
        "value": medication["quantity"],
        "unit": DOSE_NAMES.get(unit, unit),
        "system": UCUM,
        "code": unit,
    }


def _days(medication: Facts) -> Resource:
    return {"value": medication["days_supply"], "unit": "day", "system": UCUM, "code": "d"}
