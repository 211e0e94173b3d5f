"""Statements that nothing is known give way to what is known.

"No known allergies" beside a known allergy is a danger to the patient, so it does not stay among the
allergies. It becomes the contained resource of a Provenance of what is known, as an entity that was removed:
who said it, when and where can still be read there. It gives way only to what holds, has not ended and lies
in its scope: "no known drug allergy" stays beside an allergy to a food.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chartbridge.consolidate.concepts import NDC, RXNORM, concept_of, own_codes
from chartbridge.consolidate.provenance import SOURCE_EXTENSIONS
from chartbridge.consolidate.references import key_of
from chartbridge.consolidate.rule import Scope
from chartbridge.consolidate.rules.elements import ERROR, VALID, polarity
from chartbridge.consolidate.rules.medications import medicine
from chartbridge.consolidate.rules.nothing import ANY, nothing_of
from chartbridge.consolidate.rules.problems import ENDED, phase
from chartbridge.consolidate.words import objects
from chartbridge.fhir.ids import name_based_id, namespace
from chartbridge.fhir.references import Resource

_GAVE_WAY = namespace("consolidate: a statement that gave way")
_GIVES_WAY = ("AllergyIntolerance", "Condition", "MedicationStatement")
_SCOPES = frozenset({ANY, "medication", "food", "environment"})
_ALLERGY_KINDS = frozenset(
    (
        "106190000",
        "232347008",
        "235719002",
        "414285001",
        "416098002",
        "418038007",
        "418471000",
        "419199007",
        "419511003",
        "420134006",
        "426232007",
        "59037007",
    )
)
"""SNOMED CT codes for an allergy of some kind: they name no allergen, so that nothing gives way to them."""
_KIND_WORDS = frozenset({
    "adverse", "allergen", "allergic", "allergies", "allergy", "condition", "diagnosis", "disease",
    "disorder", "disposition", "drug", "environmental", "finding", "food", "intolerance", "medication",
    "of", "or", "other", "problem", "propensity", "reaction", "reactions", "status", "substance", "to",
    "unknown", "unspecified",
})  # fmt: skip
"""Words for the same, and for a problem or drug of any kind."""
_TAKEN = frozenset({"active", "intended", "on-hold"})
_MAY_REFER = frozenset({"Composition", "Provenance", "List", "DocumentReference"})
"""Types whose references may lead to anything, and so to the Provenance too."""


def give_way(
    standing: Mapping[str, Resource], referrers_of: Callable[[str], Iterable[str]]
) -> dict[str, Resource]:
    """For each `Type/id` that gives way, the Provenance that takes its place."""
    scope = Scope(standing)
    found: dict[str, Resource] = {}
    for kind in _GIVES_WAY:
        of_kind = [standing[key] for key in sorted(standing) if key.startswith(f"{kind}/")]
        told = [(resource, _nothing_of(kind, resource, scope)) for resource in of_kind]
        known = [resource for resource, nothing in told if nothing is None and _is_known(resource, scope)]
        for resource, nothing in told:
            if nothing is None or polarity(resource) == ERROR:
                continue
            against = [one for one in known if nothing == ANY or _lies_in(one, nothing)]
            key = key_of(resource)
            if against and all(by.partition("/")[0] in _MAY_REFER for by in referrers_of(key)):
                found[key] = _provenance(resource, against)
    return found


def _nothing_of(kind: str, resource: Resource, scope: Scope) -> str | None:
    """The scope of which a statement says that nothing is known; None for any other statement."""
    concept = medicine(resource, scope) if kind == "MedicationStatement" else resource.get("code")
    nothing = nothing_of(resource, concept)
    return nothing if nothing in _SCOPES else None


def _is_known(resource: Resource, scope: Scope) -> bool:
    if polarity(resource) != VALID:
        return False
    if resource["resourceType"] == "MedicationStatement":
        return resource.get("status") in _TAKEN and _names_something(medicine(resource, scope))
    return phase(resource) != ENDED and _names_something(resource.get("code"))


def _names_something(given: Any) -> bool:
    """Whether an allergen, a problem or a drug is told: the code of a kind of allergy, of disease or of drug
    tells none, whatever stands beside it."""
    concept = concept_of(given)
    if concept is None:
        return False
    if own_codes(given):
        return any(code not in _ALLERGY_KINDS for _, code in concept.codes)
    return any(set(text.split()) - _KIND_WORDS for text in concept.all_texts)


def _lies_in(resource: Resource, scope: str) -> bool:
    """Whether an allergy is of the category; one whose category nobody told may be."""
    categories = resource.get("category") or []
    concept = concept_of(resource.get("code"))
    systems = {system for system, _ in concept.codes} if concept else set()
    if systems & {RXNORM, NDC}:
        return scope == "medication"
    return scope in categories or not categories


def _provenance(resource: Resource, against: list[Resource]) -> Resource:
    """The Provenance of what is known that holds the statement which gave way."""
    meta: dict[str, Any] = dict(resource.get("meta", {}))
    held = {name: value for name, value in resource.items() if name != "meta"}
    contained = [*objects(held.pop("contained", None)), {**held, "id": "gave-way"}]
    extensions = [one for one in resource.get("extension", []) if one.get("url") in SOURCE_EXTENSIONS]
    who = resource.get("recorder") or resource.get("asserter") or resource.get("informationSource")
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    return {
        "resourceType": "Provenance",
        "id": name_based_id(_GAVE_WAY, key_of(resource)),
        **({"meta": meta} if meta else {}),
        "contained": contained,
        **({"extension": extensions} if extensions else {}),
        "target": [{"reference": key_of(one)} for one in against],
        "_recorded": {"extension": [absent]},
        "agent": [{"who": who or {"display": "not stated"}}],
        "entity": [
            {
                "role": "removal",
                "what": {"reference": "#gave-way", "display": "Statement that nothing is known"},
            }
        ],
    }
