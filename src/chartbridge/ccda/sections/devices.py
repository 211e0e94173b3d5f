"""Medical equipment: implants and supplies as Device, with DeviceUseStatement for their use."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, effective, identifiers, quantity, title
from chartbridge.ccda.names import (
    CODE,
    DESC,
    ID,
    MANUFACTURER_MODEL_NAME,
    NAME,
    PARTICIPANT,
    PARTICIPANT_ROLE,
    PLAYING_DEVICE,
    PLAYING_ENTITY,
    QUANTITY,
    SCOPING_ENTITY,
    STATUS_CODE,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections.common import Json, frame, notes, reasons
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

SECTIONS = ("46264-8",)
FDA_UDI = "2.16.840.1.113883.3.3719"

USE_STATUS = {
    "completed": "completed",
    "active": "active",
    "aborted": "stopped",
    "cancelled": "stopped",
    "held": "on-hold",
    "suspended": "on-hold",
    "new": "intended",
    "nullified": "entered-in-error",
}
REQUEST_STATUS = {
    "active": "active",
    "new": "draft",
    "completed": "completed",
    "cancelled": "revoked",
    "aborted": "revoked",
    "suspended": "on-hold",
    "held": "on-hold",
    "nullified": "entered-in-error",
}


@maps(t.MEDICAL_EQUIPMENT_ORGANIZER, sections=SECTIONS, elements=("organizer",))
def equipment(st: Statement, ctx: Context) -> Json | None:
    """Medical Equipment Organizer: what it organizes is converted on its own."""
    return frame(st, ctx, st.related)


@maps(t.NON_MEDICINAL_SUPPLY, t.PLANNED_SUPPLY, sections=SECTIONS, elements=("supply",), default="supply")
def supply(st: Statement, ctx: Context) -> Json | None:
    """Non-Medicinal Supply Activity: a Device and its use; planned, a DeviceRequest; or SupplyDelivery."""
    if st.negated and not st.planned:
        return _denied(st, ctx)
    device = _supplied(st, ctx)
    if device is None:
        return _supply_delivery(st, ctx)
    moment = effective(st, ctx)
    if st.planned:
        author, authored = ctx.actors.author(st, st.path)
        return ctx.add(
            "DeviceRequest",
            {
                "identifier": identifiers(st.children(ID)),
                "status": REQUEST_STATUS.get(st.code_value(STATUS_CODE), "unknown"),
                "intent": "plan" if st.mood == "INT" else "order" if st.mood == "RQO" else "proposal",
                "codeReference": ctx.ref(device),
                "subject": ctx.patient,
                **moment.choice("occurrence"),
                "authoredOn": authored,
                "requester": author,
                "note": notes(st, ctx),
            },
            st,
        )
    amount = quantity(st.child(QUANTITY))
    remarks = notes(st, ctx)
    if amount is not None and amount["value"] != 1:
        remarks.append({"text": f"Quantity: {amount['value']} {amount.get('unit', '')}".strip()})
    return ctx.add(
        "DeviceUseStatement",
        {
            "identifier": identifiers(st.children(ID)),
            "status": USE_STATUS.get(st.code_value(STATUS_CODE), "completed"),
            "subject": ctx.patient,
            **moment.choice("timing"),
            "device": ctx.ref(device),
            "reasonCode": reasons(st, ctx),
            "note": remarks,
        },
        st,
    )


def _denied(st: Statement, ctx: Context) -> Json | None:
    """A supply that was not: an Observation that says so, for a Device would be one that exists."""
    kinds = []
    for el in st.children(PARTICIPANT):
        device = node_at(Node(el), PARTICIPANT_ROLE, PLAYING_DEVICE)
        kind = None if device is None else title(codeable(device.child(CODE), ctx))
        if kind:
            kinds.append(kind)
    return ctx.add(
        "Observation",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "final",
            "code": codeable(st.child(CODE), ctx) or {"text": "Medical device"},
            "subject": ctx.patient,
            **effective(st, ctx).choice("effective"),
            "valueString": f"Not present: {', '.join(kinds) or 'device'}",
            "note": notes(st, ctx),
        },
        st,
    )


def _supplied(st: Statement, ctx: Context) -> Json | None:
    for position, el in enumerate(st.children(PARTICIPANT), 1):
        role = node_at(Node(el), PARTICIPANT_ROLE)
        device = device_of(role, st, ctx, f"{st.path}/participant[{position}]/participantRole")
        if device is not None:
            return device
    return None


def device_of(role: Node | None, st: Statement, ctx: Context, path: str) -> Json | None:
    """Product Instance (a participantRole) as Device; an id that is a UDI becomes its carrier."""
    if role is None:
        return None
    playing = role.node(PLAYING_DEVICE) or role.node(PLAYING_ENTITY)
    kind = None if playing is None else codeable(playing.child(CODE), ctx) or codeable(role.child(CODE), ctx)
    ids = identifiers(role.children(ID))
    if kind is None and playing is not None:
        name = ctx.text(playing.child(NAME))
        kind = {"text": name} if name else None
    if kind is None and (not ids or playing is None):
        return None
    model = None if playing is None else ctx.text(playing.child(MANUFACTURER_MODEL_NAME))
    scoping = role.node(SCOPING_ENTITY)
    maker = None if scoping is None else ctx.text(scoping.child(DESC))
    udi = next((el.get("extension") for el in role.children(ID) if el.get("root") == FDA_UDI), None)
    made = ctx.add(
        "Device",
        {
            "identifier": ids,
            "udiCarrier": [drop({"issuer": "http://hl7.org/fhir/NamingSystem/fda-udi", "carrierHRF": udi})]
            if udi
            else None,
            "manufacturer": maker,
            "deviceName": [{"name": model, "type": "model-name"}] if model else None,
            "type": kind or {"text": title(kind) or "Device"},
            "patient": ctx.patient,
        },
        None,
        path,
    )
    ctx.belongs(f"Device/{made['id']}", st)
    return made


def _supply_delivery(st: Statement, ctx: Context) -> Json | None:
    """A supply of something that is only named in words."""
    code = codeable(st.child(CODE), ctx)
    if code is None or st.planned or st.negated:
        return None
    return ctx.add(
        "SupplyDelivery",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "completed",
            "patient": ctx.patient,
            "suppliedItem": {"quantity": quantity(st.child(QUANTITY)), "itemCodeableConcept": code},
            **effective(st, ctx).choice("occurrence"),
        },
        st,
    )
