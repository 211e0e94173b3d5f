"""What was found, done and planned: Observation, Procedure, ServiceRequest, Goal."""

from __future__ import annotations

from chartbridge.consolidate.concepts import LOINC, Concept, concept_of, tokens
from chartbridge.consolidate.moments import Moment, start_of
from chartbridge.consolidate.rule import Facet, Rule, Scope, overlapping, time_facet
from chartbridge.consolidate.rules.elements import (
    code_facet,
    concept_facet,
    evident,
    polarity,
    polarity_facet,
    status_code,
)
from chartbridge.consolidate.rules.medications import _intent as intent
from chartbridge.consolidate.values import components, same_components, same_value, value_of
from chartbridge.consolidate.words import objects, one_of, plain
from chartbridge.fhir.references import Resource

_TIMELESS = frozenset({(LOINC, "76689-9"), (LOINC, "46098-0")})
"""Birth sex and sex: true of the person, whatever day a document gives."""
_MEASUREMENTS = frozenset({"laboratory", "vital-signs", "imaging", "procedure", "exam"})
_SIMPLY_ABSENT = frozenset({"", "unknown", "not-applicable"})


def _taken(resource: Resource, _scope: Scope) -> Moment | None:
    codings = objects(one_of(resource.get("code")).get("coding"))
    if any((coding.get("system"), coding.get("code")) in _TIMELESS for coding in codings):
        return None
    return start_of(resource, "effectiveDateTime", "effectivePeriod", "effectiveInstant")


def _trait(resource: Resource, _scope: Scope) -> Concept | None:
    """The code of what describes the person rather than a measurement, and may be told without its day."""
    codes = {
        str(coding.get("code"))
        for category in objects(resource.get("category"))
        for coding in objects(category.get("coding"))
    }
    value = value_of(resource)
    if codes & _MEASUREMENTS or value is None or value[0] == "number":
        return None
    return concept_of(resource.get("code"))


def _absent(resource: Resource, _scope: Scope) -> str:
    """Why there is no value, where that is a finding of its own: not performed, refused, error."""
    reason = status_code(resource, "dataAbsentReason")
    return "" if reason in _SIMPLY_ABSENT else reason


def _aim(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    """What a goal says: its words, for its code often names what is measured, not what is wanted."""
    description = resource.get("description") or {}
    details = (str(one.get("detailString") or "") for one in objects(resource.get("target")))
    told = {plain(str(description.get("text") or "")), *map(plain, details)} - {""}
    concept = concept_of(description)
    return frozenset(told or (set() if concept is None else concept.all_texts or tokens(concept))) or None


def _implant(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    """The devices that a procedure was done with, where nothing else tells which procedure it was."""
    if concept_of(resource.get("code")) is not None:
        return None
    devices = (one_of(one.get("manipulated")) for one in objects(resource.get("focalDevice")))
    return frozenset(str(one["reference"]) for one in devices if one.get("reference")) or None


RULES = (
    Rule(
        "Observation",
        (
            polarity_facet(),
            code_facet("code", "code"),
            evident(Facet("trait", _trait, tokens=tokens)),
            time_facet("when", _taken),
            Facet("value", lambda resource, _: value_of(resource), same_value),
            Facet("components", lambda resource, _: components(resource), same_components),
            Facet("absent", _absent),
            concept_facet("site", "bodySite"),
            concept_facet("method", "method"),
        ),
        evidence=(("code", "when"), ("trait",)),
        when="when",
        conflict=("value", "components"),
    ),
    Rule(
        "Procedure",
        (
            polarity_facet(),
            code_facet("code", "code"),
            time_facet("when", lambda r, _: start_of(r, "performedDateTime", "performedPeriod")),
            concept_facet("site", "bodySite"),
            Facet("implant", _implant, overlapping, tokens=iter),
        ),
        evidence=(("code", "when"), ("implant", "when")),
        when="when",
        conflict=("polarity",),
    ),
    Rule(
        "ServiceRequest",
        (
            Facet("polarity", lambda r, _: f"{polarity(r)} {intent(r, _)}"),
            code_facet("code", "code"),
            time_facet(
                "when", lambda r, _: start_of(r, "occurrenceDateTime", "occurrencePeriod", "authoredOn")
            ),
            concept_facet("site", "bodySite"),
        ),
        evidence=(("code", "when"),),
        when="when",
    ),
    Rule(
        "Goal",
        (polarity_facet(), Facet("aim", _aim, tokens=iter)),
        evidence=(("aim",),),
    ),
)
