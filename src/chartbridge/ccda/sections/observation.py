"""What every Observation shares: its value of any type, status, interpretation and reference ranges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chartbridge.ccda import templates as t
from chartbridge.ccda.codesystems import DATA_ABSENT_REASON, V3_OBSERVATION_INTERPRETATION
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import (
    absent_reason,
    codeable,
    codeables,
    concept,
    effective,
    identifier,
    identifiers,
    number,
    quantity,
    when,
)
from chartbridge.ccda.names import CODE as CODE_TAG
from chartbridge.ccda.names import (
    DENOMINATOR,
    ID,
    INTERPRETATION_CODE,
    METHOD_CODE,
    NUMERATOR,
    OBSERVATION_RANGE,
    REFERENCE_RANGE,
    SPECIMEN,
    SPECIMEN_PLAYING_ENTITY,
    SPECIMEN_ROLE,
    STATUS_CODE,
    TARGET_SITE_CODE,
    TEXT,
    VALUE,
    XSI_TYPE,
    Element,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.sections.amounts import amount_words, closed, limits
from chartbridge.ccda.sections.common import Json, code_or_text, notes, own_note
from chartbridge.ccda.statement import Statement
from chartbridge.fhir import drop, instant

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
NEGATED = {"text": "Negated in the source (negationInd): this was not observed"}

STATUS = {
    "completed": "final",
    "active": "registered",
    "held": "registered",
    "new": "registered",
    "suspended": "registered",
    "aborted": "cancelled",
    "cancelled": "cancelled",
    "nullified": "entered-in-error",
    "obsolete": "entered-in-error",
}
_INTERPRETATION_NAMES = {
    "normal": ("N", "Normal"),
    "abnormal": ("A", "Abnormal"),
    "high": ("H", "High"),
    "low": ("L", "Low"),
}


def category(code: str, display: str) -> Json:
    """An observation category of HL7's code system."""
    return concept(CATEGORY, code, display)


# values


def _codeable(el: Element, ctx: Context) -> Json | None:
    made = codeable(el, ctx)
    return None if made is None else {"valueCodeableConcept": made}


def _quantity(el: Element, ctx: Context) -> Json | None:
    made = quantity(el)
    if made is not None:
        return {"valueQuantity": made}
    said = " ".join(
        part for part in ((el.get("value") or "").strip(), (el.get("unit") or "").strip()) if part
    )
    return {"valueString": said} if el.get("value") and said else _string(el, ctx)


def _string(el: Element, ctx: Context) -> Json | None:
    text = ctx.text(el) or el.get("value")
    return {"valueString": text} if text else None


def _integer(el: Element, ctx: Context) -> Json | None:
    value = number(el.get("value"))
    if isinstance(value, int) and -(2**31) <= value < 2**31:
        return {"valueInteger": value}
    return _quantity(el, ctx)


def _ordinal(el: Element, ctx: Context) -> Json | None:
    return _codeable(el, ctx) or _integer(el, ctx)


def _boolean(el: Element, _ctx: Context) -> Json | None:
    value = el.get("value")
    return {"valueBoolean": value == "true"} if value in ("true", "false") else None


def _moment(el: Element, ctx: Context) -> Json | None:
    return when(el, ctx).choice("value") or _string(el, ctx)


def _interval(el: Element, ctx: Context) -> Json | None:
    found = limits(el)
    if found == (None, None):
        return _quantity(el, ctx)
    low, high = found or (None, None)
    if found is None or (low and high and ("comparator" in low or "comparator" in high)):
        ctx.issue("an interval that FHIR cannot tell as a Range is kept as text")
        return {"valueString": amount_words(el)}
    if low and high:
        return {"valueRange": {"low": low, "high": high}}
    return {"valueQuantity": {"comparator": ">=" if low else "<=", **(low or high or {})}}


def _ratio(el: Element, ctx: Context) -> Json | None:
    node = Node(el)
    made = drop(
        {"numerator": quantity(node.child(NUMERATOR)), "denominator": quantity(node.child(DENOMINATOR))}
    )
    return {"valueRatio": made} if made and len(made) == 2 else _string(el, ctx)


def _identifier(el: Element, _ctx: Context) -> Json | None:
    made = identifier(el)
    return {"valueString": made["value"]} if made else None


