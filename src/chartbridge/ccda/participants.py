"""Who takes part in a document beside its authors: enterers, informants, recipients, support persons.

Each participation of the header becomes an extension of the Composition, with its type, function and
time, that refers to whom it is: a practitioner, an organization, the patient, or a person related to the
patient. The extensions are those of HL7's FHIR Clinical Documents, from which the header profile of
C-CDA on FHIR derives: that guide's own hold the reference and nothing else.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from chartbridge.ccda.codesystems import ROLE_CLASS
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, concept, identifiers, when
from chartbridge.ccda.demographics import addresses, contact_points, human_names
from chartbridge.ccda.names import (
    ADDR,
    ASSIGNED_ENTITY,
    ASSIGNED_PERSON,
    ASSOCIATED_ENTITY,
    ASSOCIATED_PERSON,
    EFFECTIVE_TIME,
    FUNCTION_CODE,
    ID,
    NAME,
    RELATED_ENTITY,
    RELATED_PERSON,
    REPRESENTED_ORGANIZATION,
    TELECOM,
    TIME,
    V3,
    Element,
)
from chartbridge.ccda.narrative import words
from chartbridge.ccda.node import Node
from chartbridge.ccda.patient import relationships
from chartbridge.fhir import drop

Json = dict[str, Any]
Party = tuple[Json | None, Json | None]
"""References to a person (or device, or place) and to the organization that it acts for."""

INTENDED_RECIPIENT = V3 + "intendedRecipient"
RECIPIENT = V3 + "informationRecipient"
SCOPING_ORGANIZATION = V3 + "scopingOrganization"
_AS_ASSIGNED = {
    ASSOCIATED_PERSON: ASSIGNED_PERSON,
    RELATED_PERSON: ASSIGNED_PERSON,
    RECIPIENT: ASSIGNED_PERSON,
    SCOPING_ORGANIZATION: REPRESENTED_ORGANIZATION,
    V3 + "receivedOrganization": REPRESENTED_ORGANIZATION,
}
_PERSONS = (ASSOCIATED_PERSON, RELATED_PERSON, RECIPIENT)

CLINICAL_DOCUMENT = "http://hl7.org/fhir/uv/fhir-clinical-document/StructureDefinition/"
PARTICIPATION_TYPE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
PARTICIPATIONS = {
    "ADM": "admitter",
    "ATND": "attender",
    "CALLBCK": "callback contact",
    "CON": "consultant",
    "COV": "coverage target",
    "DEV": "device",
    "DIS": "discharger",
    "ENT": "data entry person",
    "ESC": "escort",
    "HLD": "holder",
    "IND": "indirect target",
    "INF": "informant",
    "IRCP": "information recipient",
    "LOC": "location",
    "PPRF": "primary performer",
    "PRCP": "primary information recipient",
    "PRF": "performer",
    "REF": "referrer",
    "RESP": "responsible party",
    "SPRF": "secondary performer",
    "TRC": "tracker",
    "VRF": "verifier",
}
_PROVIDERS = frozenset(("ASSIGNED", "LIC", "PROV", "QUAL"))
_PLACES = frozenset(("SDLOC", "DSDLOC", "ISDLOC"))
_RELATIONSHIPS = {
    "AGNT": "agent",
    "CAREGIVER": "caregiver",
    "CON": "contact",
    "COVPTY": "covered party",
    "ECON": "emergency contact",
    "GUAR": "guarantor",
    "GUARD": "guardian",
    "NOK": "next of kin",
    "POLHOLD": "policy holder",
    "PRS": "personal relationship",
    "SPNSR": "coverage sponsor",
}
_ONESELF = frozenset(("SELF", "ONESELF"))
_OTHERS = frozenset(("CAREGIVER", "ECON", "GUARD", "NOK"))
"""Classes that nobody is of oneself."""


def participation_type(code: str) -> Json:
    """A type of participation as CodeableConcept."""
    return concept(PARTICIPATION_TYPE, code, PARTICIPATIONS.get(code))


def extension(name: str, kind: str, participation: Node, who: Json, ctx: Context) -> Json:
    """A participation as an extension of FHIR Clinical Documents: type, function, time, party."""
    period = when(participation.child(TIME), ctx).period
    function = codeable(participation.child(FUNCTION_CODE), ctx)
    parts: list[Json] = [{"url": "type", "valueCodeableConcept": participation_type(kind)}]
    if function is not None:
        parts.append({"url": "function", "valueCodeableConcept": function})
    if period is not None:
        parts.append({"url": "time", "valuePeriod": period})
    parts.append({"url": "party", "valueReference": who})
    return {"url": CLINICAL_DOCUMENT + name, "extension": parts}


def entity_of(participation: Node) -> Element | None:
    """The role that takes part."""
    for tag in (ASSIGNED_ENTITY, RELATED_ENTITY, ASSOCIATED_ENTITY, INTENDED_RECIPIENT):
        found = participation.child(tag)
        if found is not None:
            return found
    return None


def party(entity: Element, participation: Node, ctx: Context, path: str) -> Party:
    """Who an assigned, related or associated entity or an intended recipient is.

    The patient is nobody's relation: an entity whose code says so is the Patient, and one of the patient's
    own identifier where neither its name nor a code or class of relationship says otherwise. A provider
    becomes a Practitioner; somebody else, a RelatedPerson, even where only an address or a telecom is
    known; an entity without a person is the organization that it belongs to.
    """
    if entity.tag == ASSIGNED_ENTITY:
        return ctx.actors.role(entity, path)
    node, kind = Node(entity), entity.get("classCode") or ""
    if _is_patient(node, kind, ctx):
        return ctx.patient, None
    if entity.tag == INTENDED_RECIPIENT or kind in _PROVIDERS:
        return ctx.actors.role(_as_assigned(entity), path)
    organization = ctx.actors.organization(node.node(SCOPING_ORGANIZATION), f"{path}/scopingOrganization")
    if kind in _PLACES:
        name = node.node(ASSOCIATED_PERSON)
        return ctx.actors.location(node, None if name is None else words(name.child(NAME)), path), None
    return _related(node, kind, participation, ctx, path), organization


def _is_patient(node: Node, kind: str, ctx: Context) -> bool:
    person = _person(node)
    stated = relationships(node, person, ctx)
    if stated or kind in _OTHERS:
        return any(_of_oneself(one) for one in stated)
    names = human_names(person.children(NAME)) if person is not None else []
    return kind == "PAT" or ctx.actors.is_patient(identifiers(node.children(ID)), names)


def _of_oneself(relationship: Json) -> bool:
    said = [*(one["code"] for one in relationship.get("coding", ())), relationship.get("text", "")]
    return any(one.upper() in _ONESELF for one in said)


def _person(node: Node) -> Node | None:
    return next((found for tag in _PERSONS if (found := node.node(tag)) is not None), None)


def _as_assigned(entity: Element) -> Element:
    """The same role in the shape of an assignedEntity."""
    made = deepcopy(entity)
    for child in made:
        child.tag = _AS_ASSIGNED.get(child.tag, child.tag)
    return made


def _related(node: Node, kind: str, participation: Node, ctx: Context, path: str) -> Json | None:
    person = _person(node)
    names = human_names(person.children(NAME)) if person is not None else []
    telecom = contact_points(node.children(TELECOM))
    where = addresses(node.children(ADDR))
    if not names and (kind not in _RELATIONSHIPS or not (telecom or where)):
        return None
    relationship = relationships(node, person, ctx)
    if kind in _RELATIONSHIPS and not (kind == "PRS" and relationship):
        relationship.append(concept(ROLE_CLASS, kind, _RELATIONSHIPS[kind]))
    moment = when(node.child(EFFECTIVE_TIME), ctx)
    if moment.point is not None or moment.period is None:
        moment = when(participation.child(TIME), ctx)
    period = None if moment.point is not None else moment.period
    fields = {
        "identifier": identifiers(node.children(ID)),
        "active": True if period is None or "end" not in period else None,
        "patient": ctx.patient,
        "relationship": relationship,
        "name": names,
        "telecom": telecom,
        "address": where,
        "period": period,
    }
    return ctx.ref(ctx.add("RelatedPerson", drop(fields) or {}, None, path))
