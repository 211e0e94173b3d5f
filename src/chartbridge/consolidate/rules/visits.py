"""Encounter."""

from __future__ import annotations

from collections.abc import Iterable

from chartbridge.consolidate.concepts import Concept, concept_of, same_concept, tokens
from chartbridge.consolidate.moments import start_of
from chartbridge.consolidate.rule import Facet, Rule, Scope, anything, equal, overlapping, time_facet
from chartbridge.consolidate.rules.elements import (
    code_facet,
    evident,
    identifier_facet,
    polarity_facet,
)
from chartbridge.consolidate.words import objects, one_of, person_name, plain
from chartbridge.fhir.references import Resource


def _class(resource: Resource, _scope: Scope) -> Concept | None:
    given = resource.get("class")
    return concept_of({"coding": [given]}) if isinstance(given, dict) and given.get("code") else None


def _who(resource: Resource, scope: Scope) -> frozenset[str] | None:
    return _named((one_of(one.get("individual")) for one in objects(resource.get("participant"))), scope)


def _where(resource: Resource, scope: Scope) -> frozenset[str] | None:
    return _named((one_of(one.get("location")) for one in objects(resource.get("location"))), scope)


def _provider(resource: Resource, scope: Scope) -> frozenset[str] | None:
    return _named([one_of(resource.get("serviceProvider"))], scope)


def _named(references: Iterable[Resource], scope: Scope) -> frozenset[str] | None:
    """The people or places that are referred to, and their names: who has the same name may be the same."""
    found: set[str] = set()
    for one in references:
        target = scope.held.get(str(one.get("reference")), {})
        person, place = person_name(target), target.get("name")
        names = [" ".join(sorted(person[0])) if person else place if isinstance(place, str) else ""]
        told = {str(one.get("reference") or ""), *map(plain, names)} - {""}
        found |= told
    return frozenset(found) or None


def _untyped_class(resource: Resource, scope: Scope) -> Concept | None:
    """The class as evidence: only where no type tells more."""
    return None if concept_of(resource.get("type")) else _class(resource, scope)


def _bare(resource: Resource, scope: Scope) -> str | None:
    """Whether neither type nor class is told, as of the encounter that a document's header names."""
    told = concept_of(resource.get("type")) or _class(resource, scope)
    return None if told or start_of(resource, "period") is None else "bare"


def _instant(resource: Resource, _scope: Scope) -> int | None:
    """The exact time at which it began: nobody begins two visits at once."""
    start = start_of(resource, "period")
    return start.instant if start is not None and start.exact else None


RULES = (
    Rule(
        "Encounter",
        (
            polarity_facet(),
            identifier_facet(),
            code_facet("type", "type"),
            Facet("class", _class, same_concept),
            evident(Facet("untyped", _untyped_class, tokens=tokens)),
            Facet("bare", _bare, tokens=lambda bare: (bare,)),
            time_facet("start", lambda resource, _: start_of(resource, "period")),
            Facet("instant", _instant, anything, equal, tokens=lambda at: (str(at),)),
            Facet("location", _where, overlapping),
            Facet("who", _who, overlapping),
            Facet("provider", _provider, overlapping),
        ),
        evidence=(("identifier",), ("type", "start"), ("untyped", "start"), ("bare", "start"), ("instant",)),
        when="start",
        unsaid=("who", "location", "provider"),
    ),
)
