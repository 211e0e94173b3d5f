"""Elements that several rules compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chartbridge.consolidate import words
from chartbridge.consolidate.concepts import Concept, concept_of, not_contradicting, same_concept, tokens
from chartbridge.consolidate.rule import Facet, Scope, anything, equal, overlapping
from chartbridge.consolidate.words import objects
from chartbridge.fhir.references import Resource

VALID, DENIED, ERROR = "", "denied", "error"
_DENIED = frozenset({"not-done", "not-taken", "declined", "rejected"})
_OWN_CLASS = frozenset({"planned", "cancelled", "registered"})


def status_code(resource: Resource, name: str) -> str:
    """The code of a status, be it a code or a CodeableConcept; empty where there is none."""
    given = resource.get(name)
    if isinstance(given, str):
        return given
    codings = objects(given.get("coding")) if isinstance(given, dict) else []
    return next((str(one["code"]) for one in codings if one.get("code")), "")


def polarity(resource: Resource, _scope: Scope | None = None) -> str:
    """Whether a statement holds: empty where it does, `denied`, `error`, or a status of its own class.

    What was entered in error, what is denied and what holds are never one; nor is what is planned, cancelled
    or only registered one with what took place.
    """
    status, verification = status_code(resource, "status"), status_code(resource, "verificationStatus")
    if "entered-in-error" in (status, verification):
        return ERROR
    if verification == "refuted" or status in _DENIED or resource.get("doNotPerform") is True:
        return DENIED
    if status_code(resource, "lifecycleStatus") in _DENIED:
        return DENIED
    return status if status in _OWN_CLASS else VALID


def polarity_facet() -> Facet:
    return Facet("polarity", polarity)


def concept_facet(name: str, *elements: str, required: bool = False) -> Facet:
    """A facet that is what the first of the elements that is told means."""

    def read(resource: Resource, _scope: Scope) -> Concept | None:
        found = (concept_of(resource[element]) for element in elements if element in resource)
        return next((concept for concept in found if concept is not None), None)

    return Facet(name, read, same_concept, tokens=tokens, required=required)


def code_facet(name: str, *elements: str) -> Facet:
    """As `concept_facet`, where the concept is what the resource is about."""
    return evident(concept_facet(name, *elements))


def evident(facet: Facet) -> Facet:
    """The facet of a concept as evidence: what shares no code is no evidence, and not yet a contradiction."""
    return replace(facet, compatible=not_contradicting, shared=same_concept)


def identifier_facet(read: Callable[[Resource], frozenset[str] | None] = words.identifiers) -> Facet:
    """A facet of identifiers: evidence where one is shared, no contradiction where none is."""
    return Facet("identifier", lambda resource, _: read(resource), anything, overlapping, tokens=iter)


def references_facet(
    name: str, *elements: str, compatible: Callable[[Any, Any], bool] = overlapping
) -> Facet:
    """A facet that is the set of references in these elements."""

    def read(resource: Resource, _scope: Scope) -> frozenset[str] | None:
        found = {
            str(one["reference"])
            for element in elements
            for one in objects(resource.get(element))
            if one.get("reference")
        }
        return frozenset(found) or None

    return Facet(name, read, compatible, tokens=iter)


def text_facet(name: str, element: str, *, required: bool = False) -> Facet:
    """A facet that is a text, whatever its case, spaces and punctuation."""

    def read(resource: Resource, _scope: Scope) -> str | None:
        given = resource.get(element)
        return (words.plain(given) or None) if isinstance(given, str) else None

    return Facet(name, read, equal, required=required, tokens=lambda text: (text,))
