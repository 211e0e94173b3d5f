"""What puts statements together or says who made them: DiagnosticReport, CareTeam, Coverage, Provenance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chartbridge.consolidate.moments import Moment, start_of
from chartbridge.consolidate.rule import Facet, Rule, Scope, anything, overlapping, time_facet
from chartbridge.consolidate.rules.elements import (
    code_facet,
    concept_facet,
    identifier_facet,
    polarity_facet,
    references_facet,
    text_facet,
)
from chartbridge.consolidate.words import objects, one_of, plain
from chartbridge.fhir.references import Resource


def _presented(resource: Resource, _scope: Scope) -> frozenset[Any] | None:
    found = {str(one.get("data") or one.get("url")) for one in objects(resource.get("presentedForm"))}
    return frozenset(found) or None


def _reported(resource: Resource, _scope: Scope) -> Moment | None:
    return start_of(resource, "effectiveDateTime", "effectivePeriod")


def _results(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    found = {str(one["reference"]) for one in objects(resource.get("result")) if one.get("reference")}
    return frozenset(found) or None


def _one_of_the_other(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether one report has all results of the other: where each has its own, they are two."""
    return one <= other or other <= one


def _members(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    found = {
        str(one["member"]["reference"])
        for one in objects(resource.get("participant"))
        if one_of(one.get("member")).get("reference")
    }
    return frozenset(found) or None


def _policy(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    given = resource.get("subscriberId")
    return frozenset({plain(str(given))}) if given else None


def _agents(resource: Resource, _scope: Scope) -> frozenset[Any] | None:
    found = set()
    for agent in objects(resource.get("agent")):
        who, behalf = (one_of(agent.get(name)) for name in ("who", "onBehalfOf"))
        role = tuple(
            str(coding.get("code"))
            for concept in [*objects(agent.get("type")), *objects(agent.get("role"))]
            for coding in objects(concept.get("coding"))
        )
        found.add((role, who.get("reference") or who.get("display"), behalf.get("reference")))
    return frozenset(found) or None


def _sources(resource: Resource, _scope: Scope) -> frozenset[Any] | None:
    """The documents it was taken from; one that holds a resource of its own is not joined to another."""
    found = {
        str(one_of(one.get("what")).get("reference") or one_of(one.get("what")).get("display"))
        for one in objects(resource.get("entity"))
    }
    return None if any(name.startswith("#") for name in found) else frozenset(found) or None


def _message(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    found = {plain(str(one.get("contentString") or "")) for one in objects(resource.get("payload"))}
    return frozenset(found - {""}) or None


def _exactly(*elements: str) -> Callable[[Resource, Scope], tuple[str, ...] | None]:
    def read(resource: Resource, _scope: Scope) -> tuple[str, ...] | None:
        return tuple(str(resource.get(element)) for element in elements)

    return read


RULES = (
    Rule(
        "DiagnosticReport",
        (
            polarity_facet(),
            identifier_facet(),
            code_facet("code", "code"),
            time_facet("when", _reported),
            Facet("presented", _presented, overlapping),
            text_facet("conclusion", "conclusion"),
            Facet("results", _results, _one_of_the_other, tokens=iter),
        ),
        evidence=(("code", "when"), ("identifier", "code"), ("results", "code")),
        when="when",
    ),
    Rule(
        "CareTeam",
        (
            Facet("members", _members, tokens=iter),
            text_facet("name", "name"),
            concept_facet("category", "category"),
        ),
        evidence=(("members",),),
    ),
    Rule(
        "Coverage",
        (
            Facet("policy", _policy, tokens=iter),
            references_facet("payor", "payor"),
            Facet("type", concept_facet("type", "type").read, anything),
        ),
        evidence=(("policy", "payor"),),
    ),
    Rule(
        "Communication",
        (
            polarity_facet(),
            Facet("message", _message, tokens=iter),
            time_facet("sent", lambda r, _: start_of(r, "sent")),
        ),
        evidence=(("message",),),
        when="sent",
    ),
    Rule(
        "DeviceUseStatement",
        (
            polarity_facet(),
            references_facet("device", "device"),
            time_facet("used", lambda r, _: start_of(r, "timingDateTime", "timingPeriod")),
            concept_facet("site", "bodySite"),
        ),
        evidence=(("device",),),
        when="used",
    ),
    Rule(
        "Provenance",
        (
            Facet("agents", _agents, tokens=lambda agents: (str(sorted(map(str, agents))),)),
            Facet("sources", _sources, required=True),
            Facet("times", _exactly("recorded", "occurredDateTime", "occurredPeriod", "activity", "policy")),
        ),
        evidence=(("agents", "sources"),),
    ),
)
