"""Medical equipment: implants and supplies as Device, with DeviceUseStatement for their use."""

from __future__ import annotations

from collections.abc import Iterator

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
    if st.denied and not st.planned:
        return _denied(st, ctx)
    device = next(devices_of(st, ctx, "PRD", "DEV"), None)
    if device is None and PRODUCT in st.one and not st.denied:
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
            "status": USE_STATUS.get(st.status, "completed"),
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
    refused = [{"text": "Not to be supplied (negationInd)"}] if st.denied else []
    return ctx.add(
        "DeviceRequest",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "revoked" if st.denied else REQUEST_STATUS.get(st.status, "unknown"),
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
            "status": "entered-in-error" if st.nullified else "final",
            "code": codeable(st.child(CODE), ctx) or {"text": "Medical device"},
            "subject": ctx.patient,
            **effective(st, ctx).choice("effective"),
            "valueString": f"Not present: {', '.join(kinds) or 'device'}",
            "note": notes(st, ctx),
        },
        st,
    )


def devices_of(st: Statement, ctx: Context, *kinds: str) -> Iterator[Json]:
    """The devices of a statement, each made when it is asked for.

    They are the participants that play a device, and those of other kinds of product that take part as
    one of ``kinds`` (typeCode).
    """
    roles: list[tuple[Node, str]] = []
    for position, el in enumerate(st.children(PARTICIPANT), 1):
        role = node_at(Node(el), PARTICIPANT_ROLE)
        if role is not None and (el.get("typeCode") in kinds or PLAYING_DEVICE in role.one):
            roles.append((role, f"{st.path}/participant[{position}]/participantRole"))
    told = _organizers(st)
    for role, path in roles:
        made = _device(role, path, st, told, ctx, alone=len(roles) == 1)
        if made is not None:
            yield made


def _device(
    role: Node, path: str, st: Statement, told: dict[str, list[Statement]], ctx: Context, *, alone: bool
) -> Json | None:
    """Product Instance (a participantRole) as Device; an id that is a UDI becomes its carrier."""
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
    organizer = _organizer(told, udi, alone)
    if organizer is not None and udi is None:
        udi = _udi(organizer.children(ID))
        ids = identifiers([*role.children(ID), *organizer.children(ID)])
    fields = {
        "identifier": ids,
        "manufacturer": maker,
        **udi_fields(udi, organizer, ctx),
        "type": kind or {"text": "Device"},
        **_standing(ctx, st),
    }
    if model:
        fields["deviceName"] = [{"name": model, "type": "model-name"}, *fields.get("deviceName", [])]
    made = ctx.add("Device", fields, None, path)
    ctx.belongs(f"Device/{made['id']}", st)
    if organizer is not None:
        organizer.taken = True
        ctx.absorb(organizer, made)
    return made


def _standing(ctx: Context, *statements: Statement) -> Json:
    """What the statements that name a device leave of it: one that was retracted is an error, and what is
    planned, null as a whole, called off or broken off makes it nobody's."""
    given = not any(
        one.planned or one.el.get("nullFlavor") is not None or one.status in ("cancelled", "aborted")
        for one in statements
    )
    return {
        "status": "entered-in-error" if any(one.nullified for one in statements) else None,
        "patient": ctx.patient if given else None,
    }


def _udi(ids: list[Element]) -> str | None:
    return next((said for el in ids if el.get("root") == FDA_UDI and (said := el.get("extension"))), None)


def _organizers(st: Statement) -> dict[str, list[Statement]]:
    """The UDI Organizers within a statement by their UDI, those of none under ``""``; the last one first."""
    found: dict[str, list[Statement]] = {}
    for one in reversed(st.related):
        if one.template == t.UDI_ORGANIZER and not one.taken and one.is_asserted:
            found.setdefault(_udi(one.children(ID)) or "", []).append(one)
    return found


def _organizer(told: dict[str, list[Statement]], udi: str | None, alone: bool) -> Statement | None:
    """The UDI Organizer of a product, no longer among those that are left: the one of the same UDI.

    Where one of the two names none, they belong together if there is but one of each.
    """
    if udi is not None and (same := told.get(udi)):
        return same.pop()
    rest = [one for left in told.values() for one in left] if alone else []
    if len(rest) == 1 and (udi is None or _udi(rest[0].children(ID)) is None):
        return rest[0]
    return None


@maps(t.UDI_ORGANIZER, events_only=True)
def udi_organizer(st: Statement, ctx: Context) -> Json | None:
    """UDI Organizer that belongs to no product: a Device of which only this is known."""
    holders = [st] if st.parent is None else [st, st.parent]
    if any(one.denied for one in holders):
        return _denied(st, ctx)
    fields = udi_fields(_udi(st.children(ID)), st, ctx)
    if not fields:
        return None
    fields["identifier"] = identifiers(st.children(ID))
    return ctx.add("Device", {**fields, "type": {"text": "Device"}, **_standing(ctx, *holders)}, st)


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
