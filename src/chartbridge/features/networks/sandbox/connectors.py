"""The three sandbox connectors: documents from an HIE, fills from a pharmacy, laboratory reports.

They know five personas and nobody else, answer at once, never fail, and contact nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from chartbridge.features.networks.protocol import (
    ConnectorError,
    PatientIdentity,
    RemoteDocument,
    RemotePatient,
    Resource,
    Source,
)
from chartbridge.features.networks.sandbox import laboratory, pharmacy
from chartbridge.features.networks.sandbox.documents import LOINC, documents
from chartbridge.features.networks.sandbox.persona import KEYS, Persona, by_first_name, load, uuid_oid

HOME_COMMUNITY_ID = uuid_oid("home-community")


class _Sandbox:
    """Discovery by first name, shared by all three."""

    name = "SANDBOX"
    is_trusted_matcher: Literal[True] = True

    def discover(self, patient: PatientIdentity, *, timeout_s: float) -> list[RemotePatient]:  # noqa: ARG002
        """The persona whose first name is the patient's, whatever the other demographics; else none.

        Somebody of the persona's family name and date of birth gets the persona's demographics to compare.
        For anybody else the persona is a stand-in, as the sandbox promises, so there is nothing to compare.
        """
        persona = by_first_name(patient.first_name)
        if persona is None:
            return []
        who = _demographics(persona)
        is_meant = (patient.last_name.strip().casefold(), patient.dob) == (
            who["lastName"].casefold(),
            who["dob"],
        )
        return [RemotePatient(persona.authority, persona.mrn, who if is_meant else None)]


class SandboxHie(_Sandbox):
    """A DocumentConnector with six documents a persona."""

    source: Source = "hie"

    def list_documents(self, patient: RemotePatient, *, timeout_s: float) -> list[RemoteDocument]:  # noqa: ARG002
        """The persona's six documents. Raises ConnectorError for a patient not of this network."""
        return [
            RemoteDocument(
                home_community_id=HOME_COMMUNITY_ID,
                unique_id=document.unique_id,
                description=document.description,
                mime_type=document.mime_type,
                type_code={
                    "coding": [{"system": LOINC, "code": document.loinc, "display": document.type_display}],
                    "text": document.description,
                },
                created=document.created.isoformat(),
                size=len(document.content()),
                period={"start": str(document.period[0]), "end": str(document.period[1])},
                author_organization=document.organization,
            )
            for document in documents(_persona(patient).key)
        ]

    def fetch(self, patient: RemotePatient, document: RemoteDocument, *, timeout_s: float) -> bytes:  # noqa: ARG002
        """The document's bytes. Raises ConnectorError when the persona has no such document."""
        for offered in documents(_persona(patient).key):
            if (HOME_COMMUNITY_ID, offered.unique_id) == (document.home_community_id, document.unique_id):
                return offered.content()
        raise ConnectorError("The sandbox has no such document for this patient", retryable=False)


class SandboxPharmacy(_Sandbox):
    """A ResourceConnector with the persona's fills."""

    source: Source = "pharmacy"

    def resources(
        self,
        patient: RemotePatient,
        *,
        subject_id: str,
        timeout_s: float,  # noqa: ARG002
    ) -> Iterable[Resource]:
        """MedicationDispense with their requests, prescribers and pharmacy."""
        return pharmacy.resources(_persona(patient), subject_id)


class SandboxLab(_Sandbox):
    """A ResourceConnector with the persona's laboratory reports."""

    source: Source = "lab"

    def resources(
        self,
        patient: RemotePatient,
        *,
        subject_id: str,
        timeout_s: float,  # noqa: ARG002
    ) -> Iterable[Resource]:
        """DiagnosticReport with their observations, specimens, orderers and laboratory."""
        return laboratory.resources(_persona(patient), subject_id)


def _demographics(persona: Persona) -> dict[str, Any]:
    who = persona.patient
    return {
        "firstName": who["first_name"],
        "lastName": who["last_name"],
        "dob": str(who["dob"]),
        "genderAtBirth": who["sex"],
        "address": [
            {"addressLine1": who["street"], "city": who["city"], "state": who["state"], "zip": who["zip"]}
        ],
        "contact": [{"phone": who["phone"], "email": who["email"]}],
    }


def _persona(patient: RemotePatient) -> Persona:
    for persona in map(load, KEYS):
        if (persona.authority, persona.mrn) == (patient.assigning_authority, patient.id):
            return persona
    raise ConnectorError("The sandbox does not know this patient", retryable=False)
