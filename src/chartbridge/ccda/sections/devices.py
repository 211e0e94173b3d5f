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
    PRIORITY_CODE,
    PRODUCT,
    QUANTITY,
    SCOPING_ENTITY,
    STATUS_CODE,
    Element,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.registry import maps
from chartbridge.ccda.sections import medications
from chartbridge.ccda.sections.common import Json, frame, notes, reasons
from chartbridge.ccda.sections.udi import FDA_UDI, udi_fields
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

SECTIONS = ("46264-8",)

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
    if device is None and PRODUCT in st.one and not st.negated:
        return medications.dispense(st, ctx)
    if st.planned:
        return _device_request(st, device, ctx)
    if device is None:
        return _supply_delivery(st, ctx)
    moment = effective(st, ctx)
    remarks = notes(st, ctx) + _amount(st)
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


def _amount(st: Statement) -> list[Json]:
    """A quantity other than one as a note: neither a use nor a request of a device has a place for it."""
    amount = quantity(st.child(QUANTITY))
    if amount is None or amount["value"] == 1:
        return []
    return [{"text": f"Quantity: {amount['value']} {amount.get('unit', '')}".strip()}]


def _device_request(st: Statement, device: Json | None, ctx: Context) -> Json | None:
    """A supply that is planned or asked for; negated, one that is not to be."""
    code = None if device is not None else codeable(st.child(CODE), ctx)
    if device is None and code is None:
        return None
    author, authored = ctx.actors.author(st, st.path)
    refused = [{"text": "Not to be supplied (negationInd)"}] if st.negated else []
    return ctx.add(
        "DeviceRequest",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "revoked" if st.negated else REQUEST_STATUS.get(st.code_value(STATUS_CODE), "unknown"),
            "intent": "plan" if st.mood == "INT" else "order" if st.mood == "RQO" else "proposal",
            "priority": medications.PRIORITY.get(st.code_value(PRIORITY_CODE)),
            "codeReference": ctx.ref(device),
            "codeCodeableConcept": code,
            "subject": ctx.patient,
            **effective(st, ctx).choice("occurrence"),
            "authoredOn": authored,
            "requester": author,
            "performer": next(iter(ctx.actors.performer_references(st, st.path)), None),
            "reasonCode": reasons(st, ctx),
            "note": refused + notes(st, ctx) + _amount(st),
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
    udi = _udi(role.children(ID))
    organizer = _organizer(st, udi)
    fields = {
        "identifier": ids,
        "manufacturer": maker,
        **udi_fields(udi, organizer, ctx),
        "type": kind or {"text": "Device"},
        "patient": None if st.planned else ctx.patient,
    }
    if model:
        fields["deviceName"] = [{"name": model, "type": "model-name"}, *fields.get("deviceName", [])]
    made = ctx.add("Device", fields, None, path)
    ctx.belongs(f"Device/{made['id']}", st)
    if organizer is not None:
        organizer.taken = True
        ctx.absorb(organizer, made)
    return made


def _udi(ids: list[Element]) -> str | None:
    return next((said for el in ids if el.get("root") == FDA_UDI and (said := el.get("extension"))), None)


def _organizer(st: Statement, udi: str | None) -> Statement | None:
    """The UDI Organizer beside a product: that of the same identifier, or the only one there is."""
    found = [one for one in st.related if one.template == t.UDI_ORGANIZER and not one.taken]
    same = [one for one in found if udi is not None and _udi(one.children(ID)) == udi]
    if same:
        return same[0]
    single = len(found) == 1 and (udi is None or _udi(found[0].children(ID)) is None)
    return found[0] if single else None


@maps(t.UDI_ORGANIZER, events_only=True)
def udi_organizer(st: Statement, ctx: Context) -> Json | None:
    """UDI Organizer that belongs to no product: a Device of which only this is known."""
    fields = udi_fields(_udi(st.children(ID)), st, ctx)
    if not fields:
        return None
    fields["identifier"] = identifiers(st.children(ID))
    return ctx.add("Device", {**fields, "type": {"text": "Device"}, "patient": ctx.patient}, st)


def _supply_delivery(st: Statement, ctx: Context) -> Json | None:
    """A supply of something that is only named in words."""
    code = codeable(st.child(CODE), ctx)
    if code is None:
        return None
    return ctx.add(
        "SupplyDelivery",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "completed",
            "patient": ctx.patient,
            "suppliedItem": drop({"quantity": quantity(st.child(QUANTITY)), "itemCodeableConcept": code}),
            **effective(st, ctx).choice("occurrence"),
        },
        st,
    )
