"""Procedures: done ones as Procedure, in each of their three CDA forms; planned ones as ServiceRequest."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import absent_reason, codeable, codeables, effective, identifiers, title
from chartbridge.ccda.names import (
    CODE,
    ID,
    METHOD_CODE,
    PARTICIPANT,
    PARTICIPANT_ROLE,
    PLAYING_DEVICE,
    PRIORITY_CODE,
    TARGET_SITE_CODE,
    TEXT,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.registry import BY_ELEMENT, maps, part
from chartbridge.ccda.sections.common import Json, code_or_text, frame, notes, own_note, reasons
from chartbridge.ccda.sections.devices import devices_of
from chartbridge.ccda.sections.medications import PRIORITY
from chartbridge.ccda.sections.observation import specimen, values, words
from chartbridge.ccda.statement import Statement

SECTIONS = ("47519-4", "29554-3")
PLAN_SECTIONS = ("18776-5", "51847-2", "61146-7")

STATUS = {
    "completed": "completed",
    "active": "in-progress",
    "aborted": "stopped",
    "cancelled": "not-done",
    "held": "on-hold",
    "suspended": "on-hold",
    "new": "preparation",
    "nullified": "entered-in-error",
    "obsolete": "entered-in-error",
}
RESULT_STATUS = {
    "completed": "final",
    "not-done": "cancelled",
    "stopped": "cancelled",
    "entered-in-error": "entered-in-error",
}
"""Of what a procedure found, by the procedure's own status."""
REQUEST_STATUS = {
    "active": "active",
    "new": "draft",
    "held": "on-hold",
    "suspended": "on-hold",
    "aborted": "revoked",
    "cancelled": "revoked",
    "completed": "completed",
    "nullified": "entered-in-error",
    "obsolete": "revoked",
}
INTENT = {
    "INT": "plan",
    "RQO": "order",
    "ARQ": "proposal",
    "APT": "plan",
    "PRMS": "plan",
    "PRP": "proposal",
    "GOL": "plan",
}

METHOD = "http://hl7.org/fhir/StructureDefinition/procedure-method"

part(t.INSTRUCTION, of="the statement it instructs about")


@maps(
    t.PROCEDURE_ACTIVITY,
    t.PROCEDURE_ACTIVITY_OBSERVATION,
    t.PROCEDURE_ACTIVITY_ACT,
    sections=SECTIONS,
    elements=("procedure", "act", "observation"),
    default="procedure",
)
def procedure(st: Statement, ctx: Context) -> Json | None:
    """Procedure Activity Procedure, Act and Observation as Procedure; planned ones as ServiceRequest."""
    if st.planned:
        return service_request(st, ctx)
    if not st.template and st.code_value() == "CONC" and st.related:
        return frame(st, ctx, st.related)
    code = code_or_text(st, ctx)
    devices = [] if st.denied else [{"manipulated": ctx.ref(one)} for one in devices_of(st, ctx, "DEV")]
    if code is None:
        said = devices or st.denied or TARGET_SITE_CODE in st.one or effective(st, ctx).start
        if not said:
            return None
        code = absent_reason(None)
    author, _ = ctx.actors.author(st, st.path)
    places = ctx.actors.locations(st, st.path)
    made = ctx.add(
        "Procedure",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "not-done" if st.denied else STATUS.get(st.status, "unknown"),
            "code": code,
            "subject": ctx.patient,
            **effective(st, ctx).choice("performed"),
            "recorder": author,
            "performer": _performers(st, ctx),
            "location": places[0] if places else None,
            "reasonCode": reasons(st, ctx),
            "bodySite": codeables(st.children(TARGET_SITE_CODE), ctx),
            "note": notes(st, ctx)
            + own_note(st, ctx, code)
            + instructions(st, ctx)
            + _denied_devices(st, ctx),
            "focalDevice": devices,
        },
        st,
    )
    for method in _methods(st, ctx):
        if method not in made["extension"]:
            made["extension"].append(method)
    sample = specimen(st, ctx)
    first, more = values(st, ctx)
    if first and "dataAbsentReason" not in first and not st.denied:
        _result(st, ctx, made, code, first, more)
    elif sample is not None:
        ctx.belongs(sample["reference"], st)
    return made


def _methods(st: Statement, ctx: Context) -> list[Json]:
    """How it was done, for which R4 has an extension of its own."""
    return [{"url": METHOD, "valueCodeableConcept": one} for one in codeables(st.children(METHOD_CODE), ctx)]


