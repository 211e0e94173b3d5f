"""What each clinical statement of a document says, by its template: the checker's reading of C-CDA.

A claim is a code or a name, with the dates and the values that belong to it, and the types of FHIR
resource (or part of one) in which it may be found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.ccda.reading import (
    NOTHING,
    SDTC,
    UNNAMED,
    V3,
    XSI_TYPE,
    Concept,
    Document,
    Element,
    decimal,
    kid,
    kids,
    moment,
    squeezed,
)

PLANNED_MOODS = frozenset(("INT", "RQO", "PRMS", "PRP", "ARQ", "APT", "GOL"))

Dates = tuple[tuple[str, str], ...]
"""Pairs of ``point``, ``low`` or ``high`` and a FHIR dateTime."""


@dataclass(frozen=True)
class Value:
    """Something that a claim's unit must hold: ``what`` tells how it is compared."""

    name: str
    what: str
    data: Any


@dataclass
class Claim:
    """What a statement says, and in which types of unit it may be found."""

    kind: str
    el: Element
    types: frozenset[str]
    concept: Concept
    dates: Dates = ()
    values: tuple[Value, ...] = ()
    negated: bool = False
    doubtful: bool = False
    """Whether it cannot be said if it was done: a refusal without a negationInd, or cancelled."""
    aside: str = ""
    """Why it says nothing of the patient: it is ``unknown`` as a whole, or about ``another`` person."""


Extractor = Callable[[Document, Element], Iterator[Claim]]


def interval(el: Element | None) -> Dates:
    """The dates of an effectiveTime, without those that FHIR has no way to hold.

    An end before its beginning breaks FHIR's rule for periods, and so does one that cannot be compared.
    """
    if el is None:
        return ()
    center = kid(el, "center")
    point = moment(el.get("value")) or moment(None if center is None else center.get("value"))
    if point is not None:
        return (("point", point),)
    ends = {name: moment(one.get("value")) for name in ("low", "high") if (one := kid(el, name)) is not None}
    low, high = ends.get("low"), ends.get("high")
    if low is not None and high is not None and low != high:
        shared = min(len(low), len(high), 10)
        mixed = len(low) != len(high) and low[:10] == high[:10] and min(len(low), len(high)) <= 10
        reversed_ = low[:shared] > high[:shared] or (low[19:] == high[19:] and low > high)
        if reversed_ or (mixed and low[:shared] == high[:shared]):
            high = None
    return tuple((name, one) for name, one in (("low", low), ("high", high)) if one is not None)


def first_date(dates: Dates) -> Dates:
    """For fields that hold one point: the point or the beginning, else the end."""
    return tuple(("point", date) for _, date in dates[:1])


def quantity(name: str, el: Element | None) -> list[Value]:
    """A PQ, INT, REAL, or an IVL_PQ's low and high."""
    if el is None:
        return []
    if el.get("value"):
        return [Value(name, "quantity", (el.get("value"), el.get("unit")))]
    found = [
        Value(f"{name} {edge}", "quantity", (one.get("value"), one.get("unit")))
        for edge in ("low", "high", "numerator", "denominator")
        if (one := kid(el, edge)) is not None and one.get("value")
    ]
    if not found:
        found = [
            Value(name, "number", one.get("value")) for one in kids(el, "translation")[:1] if one.get("value")
        ]
    return found


def coded(doc: Document, name: str, els: Iterable[Element]) -> list[Value]:
    """Codes that the unit must have beside its own."""
    return [Value(name, "code", one) for el in els if (one := doc.concept(el))]


def observed(doc: Document, name: str, el: Element) -> list[Value]:
    """The value of an observation, by its xsi:type."""
    kind = (el.get(XSI_TYPE) or "").rpartition(":")[2]
    if kind in ("CD", "CE", "CV", "CS", "CO") or (not kind and el.get("code")):
        return coded(doc, name, [el]) or (quantity(name, el) if kind == "CO" else [])
    if kind in ("PQ", "INT", "REAL", "MO", "IVL_PQ", "IVL_INT", "IVL_REAL") or kind.startswith("RTO"):
        found = quantity(name, el)
        if found:
            return found
    if kind == "BL":
        return (
            [Value(name, "bool", el.get("value") == "true")] if el.get("value") in ("true", "false") else []
        )
    if kind in ("TS", "IVL_TS"):
        return [Value(name, "time", date) for _, date in interval(el)]
    if kind == "II":
        said = el.get("extension") or el.get("root")
        return [Value(name, "text", squeezed(said))] if said else []
    words = squeezed(doc.text(el) or el.get("value"))
    return [Value(name, "text", words)] if words else []


