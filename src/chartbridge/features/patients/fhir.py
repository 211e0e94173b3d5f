"""A patient as a FHIR R4 Patient, after the US Core Patient profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from chartbridge.features.patients.models import Patient
from chartbridge.features.patients.reading import StoredPatient

SSN_SYSTEM = "http://hl7.org/fhir/sid/us-ssn"
URI_SYSTEM = "urn:ietf:rfc:3986"
EXTERNAL_ID_SYSTEM = "urn:chartbridge:external-id"
ADDITIONAL_ID_SYSTEM = "urn:chartbridge:additional-id"
GEOLOCATION = "http://hl7.org/fhir/StructureDefinition/geolocation"
IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_LICENSE_ARC = "urn:oid:2.16.840.1.113883.4.3"
_GENDERS = {"M": "male", "F": "female", "O": "other", "U": "unknown"}
_SEPARATORS = re.compile(r"[\s,]+")

# Under HL7's arc of driver's licences a state's number is its FIPS 5-2 code, which leaves some numbers out.
_FIPS_ORDER = (
    "AL AK . AZ AR CA . CO CT DE DC FL GA . HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM "
    "NY NC ND OH OK OR PA . RI SC SD TN TX UT VT VA . WA WV WI WY"
)
_FIPS = {state: number for number, state in enumerate(_FIPS_ORDER.split(), start=1)}


def to_fhir(patient: Patient | StoredPatient) -> dict[str, Any]:
    """The Patient resource; the same patient gives the same resource."""
    resource = {
        "resourceType": "Patient",
        "id": patient.id,
        "identifier": _identifiers(patient),
        "name": [_name(patient)],
        "telecom": [point for contact in patient.contact for point in _telecom(contact)],
        "gender": _GENDERS[patient.gender_at_birth],
        "birthDate": patient.dob,
        "address": [_address(address) for address in patient.address],
    }
    return {name: value for name, value in resource.items() if value}


def _identifiers(patient: Patient | StoredPatient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"use": "official", "system": URI_SYSTEM, "value": f"urn:uuid:{patient.id}"}
    ]
    if patient.external_id:
        found.append({"use": "secondary", "system": EXTERNAL_ID_SYSTEM, "value": patient.external_id})
    found += [
        {"use": "secondary", "system": f"{ADDITIONAL_ID_SYSTEM}:{source}", "value": value}
        for source, held in sorted(patient.additional_ids.items())
        for value in held
    ]
    return found + [_personal_identifier(held) for held in patient.personal_identifiers]


def _personal_identifier(held: Mapping[str, Any]) -> dict[str, Any]:
    if held["type"] == "ssn":
        code, display, system = "SS", "Social Security number", SSN_SYSTEM
    else:
        code, display = "DL", "Driver's license number"
        system = f"{_LICENSE_ARC}.{_FIPS[held['state']]}"
    identifier: dict[str, Any] = {
        "type": {"coding": [{"system": IDENTIFIER_TYPES, "code": code, "display": display}]},
        "system": system,
        "value": held["value"],
    }
    period = {name: _day(text) for name, text in (held.get("period") or {}).items() if text}
    if period:
        identifier["period"] = period
    if held.get("assigner"):
        identifier["assigner"] = {"display": held["assigner"]}
    return identifier


def _day(text: str) -> str:
    """The day of an ISO 8601 date in the extended or basic form, with or without a time."""
    return date.fromisoformat(text.partition("T")[0]).isoformat()


def _name(patient: Patient | StoredPatient) -> dict[str, Any]:
    given = [name for name in _SEPARATORS.split(patient.first_name) if name]
    family = " ".join(name for name in _SEPARATORS.split(patient.last_name) if name)
    name = {"use": "official", "text": " ".join([*given, family]).strip(), "family": family, "given": given}
    return {key: value for key, value in name.items() if value}


def _telecom(contact: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"system": system, "value": contact[system]} for system in ("phone", "email") if contact.get(system)
    ]


def _address(address: Mapping[str, Any]) -> dict[str, Any]:
    mapped: dict[str, Any] = {
        "line": [address[line] for line in ("addressLine1", "addressLine2") if address.get(line)],
        "city": address["city"],
        "state": address["state"],
        "postalCode": address["zip"],
        "country": address["country"],
    }
    point = address.get("coordinates")
    if point:
        mapped["extension"] = [
            {
                "url": GEOLOCATION,
                "extension": [
                    {"url": "latitude", "valueDecimal": point["lat"]},
                    {"url": "longitude", "valueDecimal": point["lon"]},
                ],
            }
        ]
    return mapped