def _result(st: Statement, ctx: Context, made: Json, code: Json, value: Json, more: list[Json]) -> None:
    """A procedure observation may have values, for which Procedure has no place."""
    ctx.add(
        "Observation",
        {
            "partOf": [ctx.ref(made)],
            "status": RESULT_STATUS.get(made["status"], "unknown"),
            "code": code,
            "subject": ctx.patient,
            **effective(st, ctx).choice("effective"),
            **value,
            "component": [{"code": code, **one} for one in more],
        },
        st,
    )


def _performers(st: Statement, ctx: Context) -> list[Json]:
    made: list[Json] = []
    for _, person, organization in ctx.actors.performers(st, st.path):
        one = {"actor": person or organization}
        if (
            person is not None
            and organization is not None
            and person["reference"].startswith("Practitioner/")
        ):
            one["onBehalfOf"] = organization
        if one not in made:
            made.append(one)
    return made


def _denied_devices(st: Statement, ctx: Context) -> list[Json]:
    """The devices of a procedure that was not done: said in words, for a Device would be one that exists."""
    if not st.denied:
        return []
    made = []
    for el in st.children(PARTICIPANT):
        device = node_at(Node(el), PARTICIPANT_ROLE, PLAYING_DEVICE)
        kind = None if device is None else title(codeable(device.child(CODE), ctx))
        if kind:
            made.append({"text": f"Not so: {kind}"})
    return made


def instructions(st: Statement, ctx: Context) -> list[Json]:
    """Instruction activities within a statement as notes."""
    made = []
    for instruction in st.related:
        if instruction.template == t.INSTRUCTION and not instruction.taken and instruction.is_asserted:
            text = ctx.text(instruction.child(TEXT))
            if text is not None:
                instruction.taken = True
                made.append({"text": text})
    return made


@maps(
    t.PLANNED_PROCEDURE,
    t.PLANNED_OBSERVATION,
    t.PLANNED_ACT,
    t.PLANNED_INTERVENTION_ACT,
    t.PATIENT_REFERRAL_ACT,
    t.HANDOFF_COMMUNICATION,
    t.NUTRITION_RECOMMENDATION,
    sections=PLAN_SECTIONS,
    elements=("procedure", "act"),
)
def planned(st: Statement, ctx: Context) -> Json | None:
    """Planned Procedure, Act, Observation and the like: ServiceRequest, or Procedure where it was done."""
    if st.planned:
        return service_request(st, ctx)
    return procedure(st, ctx) if st.template else BY_ELEMENT[st.tag](st, ctx)


def service_request(st: Statement, ctx: Context) -> Json | None:
    """What is ordered, planned or proposed; negated, what is not to be done."""
    code = code_or_text(st, ctx)
    if code is None:
        if effective(st, ctx).start is None and not st.denied:
            return None
        code = absent_reason(None)
    author, authored = ctx.actors.author(st, st.path)
    return ctx.add(
        "ServiceRequest",
        {
            "identifier": identifiers(st.children(ID)),
            "status": REQUEST_STATUS.get(st.status, "unknown"),
            "intent": INTENT.get(st.mood, "plan"),
            "priority": PRIORITY.get(st.code_value(PRIORITY_CODE)),
            "doNotPerform": True if st.denied else None,
            "code": code,
            "subject": ctx.patient,
            **effective(st, ctx).choice("occurrence"),
            "authoredOn": authored,
            "requester": author,
            "performer": ctx.actors.performer_references(st, st.path),
            "locationReference": ctx.actors.locations(st, st.path),
            "reasonCode": reasons(st, ctx),
            "bodySite": codeables(st.children(TARGET_SITE_CODE), ctx),
            "note": notes(st, ctx) + own_note(st, ctx, code) + _asked_value(st, ctx),
            "patientInstruction": "; ".join(note["text"] for note in instructions(st, ctx)) or None,
        },
        st,
    )


def _asked_value(st: Statement, ctx: Context) -> list[Json]:
    """The value of an observation that is yet to be made, for which ServiceRequest has no place."""
    first, more = values(st, ctx) if st.tag == "observation" else ({}, [])
    return [{"text": f"Value in the source: {said}"} for one in (first, *more) if (said := _said(one))]


def _said(value: Json) -> str | None:
    return None if not value or "dataAbsentReason" in value else words(value)