_VALUES: dict[str, Callable[[Element, Context], Json | None]] = {
    "CD": _codeable,
    "CE": _codeable,
    "CV": _codeable,
    "CS": _codeable,
    "CO": _ordinal,
    "PQ": _quantity,
    "REAL": _quantity,
    "MO": _quantity,
    "INT": _integer,
    "BL": _boolean,
    "ST": _string,
    "ED": _string,
    "TEL": _string,
    "URL": _string,
    "II": _identifier,
    "TS": _moment,
    "IVL_TS": _moment,
    "PIVL_TS": _moment,
    "IVL_PQ": _interval,
    "IVL_INT": _interval,
    "IVL_REAL": _interval,
    "RTO": _ratio,
    "RTO_PQ_PQ": _ratio,
    "RTO_INT_INT": _ratio,
    "RTO_QTY_QTY": _ratio,
}


def value_type(el: Element) -> str:
    """The xsi:type without its prefix; guessed from the attributes where it is absent."""
    kind = el.get(XSI_TYPE) or ""
    kind = kind[kind.rfind(":") + 1 :]
    if kind:
        return kind
    if el.get("code") is not None or el.get("codeSystem") is not None:
        return "CD"
    if el.get("unit") is not None:
        return "PQ"
    return "ST"


def value(el: Element | None, ctx: Context) -> Json | None:
    """One ``value[x]`` of R4 as a dict of one member, ``None`` for none."""
    if el is None:
        return None
    return _VALUES.get(value_type(el), _string)(el, ctx)


def values(st: Statement, ctx: Context) -> tuple[Json, list[Json]]:
    """The first value, and all further ones as components' worth of ``value[x]``; or the reason for none."""
    found: list[Json] = []
    null_flavor = None
    for el in st.children(VALUE):
        made = value(el, ctx)
        if made is not None:
            found.append(made)
        else:
            null_flavor = null_flavor or el.get("nullFlavor")
    if found:
        return found[0], found[1:]
    return ({"dataAbsentReason": absent_reason(null_flavor)} if null_flavor else {}), []


# parts


def interpretations(st: Statement, ctx: Context) -> list[Json]:
    """Interpretation codes; bare words for the usual ones become their codes."""
    made = codeables(st.children(INTERPRETATION_CODE), ctx)
    for one in made:
        for code in one.get("coding", ()):
            known = _INTERPRETATION_NAMES.get(code["code"].lower())
            if known is not None and code.get("system") in (None, V3_OBSERVATION_INTERPRETATION):
                code.update(system=V3_OBSERVATION_INTERPRETATION, code=known[0], display=known[1])
    return made


def reference_ranges(st: Statement, ctx: Context) -> list[Json]:
    """Reference ranges: low, high, and whatever is said in words."""
    made: list[Json] = []
    for el in st.children(REFERENCE_RANGE):
        node = node_at(Node(el), OBSERVATION_RANGE)
        if node is None:
            continue
        said = ctx.text(node.child(TEXT))
        range_ = node.child(VALUE)
        low = high = None
        if range_ is not None:
            found = closed(range_)
            if found is None:
                ctx.issue("a reference range that FHIR cannot tell as numbers is kept as text")
                said = "; ".join(one for one in (said, amount_words(range_)) if one)
            else:
                low, high = found
                said = said or (words(value(range_, ctx)) if low is None and high is None else None)
        code = codeable(node.child(CODE_TAG), ctx)
        meaning = codeable(node.child(INTERPRETATION_CODE), ctx)
        one = drop({"low": low, "high": high, "type": meaning, "text": said or (code or {}).get("text")})
        if one and len(one.keys() - {"type"}):
            made.append(one)
    return made


def words(made: Json | None) -> str | None:
    if made is None:
        return None
    kind, one = next(iter(made.items()))
    if kind == "valueQuantity":
        return f"{one.get('comparator', '')}{one['value']} {one.get('unit', '')}".strip()
    if kind == "valueCodeableConcept":
        return one.get("text") or next((c.get("display") or c["code"] for c in one["coding"]), None)
    return str(one) if isinstance(one, str | int | float) else None


def specimen(st: Statement, ctx: Context) -> Json | None:
    """The specimen of a result as a reference to a Specimen."""
    el = st.child(SPECIMEN)
    role = None if el is None else node_at(Node(el), SPECIMEN_ROLE)
    if role is None:
        return None
    kind, ids = sample(role, SPECIMEN_PLAYING_ENTITY, ctx)
    if kind is None and not ids:
        return None
    made = ctx.add(
        "Specimen", {"identifier": ids, "type": kind, "subject": ctx.patient}, None, f"{st.path}/specimen"
    )
    st.section.resources[f"Specimen/{made['id']}"] = None
    return ctx.ref(made)


