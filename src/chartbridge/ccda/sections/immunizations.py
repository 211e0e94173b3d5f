"""Immunizations: given, and not given with the reason; planned ones are MedicationRequests."""

from __future__ import annotations

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import LOINC, V3_ACT_CODE
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import (
    absent_extension,
    absent_reason,
    codeable,
    concept,
    effective,
    identifiers,
    number,
)
from chartbridge.ccda.names import (
    APPROACH_SITE_CODE,
    CODE,
    CONSUMABLE,
    DOSE_QUANTITY,
    EFFECTIVE_TIME,
    ENTRY_RELATIONSHIP,
    ID,
    INFORMANT,
    LOT_NUMBER_TEXT,
    MANUFACTURED_MATERIAL,
    MANUFACTURED_PRODUCT,
    MANUFACTURER_ORGANIZATION,
    NAME,
    RELATED_ENTITY,
    REPEAT_NUMBER,
    ROUTE_CODE,
    SEQUENCE_NUMBER,
    TEXT,
    VALUE,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.registry import maps, part
from chartbridge.ccda.sections.amounts import amount, amount_words
from chartbridge.ccda.sections.common import Json, notes, reasons
from chartbridge.ccda.sections.medications import medication
from chartbridge.ccda.sections.procedures import instructions
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop

SECTIONS = ("11369-6",)
FUNCTION = "http://terminology.hl7.org/CodeSystem/v2-0443"

STATUS = {
    "completed": "completed",
    "active": "completed",
    "nullified": "entered-in-error",
    "aborted": "not-done",
    "cancelled": "not-done",
    "held": "not-done",
    "new": "not-done",
    "obsolete": "not-done",
    "suspended": "not-done",
}
_REFUSALS = (t.IMMUNIZATION_REFUSAL_REASON, t.IMMUNIZATION_NOT_GIVEN_REASON)

part(t.IMMUNIZATION_REFUSAL_REASON, t.IMMUNIZATION_NOT_GIVEN_REASON, t.DOSE_NUMBER, of="an immunization")


@maps(
    t.IMMUNIZATION_ACTIVITY,
    t.PLANNED_IMMUNIZATION_ACTIVITY,
    sections=SECTIONS,
    elements=("substanceAdministration",),
)
def immunization(st: Statement, ctx: Context) -> Json | None:
    """Immunization Activity as Immunization: negated or refused it is ``not-done``.

    Where negationInd says ``false`` and a reason for refusal is given all the same, negationInd is
    believed and the reason is kept as a note, so that neither is lost.
    """
    if st.planned:
        return medication(st, ctx)
    product = node_at(st, CONSUMABLE, MANUFACTURED_PRODUCT)
    material = None if product is None else product.node(MANUFACTURED_MATERIAL)
    vaccine = None if material is None else codeable(material.child(CODE), ctx)
    if vaccine is None:
        text = (None if material is None else ctx.text(material.child(NAME))) or ctx.text(st.child(TEXT))
        vaccine = {"text": text} if text else None
    moment = effective(st, ctx)
    if vaccine is None and moment.start is None and not st.denied:
        return None
    why = [made for one in st.take_all(*_REFUSALS) if (made := _refusal(one, ctx)) is not None]
    given = st.el.get("negationInd") == "false"
    if why and given:
        ctx.issue(
            "a reason for refusal is given, but negationInd is false: shown as done, with the reason as note"
        )
    refused = st.denied or (bool(why) and not given)
    status = "not-done" if refused else STATUS.get(st.status, "completed")
    occurred = moment.start or moment.high
    _, recorded = ctx.actors.author(st, st.path)
    dose, untold = _dose(st, ctx)
    path = f"{st.path}/consumable/manufacturedProduct/manufacturerOrganization"
    return ctx.add(
        "Immunization",
        {
            "identifier": identifiers(st.children(ID)),
            "status": status,
            "statusReason": why[0] if why and status == "not-done" else None,
            "vaccineCode": vaccine or absent_reason(None),
            "patient": ctx.patient,
            "occurrenceDateTime": occurred,
            "_occurrenceDateTime": None if occurred else {"extension": absent_extension(_time_null(st))},
            "recorded": recorded,
            **_source(st),
            "location": next(iter(ctx.actors.locations(st, st.path)), None),
            "manufacturer": None
            if product is None
            else ctx.actors.organization(product.node(MANUFACTURER_ORGANIZATION), path),
            "lotNumber": None if material is None else ctx.text(material.child(LOT_NUMBER_TEXT)),
            "site": codeable(st.child(APPROACH_SITE_CODE), ctx),
            "route": codeable(st.child(ROUTE_CODE), ctx),
            "doseQuantity": dose,
            "performer": [
                {"function": concept(FUNCTION, "AP", "Administering Provider"), "actor": one}
                for one in ctx.actors.performer_references(st, st.path)
            ],
            "note": notes(st, ctx)
            + instructions(st, ctx)
            + untold
            + [
                {"text": f"Reason for refusal: {_words(one)}"}
                for one in (why[1:] if status == "not-done" else why)
            ],
            "reasonCode": reasons(st, ctx),
            "reaction": _reactions(st, ctx),
            "protocolApplied": [_series(st)],
        },
        st,
    )


def _source(st: Statement) -> Json:
    """Not the primary source where the patient or a relation told of it; else CDA does not say."""
    if any(RELATED_ENTITY in Node(el).one for el in st.children(INFORMANT)):
        return {"primarySource": False}
    return {"_primarySource": {"extension": absent_extension()}}


def _time_null(st: Statement) -> str | None:
    el = st.child(EFFECTIVE_TIME)
    return None if el is None else el.get("nullFlavor")


def _refusal(st: Statement, ctx: Context) -> Json | None:
    """The reason is the observation's code, or its value where the code is a mere assertion."""
    code = codeable(st.child(CODE), ctx)
    if code is not None and any(
        one["code"] == "ASSERTION" or one.get("system") in (LOINC, V3_ACT_CODE)
        for one in code.get("coding", ())
    ):
        code = codeable(st.child(VALUE), ctx) or code
    return code or codeable(st.child(VALUE), ctx)


def _words(code: Json) -> str:
    return code.get("text") or next((one.get("display") or one["code"] for one in code["coding"]), "")


def _dose(st: Statement, ctx: Context) -> tuple[Json | None, list[Json]]:
    """The dose, which is one number in FHIR; as a note where it is something else in the source."""
    el = st.child(DOSE_QUANTITY)
    made, said = amount(el)
    if el is not None and "Range" in made:
        said = amount_words(el)
    if not said:
        return made.get("Quantity"), []
    ctx.issue("an amount that FHIR cannot tell as the number it wants there is kept as text")
    return None, [{"text": f"Dose in the source: {said}"}]


def _reactions(st: Statement, ctx: Context) -> list[Json]:
    """Reaction observations, each as an Observation that the immunization refers to."""
    made = []
    for reaction in st.related:
        if reaction.template != t.REACTION_OBSERVATION or reaction.taken or reaction.planned:
            continue
        if reaction.is_asserted:
            observed = ctx.convert(reaction)
            if observed is not None:
                one = {"date": effective(reaction, ctx).start, "detail": ctx.ref(observed)}
                made.append(drop(one) or {})
    return made


def _series(st: Statement) -> Json | None:
    """The dose number: of the Substance Administered Act, or else repeatNumber."""
    act = st.take(t.SUBSTANCE_ADMINISTERED_ACT)
    value = None
    if act is not None:
        for el in st.children(ENTRY_RELATIONSHIP):
            if act.el in el:
                sequence = next((child for child in el if child.tag == SEQUENCE_NUMBER), None)
                value = None if sequence is None else number(sequence.get("value"))
    for dose in st.related if value is None else ():
        if dose.template == t.DOSE_NUMBER and not dose.taken and dose.is_asserted:
            said = dose.child(VALUE)
            value = None if said is None else number(said.get("value") or said.text)
            dose.taken = isinstance(value, int) and value > 0
            break
    if value is None:
        repeat = st.child(REPEAT_NUMBER)
        value = None if repeat is None else number(repeat.get("value"))
    if not isinstance(value, int) or value < 1:
        return None
    return {"doseNumberPositiveInt": value}
