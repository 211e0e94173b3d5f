"""The header beside the patient: authors, custodian, attesters, participants, encounter, the document."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, identifiers, when
from chartbridge.ccda.demographics import addresses, contact_points, human_names
from chartbridge.ccda.names import (
    ADDR,
    ASSIGNED_AUTHOR,
    ASSIGNED_CUSTODIAN,
    ASSIGNED_ENTITY,
    ASSOCIATED_ENTITY,
    ASSOCIATED_PERSON,
    AUTHENTICATOR,
    AUTHOR,
    CODE,
    COMPONENT_OF,
    CUSTODIAN,
    DATA_ENTERER,
    DISCHARGE_DISPOSITION_CODE,
    DOCUMENTATION_OF,
    EFFECTIVE_TIME,
    ENCOMPASSING_ENCOUNTER,
    ENCOUNTER_PARTICIPANT,
    HEALTH_CARE_FACILITY,
    ID,
    INFORMANT,
    LEGAL_AUTHENTICATOR,
    LOCATION,
    NAME,
    PARTICIPANT,
    PERFORMER,
    RELATED_ENTITY,
    RELATED_PERSON,
    REPRESENTED_CUSTODIAN_ORGANIZATION,
    RESPONSIBLE_PARTY,
    SERVICE_EVENT,
    SERVICE_PROVIDER_ORGANIZATION,
    TELECOM,
    TIME,
    TITLE,
)
from chartbridge.ccda.narrative import words
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.sections.encounters import encounter_fields, remember
from chartbridge.ccda.sections.notes import NOTE_CATEGORY
from chartbridge.fhir import drop, instant

Json = dict[str, Any]

ROOT = "/ClinicalDocument"
_ROLE_CLASS = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
_RELATIONSHIPS = {
    "NOK": "next of kin",
    "ECON": "emergency contact",
    "CAREGIVER": "caregiver",
    "GUARD": "guardian",
    "PRS": "personal relationship",
    "AGNT": "agent",
}


class Header:
    """What the Composition and the DocumentReference say of the document."""

    def __init__(self, document: Node, ctx: Context) -> None:
        self.document = document
        self.ctx = ctx
        self.authors = self._authors()
        self.custodian = self._custodian()
        self.attesters = self._attesters()
        self.encounter = self._encounter()
        self.events = self._events()
        self._others()

    @property
    def identifier(self) -> Json | None:
        """The document's id."""
        return next(iter(identifiers(self.document.children(ID))), None)

    @property
    def title(self) -> str | None:
        """The document's title."""
        return words(self.document.child(TITLE))

    def _authors(self) -> list[Json]:
        made: list[Json] = []
        for position, el in enumerate(self.document.children(AUTHOR), 1):
            assigned = Node(el).child(ASSIGNED_AUTHOR)
            if assigned is None:
                continue
            person, organization = self.ctx.actors.role(assigned, f"{ROOT}/author[{position}]/assignedAuthor")
            one = person or organization
            if one is not None and one not in made:
                made.append(one)
        return made

    def _custodian(self) -> Json | None:
        node = node_at(self.document, CUSTODIAN, ASSIGNED_CUSTODIAN, REPRESENTED_CUSTODIAN_ORGANIZATION)
        path = f"{ROOT}/custodian/assignedCustodian/representedCustodianOrganization"
        return self.ctx.actors.organization(node, path)

    def _attesters(self) -> list[Json]:
        made: list[Json] = []
        for tag, mode in ((LEGAL_AUTHENTICATOR, "legal"), (AUTHENTICATOR, "professional")):
            for el in self.document.children(tag):
                node = Node(el)
                assigned = node.child(ASSIGNED_ENTITY)
                if assigned is None:
                    continue
                name = "legalAuthenticator" if mode == "legal" else "authenticator"
                person, organization = self.ctx.actors.role(assigned, f"{ROOT}/{name}/assignedEntity")
                party = person or organization
                if party is not None:
                    time = when(node.child(TIME), self.ctx).start
                    made.append(drop({"mode": mode, "time": time, "party": party}) or {})
        return made

    def _encounter(self) -> Json | None:
        """encompassingEncounter as Encounter, which a section's encounter of the same id joins."""
        node = node_at(self.document, COMPONENT_OF, ENCOMPASSING_ENCOUNTER)
        if node is None:
            return None
        ctx, path = self.ctx, f"{ROOT}/componentOf/encompassingEncounter"
        performers: list[Json] = []
        for tag in (RESPONSIBLE_PARTY, ENCOUNTER_PARTICIPANT):
            for el in node.children(tag):
                assigned = Node(el).child(ASSIGNED_ENTITY)
                if assigned is not None:
                    found = ctx.actors.role(
                        assigned, f"{path}/{el.tag[el.tag.rfind('}') + 1 :]}/assignedEntity"
                    )
                    performers += [one for one in found if one is not None and one not in performers]
        facility = node_at(node, LOCATION, HEALTH_CARE_FACILITY)
        place = ctx.actors.facility(facility, f"{path}/location/healthCareFacility")
        provider = None
        if facility is not None:
            provider = ctx.actors.organization(
                facility.node(SERVICE_PROVIDER_ORGANIZATION),
                f"{path}/location/healthCareFacility/serviceProviderOrganization",
            )
        moment = when(node.child(EFFECTIVE_TIME), ctx)
        ids = identifiers(node.children(ID))
        code = codeable(node.child(CODE), ctx)
        if not ids and code is None and moment.start is None and not performers and place is None:
            return None
        fields = encounter_fields(
            ctx,
            ids=ids,
            code=code,
            status="finished" if moment.point is not None or moment.high is not None else "unknown",
            moment=moment,
            performers=performers,
            locations=[place] if place else [],
            disposition=codeable(node.child(DISCHARGE_DISPOSITION_CODE), ctx),
        )
        if provider is not None:
            fields["serviceProvider"] = provider
        made = ctx.add("Encounter", fields, None, path)
        remember(made, ctx)
        return made

    def _events(self) -> list[Json]:
        """documentationOf/serviceEvent as Composition.event; its performers become practitioners."""
        made: list[Json] = []
        for position, el in enumerate(self.document.children(DOCUMENTATION_OF), 1):
            node = Node(el).node(SERVICE_EVENT)
            if node is None:
                continue
            path = f"{ROOT}/documentationOf[{position}]/serviceEvent"
            for number, performer in enumerate(node.children(PERFORMER), 1):
                assigned = Node(performer).child(ASSIGNED_ENTITY)
                if assigned is not None:
                    self.ctx.actors.role(assigned, f"{path}/performer[{number}]/assignedEntity")
            one = drop(
                {
                    "code": [codeable(node.child(CODE), self.ctx)],
                    "period": when(node.child(EFFECTIVE_TIME), self.ctx).period,
                }
            )
            if one:
                made.append(one)
        return made

    def _others(self) -> None:
        """Data enterers, informants and participants: practitioners, or people related to the patient."""
        for tag in (DATA_ENTERER, INFORMANT):
            for position, el in enumerate(self.document.children(tag), 1):
                node = Node(el)
                path = f"{ROOT}/{el.tag[el.tag.rfind('}') + 1 :]}[{position}]"
                assigned = node.child(ASSIGNED_ENTITY)
                if assigned is not None:
                    self.ctx.actors.role(assigned, f"{path}/assignedEntity")
                related = node.node(RELATED_ENTITY)
                if related is not None:
                    self._related(related, related.node(RELATED_PERSON), f"{path}/relatedEntity")
        for position, el in enumerate(self.document.children(PARTICIPANT), 1):
            entity = Node(el).node(ASSOCIATED_ENTITY)
            if entity is not None:
                path = f"{ROOT}/participant[{position}]/associatedEntity"
                self._related(entity, entity.node(ASSOCIATED_PERSON), path)

    def _related(self, entity: Node, person: Node | None, path: str) -> None:
        names = human_names(person.children(NAME)) if person is not None else []
        kind = entity.el.get("classCode") or ""
        if not names or kind not in _RELATIONSHIPS:
            return
        role = {"coding": [{"system": _ROLE_CLASS, "code": kind, "display": _RELATIONSHIPS[kind]}]}
        self.ctx.add(
            "RelatedPerson",
            {
                "identifier": identifiers(entity.children(ID)),
                "patient": self.ctx.patient,
                "relationship": [codeable(entity.child(CODE), self.ctx) or role],
                "name": names,
                "telecom": contact_points(entity.children(TELECOM)),
                "address": addresses(entity.children(ADDR)),
            },
            None,
            path,
        )

    def document_reference(self, xml: bytes) -> Json:
        """The source document as DocumentReference: its identity, size and hash, not its bytes."""
        moment = when(self.document.child(EFFECTIVE_TIME), self.ctx).start
        return self.ctx.add(
            "DocumentReference",
            {
                "masterIdentifier": self.identifier,
                "status": "current",
                "type": codeable(self.document.child(CODE), self.ctx),
                "category": [NOTE_CATEGORY],
                "subject": self.ctx.patient,
                "date": instant(moment),
                "author": self.authors,
                "custodian": self.custodian,
                "content": [
                    {
                        "attachment": drop(
                            {
                                "contentType": "application/xml",
                                "size": len(xml),
                                "hash": base64.b64encode(
                                    hashlib.sha1(xml, usedforsecurity=False).digest()
                                ).decode("ascii"),
                                "title": self.title,
                                "creation": moment,
                            }
                        ),
                    }
                ],
                "context": drop({"encounter": [self.ctx.ref(self.encounter)]}),
            },
            None,
            ROOT,
        )