def _denied_value(said: Json) -> Json:
    """A value that was not found: a concept as words that deny it, anything else as not performed."""
    if "dataAbsentReason" in said:
        return said
    if "valueCodeableConcept" in said:
        return {"valueString": f"Not present: {words(said)}"}
    return {"dataAbsentReason": concept(DATA_ABSENT_REASON, "not-performed")}


def sample(role: Node | None, entity_tag: str, ctx: Context) -> tuple[Json | None, list[Json]]:
    """What a specimen is and how it is identified, from the role that it plays."""
    entity = None if role is None else role.node(entity_tag)
    kind = None if entity is None else codeable(entity.child(CODE_TAG), ctx)
    return kind, [] if role is None else identifiers(role.children(ID))


def observation_fields(st: Statement, ctx: Context, categories: list[Json | None]) -> dict[str, Any] | None:
    """The fields of an Observation; ``None`` where there is neither a code nor a text to tell what it is.

    A negated observation without a value is one whose value is absent because it was not performed or
    not found; with a value, the note tells it.
    """
    code = code_or_text(st, ctx)
    first, more = values(st, ctx)
    if code is None:
        if not first or "dataAbsentReason" in first:
            return None
        code = {"text": st.section.title or "Observation"}
    remarks = notes(st, ctx)
    measured = first.get("valueQuantity")
    remarks += own_note(
        st,
        ctx,
        code,
        words(first) if first else None,
        first.get("valueCodeableConcept"),
        None if measured is None else str(measured["value"]),
    )
    if st.denied:
        remarks.insert(0, NEGATED)
        first, more = _denied_value(first), [_denied_value(one) for one in more]
    author, authored = ctx.actors.author(st, st.path)
    performers = ctx.actors.performer_references(st, st.path)
    return {
        "identifier": identifiers(st.children(ID)),
        "status": STATUS.get(st.status, "final" if STATUS_CODE not in st.one else "unknown"),
        "category": categories,
        "code": code,
        "subject": ctx.patient,
        **effective(st, ctx).choice("effective"),
        "issued": instant(authored),
        "performer": performers or [author],
        **first,
        "interpretation": interpretations(st, ctx),
        "note": remarks,
        "bodySite": codeable(st.child(TARGET_SITE_CODE), ctx),
        "method": codeable(st.child(METHOD_CODE), ctx),
        "specimen": specimen(st, ctx),
        "referenceRange": reference_ranges(st, ctx),
        "component": [drop({"code": code, **extra}) for extra in more],
    }


_COMPONENT = ("code", "dataAbsentReason", "interpretation", "referenceRange")


def component(fields: Json) -> Json | None:
    """What of an Observation's fields a component has a place for."""
    return drop({name: one for name, one in fields.items() if name in _COMPONENT or name.startswith("value")})


def observation(st: Statement, ctx: Context, *categories: Json | None) -> Json | None:
    """A statement as Observation."""
    fields = observation_fields(st, ctx, list(categories))
    return None if fields is None else ctx.add("Observation", fields, st)


def or_absent(st: Statement, fields: Json) -> Json:
    """The fields of a measurement, with a reason for the absence of a value where there is none (us-core-2).

    Only for what is measured: elsewhere the code alone may be the finding, which is then not unknown.
    """
    if st.related or fields["component"] or any(name.startswith(("value", "dataAbsent")) for name in fields):
        return fields
    return {**fields, "dataAbsentReason": absent_reason(None)}


def panel(
    st: Statement, ctx: Context, members: list[Json], code: Json | None, *categories: Json | None
) -> Json | None:
    """An organizer as Observation that has its observations as members."""
    if code is None or not members:
        return None
    author, _ = ctx.actors.author(st, st.path)
    return ctx.add(
        "Observation",
        {
            "identifier": identifiers(st.children(ID)),
            "status": STATUS.get(st.status, "final"),
            "category": list(categories),
            "code": code,
            "subject": ctx.patient,
            **effective(st, ctx).choice("effective"),
            "performer": ctx.actors.performer_references(st, st.path) or [author],
            "note": notes(st, ctx),
            "hasMember": [ctx.ref(one) for one in members],
        },
        st,
    )


def member_observations(st: Statement, ctx: Context) -> list[Json]:
    """The observations and panels within an organizer, converted; what else there is is left to itself."""
    made: dict[str, Json] = {}
    for child in st.related:
        if (
            child.taken
            or child.tag not in ("observation", "organizer")
            or child.template == t.COMMENT_ACTIVITY
        ):
            continue
        one = ctx.convert(child)
        if one is not None and one["resourceType"] == "Observation":
            made[one["id"]] = one
    return list(made.values())