def negated(el: Element) -> bool:
    """Whether a statement, or the act that it is the content of, is denied."""
    if el.get("negationInd") in ("true", "1"):
        return True
    holder = el.getparent()
    act = None if holder is None else holder.getparent()
    return act is not None and act.tag == V3 + "act" and act.get("negationInd") in ("true", "1")


def status(el: Element) -> str:
    code = kid(el, "statusCode")
    return "" if code is None else code.get("code") or ""


def templates(el: Element) -> list[str]:
    return [root for one in kids(el, "templateId") if (root := one.get("root"))]


def planned(el: Element) -> bool:
    return el.get("moodCode") in PLANNED_MOODS


def nested(el: Element) -> Iterator[tuple[Element, Element]]:
    """Relationship and statement of each statement within one."""
    for relationship in el:
        if relationship.tag in (V3 + "entryRelationship", V3 + "component"):
            for child in relationship:
                if child.tag in STATEMENTS:
                    yield relationship, child


STATEMENTS = frozenset(
    V3 + name
    for name in [
        "act",
        "encounter",
        "observation",
        "organizer",
        "procedure",
        "substanceAdministration",
        "supply",
    ]
)
_T = "2.16.840.1.113883.10.20.22.4."
_OLD = "2.16.840.1.113883.10.20.1."

OBSERVATION = frozenset(("Observation",))
CONDITION = frozenset(("Condition",))
FAMILY = frozenset(("FamilyMemberHistory.condition",))
REASON = frozenset(("reason",))
ANY = frozenset(
    [
        "AllergyIntolerance",
        "CareTeam",
        "Communication",
        "Condition",
        "Consent",
        "Coverage",
        "Device",
        "DeviceRequest",
        "DeviceUseStatement",
        "DiagnosticReport",
        "DocumentReference",
        "Encounter",
        "Goal",
        "Immunization",
        "Location",
        "MedicationDispense",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Procedure",
        "ServiceRequest",
        "Specimen",
        "SupplyDelivery",
        "FamilyMemberHistory.condition",
        "reason",
    ]
)


def time_of(el: Element) -> Dates:
    return interval(kid(el, "effectiveTime"))


def about_another(el: Element) -> bool:
    """Whether a statement is about somebody else than the patient, or stands in a family history."""
    one: Element | None = el
    while one is not None:
        person = kid(one, "subject", "relatedSubject")
        if person is not None:
            code = kid(person, "code")
            return code is None or code.get("code") not in ("SELF", "ONESELF")
        if one.tag == V3 + "section":
            code = kid(one, "code")
            return code is not None and code.get("code") == "10157-6"
        one = one.getparent()
    return False


def parts(el: Element, *roots: str) -> list[Element]:
    """The statements of some templates directly within one."""
    return [child for _, child in nested(el) if set(roots) & set(templates(child))]


def allergy(doc: Document, el: Element) -> Iterator[Claim]:
    value = kid(el, "value")
    entity = next(
        (
            one
            for part in kids(el, "participant")
            if part.get("typeCode", "CSM") == "CSM"
            and (one := kid(part, "participantRole", "playingEntity")) is not None
        ),
        None,
    )
    substance = doc.named_or(kid(entity, "code"), kid(entity, "name"))
    kind = doc.concept(value)
    found = kind if any(code in NO_KNOWN for _, code in kind.codes) else substance
    values: list[Value] = []
    for reaction in parts(el, _T + "9", _OLD + "54"):
        if not negated(reaction):
            values += coded(doc, "reaction", kids(reaction, "value"))
            values += [Value("reaction onset", "time", date) for _, date in first_date(time_of(reaction))]
            values += severity(reaction)
    values += severity(el)
    if found:
        yield Claim(
            "allergy", el, frozenset(("AllergyIntolerance",)), found, time_of(el), tuple(values), negated(el)
        )
    elif kind and not negated(el):
        kind = Concept((), (kind.shown or kind.texts)[:1])
        yield Claim("allergy", el, frozenset(("AllergyIntolerance",)), kind, time_of(el), tuple(values))
    elif negated(el):
        yield Claim("allergy, none known", el, frozenset(("AllergyIntolerance",)), NONE_KNOWN, time_of(el))


