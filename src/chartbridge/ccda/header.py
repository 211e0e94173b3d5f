"""The header beside the patient: authors, custodian, attesters, participants, encounter, the document."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, identifiers, urn, when
from chartbridge.ccda.encompassing import encompassing_encounter
from chartbridge.ccda.names import (
    ASSIGNED_AUTHOR,
    ASSIGNED_CUSTODIAN,
    ASSIGNED_ENTITY,
    AUTHENTICATOR,
    AUTHOR,
    CODE,
    CONFIDENTIALITY_CODE,
    CUSTODIAN,
    DATA_ENTERER,
    DOCUMENTATION_OF,
    EFFECTIVE_TIME,
    FUNCTION_CODE,
    ID,
    INFORMANT,
    LANGUAGE_CODE,
    LEGAL_AUTHENTICATOR,
    PARENT_DOCUMENT,
    PARTICIPANT,
    RELATED_DOCUMENT,
    REPRESENTED_CUSTODIAN_ORGANIZATION,
    ROOT,
    SERVICE_EVENT,
    SET_ID,
    TIME,
    TITLE,
    V3,
    VERSION_NUMBER,
    Element,
    local,
)
from chartbridge.ccda.narrative import words
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.orders import consents, orders
from chartbridge.ccda.participants import (
    entity_of,
    extension,
    participation_type,
    party,
)
from chartbridge.ccda.provenance import (
    AGENTS,
    PARTICIPANT_TYPE,
    Agent,
    agent_of,
    document_provenance,
    statement_provenances,
)
from chartbridge.ccda.sections.notes import NOTE_CATEGORY
from chartbridge.ccda.traits import complete_patient
from chartbridge.fhir import drop, instant

Json = dict[str, Any]

INFORMATION_RECIPIENT = V3 + "informationRecipient"

VERSION_EXTENSION = "http://hl7.org/fhir/StructureDefinition/composition-clinicaldocument-versionNumber"
PRIMARY_CARE = frozenset(("PCP", "PP"))
"""What makes a performer a general practitioner: codes of ParticipationFunction and of HL7 table 0443."""
RELATIONS = {"RPLC": "replaces", "APND": "appends", "XFRM": "transforms"}
_PARTICIPATIONS = (
    (DATA_ENTERER, "data-enterer-extension", "ENT", "enterer"),
    (INFORMANT, "informant-extension", "INF", "informant"),
    (INFORMATION_RECIPIENT, "information-recipient-extension", "PRCP", ""),
    (PARTICIPANT, "ParticipantExtension", "IND", ""),
)
"""Element; extension; typeCode, unless the element says another; what this is in the Provenance."""


class Header:
    """What the Composition, the DocumentReference and the Provenance say of the document."""

    def __init__(self, document: Node, ctx: Context) -> None:
        self.document = document
        self.ctx = ctx
        self.moment = when(document.child(EFFECTIVE_TIME), ctx).start
        """When the document was made."""
        self.agents: list[Agent] = []
        """Who had a part in making the document, for its Provenance."""
        self.extensions: list[Json] = []
        """What R4's Composition has no element for."""
        self.general_practitioners: list[Json] = []
        self.authors = self._authors()
        self.custodian = self._custodian()
        self.attesters = self._attesters()
        self.encounter = encompassing_encounter(document, ctx)
        self.events = self._events()
        self.relations = self._relations()
        self._others()
        self.extensions += orders(document, ctx) + consents(document, ctx)
        self._version()

    @property
    def identifier(self) -> Json | None:
        """The document's id."""
        return next(iter(identifiers(self.document.children(ID))), None)

    @property
    def title(self) -> str | None:
        """The document's title."""
        return words(self.document.child(TITLE))

    def _took_part(
        self, kind: str, person: Json | None, organization: Json | None, time: str | None = None
    ) -> None:
        agent = agent_of(kind, person, organization, time)
        if agent is not None:
            self.agents.append(agent)

    def _authors(self) -> list[Json]:
        made: list[Json] = []
        for position, el in enumerate(self.document.children(AUTHOR), 1):
            participation = Node(el)
            assigned = participation.child(ASSIGNED_AUTHOR)
            if assigned is None:
                continue
            person, organization = self.ctx.actors.role(assigned, f"{ROOT}/author[{position}]/assignedAuthor")
            time = when(participation.child(TIME), self.ctx).start
            self._took_part("author", person, organization, time)
            one = person or organization
            if one is not None and one not in made:
                made.append(one)
        return made

    def _custodian(self) -> Json | None:
        node = node_at(self.document, CUSTODIAN, ASSIGNED_CUSTODIAN, REPRESENTED_CUSTODIAN_ORGANIZATION)
        path = f"{ROOT}/custodian/assignedCustodian/representedCustodianOrganization"
        made = self.ctx.actors.organization(node, path)
        self._took_part("custodian", None, made)
        return made

    def _attesters(self) -> list[Json]:
        made: list[Json] = []
        for tag, mode in ((LEGAL_AUTHENTICATOR, "legal"), (AUTHENTICATOR, "professional")):
            for position, el in enumerate(self.document.children(tag), 1):
                node = Node(el)
                assigned = node.child(ASSIGNED_ENTITY)
                if assigned is None:
                    continue
                path = f"{ROOT}/{local(tag)}[{position}]/assignedEntity"
                person, organization = self.ctx.actors.role(assigned, path)
                attester = person or organization
                if attester is not None:
                    time = when(node.child(TIME), self.ctx).start
                    made.append(drop({"mode": mode, "time": time, "party": attester}) or {})
        return made

    def _events(self) -> list[Json]:
        """documentationOf/serviceEvent as Composition.event; who performs it as participants.

        The performers of a provision of care are the patient's care team, and a primary care provider
        among the performers is the patient's general practitioner.
        """
        made: list[Json] = []
        for position, el in enumerate(self.document.children(DOCUMENTATION_OF), 1):
            node = Node(el).node(SERVICE_EVENT)
            if node is None:
                continue
            path = f"{ROOT}/documentationOf[{position}]/serviceEvent"
            period = when(node.child(EFFECTIVE_TIME), self.ctx).period
            members = self._performers(node, path, (period or {}).get("end"))
            if members and node.el.get("classCode") == "PCPR":
                team = {"subject": self.ctx.patient, "period": period, "participant": members}
                self.ctx.add("CareTeam", team, None, path)
            one = drop(
                {
                    "code": [codeable(node.child(CODE), self.ctx)],
                    "period": period,
                    "detail": [{"identifier": one} for one in identifiers(node.children(ID))],
                }
            )
            if one:
                made.append(one)
        return made

    def _performers(self, node: Node, path: str, until: str | None) -> list[Json]:
        """The performers of a service event, which ended ``until`` then, as members of a care team."""
        members: list[Json] = []
        for participation, person, organization in self.ctx.actors.performers(node, path):
            who = person or organization
            if who is None:
                continue
            kind = (participation.el.get("typeCode") or "").strip() or "PRF"
            self.extensions.append(extension("ParticipantExtension", kind, participation, who, self.ctx))
            function = participation.child(FUNCTION_CODE)
            period = when(participation.child(TIME), self.ctx).period
            if function is not None and function.get("code") in PRIMARY_CARE:
                self._general_practitioner(who, period, until)
            assigned = participation.node(ASSIGNED_ENTITY)
            code = None if assigned is None else assigned.child(CODE)
            role = codeable(function, self.ctx) or codeable(code, self.ctx) or participation_type(kind)
            one = drop(
                {
                    "role": [role],
                    "member": who,
                    "onBehalfOf": organization if who["reference"].startswith("Practitioner/") else None,
                    "period": period,
                }
            )
            if one and one not in members:
                members.append(one)
        return members

    def _general_practitioner(self, who: Json, period: Json | None, until: str | None = None) -> None:
        """Note a primary care provider, unless that was over before the document was made.

        Who was one to the end of the event, ``until``, is one as far as the document tells.
        """
        end = (period or {}).get("end", "")[:10]
        if end and all(day is None or end < day[: len(end)] for day in (until, self.moment)):
            return
        if who["reference"].startswith(("Practitioner/", "Organization/")) and (
            who not in self.general_practitioners
        ):
            self.general_practitioners.append(who)

    def _others(self) -> None:
        """Data enterers, informants, recipients and further participants."""
        for tag, name, usual, agent_kind in _PARTICIPATIONS:
            for position, el in enumerate(self.document.children(tag), 1):
                participation = Node(el)
                entity = entity_of(participation)
                if entity is None:
                    continue
                path = f"{ROOT}/{local(tag)}[{position}]/{local(entity.tag)}"
                person, organization = party(entity, participation, self.ctx, path)
                who = person or organization
                if who is None:
                    continue
                kind = (el.get("typeCode") or "").strip() or usual
                self.extensions.append(extension(name, kind, participation, who, self.ctx))
                if organization is not None and who["reference"].startswith("RelatedPerson/"):
                    self.extensions.append(extension(name, kind, participation, organization, self.ctx))
                function = participation.child(FUNCTION_CODE)
                part = agent_kind or self._agent_kind(function)
                time = when(participation.child(TIME), self.ctx)
                if part:
                    self._took_part(part, person, organization, time.start)
                if function is not None and function.get("code") in PRIMARY_CARE:
                    self._general_practitioner(who, time.period)

    def _agent_kind(self, function: Element | None) -> str:
        """What a participant is in the Provenance: something only where its function is a code of that."""
        made = codeable(function, self.ctx)
        for one in () if made is None else made.get("coding", ()):
            if one.get("system") == PARTICIPANT_TYPE and one["code"] in AGENTS:
                return str(one["code"])
        return ""

    def _relations(self) -> list[tuple[str, Json]]:
        """The documents that this one replaces, appends or transforms: the relation and the identifier."""
        made: list[tuple[str, Json]] = []
        for el in self.document.children(RELATED_DOCUMENT):
            parent = Node(el).node(PARENT_DOCUMENT)
            relation = RELATIONS.get(el.get("typeCode") or "")
            if parent is None or relation is None:
                continue
            ids = identifiers(parent.children(ID)) or identifiers(parent.children(SET_ID))
            made += [(relation, one) for one in ids]
        return made

    def _version(self) -> None:
        el = self.document.child(VERSION_NUMBER)
        said = "" if el is None else (el.get("value") or "").strip()
        if said:
            self.extensions.append({"url": VERSION_EXTENSION, "valueString": said})

    def document_reference(self, xml: bytes) -> Json:
        """The source document as DocumentReference: its identity, size and hash, not its bytes.

        US Core requires a URL or data of the attachment. The URL is the URN of the document's own id:
        the id itself where it is an OID or a UUID, else ``urn:hl7ii:<root>:<extension>``. It tells which
        document this is, not where it can be fetched.
        """
        document, ctx, moment = self.document, self.ctx, self.moment
        legal = next((one["party"] for one in self.attesters if one["mode"] == "legal"), None)
        language = document.child(LANGUAGE_CODE)
        return ctx.add(
            "DocumentReference",
            {
                "masterIdentifier": self.identifier,
                "identifier": identifiers(document.children(SET_ID)),
                "status": "current",
                "type": codeable(document.child(CODE), ctx),
                "category": [NOTE_CATEGORY],
                "subject": ctx.patient,
                "date": instant(moment),
                "author": self.authors,
                "authenticator": legal,
                "custodian": self.custodian,
                "relatesTo": [
                    {"code": relation, "target": {"type": "DocumentReference", "identifier": one}}
                    for relation, one in self.relations
                ],
                "securityLabel": [codeable(document.child(CONFIDENTIALITY_CODE), ctx)],
                "content": [
                    {
                        "attachment": drop(
                            {
                                "contentType": "application/xml",
                                "language": None
                                if language is None
                                else (language.get("code") or "").strip(),
                                "url": urn(document.child(ID)),
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
                "context": drop(
                    {
                        "encounter": [ctx.ref(self.encounter)],
                        "event": [one for event in self.events for one in event.get("code", ())],
                        "period": next((one["period"] for one in self.events if "period" in one), None),
                    }
                ),
            },
            None,
            ROOT,
        )

    def complete(self, patient: Json, composition: Json, source: Json) -> None:
        """Add what can be told only when the body is converted and the document's own resources are made.

        ``patient`` gets what the body says of the person, and the general practitioner; ``composition``
        gets the participants and the documents that it relates to; ``source`` is the DocumentReference
        that all Provenance refers to.
        """
        ctx = self.ctx
        complete_patient(patient, ctx)
        if self.general_practitioners:
            patient["generalPractitioner"] = self.general_practitioners
        composition["extension"] += self.extensions
        if self.relations:
            composition["relatesTo"] = [
                {"code": relation, "targetIdentifier": one} for relation, one in self.relations
            ]
        targets = [ctx.ref(composition) or {}, ctx.ref(source) or {}]
        document_provenance(self.agents, targets, targets[1], self.moment, ctx, ROOT)
        statement_provenances(targets[1], ctx)
