"""Builders for the sandbox's tests."""

from __future__ import annotations

from typing import Any

from chartbridge.features.networks.protocol import PatientIdentity, RemotePatient
from chartbridge.features.networks.sandbox import SandboxHie, SandboxLab, SandboxPharmacy

PERSONAS = ("jane", "chris", "ollie", "andreas", "kyla")
HL7 = {"h": "urn:hl7-org:v3", "sdtc": "urn:hl7-org:sdtc"}


def identity(first_name: str) -> PatientIdentity:
    """Somebody of this first name whose other demographics are nobody's."""
    return PatientIdentity("p-1", first_name, "Doe", "1950-06-15", "F")


def remote(first_name: str) -> RemotePatient:
    (found,) = SandboxHie().discover(identity(first_name), timeout_s=5)
    return found


def contents(first_name: str) -> dict[str, bytes]:
    """The persona's documents by MIME type and position."""
    hie, patient = SandboxHie(), remote(first_name)
    listed = hie.list_documents(patient, timeout_s=5)
    return {
        f"{index} {document.mime_type}": hie.fetch(patient, document, timeout_s=5)
        for index, document in enumerate(listed)
    }


def ccd(first_name: str) -> bytes:
    return contents(first_name)["0 application/xml"]


def fills(first_name: str, subject_id: str = "p-1") -> list[dict[str, Any]]:
    return list(SandboxPharmacy().resources(remote(first_name), subject_id=subject_id, timeout_s=5))


def lab_reports(first_name: str, subject_id: str = "p-1") -> list[dict[str, Any]]:
    return list(SandboxLab().resources(remote(first_name), subject_id=subject_id, timeout_s=5))


def of_type(resources: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [resource for resource in resources if resource["resourceType"] == kind]
