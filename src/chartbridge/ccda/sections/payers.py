"""Payers: Coverage Activity and its Policy Activities as Coverage."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, concept, identifiers, title, when
from chartbridge.ccda.demographics import addresses, contact_points, human_names
from chartbridge.ccda.names import (
    ADDR,
    ASSIGNED_ENTITY,
    CODE,
    ID,
    NAME,
    PARTICIPANT,
    PARTICIPANT_ROLE,
    PLAYING_ENTITY,
    TELECOM,
    TEMPLATE_ID,
    TEXT,
    TIME,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json, frame
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

SECTIONS = ("48768-6",)
PLAN = concept("http://terminology.hl7.org/CodeSystem/coverage-class", "plan", "Plan")
STATUS = {
    "active": "active",
    "completed": "active",
    "cancelled": "cancelled",
    "aborted": "cancelled",
    "nullified": "entered-in-error",
    "new": "draft",
}


@maps(t.COVERAGE_ACTIVITY, sections=SECTIONS, elements=("act",))
def coverage_activity(st: Statement, ctx: Context) -> Json | None:
    """Coverage Activity: each policy within it is a Coverage, in the order of its sequenceNumber."""
    content = [
        child for child in st.related if child.template in (t.POLICY_ACTIVITY, "") and child.tag == "act"
    ]
    return frame(st, ctx, content) if content else coverage(st, ctx)


@maps(t.AUTHORIZATION_ACTIVITY)
def authorization(st: Statement, ctx: Context) -> Json | None:
    """Authorization Activity: a frame around what the payer authorized."""
    return frame(st, ctx, st.related)


@maps(t.POLICY_ACTIVITY)
def coverage(st: Statement, ctx: Context) -> Json | None:
    """Policy Activity as Coverage."""
    payors: list[Json] = []
    for participation, person, organization in ctx.actors.performers(st, st.path):
        if _guarantor(participation):
            ctx.issue("a guarantor is named, for whom Coverage has no element")
            continue
        one = organization or person
        if one is not None and one["reference"].startswith("Organization/") and one not in payors:
            payors.append(one)
    covered = holder = None
    holder_path = ""
    for position, el in enumerate(st.children(PARTICIPANT), 1):
        if el.get("typeCode") == "COV":
            covered = Node(el)
        elif el.get("typeCode") == "HLD":
            holder, holder_path = Node(el), f"{st.path}/participant[{position}]/participantRole"
    role = node_at(covered, PARTICIPANT_ROLE)
    members = identifiers(role.children(ID)) if role is not None else []
    if not payors:
        if role is None:
            return None
        payors = [ctx.patient]
        ctx.issue("no payer is named; Coverage.payor is required and refers to the patient")
    return ctx.add(
        "Coverage",
        {
            "identifier": identifiers(st.children(ID)) + members,
            "status": STATUS.get(st.status, "active"),
            "type": codeable(st.child(CODE), ctx),
            "policyHolder": _holder(node_at(holder, PARTICIPANT_ROLE), ctx, holder_path),
            "subscriberId": members[0]["value"]
            if members and members[0].get("system") != "urn:ietf:rfc:3986"
            else None,
            "beneficiary": ctx.patient,
            "relationship": None if role is None else codeable(role.child(CODE), ctx),
            "class": _plans(st, ctx),
            "period": when(covered.child(TIME), ctx).period if covered is not None else None,
            "payor": payors,
        },
        st,
    )


def _guarantor(participation: Node) -> bool:
    """Whether a performer pays what the payer does not: by template or by the code of its role."""
    if any(el.get("root") == t.GUARANTOR for el in participation.children(TEMPLATE_ID)):
        return True
    code = node_at(participation, ASSIGNED_ENTITY)
    said = None if code is None else code.child(CODE)
    return said is not None and said.get("code") == "GUAR"


def _plans(st: Statement, ctx: Context) -> list[Json]:
    """The plans of a policy: acts of mood DEF, by their id, with their name in the text."""
    made: list[Json] = []
    for plan in st.related:
        if plan.taken or plan.tag != "act" or plan.mood != "DEF":
            continue
        name = ctx.text(plan.child(TEXT)) or title(codeable(plan.child(CODE), ctx))
        ids = identifiers(plan.children(ID))
        if name is None and not ids:
            continue
        plan.taken = True
        made.append(drop({"type": PLAN, "value": ids[0]["value"] if ids else name, "name": name}) or {})
    return made


def _holder(role: Node | None, ctx: Context, path: str) -> Json | None:
    """The subscriber as RelatedPerson, or the patient where the identifiers are the patient's."""
    if role is None:
        return None
    ids = identifiers(role.children(ID))
    entity = role.node(PLAYING_ENTITY)
    names = human_names(entity.children(NAME)) if entity is not None else []
    if ctx.actors.is_patient(ids, names):
        return ctx.patient
    if not names:
        return None
    made = ctx.add(
        "RelatedPerson",
        {
            "identifier": ids,
            "patient": ctx.patient,
            "name": names,
            "telecom": contact_points(role.children(TELECOM)),
            "address": addresses(role.children(ADDR)),
        },
        None,
        path,
    )
    return ctx.ref(made)