NO_KNOWN = frozenset(
    ["716186003", "409137002", "429625007", "428607008", "428197003", "160244002", "160245001"]
)
NONE_KNOWN = Concept((), ("none known",))
"""Found in any unit that says that there is none known."""


def severity(el: Element) -> list[Value]:
    """The severities within a statement: FHIR's word for it, and the source's."""
    words = {
        "255604002": "mild", "371923003": "mild", "6736007": "moderate", "371924009": "moderate",
        "24484000": "severe", "399166001": "severe",
    }  # fmt: skip
    return [
        Value("severity", "severity", (words[code], value.get("displayName") or ""))
        for one in parts(el, _T + "8")
        if (value := kid(one, "value")) is not None and (code := value.get("code") or "") in words
    ]


def problem(doc: Document, el: Element) -> Iterator[Claim]:
    value = kid(el, "value")
    found = doc.named_or(value, value, kid(el, "text"))
    denied = negated(el)
    another = about_another(el)
    holder = el.getparent()
    reason = holder is not None and holder.get("typeCode") == "RSON"
    types = FAMILY if another else CONDITION | REASON if reason else CONDITION
    if planned(el):
        types = frozenset(("ServiceRequest", "Goal", "Observation"))
    general = all(GENERAL.fullmatch(name) for name in found.shown)
    if denied and general and any(code in EVERY_PROBLEM for _, code in found.codes):
        yield Claim("problem, none known", el, CONDITION, NONE_KNOWN, time_of(el))
        return
    values: list[Value] = []
    for age in parts(el, _T + "31", _OLD + "38"):
        values += quantity("age", kid(age, "value"))
    if not another:
        values += coded(doc, "site", kids(el, "targetSiteCode"))
    if found:
        yield Claim(
            "family history" if another else "problem", el, types, found, time_of(el), tuple(values), denied
        )


GENERAL = re.compile(
    r"(no|none|any|known|active|clinical|problem|disease|condition|disorder|finding|s|[()])*"
)
"""Words that name no problem; without blanks, as the checker compares words."""
EVERY_PROBLEM = frozenset(["55607006", "64572001", "404684003", "409586006"])


def family_history(doc: Document, el: Element) -> Iterator[Claim]:
    value = kid(el, "value")
    found = doc.named_or(value, value, kid(el, "text"))
    values: list[Value] = []
    for age in parts(el, _T + "31", _OLD + "38"):
        values += quantity("age", kid(age, "value"))
    if found:
        yield Claim("family history", el, FAMILY, found, time_of(el), tuple(values), negated(el))


def relative(doc: Document, el: Element) -> Iterator[Claim]:
    person = kid(el, "subject", "relatedSubject")
    found = doc.concept(kid(person, "code"))
    born = moment(None if (one := kid(person, "subject", "birthTime")) is None else one.get("value"))
    values = (Value("birth", "time", born[:10]),) if born else ()
    if found:
        yield Claim("relative", el, frozenset(("FamilyMemberHistory",)), found, time_of(el), values)


_PERIOD_UNITS = {"s", "min", "h", "d", "wk", "mo", "a"}


def dosage(doc: Document, el: Element) -> list[Value]:
    """Dose, rate, route, site, what it is needed for, and how often."""
    values = quantity("dose", kid(el, "doseQuantity")) + quantity("rate", kid(el, "rateQuantity"))
    values += quantity("maximum dose", kid(el, "maxDoseQuantity"))
    values += coded(doc, "route", kids(el, "routeCode")) + coded(doc, "site", kids(el, "approachSiteCode"))
    values += coded(doc, "condition", kids(el, "precondition", "criterion", "value"))
    for one in kids(el, "effectiveTime"):
        period = kid(one, "period")
        edges = [] if period is None else [period, *kids(period, "low"), *kids(period, "high")]
        for edge in edges:
            if edge.get("value") and edge.get("unit") in _PERIOD_UNITS:
                values.append(Value("frequency", "period", (edge.get("value"), edge.get("unit"))))
        event = kid(one, "event")
        if event is not None and event.get("code"):
            values.append(Value("event", "event", event.get("code")))
    return values


