"""The personas' C-CDAs through the real converter: what arrives in the chart."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest

from chartbridge.ccda import Conversion, convert
from chartbridge.features.networks.sandbox.persona import load
from tests.networks.sandbox.support import PERSONAS, ccd, of_type

EXPECTED = {
    "Patient",
    "Composition",
    "AllergyIntolerance",
    "Condition",
    "Encounter",
    "Immunization",
    "Procedure",
    "DiagnosticReport",
    "Observation",
    "FamilyMemberHistory",
    "Goal",
    "CareTeam",
    "Coverage",
    "Practitioner",
    "Organization",
    "ServiceRequest",
}


@cache
def _conversion(key: str) -> Conversion:
    return convert(ccd(key), "p-1")


def _resources(key: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in _conversion(key).bundle["entry"]]


@pytest.mark.parametrize("key", PERSONAS)
def test_every_statement_is_converted(key: str) -> None:
    report = _conversion(key).report
    assert report.totals["not-converted"] == 0, report.not_converted[:3]
    assert report.totals["statements"] > 250


@pytest.mark.parametrize("key", PERSONAS)
def test_the_chart_holds_all_kinds_of_resources(key: str) -> None:
    counted = Counter(resource["resourceType"] for resource in _resources(key))
    assert not EXPECTED - counted.keys()
    assert counted["MedicationRequest"] + counted["MedicationStatement"] >= 6


@pytest.mark.parametrize("key", PERSONAS)
def test_the_patient_is_the_persona(key: str) -> None:
    (patient,) = of_type(_resources(key), "Patient")
    who = load(key).patient
    assert patient["birthDate"] == str(who["dob"])
    assert patient["name"][0]["family"] == who["last_name"]
    assert patient["address"][0]["postalCode"] == who["zip"]


@pytest.mark.parametrize("key", PERSONAS)
def test_a_refused_vaccine_stays_refused(key: str) -> None:
    done = Counter(resource["status"] for resource in of_type(_resources(key), "Immunization"))
    assert done["not-done"] == 1
    assert done["completed"] == len(load(key).each("immunization")) - 1


@pytest.mark.parametrize("key", PERSONAS)
def test_what_the_patient_does_not_have_is_not_a_diagnosis(key: str) -> None:
    persona = load(key)
    for problem in persona.each("problem"):
        if problem.get("negated"):
            code = persona.look_up("problem", problem["code"])["snomed"]
            for condition in of_type(_resources(key), "Condition"):
                if any(coding["code"] == code for coding in condition["code"]["coding"]):
                    assert condition["verificationStatus"]["coding"][0]["code"] == "refuted"


@pytest.mark.parametrize("key", PERSONAS)
def test_each_result_of_the_chart_arrives_with_its_value(key: str) -> None:
    persona = load(key)
    arrived = Counter(
        (coding["code"], observation["valueQuantity"]["value"])
        for observation in of_type(_resources(key), "Observation")
        if "valueQuantity" in observation
        for coding in observation["code"]["coding"]
    )
    for lab in persona.each("lab"):
        if lab.get("in_chart", True):
            for test, measured in lab["values"].items():
                if not isinstance(measured, str):
                    assert arrived[(persona.look_up("lab", test)["loinc"], measured)] >= 1, (test, measured)
