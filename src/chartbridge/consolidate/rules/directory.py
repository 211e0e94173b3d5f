"""Who and where: Organization, Location, Practitioner, PractitionerRole, RelatedPerson."""

from __future__ import annotations

from chartbridge.consolidate import words
from chartbridge.consolidate.concepts import concept_of
from chartbridge.consolidate.rule import Facet, Rule, Scope, anything, equal, overlapping
from chartbridge.consolidate.rules.elements import (
    concept_facet,
    identifier_facet,
    references_facet,
    text_facet,
)
from chartbridge.fhir.references import Resource


def _name_words(resource: Resource, _scope: Scope) -> frozenset[str] | None:
    name = resource.get("name")
    return (frozenset(words.plain(name).split()) or None) if isinstance(name, str) else None


def _one_holds_other(one: frozenset[str], other: frozenset[str]) -> bool:
    return one <= other or other <= one


_NPI = Facet("npi", lambda resource, _: words.npi(resource), equal, tokens=lambda npi: (npi,))
_TELECOM = Facet("telecom", lambda resource, _: words.telecoms(resource), anything, overlapping)
_ADDRESS = Facet("address", lambda resource, _: words.addresses(resource), overlapping)
_ANY_ADDRESS = Facet("address", lambda resource, _: words.addresses(resource), anything, overlapping)
_NAME = Facet("name", _name_words, _one_holds_other, equal, tokens=lambda name: (" ".join(sorted(name)),))
_PERSON = Facet(
    "name",
    lambda resource, _: words.person_name(resource),
    words.names_agree,
    words.same_name,
    tokens=lambda name: (" ".join(sorted(name[0])),),
)


def _organizations(resource: Resource, scope: Scope) -> frozenset[str] | None:
    return scope.organizations.get(f"{resource['resourceType']}/{resource['id']}")


def _relationship(resource: Resource, _scope: Scope) -> object:
    return concept_of(resource.get("relationship"))


RULES = (
    Rule(
        "Organization",
        (_NPI, identifier_facet(), _NAME, _ADDRESS, references_facet("part", "partOf")),
        evidence=(("npi",), ("identifier", "name"), ("name",)),
    ),
    Rule(
        "Location",
        (identifier_facet(), _NAME, Facet("address", lambda r, _: words.addresses(r), overlapping),
         references_facet("organization", "managingOrganization")),
        evidence=(("identifier", "name"), ("name", "address")),
    ),
    Rule(
        "Practitioner",
        (
            _NPI,
            identifier_facet(),
            _PERSON,
            _TELECOM,
            _ANY_ADDRESS,
            Facet("organization", _organizations, anything, overlapping),
        ),
        evidence=(("npi",), ("name", "identifier"), ("name", "telecom"), ("name", "address"),
                  ("name", "organization")),
    ),
    Rule(
        "PractitionerRole",
        (
            references_facet("practitioner", "practitioner"),
            references_facet("organization", "organization"),
            concept_facet("specialty", "specialty"),
            concept_facet("code", "code"),
        ),
        evidence=(("practitioner", "organization"),),
    ),
    Rule(
        "RelatedPerson",
        (identifier_facet(), _PERSON, Facet("relationship", _relationship), _TELECOM,
         text_facet("born", "birthDate")),
        evidence=(("name", "relationship"), ("name", "identifier"), ("name", "telecom")),
    ),
)  # fmt: skip
