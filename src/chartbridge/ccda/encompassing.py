"""componentOf/encompassingEncounter: the encounter that the document is about."""

from __future__ import annotations

from typing import Any

from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, identifiers, when
from chartbridge.ccda.names import (
    ASSIGNED_ENTITY,
    CODE,
    COMPONENT_OF,
    DISCHARGE_DISPOSITION_CODE,
    EFFECTIVE_TIME,
    ENCOMPASSING_ENCOUNTER,
    ENCOUNTER_PARTICIPANT,
    HEALTH_CARE_FACILITY,
    ID,
    LOCATION,
    RESPONSIBLE_PARTY,
    ROOT,
    SDTC,
    SERVICE_PROVIDER_ORGANIZATION,
    TIME,
    local,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.participants import participation_type
from chartbridge.ccda.sections.encounters import encounter_fields, remember

Json = dict[str, Any]

SDTC_ADMISSION_REFERRAL_SOURCE_CODE = SDTC + "admissionReferralSourceCode"


def encompassing_encounter(document: Node, ctx: Context) -> Json | None:
    """encompassingEncounter as Encounter, which a section's encounter of the same id joins."""
    node = node_at(document, COMPONENT_OF, ENCOMPASSING_ENCOUNTER)
    if node is None:
        return None
    path = f"{ROOT}/componentOf/encompassingEncounter"
    performers, participants = _participants(node, path, ctx)
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
    fields["participant"] = participants
    if provider is not None:
        fields["serviceProvider"] = provider
    source = codeable(node.child(SDTC_ADMISSION_REFERRAL_SOURCE_CODE), ctx)
    if source is not None:
        fields["hospitalization"] = {"admitSource": source, **(fields["hospitalization"] or {})}
    made = ctx.add("Encounter", fields, None, path)
    remember(made, ctx)
    return made


def _participants(node: Node, path: str, ctx: Context) -> tuple[list[Json], list[Json]]:
    """All who take part, people and organizations; and the people with their type and time."""
    performers: list[Json] = []
    participants: list[Json] = []
    for tag in (RESPONSIBLE_PARTY, ENCOUNTER_PARTICIPANT):
        for position, el in enumerate(node.children(tag), 1):
            participation = Node(el)
            assigned = participation.child(ASSIGNED_ENTITY)
            if assigned is None:
                continue
            found = ctx.actors.role(assigned, f"{path}/{local(tag)}[{position}]/assignedEntity")
            performers += [one for one in found if one is not None and one not in performers]
            person = found[0]
            if person is None or not person["reference"].startswith("Practitioner/"):
                continue
            kind = (el.get("typeCode") or "").strip() or ("RESP" if tag == RESPONSIBLE_PARTY else "")
            period = when(participation.child(TIME), ctx).period
            one: Json = {"individual": person}
            if kind:
                one = {"type": [participation_type(kind)], **one}
            if period is not None:
                one["period"] = period
            if one not in participants:
                participants.append(one)
    return performers, participants
