"""A resource with standard codes and units, beside what its source said.

In: one FHIR R4 resource as a plain dict, an edition of terminologies, and what is known of the patient. Out:
the same resource with canonical systems, displays, crosswalked codings, UCUM units, categories and
chronicity; the very same object where nothing had to change.

    marks         the extensions that tell what we added from what was given
    forms         codes in the spelling of their system
    crosswalks    what a code is in other systems, and what replaced it
    codings       Coding and CodeableConcept
    quantities    Quantity: its UCUM code, and its amount in the usual unit
    conditions    ICD-10-CM by the rules of SNOMED CT's map, and chronicity
    observations  categories, and usual units, from LOINC
    walk          where in a resource codes and quantities stand
    resource      all of this for one resource

Never: changes or removes what the source said, chooses between several meanings, touches its input.
"""

from chartbridge.terminology.standardise.facts import PatientFacts
from chartbridge.terminology.standardise.marks import (
    AS_GIVEN,
    CROSSWALK,
    NORMALISED_QUANTITY,
    is_display_only,
    is_ours,
)
from chartbridge.terminology.standardise.resource import Standardiser, standardise

STANDARDISATION_VERSION = "2"
"""Of the rules here; goes up when the same resource and edition give another result."""

__all__ = [
    "AS_GIVEN",
    "CROSSWALK",
    "NORMALISED_QUANTITY",
    "STANDARDISATION_VERSION",
    "PatientFacts",
    "Standardiser",
    "is_display_only",
    "is_ours",
    "standardise",
]
