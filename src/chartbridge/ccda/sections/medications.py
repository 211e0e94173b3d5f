"""Medications: MedicationStatement for what is taken, MedicationRequest for what is ordered, dispenses."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import UCUM
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import (
    absent_reason,
    codeable,
    effective,
    identifiers,
    number,
    quantity,
    title,
)
from chartbridge.ccda.names import (
    CODE,
    CONSUMABLE,
    EFFECTIVE_TIME,
    ID,
    LOT_NUMBER_TEXT,
    MANUFACTURED_MATERIAL,
    MANUFACTURED_PRODUCT,
    MANUFACTURER_ORGANIZATION,
    NAME,
    PARTICIPANT,
    PARTICIPANT_ROLE,
    PLAYING_ENTITY,
    PRIORITY_CODE,
    PRODUCT,
    QUANTITY,
    REPEAT_NUMBER,
    TEXT,
    V3,
    WIDTH,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.registry import BY_ELEMENT, maps, part
from chartbridge.ccda.sections.common import Json, frame, notes, reasons, text_concept
from chartbridge.ccda.sections.dosage import dosages, medication_times
from chartbridge.ccda.statement import Statement
from chartbridge.ccda.times import interval
from chartbridge.fhir import drop

EXPECTED_USE_TIME = V3 + "expectedUseTime"
SECTIONS = ("10160-0", "10183-2", "75311-1", "42346-7", "29549-3", "11383-7", "18610-6")

REQUEST_STATUS = {
    "active": "active",
    "new": "draft",
    "held": "on-hold",
    "suspended": "on-hold",
    "aborted": "stopped",
    "cancelled": "cancelled",
    "completed": "completed",
    "nullified": "entered-in-error",
    "obsolete": "stopped",
}
STATEMENT_STATUS = {
    "active": "active",
    "new": "intended",
    "held": "on-hold",
    "suspended": "on-hold",
    "aborted": "stopped",
    "cancelled": "not-taken",
    "completed": "completed",
    "nullified": "entered-in-error",
    "obsolete": "stopped",
}
DISPENSE_STATUS = {
    "active": "in-progress",
    "completed": "completed",
    "aborted": "stopped",
    "cancelled": "cancelled",
    "held": "on-hold",
    "suspended": "on-hold",
    "nullified": "entered-in-error",
}
INTENT = {"INT": "order", "RQO": "order", "PRMS": "plan", "PRP": "proposal", "ARQ": "proposal", "APT": "plan"}

part(t.SUBSTANCE_ADMINISTERED_ACT, of="the administration it counts")
part(t.DAYS_SUPPLY, of="a supply")


@maps(
    t.MEDICATION_ACTIVITY,
    t.PLANNED_MEDICATION_ACTIVITY,
    sections=SECTIONS,
    elements=("substanceAdministration",),
    default="substanceAdministration",
)
def medication(st: Statement, ctx: Context) -> Json | None:
    """Medication Activity by its mood: done or taken is MedicationStatement, else MedicationRequest."""
    drug = medication_reference(st, CONSUMABLE, ctx)
    if drug is not None:
        which: Json = {"medicationReference": drug}
    elif (words := text_concept(st, ctx)) is not None:
        which = {"medicationCodeableConcept": words}
    elif st.denied:
        which = {"medicationCodeableConcept": absent_reason(None)}
    else:
        return None
    return medication_request(st, ctx, which) if st.planned else medication_statement(st, ctx, which)


def medication_statement(st: Statement, ctx: Context, which: Json) -> Json:
    """What the patient takes, took, or (negated) does not take."""
    times = medication_times(st, ctx)
    author, asserted = ctx.actors.author(st, st.path)
    return ctx.add(
        "MedicationStatement",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "not-taken" if st.denied else STATEMENT_STATUS.get(st.status, "unknown"),
            **which,
            "subject": ctx.patient,
            **times.span.choice("effective"),
            "dateAsserted": asserted,
            "informationSource": author,
            "reasonCode": reasons(st, ctx),
            "note": notes(st, ctx) + vehicles(st, ctx),
            "dosage": dosages(st, ctx, times, None),
        },
        st,
    )


def medication_request(st: Statement, ctx: Context, which: Json) -> Json:
    """What is ordered, planned or proposed; negated, what is not to be given."""
    times = medication_times(st, ctx)
    author, authored = ctx.actors.author(st, st.path)
    performers = ctx.actors.performer_references(st, st.path)
    count = _repeat_number(st)
    return ctx.add(
        "MedicationRequest",
        {
            "identifier": identifiers(st.children(ID)),
            "status": REQUEST_STATUS.get(st.status, "unknown"),
            "intent": INTENT.get(st.mood, "plan"),
            "priority": PRIORITY.get(st.code_value(PRIORITY_CODE)),
            "doNotPerform": True if st.denied else None,
            **which,
            "subject": ctx.patient,
            "authoredOn": authored,
            "requester": author,
            "performer": performers[0] if performers else None,
            "reasonCode": reasons(st, ctx),
            "note": notes(st, ctx) + vehicles(st, ctx),
            "dosageInstruction": dosages(st, ctx, times, times.span.period, count),
        },
        st,
    )


PRIORITY = {"R": "routine", "UR": "urgent", "EM": "stat", "S": "stat", "A": "asap", "EL": "routine"}


def vehicles(st: Statement, ctx: Context) -> list[Json]:
    """Drug Vehicles (participants of type CSM) as notes: R4 has no element for what a drug is given in."""
    made: list[Json] = []
    for el in st.children(PARTICIPANT):
        if el.get("typeCode") != "CSM":
            continue
        role = node_at(Node(el), PARTICIPANT_ROLE)
        entity = None if role is None else role.node(PLAYING_ENTITY)
        code = None if entity is None else codeable(entity.child(CODE), ctx)
        code = code or (None if role is None else codeable(role.child(CODE), ctx))
        name = None if entity is None else ctx.text(entity.child(NAME))
        codings = [
            f"{one.get('display', '')} ({one['code']})".strip() for one in (code or {}).get("coding", ())
        ]
        said = [one for one in (name, (code or {}).get("text"), *codings) if one]
        if said:
            made.append({"text": "Vehicle: " + "; ".join(said)})
    return made


def _repeat_number(st: Statement) -> int | None:
    el = st.child(REPEAT_NUMBER)
    value = None if el is None else number(el.get("value"))
    return value if isinstance(value, int) and value > 0 else None


def medication_reference(st: Statement, tag: str, ctx: Context) -> Json | None:
    """The manufactured product of a consumable or product as a reference to a Medication."""
    product = node_at(st, tag, MANUFACTURED_PRODUCT)
    if product is None:
        return None
    material = product.node(MANUFACTURED_MATERIAL)
    code = None if material is None else codeable(material.child(CODE), ctx)
    name = None if material is None else ctx.text(material.child(NAME))
    if code is None:
        text = name or ctx.text(st.child(TEXT))
        code = {"text": text} if text else None
    elif name is not None and "text" not in code:
        code["text"] = name
    if code is None:
        return None
    path = f"{st.path}/{'consumable' if tag == CONSUMABLE else 'product'}/manufacturedProduct"
    lot = None if material is None else ctx.text(material.child(LOT_NUMBER_TEXT))
    made = ctx.add(
        "Medication",
        {
            "identifier": identifiers(product.children(ID)),
            "code": code,
            "manufacturer": ctx.actors.organization(
                product.node(MANUFACTURER_ORGANIZATION), f"{path}/manufacturerOrganization"
            ),
            "batch": drop({"lotNumber": lot}),
        },
        None,
        path,
    )
    ctx.belongs(f"Medication/{made['id']}", st)
    return ctx.ref(made, title(code))


@maps(t.MEDICATION_SUPPLY_ORDER)
def supply_order(st: Statement, ctx: Context) -> Json | None:
    """Medication Supply Order as MedicationRequest that says what is to be dispensed."""
    drug = medication_reference(st, PRODUCT, ctx) or _parent_drug(st, ctx)
    if drug is None:
        return None
    author, authored = ctx.actors.author(st, st.path)
    moment = effective(st, ctx)
    pharmacies = [
        organization for _, _, organization in ctx.actors.performers(st, st.path) if organization is not None
    ]
    fills = _repeat_number(st)  # C-CDA counts all fills, FHIR those after the first
    return ctx.add(
        "MedicationRequest",
        {
            "identifier": identifiers(st.children(ID)),
            "status": REQUEST_STATUS.get(st.status, "unknown"),
            "intent": INTENT.get(st.mood, "order"),
            "doNotPerform": True if st.denied else None,
            "medicationReference": drug,
            "subject": ctx.patient,
            "authoredOn": authored,
            "requester": author,
            "note": notes(st, ctx),
            "dosageInstruction": [drop({"patientInstruction": _supply_instruction(st, ctx)})],
            "dispenseRequest": drop(
                {
                    "validityPeriod": moment.period if moment.point is None else {"start": moment.point},
                    "numberOfRepeatsAllowed": None if fills is None else max(fills - 1, 0),
                    "quantity": quantity(st.child(QUANTITY)),
                    "expectedSupplyDuration": days_supply(st),
                    "performer": pharmacies[0] if pharmacies else None,
                }
            ),
        },
        st,
    )


@maps(t.MEDICATION_DISPENSE)
def dispense(st: Statement, ctx: Context) -> Json | None:
    """Medication Dispense as MedicationDispense; a dispense that is still intended as MedicationRequest."""
    if st.planned:
        return supply_order(st, ctx)
    drug = medication_reference(st, PRODUCT, ctx) or _parent_drug(st, ctx)
    if drug is None:
        return None
    handed_over = _handed_over(st)
    return ctx.add(
        "MedicationDispense",
        {
            "identifier": identifiers(st.children(ID)),
            "status": "declined" if st.denied else DISPENSE_STATUS.get(st.status, "unknown"),
            "medicationReference": drug,
            "subject": ctx.patient,
            "performer": [{"actor": one} for one in ctx.actors.performer_references(st, st.path)],
            "location": next(iter(ctx.actors.locations(st, st.path)), None),
            "quantity": quantity(st.child(QUANTITY)),
            "daysSupply": days_supply(st),
            "whenHandedOver": handed_over,
            "dosageInstruction": [drop({"patientInstruction": _supply_instruction(st, ctx)})],
            "note": notes(st, ctx)
            + ([{"text": f"Fill number {fill}"}] if (fill := _repeat_number(st)) is not None else []),
        },
        st,
    )


def days_supply(st: Statement) -> Json | None:
    """For how long a supply is meant: the width of its expectedUseTime, or the Days Supply within it."""
    width = None
    expected = st.node(EXPECTED_USE_TIME)
    if expected is not None:
        width = expected.child(WIDTH)
    elif (days := st.take(t.DAYS_SUPPLY)) is not None:
        width = days.child(QUANTITY)
    made = quantity(width)
    if made is None or made.get("unit", "d") not in ("d", "wk", "mo", "a", "h"):
        return None
    unit = made.get("unit", "d")
    return {"value": made["value"], "unit": unit, "system": UCUM, "code": unit}


def _handed_over(st: Statement) -> str | None:
    for el in st.children(EFFECTIVE_TIME):
        found = interval(el)
        if found.start or found.high:
            return found.start or found.high
    return None


def _supply_instruction(st: Statement, ctx: Context) -> str | None:
    """What the pharmacy or the patient is told with a supply: the text, or what its code says."""
    said = []
    for instruction in st.related:
        if instruction.template == t.INSTRUCTION and not instruction.taken and instruction.is_asserted:
            text = ctx.text(instruction.child(TEXT))
            code = title(codeable(instruction.child(CODE), ctx))
            if text is not None or code is not None:
                instruction.taken = True
                said.append(": ".join(one for one in (code, text) if one))
    return "; ".join(said) or None


def _parent_drug(st: Statement, ctx: Context) -> Json | None:
    """A supply within a medication activity is of that medication where it names no other."""
    parent = st.parent
    if parent is None or parent.tag != "substanceAdministration":
        return None
    return medication_reference(parent, CONSUMABLE, ctx)


@maps(t.DISCHARGE_MEDICATION, t.ADMISSION_MEDICATION, sections=SECTIONS, elements=("act",))
def medication_group(st: Statement, ctx: Context) -> Json | None:
    """Discharge and Admission Medication acts: what they contain are the medications."""
    content = [child for child in st.related if child.tag == "substanceAdministration"]
    if not content and not st.template:
        return BY_ELEMENT[st.tag](st, ctx)
    return frame(st, ctx, content)


@maps(sections=SECTIONS, elements=("supply",))
def section_supply(st: Statement, ctx: Context) -> Json | None:
    """A supply in a medication section without a known template."""
    return dispense(st, ctx)
