"""Statements that nothing is known give way to what is known.

"No known allergies" beside a known allergy is a danger to the patient, so it does not stay among the
allergies. It becomes the contained resource of a Provenance of what is known, as an entity that was removed:
who said it, when and where can still be read there. It gives way only to what holds, has not ended and lies
in its scope: "no known drug allergy" stays beside an allergy to a food.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chartbridge.consolidate.concepts import NDC, RXNORM, SNOMED, concept_of
from chartbridge.consolidate.provenance import SOURCE_EXTENSIONS
from chartbridge.consolidate.references import key_of
from chartbridge.consolidate.rule import Scope
from chartbridge.consolidate.rules.elements import DENIED, ERROR, VALID, polarity
from chartbridge.consolidate.rules.medications import drug
from chartbridge.consolidate.rules.problems import ENDED, phase
from chartbridge.consolidate.words import objects, one_of
from chartbridge.fhir.ids import name_based_id, namespace
from chartbridge.fhir.references import Resource

_GAVE_WAY = namespace("consolidate: a statement that gave way")
ANY = "any"
_IPS = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
_NOTHING: Mapping[str, Mapping[tuple[str, str], str]] = {
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
}  # fmt: skip
"""By type: the codes that say that nothing is known, and of what."""
_WORDS = {
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
}
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
_MAY_REFER = frozenset({"Composition", "Provenance", "List", "DocumentReference"})
"""Types whose references may lead to anything, and so to the Provenance too."""


def give_way(
    standing: Mapping[str, Resource], referrers_of: Callable[[str], Iterable[str]]
) -> dict[str, Resource]:
    """For each `Type/id` that gives way, the Provenance that takes its place."""
    scope = Scope(standing)
    found: dict[str, Resource] = {}
    for kind in _NOTHING:
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
    concept = drug(resource, scope) if kind == "MedicationStatement" else concept_of(resource.get("code"))
    if concept is None:
        is_blank = kind == "MedicationStatement" and polarity(resource) == DENIED
        return ANY if is_blank else None
    for code in concept.codes:
        if code in _NOTHING[kind]:
            return _NOTHING[kind][code]
    if concept.codes:
        return None
    return next((_WORDS[kind][text] for text in sorted(concept.all_texts) if text in _WORDS[kind]), None)


def _is_known(resource: Resource, scope: Scope) -> bool:
    if polarity(resource) != VALID:
        return False
    if resource["resourceType"] == "MedicationStatement":
        return drug(resource, scope) is not None and resource.get("status") in (
            "active",
            "intended",
            "on-hold",
        )
    codings = objects(one_of(resource.get("code")).get("coding"))
    if codings and all(coding.get("code") in _ALLERGY_KINDS for coding in codings):
        return False
    return phase(resource) != ENDED and concept_of(resource.get("code")) is not None


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
