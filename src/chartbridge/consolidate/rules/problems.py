"""What the patient has: Condition, AllergyIntolerance; and what runs in the family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chartbridge.consolidate.concepts import ALSO_STATED_URL, concept_of
from chartbridge.consolidate.moments import Moment, moment, same_time, start_of
from chartbridge.consolidate.rule import Facet, Rule, Scope, overlapping, time_facet
from chartbridge.consolidate.rules.elements import (
    code_facet,
    concept_facet,
    polarity_facet,
    status_code,
    text_facet,
)
from chartbridge.consolidate.rules.nothing import nothing_facet, nothing_of
from chartbridge.consolidate.words import objects, one_of
from chartbridge.fhir.references import Resource

CHRONICITY_URL = "http://hl7.org/fhir/StructureDefinition/condition-related"
_ENDED = frozenset({"inactive", "remission", "resolved"})
_ONGOING = frozenset({"active", "recurrence", "relapse"})
_CLASSES = frozenset({"encounter-diagnosis", "problem-list-item", "health-concern"})
_DAY = len("2000-01-01")
ACTIVE, ENDED = "active", "ended"


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
    """Whether it says that there is none: then it has no course, whenever it was asked."""
    return nothing_of(resource, resource.get("code")) is not None


def _code_facet() -> Facet:
    """What is had; not told where there is none."""
    facet = code_facet("code", "code")
    return replace(facet, read=lambda r, scope: None if _says_nothing(r) else facet.read(r, scope))


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


def episodes(resources: list[Resource]) -> frozenset[tuple[Any, str]]:
    """What began on which day: the codes and names of conditions whose onset is told to the day."""
    found: set[tuple[Any, str]] = set()
    for resource in resources:
        onset, concept = _told_onset(resource), concept_of(resource.get("code"))
        if concept is not None and onset is not None and len(onset.day) == _DAY:
            found.update((name, onset.day) for name in (*concept.codes, *concept.all_texts))
    return frozenset(found)


def _told_onset(resource: Resource) -> Moment | None:
    return _finest(resource, start_of(resource, "onsetDateTime", "onsetPeriod"))


def _finest(resource: Resource, told: Moment | None) -> Moment | None:
    """The onset as the most precise of those says it that agree with it: `2022` stands where the problem list
    says no more, but once joined to a diagnosis of a day in May it is not also that of one in August."""
    for extension in objects(resource.get("extension")):
        if told is not None and extension.get("url") == ALSO_STATED_URL:
            said = {part.get("url"): part.get("valueString") for part in objects(extension.get("extension"))}
            other = moment(said.get("value")) if said.get("element") == "onsetDateTime" else None
            if other is not None and same_time(told, other) and _is_finer(other, told):
                told = other
    return told


def _is_finer(one: Moment, other: Moment) -> bool:
    return (one.exact, len(one.day)) > (other.exact, len(other.day))


def _onset(resource: Resource, scope: Scope) -> Moment | None:
    """The onset of an episode: of a chronic condition there is one, whenever a source lets it begin.

    A diagnosis of a visit without an onset is of the episode that another statement lets begin on the day of
    that visit, if there is one.
    """
    if _is_chronic(resource, scope) or _says_nothing(resource):
        return None
    told = _told_onset(resource)
    if told is not None or _categories(resource) & _CLASSES != {"encounter-diagnosis"}:
        return told
    concept = concept_of(resource.get("code"))
    names = () if concept is None else (*concept.codes, *concept.all_texts)
    days = {
        day
        for day in _days_of_visits(resource, scope)
        if any((name, day) in scope.episodes for name in names)
    }
    return Moment(days.pop()) if len(days) == 1 else None


def _days_of_visits(resource: Resource, scope: Scope) -> set[str]:
    visits = (scope.held.get(visit, {}) for visit in _visits(resource, scope))
    starts = (start_of(visit, "period") for visit in visits)
    return {start.day for start in starts if start is not None}


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


def _visits(resource: Resource, scope: Scope) -> set[str]:
    encounter = one_of(resource.get("encounter")).get("reference")
    found = set(scope.visits.get(f"{resource['resourceType']}/{resource['id']}", frozenset()))
    return found | ({str(encounter)} if encounter else set())


def _visit(resource: Resource, scope: Scope) -> frozenset[str] | None:
    """The visits of a diagnosis that has no other time."""
    if (
        _is_chronic(resource, scope)
        or _says_nothing(resource)
        or _onset(resource, scope)
        or _categories(resource) & _CLASSES != {"encounter-diagnosis"}
    ):
        return None
    return frozenset(_visits(resource, scope)) or None


def _relatives_conditions(resource: Resource, _scope: Scope) -> frozenset[Any] | None:
    found = {concept_of(one.get("code")) for one in objects(resource.get("condition"))}
    return frozenset(found) or None


RULES = (
    Rule(
        "Condition",
        (
            polarity_facet(),
            _code_facet(),
            nothing_facet("code"),
            time_facet("onset", _onset),
            time_facet("abatement", _abatement),
            Facet("phase", phase),
            concept_facet("site", "bodySite"),
            Facet("visit", _visit, overlapping),
        ),
        evidence=(("code",), ("nothing",)),
        when="onset",
        conflict=("polarity", "phase"),
        course="phase",
        unsaid=("phase",),
    ),
    Rule(
        "AllergyIntolerance",
        (polarity_facet(), _code_facet(), nothing_facet("code"), Facet("phase", phase)),
        evidence=(("code",), ("nothing",)),
        conflict=("polarity", "phase"),
        course="phase",
        unsaid=("phase",),
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
