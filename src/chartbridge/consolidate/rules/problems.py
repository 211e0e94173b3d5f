"""What the patient has: Condition, AllergyIntolerance; and what runs in the family."""

from __future__ import annotations

from typing import Any

from chartbridge.consolidate.concepts import SNOMED, concept_of
from chartbridge.consolidate.moments import Moment, moment, same_time, start_of
from chartbridge.consolidate.rule import Facet, Rule, Scope, overlapping, time_facet
from chartbridge.consolidate.rules.elements import (
    code_facet,
    concept_facet,
    polarity_facet,
    status_code,
    text_facet,
)
from chartbridge.consolidate.words import objects, one_of
from chartbridge.fhir.references import Resource

CHRONICITY_URL = "http://hl7.org/fhir/StructureDefinition/condition-related"
_ENDED = frozenset({"inactive", "remission", "resolved"})
_ONGOING = frozenset({"active", "recurrence", "relapse"})
ACTIVE, ENDED = "active", "ended"
NO_PROBLEMS = frozenset({(SNOMED, "160245001"), (SNOMED, "160243008")})
"""Codes that say that no problem is known: true or not, whenever it was asked."""


def phase(resource: Resource, _scope: Scope | None = None) -> str | None:
    """Whether it goes on or has ended; None where the source does not say."""
    if _says_nothing(resource):
        return None
    status = status_code(resource, "clinicalStatus")
    if status in _ONGOING:
        return ACTIVE
    if status in _ENDED or any(name.startswith("abatement") for name in resource):
        return ENDED
    return None


def _says_nothing(resource: Resource) -> bool:
    codings = objects(one_of(resource.get("code")).get("coding"))
    return any((coding.get("system"), coding.get("code")) in NO_PROBLEMS for coding in codings)


def chronic_codes(resources: list[Resource]) -> frozenset[tuple[str, str]]:
    """The codes of the conditions that are marked as chronic, or are named so."""
    found: set[tuple[str, str]] = set()
    for resource in resources:
        concept = concept_of(resource.get("code"))
        if concept is not None and (
            _marked_chronic(resource) or any(text.startswith("chronic ") for text in concept.all_texts)
        ):
            found |= concept.own or concept.codes
    return frozenset(found)


def _marked_chronic(resource: Resource) -> bool:
    return any(
        one.get("url") == CHRONICITY_URL and one_of(one.get("valueCoding")).get("code") == "C"
        for one in objects(resource.get("extension"))
    )


def _is_chronic(resource: Resource, scope: Scope) -> bool:
    concept = concept_of(resource.get("code"))
    return concept is not None and not concept.codes.isdisjoint(scope.chronic)


def _onset(resource: Resource, scope: Scope) -> Moment | None:
    """The onset of an episode: of a chronic condition there is one, whenever a source lets it begin."""
    if _is_chronic(resource, scope) or _says_nothing(resource):
        return None
    return start_of(resource, "onsetDateTime", "onsetPeriod")


def _abatement(resource: Resource, scope: Scope) -> Moment | None:
    """The end tells episodes apart only where their beginning doesn't."""
    if _is_chronic(resource, scope) or _says_nothing(resource) or _onset(resource, scope) is not None:
        return None
    return start_of(resource, "abatementDateTime") or moment(one_of(resource.get("onsetPeriod")).get("end"))


def _categories(resource: Resource) -> set[str]:
    return {
        str(coding.get("code"))
        for category in objects(resource.get("category"))
        for coding in objects(category.get("coding"))
    }


def _visit(resource: Resource, scope: Scope) -> frozenset[str] | None:
    """The visits of a diagnosis that has no other time."""
    if (
        _is_chronic(resource, scope)
        or _onset(resource, scope)
        or _categories(resource) != {"encounter-diagnosis"}
    ):
        return None
    found = set(scope.visits.get(f"{resource['resourceType']}/{resource['id']}", frozenset()))
    encounter = one_of(resource.get("encounter")).get("reference")
    return frozenset(found | ({str(encounter)} if encounter else set())) or None


def _relatives_conditions(resource: Resource, _scope: Scope) -> frozenset[Any] | None:
    found = {concept_of(one.get("code")) for one in objects(resource.get("condition"))}
    return frozenset(found) or None


RULES = (
    Rule(
        "Condition",
        (
            polarity_facet(),
            code_facet("code", "code"),
            time_facet("onset", _onset),
            time_facet("abatement", _abatement),
            Facet("phase", phase),
            concept_facet("site", "bodySite"),
            Facet("visit", _visit, overlapping),
        ),
        evidence=(("code",),),
        when="onset",
        conflict=("polarity", "phase"),
        course="phase",
    ),
    Rule(
        "AllergyIntolerance",
        (polarity_facet(), code_facet("code", "code"), Facet("phase", phase)),
        evidence=(("code",),),
        conflict=("polarity", "phase"),
        course="phase",
    ),
    Rule(
        "FamilyMemberHistory",
        (
            polarity_facet(),
            concept_facet("relationship", "relationship"),
            text_facet("name", "name"),
            Facet("born", lambda r, _: moment(r.get("bornDate")), same_time),
            Facet("conditions", _relatives_conditions, required=True),
        ),
        evidence=(("relationship", "conditions"),),
    ),
)