def drug(doc: Document, el: Element, holder: str) -> Concept:
    product = kid(el, holder, "manufacturedProduct")
    material = kid(product, "manufacturedMaterial")
    return doc.named_or(kid(material, "code"), kid(material, "name"))


def medication(doc: Document, el: Element) -> Iterator[Claim]:
    types = frozenset(("MedicationRequest",) if planned(el) else ("MedicationStatement",))
    spans = [
        one
        for one in kids(el, "effectiveTime")
        if "PIVL" not in (one.get(XSI_TYPE) or "") and "EIVL" not in (one.get(XSI_TYPE) or "")
    ]
    dates = tuple(pair for one in spans for pair in interval(one))
    found = doc.named_or(None) or drug(doc, el, "consumable") or doc.named_or(None, kid(el, "text"))
    if found:
        kind = "medication, planned" if planned(el) else "medication"
        values = tuple(dosage(doc, el))
        yield Claim(kind, el, types, found, dates, values, negated(el), status(el) == "cancelled")


def supply_of(doc: Document, el: Element) -> Concept:
    own = drug(doc, el, "product")
    holder = el.getparent()
    outer = None if holder is None else holder.getparent()
    return own or (drug(doc, outer, "consumable") if outer is not None else NOTHING)


def supply_order(doc: Document, el: Element) -> Iterator[Claim]:
    types = frozenset(("MedicationRequest", "SupplyRequest"))
    if found := supply_of(doc, el):
        dates = tuple(pair for one in kids(el, "effectiveTime") for pair in interval(one))
        values = tuple(quantity("quantity", kid(el, "quantity")))
        repeat = kid(el, "repeatNumber")
        if repeat is not None and (count := decimal(repeat.get("value"))) is not None and count > 0:
            values += (Value("fills", "fills", count),)
        yield Claim("supply order", el, types, found, dates, values, negated(el))


def dispense(doc: Document, el: Element) -> Iterator[Claim]:
    if planned(el):
        yield from supply_order(doc, el)
    elif found := supply_of(doc, el):
        dates = first_date(tuple(pair for one in kids(el, "effectiveTime") for pair in interval(one)))
        values = tuple(quantity("quantity", kid(el, "quantity")))
        yield Claim("dispense", el, frozenset(("MedicationDispense",)), found, dates, values, negated(el))


DOSE_NUMBER = "30973-2"
RANK = "263486008"
ANY_CODE = Concept((), ("",))
"""Found in any unit of a fitting type: only the claim's values matter."""


def immunization(doc: Document, el: Element) -> Iterator[Claim]:
    if planned(el):
        yield from medication(doc, el)
        return
    found = drug(doc, el, "consumable") or doc.named_or(None, kid(el, "text"))
    material = kid(el, "consumable", "manufacturedProduct", "manufacturedMaterial")
    values = quantity("dose", kid(el, "doseQuantity")) + coded(doc, "route", kids(el, "routeCode"))
    values += coded(doc, "site", kids(el, "approachSiteCode"))
    lot = squeezed(doc.text(kid(material, "lotNumberText")))
    values += [Value("lot", "text", lot)] if lot else []
    values += [
        Value("dose number", "dose number", int(str(number.get("value"))))
        for _, one in nested(el)
        if (code := kid(one, "code")) is not None and code.get("code") == DOSE_NUMBER
        if (number := kid(one, "value")) is not None
    ]
    refusals = parts(el, _T + "53", "2.16.840.1.113883.10.20.24.3.88")
    if found or negated(el):
        yield Claim(
            "immunization",
            el,
            frozenset(("Immunization",)),
            found or UNNAMED,
            first_date(time_of(el)),
            tuple(values),
            negated(el),
            (bool(refusals) and el.get("negationInd") is None)
            or status(el) not in ("completed", "active", ""),
        )


