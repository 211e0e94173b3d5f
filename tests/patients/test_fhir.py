"""A patient as FHIR."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.features.patients.fhir import to_fhir
from chartbridge.features.patients.models import Patient
from tests.patients.caller import Caller, Json, an_address

ID = "0196a000-0000-7000-8000-000000000001"


def a_row(**changes: Any) -> Patient:
    return Patient(
        **{
            "id": ID,
            "first_name": "Ana",
            "last_name": "Ruiz",
            "dob": "1980-04-02",
            "gender_at_birth": "F",
            "address": [{**an_address(), "country": "USA"}],
            "contact": [],
            "personal_identifiers": [],
            "external_id": None,
            "additional_ids": {},
            **changes,
        }
    )


def test_a_patient_becomes_a_whole_resource() -> None:
    row = a_row(
        first_name="Ana, María  Luz",
        last_name="Ruiz,Sol",
        external_id="mrn-1",
        additional_ids={"healthix": ["h-1"]},
        address=[
            {**an_address(addressLine2="Apt 2", coordinates={"lat": 43.6, "lon": -116.2}), "country": "USA"},
            {**an_address(city="Provo", state="UT"), "country": "USA"},
        ],
        contact=[{"phone": "2085550100", "email": "ana@example.com"}, {"phone": "2085550101"}],
        personal_identifiers=[
            {"type": "ssn", "value": "123-45-6789"},
            {
                "type": "driversLicense",
                "value": "D1",
                "state": "CA",
                "assigner": "DMV",
                "period": {"start": "20200101", "end": "2030-01-01T00:00:00Z"},
            },
        ],
    )

    assert to_fhir(row) == {
        "resourceType": "Patient",
        "id": ID,
        "identifier": [
            {"use": "official", "system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{ID}"},
            {"use": "secondary", "system": "urn:chartbridge:external-id", "value": "mrn-1"},
            {"use": "secondary", "system": "urn:chartbridge:additional-id:healthix", "value": "h-1"},
            {
                "type": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
                            "code": "SS",
                            "display": "Social Security number",
                        }
                    ]
                },
                "system": "http://hl7.org/fhir/sid/us-ssn",
                "value": "123-45-6789",
            },
            {
                "type": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
                            "code": "DL",
                            "display": "Driver's license number",
                        }
                    ]
                },
                "system": "urn:oid:2.16.840.1.113883.4.3.6",
                "value": "D1",
                "period": {"start": "2020-01-01", "end": "2030-01-01"},
                "assigner": {"display": "DMV"},
            },
        ],
        "name": [
            {
                "use": "official",
                "text": "Ana María Luz Ruiz Sol",
                "family": "Ruiz Sol",
                "given": ["Ana", "María", "Luz"],
            }
        ],
        "telecom": [
            {"system": "phone", "value": "2085550100"},
            {"system": "email", "value": "ana@example.com"},
            {"system": "phone", "value": "2085550101"},
        ],
        "gender": "female",
        "birthDate": "1980-04-02",
        "address": [
            {
                "line": ["9 Elm St", "Apt 2"],
                "city": "Boise",
                "state": "ID",
                "postalCode": "83702",
                "country": "USA",
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/geolocation",
                        "extension": [
                            {"url": "latitude", "valueDecimal": 43.6},
                            {"url": "longitude", "valueDecimal": -116.2},
                        ],
                    }
                ],
            },
            {
                "line": ["9 Elm St"],
                "city": "Provo",
                "state": "UT",
                "postalCode": "83702",
                "country": "USA",
            },
        ],
    }


def test_what_is_absent_leaves_no_empty_element() -> None:
    assert set(to_fhir(a_row())) == {
        "resourceType",
        "id",
        "identifier",
        "name",
        "gender",
        "birthDate",
        "address",
    }


@pytest.mark.parametrize(
    ("code", "gender"), [("M", "male"), ("F", "female"), ("O", "other"), ("U", "unknown")]
)
def test_every_gender_has_its_code(code: str, gender: str) -> None:
    assert to_fhir(a_row(gender_at_birth=code))["gender"] == gender


@pytest.mark.parametrize(("state", "number"), [("AL", 1), ("DC", 11), ("MA", 25), ("WA", 53), ("WY", 56)])
def test_a_licence_is_identified_within_its_state(state: str, number: int) -> None:
    licence = {"type": "driversLicense", "value": "D1", "state": state}

    identifier = to_fhir(a_row(personal_identifiers=[licence]))["identifier"][-1]

    assert identifier["system"] == f"urn:oid:2.16.840.1.113883.4.3.{number}"


@pytest.mark.parametrize("first_name", [" , ", ","], ids=["commas and spaces", "a comma"])
def test_a_name_of_separators_only_leaves_out_what_it_does_not_have(first_name: str) -> None:
    assert to_fhir(a_row(first_name=first_name))["name"] == [
        {"use": "official", "text": "Ruiz", "family": "Ruiz"}
    ]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_read_answers_with_fhir_when_asked(api: Caller, clinic: Json) -> None:
    created = api.patient(clinic, externalId="mrn-1")

    resource = api.get(f"/patient/{created['id']}", output="fhir")

    assert (resource["resourceType"], resource["id"]) == ("Patient", created["id"])
    assert api.get(f"/patient/{created['id']}", output="json") == created
