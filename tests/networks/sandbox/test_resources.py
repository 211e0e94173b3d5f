from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from chartbridge.features.networks.sandbox.persona import load
from tests.networks.sandbox.support import PERSONAS, ccd, fills, lab_reports, of_type


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


@pytest.mark.parametrize("key", PERSONAS)
@pytest.mark.parametrize("source", [fills, lab_reports])
def test_references_lead_to_the_patient_or_to_what_is_yielded_too(key: str, source: Any) -> None:
    resources = source(key)
    known = {f"{r['resourceType']}/{r['id']}" for r in resources} | {"Patient/p-1"}
    assert set(_references(resources)) <= known
    assert len(known) == len(resources) + 1


@pytest.mark.parametrize("key", PERSONAS)
def test_a_resource_comes_after_what_it_refers_to(key: str) -> None:
    for resources in (fills(key), lab_reports(key)):
        seen = {"Patient/p-1"}
        for resource in resources:
            assert set(_references(resource)) <= seen
            seen.add(f"{resource['resourceType']}/{resource['id']}")


@pytest.mark.parametrize("source", [fills, lab_reports])
def test_two_patients_never_share_a_resource_and_one_always_gets_the_same(source: Any) -> None:
    ids = {resource["id"] for resource in source("jane", "p-1")}
    assert ids == {resource["id"] for resource in source("jane", "p-1")}
    assert not ids & {resource["id"] for resource in source("jane", "p-2")}
    assert not ids & {resource["id"] for resource in source("chris", "p-1")}


@pytest.mark.parametrize("key", PERSONAS)
def test_every_clinical_resource_is_about_the_patient_asked_for(key: str) -> None:
    for resource in [*fills(key, "abc"), *lab_reports(key, "abc")]:
        if resource["resourceType"] not in {"Practitioner", "Organization"}:
            assert resource["subject"] == {"reference": "Patient/abc"}


@pytest.mark.parametrize("key", PERSONAS)
def test_dispensed_medicines_are_those_of_the_c_cda(key: str) -> None:
    document = ccd(key).decode()
    dispenses = of_type(fills(key), "MedicationDispense")
    assert len(dispenses) >= 15
    for dispense in dispenses:
        (rxnorm,) = [
            c["code"] for c in dispense["medicationCodeableConcept"]["coding"] if "rxnorm" in c["system"]
        ]
        assert f'code="{rxnorm}"' in document


@pytest.mark.parametrize("key", PERSONAS)
def test_fills_tell_quantity_days_and_hand_over(key: str) -> None:
    for dispense in of_type(fills(key), "MedicationDispense"):
        assert dispense["daysSupply"]["value"] > 0
        assert dispense["quantity"]["value"] > 0
        assert dispense["whenPrepared"] <= dispense["whenHandedOver"]


@pytest.mark.parametrize("key", PERSONAS)
def test_a_fill_falls_within_its_prescription(key: str) -> None:
    persona = load(key)
    for medication in persona.each("medication"):
        for day in medication.get("fills", []):
            assert medication["start"] <= day <= medication.get("end", persona.written.date())


def test_some_fills_carry_an_eleven_digit_ndc() -> None:
    found = [
        coding["code"]
        for dispense in of_type(fills("jane"), "MedicationDispense")
        for coding in dispense["medicationCodeableConcept"]["coding"]
        if coding["system"].endswith("/ndc")
    ]
    assert found
    assert all(len(code) == 11 and code.isdigit() for code in found)


@pytest.mark.parametrize("key", PERSONAS)
def test_a_report_gathers_the_observations_of_its_panel(key: str) -> None:
    resources = lab_reports(key)
    observations = {f"Observation/{r['id']}" for r in of_type(resources, "Observation")}
    reported = [result["reference"] for r in of_type(resources, "DiagnosticReport") for result in r["result"]]
    assert sorted(reported) == sorted(observations)


@pytest.mark.parametrize("key", PERSONAS)
def test_the_laboratory_knows_the_charts_panels_and_more(key: str) -> None:
    charted = ccd(key).decode().count('<organizer classCode="BATTERY"')
    assert 0 < charted < len(of_type(lab_reports(key), "DiagnosticReport"))


@pytest.mark.parametrize("key", PERSONAS)
def test_flags_agree_with_value_and_range(key: str) -> None:
    for observation in of_type(lab_reports(key), "Observation"):
        if "valueQuantity" not in observation or "referenceRange" not in observation:
            continue
        value, limits = observation["valueQuantity"]["value"], observation["referenceRange"][0]
        flag = observation["interpretation"][0]["coding"][0]["code"]
        assert (flag == "L") == ("low" in limits and value < limits["low"]["value"])
        assert (flag == "H") == ("high" in limits and value > limits["high"]["value"])


@pytest.mark.parametrize("key", PERSONAS)
def test_no_result_is_issued_before_it_was_drawn(key: str) -> None:
    for report in of_type(lab_reports(key), "DiagnosticReport"):
        drawn = dt.datetime.fromisoformat(report["effectiveDateTime"])
        assert drawn < dt.datetime.fromisoformat(report["issued"])
