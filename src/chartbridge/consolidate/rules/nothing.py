"""Statements that nothing is known, or that nothing of a kind was had at all.

They are one by what they say that there is none of: which of several codes says it, on which day it was asked
and what became of the record of it make no other statement. A code that only names the kind of thing says
this where it is denied ("vaccine", not done), and says nothing where it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chartbridge.consolidate.concepts import LOINC, SNOMED, concept_of, own_codes
from chartbridge.consolidate.rule import Facet
from chartbridge.consolidate.rules.elements import DENIED, polarity
from chartbridge.fhir.references import Resource

ANY = "any"
_IPS = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
_CODES: Mapping[str, Mapping[tuple[str, str], str]] = {
    "AllergyIntolerance": {
        (SNOMED, "716186003"): ANY,
        (SNOMED, "160244002"): ANY,
        (SNOMED, "409137002"): "medication",
        (SNOMED, "429625007"): "food",
        (SNOMED, "428607008"): "environment",
        (_IPS, "no-known-allergies"): ANY,
        (_IPS, "no-known-medication-allergies"): "medication",
        (_IPS, "no-known-food-allergies"): "food",
    },
    "Condition": {
        (SNOMED, "160245001"): ANY,
        (SNOMED, "160243008"): ANY,
        (_IPS, "no-known-problems"): ANY,
    },
    "MedicationStatement": {
        (SNOMED, "787481004"): ANY,
        (_IPS, "no-known-medications"): ANY,
    },
    "Immunization": {(_IPS, "no-known-immunizations"): ANY},
}
"""By type: the codes that say that nothing is known, and of what."""
_WORDS: Mapping[str, Mapping[str, str]] = {
    "AllergyIntolerance": {
        "no known allergies": ANY,
        "no known allergy": ANY,
        "no known drug allergies": "medication",
        "no known drug allergy": "medication",
        "no known medication allergies": "medication",
        "no known food allergies": "food",
        "no known food allergy": "food",
        "nka": ANY,
        "nkda": "medication",
    },
    "Condition": {"no known problems": ANY, "no known conditions": ANY, "no current problems": ANY},
    "MedicationStatement": {"no known medications": ANY, "no current medications": ANY},
    "Immunization": {"no known immunizations": ANY},
}
_FILLING = frozenset({
    "a", "any", "available", "has", "history", "information", "known", "no", "none", "not", "of", "on",
    "or", "the", "unknown",
})  # fmt: skip
_VACCINES = frozenset({"immunization", "immunizations", "vaccination", "vaccinations", "vaccine", "vaccines"})
_DRUGS = frozenset({"drug", "drugs", "medication", "medications", "medicine"})
_KINDS: Mapping[str, tuple[tuple[str, frozenset[tuple[str, str]], frozenset[str]], ...]] = {
    "Condition": (
        ("no problem", frozenset({(SNOMED, "55607006")}), frozenset({"problem", "problems"})),
        ("no concern", frozenset({(LOINC, "75310-3")}), frozenset({"concern", "concerns", "health"})),
    ),
    "Immunization": ((ANY, frozenset({(SNOMED, "71181003"), (SNOMED, "410942007")}), _VACCINES | _DRUGS),),
    "MedicationStatement": ((ANY, frozenset({(SNOMED, "410942007")}), _DRUGS),),
}
"""By type: what is denied, the codes of the whole kind, and the words for it."""


def nothing_facet(element: str) -> Facet:
    """The facet of what it is that there is none of; it stands in for the concept, which is then not told."""
    return Facet(
        "nothing", lambda resource, _: nothing_of(resource, resource.get(element)), tokens=lambda of: (of,)
    )


def nothing_of(resource: Resource, concept: Any) -> str | None:
    """What a statement about that CodeableConcept says there is none of; None for any other statement."""
    kind = resource["resourceType"]
    found = concept_of(concept)
    if kind not in _CODES:
        return None
    if found is not None:
        named = sorted(_CODES[kind][code] for code in found.codes if code in _CODES[kind])
        if named:
            return named[0]
        if not found.codes:
            said = [_WORDS[kind][text] for text in sorted(found.all_texts) if text in _WORDS[kind]]
            if said:
                return said[0]
    return _kind_denied(kind, resource, concept)


def _kind_denied(kind: str, resource: Resource, concept: Any) -> str | None:
    if polarity(resource) != DENIED:
        return None
    found = concept_of(concept)
    words = {word for text in (found.all_texts if found else ()) for word in text.split()} - _FILLING
    codes = own_codes(concept)
    for of, of_the_kind, for_it in _KINDS.get(kind, ()):
        if codes <= of_the_kind and words <= for_it and (codes or words or len(_KINDS[kind]) == 1):
            return of
    return None
