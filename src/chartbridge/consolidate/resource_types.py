"""The resource type names that a request for consolidated data may name
(`resources=Condition,Observation`).
"""

from __future__ import annotations

# R4's patient compartment.
_COMPARTMENT = """
    Account AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic BodyStructure CarePlan
    CareTeam ChargeItem Claim ClaimResponse ClinicalImpression Communication CommunicationRequest
    Composition Condition Consent Contract Coverage CoverageEligibilityRequest CoverageEligibilityResponse
    DetectedIssue Device DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest
    DocumentReference Encounter EnrollmentRequest EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory
    Flag Goal GuidanceResponse ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation
    Invoice List MeasureReport Media MedicationAdministration MedicationDispense MedicationRequest
    MedicationStatement MolecularSequence NutritionOrder Observation Person Procedure Provenance
    QuestionnaireResponse RelatedPerson RequestGroup ResearchSubject RiskAssessment ServiceRequest Specimen
"""
_BESIDE_IT = "AdverseEvent Task Location Organization Patient Practitioner Binary Medication"

COMPARTMENT_TYPES = frozenset(_COMPARTMENT.split())
ACCEPTED_TYPES = COMPARTMENT_TYPES | frozenset(_BESIDE_IT.split())

_DROPPED = str.maketrans("", "", "\"' \t\r\n")


def parse_resource_types(text: str | None) -> frozenset[str] | None:
    """The types in a comma-separated list; None, meaning all, where the list is absent or empty.

    Quotes and spaces are dropped, letter case counts. Raises ValueError naming each type that is not
    accepted.
    """
    if text is None:
        return None
    names = [name for name in text.translate(_DROPPED).split(",") if name]
    unknown = [name for name in dict.fromkeys(names) if name not in ACCEPTED_TYPES]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise ValueError(f"Invalid resource type{plural}: {', '.join(unknown)}")
    return frozenset(names) or None


def canonical_types(types: frozenset[str] | None) -> frozenset[str] | None:
    """The filter by which two queries are compared: one that names every compartment type equals none at
    all.
    """
    return None if types is None or not types or types >= COMPARTMENT_TYPES else types