def _observation(name: str) -> Extractor:
    def read(doc: Document, el: Element) -> Iterator[Claim]:
        found = doc.named_or(kid(el, "code"), kid(el, "text"))
        types = frozenset(("ServiceRequest", "Goal")) if planned(el) else OBSERVATION
        if el.tag == V3 + "procedure":
            types = types | {"Procedure"}
        values = [one for value in kids(el, "value") for one in observed(doc, "value", value)]
        if not planned(el):
            values += coded(doc, "interpretation", kids(el, "interpretationCode"))
            values += coded(doc, "method", kids(el, "methodCode")[:1])
            values += coded(doc, "site", kids(el, "targetSiteCode")[:1])
            for limits in kids(el, "referenceRange", "observationRange", "value"):
                if "PQ" in (limits.get(XSI_TYPE) or ""):
                    values += quantity("reference range", limits)
        if found or any(one.name == "value" for one in values):
            yield Claim(name, el, types, found or UNNAMED, time_of(el), tuple(values), negated(el))

    return read


def _coded(name: str, done: str, plan: str = "ServiceRequest", sites: bool = True) -> Extractor:
    """A statement by its own code."""

    def read(doc: Document, el: Element) -> Iterator[Claim]:
        found = doc.named_or(kid(el, "code"), kid(el, "text"))
        types = frozenset((plan if planned(el) else done).split())
        values = coded(doc, "site", kids(el, "targetSiteCode")) if sites else []
        dated = time_of(el) and el.tag in (V3 + "encounter", V3 + "procedure")
        if found or dated:
            yield Claim(name, el, types, found or UNNAMED, time_of(el), tuple(values), negated(el))

    return read


def vital_panel(doc: Document, el: Element) -> Iterator[Claim]:
    """HL7's guide gives each the panel's LOINC code beside the organizer's own."""
    own = doc.concept(kid(el, "code"))
    panel = Concept((*own.codes, (("http://loinc.org",), "85353-1")))
    if any(True for _ in said_within(doc, el)):
        yield Claim("vital signs panel", el, OBSERVATION, panel, time_of(el))


def said_within(doc: Document, el: Element) -> Iterator[Claim]:
    """What the statements within one say; an organizer of none says nothing."""
    for _, child in nested(el):
        yield from (claim for claim in read(doc, child) if not claim.aside)


def panel(name: str, done: str) -> Extractor:
    """An organizer by its code, where it organizes something."""

    def within(doc: Document, el: Element) -> Iterator[Claim]:
        if any(True for _ in said_within(doc, el)):
            yield from _coded(name, done, sites=False)(doc, el)

    return within


def procedure(doc: Document, el: Element) -> Iterator[Claim]:
    yield from _coded("procedure", "Procedure")(doc, el)
    found = doc.concept(kid(el, "code"))
    values = [one for value in kids(el, "value") for one in observed(doc, "value", value)]
    if found and values and not planned(el) and not negated(el):
        yield Claim("procedure's value", el, OBSERVATION, found, time_of(el), tuple(values))


def goal(doc: Document, el: Element) -> Iterator[Claim]:
    value = kid(el, "value")
    found = doc.named_or(kid(el, "code"), kid(el, "text")) or doc.named_or(value, value)
    values = [] if value is None else observed(doc, "target", value)
    dates = tuple((name, date[:10]) for name, date in time_of(el))
    if found:
        yield Claim("goal", el, frozenset(("Goal",)), found, dates, tuple(values), negated(el))


def health_concern(doc: Document, el: Element) -> Iterator[Claim]:
    found = doc.concept(kid(el, "code"))
    inside = [child for _, child in nested(el) if _T + "122" not in templates(child)]
    if inside:
        return
    if not found.codes or any(code in ("75310-3", "281694009", "75326-9", "CONC") for _, code in found.codes):
        found = doc.named_or(None, kid(el, "text"))
    if found:
        types = CONDITION | {"words"} if negated(el) else CONDITION
        yield Claim("health concern", el, types, found, time_of(el), (), negated(el))


def policy(doc: Document, el: Element) -> Iterator[Claim]:
    found = doc.concept(kid(el, "code"))
    covered = next((one for one in kids(el, "participant") if one.get("typeCode") == "COV"), None)
    values = coded(doc, "relationship", kids(covered, "participantRole", "code"))
    if found or values:
        dates = interval(kid(covered, "time"))
        yield Claim("policy", el, frozenset(("Coverage",)), found or UNNAMED, dates, tuple(values))


