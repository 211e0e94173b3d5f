"""Whether what a network gave is about our patient, by what stands in it: headers of documents, Patients
among resources.

A document may say little of its patient, so only what contradicts ours counts. Where somebody vouches for
the link (a person who accepted it, or a trusted matcher), what bears the network's own identifier of the
patient is theirs, whatever else it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chartbridge.features.networks.protocol import RemotePatient
from chartbridge.matching.fhir_patient import demographics
from chartbridge.matching.linkage import contradictions

Resource = dict[str, Any]
ANOTHER_SUBJECT = "names another patient as its subject"


def differences(
    ours: Mapping[str, Any], described: Iterable[Resource], remote: RemotePatient, *, vouched_for: bool
) -> tuple[str, ...]:
    """Why the FHIR Patients described are not our patient (``ours``, in the API's shape); empty when they
    may be, or when nobody is described."""
    found: list[str] = []
    for patient in described:
        if not (vouched_for and bears_identifier(patient, remote)):
            found += contradictions(ours, demographics(patient))
    return tuple(dict.fromkeys(found))


def differences_of_answer(
    ours: Mapping[str, Any],
    resources: Iterable[Resource],
    remote: RemotePatient,
    *,
    subject_id: str,
    vouched_for: bool,
) -> tuple[str, ...]:
    """The same of an answer: of the Patients in it, and of those that its resources are about."""
    held = list(resources)
    described = [resource for resource in held if resource.get("resourceType") == "Patient"]
    found = differences(ours, described, remote, vouched_for=vouched_for)
    if any(_names_another(resource, subject_id) for resource in held):
        return (*found, ANOTHER_SUBJECT)
    return found


def bears_identifier(patient: Resource, remote: RemotePatient) -> bool:
    """Whether the Patient has the identifier by which the network knows the patient."""
    authority = remote.assigning_authority
    systems = (authority, f"urn:oid:{authority}", f"urn:uuid:{authority}")
    return any(
        held.get("value") == remote.id and held.get("system") in systems
        for held in patient.get("identifier") or ()
        if isinstance(held, Mapping)
    )


def _names_another(resource: Resource, subject_id: str) -> bool:
    for name in ("subject", "patient", "beneficiary"):
        reference = resource.get(name)
        told = reference.get("reference") if isinstance(reference, Mapping) else None
        if isinstance(told, str) and told.startswith("Patient/") and told != f"Patient/{subject_id}":
            return True
    return False
