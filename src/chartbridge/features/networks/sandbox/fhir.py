"""FHIR R4 pieces that the sandbox's pharmacy and laboratory share.

Ids depend on the patient they are made for and on the fact they tell, so the same call gives the
same ids and two patients never share a resource.
"""

from __future__ import annotations

from typing import Any

from chartbridge.features.networks.protocol import Resource
from chartbridge.features.networks.sandbox.persona import Facts, Persona, stable_uuid

NPI = "http://hl7.org/fhir/sid/us-npi"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
PROVIDER_TAXONOMY = "http://nucc.org/provider-taxonomy"


class Maker:
    """Makes resources of one persona for one subject."""

    def __init__(self, persona: Persona, subject_id: str) -> None:
        self.persona = persona
        self.subject: Resource = {"reference": f"Patient/{subject_id}"}
        self._subject_id = subject_id

    def id(self, kind: str, *key: object) -> str:
        return stable_uuid(self._subject_id, self.persona.key, kind, *(str(part) for part in key))

    def identifier(self, kind: str, *key: object) -> list[Resource]:
        """A business identifier: the fact's own id, the same for every patient."""
        return [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{self.persona.id(kind, *key)}"}]

    def practitioner(self, clinician: Facts) -> Resource:
        specialty = self.persona.look_up("specialty", clinician["specialty"])
        return {
            "resourceType": "Practitioner",
            "id": self.id("Practitioner", clinician["npi"]),
            "identifier": [{"system": NPI, "value": clinician["npi"]}],
            "active": True,
            "name": [
                {
                    "use": "official",
                    "family": clinician["last"],
                    "given": [clinician["first"]],
                    "suffix": [clinician["suffix"]],
                }
            ],
            "qualification": [
                {
                    "code": concept(
                        coding(PROVIDER_TAXONOMY, specialty["code"], specialty["display"]),
                        text=specialty["display"],
                    )
                }
            ],
        }

    def organization(self, facts: Facts, kind: str, kind_display: str) -> Resource:
        """A pharmacy or laboratory; ``kind`` is a code of organization-type."""
        return {
            "resourceType": "Organization",
            "id": self.id("Organization", facts["name"]),
            "identifier": self.identifier("organization", facts["name"]),
            "active": True,
            "type": [
                concept(coding("http://terminology.hl7.org/CodeSystem/organization-type", kind, kind_display))
            ],
            "name": facts["name"],
            "telecom": [{"system": "phone", "value": f"+1{facts['phone']}", "use": "work"}],
            "address": [
                {
                    "use": "work",
                    "line": [facts["street"]],
                    "city": facts["city"],
                    "state": facts["state"],
                    "postalCode": facts["zip"],
                    "country": "US",
                }
            ],
        }


def coding(system: str, code: str, display: str | None = None) -> Resource:
    found: dict[str, Any] = {"system": system, "code": code}
    if display:
        found["display"] = display
    return found


def concept(*codings: Resource, text: str | None = None) -> Resource:
    found: dict[str, Any] = {"coding": list(codings)}
    if text:
        found["text"] = text
    return found


def refer(resource: Resource, display: str | None = None) -> Resource:
    found: dict[str, Any] = {"reference": f"{resource['resourceType']}/{resource['id']}"}
    if display:
        found["display"] = display
    return found