def device(doc: Document, el: Element) -> Iterator[Claim]:
    for role in kids(el, "participant", "participantRole"):
        playing = kid(role, "playingDevice")
        if playing is None:
            playing = kid(role, "playingEntity")
        found = doc.concept(kid(playing, "code"))
        if not found or (kid(role, "playingDevice") is None and role.get("classCode") != "MANU"):
            continue
        if el.tag == V3 + "supply":
            types = frozenset(("DeviceRequest", "ServiceRequest") if planned(el) else ("DeviceUseStatement",))
            if negated(el):
                types = OBSERVATION
            values = quantity("quantity", kid(el, "quantity"))
            values = [one for one in values if decimal(one.data[0]) != 1]
            yield Claim("device", el, types, found, time_of(el), tuple(values), negated(el))
        else:
            yield Claim("device", el, frozenset(("Device",)), found, (), (), negated(el))


def identification(doc: Document, el: Element) -> Iterator[Claim]:
    """A part of a UDI: a Device must have it, or, where it stands alone, an Observation."""
    values = [one for value in kids(el, "value") for one in observed(doc, "identification", value)]
    if values:
        yield Claim(
            "device identification", el, frozenset(("Device", "Observation")), UNNAMED, (), tuple(values)
        )


def vehicle(doc: Document, el: Element) -> Iterator[Claim]:
    """What a drug is given in."""
    for one in kids(el, "participant", "participantRole", "playingEntity"):
        if found := doc.concept(kid(one, "code")):
            types = frozenset(("Medication", "Medication.ingredient", "words"))
            yield Claim("drug vehicle", el, types, found)


def supply(doc: Document, el: Element) -> Iterator[Claim]:
    """A supply of a thing, or of one that is only named by a product."""
    found = list(device(doc, el))
    yield from found
    own = supply_of(doc, el)
    if not found and own:
        types = frozenset(
            [
                "DeviceUseStatement",
                "DeviceRequest",
                "MedicationRequest",
                "MedicationDispense",
                "SupplyDelivery",
            ]
        )
        values = tuple(quantity("quantity", kid(el, "quantity")))
        yield Claim("supply", el, types, own, time_of(el), values, negated(el))


def directive(doc: Document, el: Element) -> Iterator[Claim]:
    found = doc.concept(kid(el, "code"))
    values = [one for value in kids(el, "value") for one in observed(doc, "decision", value)]
    if found or values:
        found = found or values[0].data
        yield Claim(
            "advance directive", el, frozenset(("Consent",)), found, time_of(el), tuple(values), negated(el)
        )


def team(doc: Document, el: Element) -> Iterator[Claim]:
    for act in parts(el, _T + "500.1"):
        for performer in kids(act, "performer"):
            role = next((one for one in performer if one.tag == SDTC + "functionCode"), None)
            if role is None:
                role = kid(performer, "functionCode")
            if found := doc.concept(role):
                types = frozenset(("CareTeam.participant",))
                yield Claim("care team member", act, types, found, time_of(act))
    name = squeezed(doc.text(kid(el, "code", "originalText")))
    yield Claim("care team", el, frozenset(("CareTeam",)), Concept((), (name,)), time_of(el))


def note(doc: Document, el: Element) -> Iterator[Claim]:
    found = doc.concept(kid(el, "code"))
    body = kid(el, "text")
    text = squeezed(doc.text(body))
    values = () if body is None or body.get("representation") == "B64" else (Value("text", "text", text),)
    if found and text:
        yield Claim("note", el, frozenset(("DocumentReference",)), found, first_date(time_of(el)), values)


def indication(doc: Document, el: Element) -> Iterator[Claim]:
    holder = el.getparent()
    outer = None if holder is None else holder.getparent()
    found = doc.named_or(kid(el, "value"), kid(el, "text"))
    if outer is not None and outer.tag in STATEMENTS:
        if found:
            types = REASON | CONDITION | OBSERVATION | (frozenset() if found.codes else {"words"})
            yield Claim("indication", el, types, found, (), (), negated(el))
    else:
        yield from _observation("indication, alone")(doc, el)


def words_of(name: str) -> Extractor:
    """A statement that is its text."""

    def read(doc: Document, el: Element) -> Iterator[Claim]:
        if text := squeezed(doc.text(kid(el, "text"))):
            yield Claim(name, el, frozenset(("words",)), Concept((), (text,)))

    return read


def part(doc: Document, el: Element) -> Iterator[Claim]:
    """Looked for with the statement that it is part of."""
    return iter(())


def anything(doc: Document, el: Element) -> Iterator[Claim]:
    """A statement of no known template: its code must be somewhere."""
    found = doc.named_or(kid(el, "code"), kid(el, "text"))
    named = kid(el, "reference", "externalDocument")
    if named is not None and found.codes and found.codes[0][1] == "DOCCLIN":
        yield Claim(
            "document elsewhere", el, frozenset(("DocumentReference",)), doc.concept(kid(named, "code"))
        )
        return
    if found.codes and found.codes[0][1] in (DOSE_NUMBER, RANK):
        if found.codes[0][1] == RANK:
            number = kid(el, "value")
            rank = () if number is None else (Value("rank", "rank", int(number.get("value") or 0)),)
            yield Claim("rank", el, frozenset(("Encounter",)), ANY_CODE, (), rank)
        return
    if el.tag == V3 + "supply":
        yield from other_supply(doc, el)
        return
    if el.tag == V3 + "substanceAdministration":
        found = drug(doc, el, "consumable")
    values = [one for value in kids(el, "value") for one in observed(doc, "value", value)]
    holds = any(True for _ in nested(el)) and el.tag in (V3 + "act", V3 + "organizer") and not values
    if found and not holds:
        yield Claim("other", el, ANY, found, time_of(el), tuple(values), negated(el))


def other_supply(doc: Document, el: Element) -> Iterator[Claim]:
    """A supply of no known template; within the statement of what is supplied, a time or an amount."""
    found = drug(doc, el, "product")
    dates = tuple(pair for one in kids(el, "effectiveTime") for pair in interval(one))
    values = tuple(quantity("quantity", kid(el, "quantity")))
    holder = el.getparent()
    alone = holder is None or holder.tag == V3 + "entry"
    if found and (alone or dates or values):
        types = frozenset(["MedicationRequest", "MedicationDispense", "DeviceUseStatement", "DeviceRequest"])
        yield Claim("other supply", el, types, found, first_date(dates), values, negated(el))


def intervention(doc: Document, el: Element) -> Iterator[Claim]:
    """An Intervention Act only holds others together, where it holds any."""
    if not any(True for _ in said_within(doc, el)):
        yield from _procedures(doc, el)


_procedures = _coded("planned act", "Procedure", "ServiceRequest")
KINDS: dict[str, Extractor] = {
    _T + "7": allergy,
    _T + "24.3.90": allergy,
    "2.16.840.1.113883.10.20.24.3.90": allergy,
    _OLD + "18": allergy,
    _T + "4": problem,
    _OLD + "28": problem,
    _T + "68": problem,
    _T + "73": problem,
    _T + "16": medication,
    _T + "42": medication,
    _OLD + "24": medication,
    _T + "17": supply_order,
    _T + "18": dispense,
    _OLD + "34": dispense,
    _T + "52": immunization,
    _T + "120": immunization,
    _T + "1": panel("result panel", "DiagnosticReport"),
    _OLD + "32": panel("result panel", "DiagnosticReport"),
    _T + "26": vital_panel,
    _OLD + "35": vital_panel,
    _T + "27": _observation("vital sign"),
    _T + "14": procedure,
    _T + "13": procedure,
    _T + "12": procedure,
    _OLD + "29": procedure,
    _T + "49": _coded("encounter", "Encounter", "Encounter", sites=False),
    _OLD + "21": _coded("encounter", "Encounter", "Encounter", sites=False),
    _T + "40": _coded("encounter, planned", "Encounter", "Encounter ServiceRequest Appointment", sites=False),
    _T + "78": _observation("smoking"),
    "2.16.840.1.113883.10.22.4.78": _observation("smoking"),
    _T + "85": _observation("smoking"),
    _T + "200": _observation("social history"),
    _T + "111": _observation("social history"),
    _T + "109": _observation("social history"),
    _T + "501": _observation("social history"),
    _T + "503": _observation("social history"),
    _T + "504": _observation("social history"),
    _T + "506": _observation("social history"),
    "2.16.840.1.113883.10.20.34.3.45": _observation("social history"),
    "2.16.840.1.113883.10.20.15.3.8": _observation("pregnancy"),
    "2.16.840.1.113883.10.20.15.3.1": _observation("pregnancy"),
    _T + "45": relative,
    _OLD + "23": relative,
    _T + "46": family_history,
    _OLD + "22": family_history,
    _T + "66": panel("status panel", "Observation"),
    _T + "75": panel("status panel", "Observation"),
    **{
        _T + last: _observation("functional or mental status")
        for last in ("67", "74", "127", "128", "72", "505", "124", "138", "114", "133", "134", "76", "144")
    },
    _T + "69": _observation("assessment"),
    _T + "86": _observation("assessment"),
    **{_T + last: _procedures for last in ("39", "41", "130", "140", "141")},
    _T + "131": intervention,
    _T + "146": intervention,
    _T + "79": _observation("deceased"),
    _T + "113": _observation("prognosis"),
    _T + "44": _observation("planned observation"),
    **dict.fromkeys((f"{_T}{last}" for last in range(301, 320) if last != 311), identification),
    _T + "43": supply,
    _T + "50": supply,
    _T + "121": goal,
    _T + "132": health_concern,
    _T + "136": health_concern,
    _T + "61": policy,
    _OLD + "26": policy,
    _T + "48": directive,
    _OLD + "17": directive,
    _T + "500": team,
    _T + "202": note,
    _T + "19": indication,
    _T + "64": words_of("comment"),
    _OLD + "40": words_of("comment"),
    _T + "20": words_of("instruction"),
    _OLD + "49": words_of("instruction"),
    _T + "147": words_of("free-text sig"),
    **dict.fromkeys(
        (
            *(_T + last for last in ("3", "5", "6", "8", "9", "28", "30", "31", "33", "34", "35", "36")),
            *(_T + last for last in ("47", "51", "53", "60", "65", "80", "108", "110", "118", "122")),
            *(_T + last for last in ("135", "143", "145", "311", "500.1", "500.2", "502")),
            *(_OLD + last for last in ("19", "20", "27", "38", "39", "42", "50", "51", "54", "55", "57")),
            "2.16.840.1.113883.10.20.24.3.88",
            "2.16.840.1.113883.10.20.22.60",
        ),
        part,
    ),
}  # fmt: skip
"""How statements of each template are read: C-CDA's by their last number, and those of its forerunner."""
GENERIC: dict[str, Extractor] = {
    _T + "2": _observation("result"),
    _OLD + "31": _observation("result"),
    "2.16.840.1.113883.10.20.6.2.12": _observation("result"),
    "2.16.840.1.113883.10.20.6.2.14": _observation("result"),
    _T + "38": _observation("social history"),
    _OLD + "33": _observation("social history"),
}
"""Templates that a statement may have beside the one that tells what it is."""


def inline(doc: Document, el: Element) -> Iterator[Claim]:
    """A text that stands in the statement itself, and so in no narrative."""
    text = kid(el, "text")
    own = "" if text is None or text.get("representation") else squeezed(doc.text(text))
    if (
        text is not None
        and own
        and not any(squeezed(doc.text(one)) == own for one in kids(text, "reference"))
    ):
        reference = kid(text, "reference")
        if reference is None:
            yield Claim("text of its own", el, frozenset(("words", "narrative")), Concept((), (own,)))


def extractor(el: Element) -> Extractor:
    """How a statement is read: by the first templateId that says what it is."""
    roots = templates(el)
    found = next((KINDS[root] for root in roots if root in KINDS), None)
    return found or next((GENERIC[root] for root in roots if root in GENERIC), anything)


def read(doc: Document, el: Element) -> Iterator[Claim]:
    """What one statement says; what is set aside must not appear as the patient's."""
    how = extractor(el)
    if el.get("nullFlavor") is not None:
        yield from (replace(claim, aside="unknown") for claim in how(doc, el))
        return
    if about_another(el) and how not in (problem, family_history, relative, part):
        yield from (replace(claim, aside="another") for claim in how(doc, el))
        return
    yield from how(doc, el)
    yield from inline(doc, el)
    if el.tag == V3 + "substanceAdministration":
        yield from vehicle(doc, el)
    elif el.tag != V3 + "supply" and how is not allergy:
        yield from device(doc, el)


def claims(doc: Document) -> Iterator[Claim]:
    """What all statements of a document say."""
    for el in doc.root.iter(*STATEMENTS):
        yield from read(doc, el)
