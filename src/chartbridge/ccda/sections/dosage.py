"""Dosage and timing: PIVL_TS, EIVL_TS and IVL_TS of a substanceAdministration as FHIR Dosage."""

from __future__ import annotations

from typing import Any

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import bounds, codeable, number, quantity, range_, when
from chartbridge.ccda.names import (
    APPROACH_SITE_CODE,
    DENOMINATOR,
    DOSE_QUANTITY,
    EFFECTIVE_TIME,
    EVENT,
    HIGH,
    LOW,
    MAX_DOSE_QUANTITY,
    NUMERATOR,
    OFFSET,
    PERIOD,
    PHASE,
    PRECONDITION,
    RATE_QUANTITY,
    ROUTE_CODE,
    TEXT,
    VALUE,
    XSI_TYPE,
    Element,
)
from chartbridge.ccda.node import Node, node_at
from chartbridge.ccda.registry import part
from chartbridge.ccda.sections.common import Json
from chartbridge.ccda.statement import Statement
from chartbridge.ccda.times import NOTHING, Interval, interval
from chartbridge.fhir import drop

part(t.MEDICATION_FREE_TEXT_SIG, t.MEDICATION_ADHERENCE, of="a medication")

_UNITS = {
    "s": "s",
    "sec": "s",
    "min": "min",
    "h": "h",
    "hr": "h",
    "hour": "h",
    "hours": "h",
    "d": "d",
    "day": "d",
    "days": "d",
    "wk": "wk",
    "w": "wk",
    "week": "wk",
    "weeks": "wk",
    "mo": "mo",
    "month": "mo",
    "a": "a",
    "y": "a",
}
_EVENTS = frozenset(
    (
        *("HS", "WAKE", "C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV"),
        *("PC", "PCM", "PCD", "PCV", "MORN", "AFT", "EVE", "NIGHT"),
    )
)
_BETWEEN_MEALS = {"IC": "C", "ICM": "CM", "ICD": "CD", "ICV": "CV"}


def medication_times(st: Statement, ctx: Context) -> tuple[Interval, Json | None, list[str]]:
    """The effectiveTimes of a medication: how long it is taken, how often, and single points in time."""
    span = NOTHING
    repeat: Json = {}
    events: list[str] = []
    for el in st.children(EFFECTIVE_TIME):
        kind = el.get(XSI_TYPE) or ""
        kind = kind[kind.rfind(":") + 1 :]
        if kind == "PIVL_TS" or any(child.tag == PERIOD for child in el):
            repeat.update(_periodic(el))
            phase = interval(Node(el).child(PHASE))
            if span is NOTHING and phase.low is not None:
                span = phase
        elif kind == "EIVL_TS" or any(child.tag == EVENT for child in el):
            repeat.update(_event_related(el))
        else:
            found = when(el, ctx)
            if found.point is not None and el.get("operator") == "A":
                events.append(found.point)
            elif span is NOTHING or (span.start is None and found.start is not None):
                span = found
            elif found.point is not None:
                events.append(found.point)
    return span, repeat or None, events


def _periodic(el: Element) -> Json:
    """PIVL_TS: once in every period; a period that is a range has a maximum."""
    node = Node(el)
    period = node.child(PERIOD)
    if period is None:
        return {}
    made: Json = {}
    value, unit = number(period.get("value")), _unit(period)
    if value is not None and unit is not None and value > 0:
        made = {"frequency": 1, "period": value, "periodUnit": unit}
    elif len(period):
        inner = Node(period)
        low, high = inner.child(LOW), inner.child(HIGH)
        least = None if low is None else number(low.get("value"))
        most = None if high is None else number(high.get("value"))
        unit = (None if low is None else _unit(low)) or (None if high is None else _unit(high))
        if unit is not None and least is not None and least > 0:
            made = {"frequency": 1, "period": least, "periodUnit": unit}
            if most is not None and most > least:
                made["periodMax"] = most
        elif unit is not None and most is not None and most > 0:
            made = {"frequency": 1, "period": most, "periodUnit": unit}
    return made


def _unit(el: Element) -> str | None:
    return _UNITS.get((el.get("unit") or "").strip().lower() if el.get("unit") else "")


def _event_related(el: Element) -> Json:
    """EIVL_TS: a daily event, with an offset in minutes; 'between meals' is a time around the meal."""
    node = Node(el)
    event = node.child(EVENT)
    code = None if event is None else (event.get("code") or "").strip()
    if not code:
        return {}
    made: Json = {}
    if code in _EVENTS:
        made["when"] = [code]
    elif code in _BETWEEN_MEALS:
        made["when"] = [_BETWEEN_MEALS[code]]
    else:
        return {}
    offset = node.node(OFFSET)
    if offset is not None and not code.startswith(("C", "IC")):
        edge = offset.child(LOW) if offset.child(LOW) is not None else offset.el
        minutes = _minutes(edge)
        if minutes:
            made["offset"] = minutes
    return made


def _minutes(el: Element | None) -> int | None:
    if el is None:
        return None
    value = number(el.get("value"))
    factor = {"min": 1, "h": 60, "d": 1440}.get(_unit(el) or "")
    return None if value is None or factor is None else round(abs(value) * factor)


def timing(
    repeat: Json | None, span: Json | None, events: list[str], count: int | None = None
) -> Json | None:
    """A Timing; the span goes into its bounds where the resource has no place of its own for it."""
    rules = dict(repeat or {})
    if span:
        rules = {"boundsPeriod": span, **rules}
    if count is not None:
        rules["count"] = count
    return drop({"event": events, "repeat": rules or None})


def dosages(
    st: Statement,
    ctx: Context,
    repeat: Json | None,
    span: Json | None,
    events: list[str],
    count: int | None = None,
) -> list[Json]:
    """The Dosage of a substanceAdministration; the free-text sig becomes its text."""
    made = drop(
        {
            "text": _sig(st, ctx),
            "patientInstruction": _instructions(st, ctx),
            "timing": timing(repeat, span, events, count),
            **_as_needed(st, ctx),
            "site": codeable(st.child(APPROACH_SITE_CODE), ctx),
            "route": codeable(st.child(ROUTE_CODE), ctx),
            "doseAndRate": [_dose_and_rate(st)],
            "maxDosePerPeriod": _max_dose(st),
        }
    )
    return [] if made is None else [made]


def _sig(st: Statement, ctx: Context) -> str | None:
    """The Medication Free Text Sig, else the text of the statement itself."""
    sig = st.take(t.MEDICATION_FREE_TEXT_SIG)
    said = None if sig is None else ctx.text(sig.child(TEXT))
    return said or ctx.text(st.child(TEXT))


def _instructions(st: Statement, ctx: Context) -> str | None:
    """Instruction activities: what the patient was told about taking it."""
    said: list[str] = []
    for instruction in st.related:
        if instruction.template != t.INSTRUCTION or instruction.taken:
            continue
        text = ctx.text(instruction.child(TEXT))
        if text is not None:
            instruction.taken = True
            said.append(text)
    return "; ".join(said) or None


def _as_needed(st: Statement, ctx: Context) -> Json:
    """A precondition is what the medication is taken for when needed."""
    for el in st.children(PRECONDITION):
        criterion = Node(el)
        inner = next((Node(child) for child in el if len(child)), criterion)
        made = codeable(inner.child(VALUE), ctx)
        text = ctx.text(inner.child(TEXT))
        if made is None and text is not None:
            made = {"text": text}
        if made is not None:
            return {"asNeededCodeableConcept": made}
    return {}


def _dose_and_rate(st: Statement) -> Json | None:
    made: dict[str, Any] = {}
    for tag, name in ((DOSE_QUANTITY, "dose"), (RATE_QUANTITY, "rate")):
        el = st.child(tag)
        if el is None:
            continue
        if len(el) and el.get("value") is None:
            low, high = bounds(el)
            if low is not None and high is not None and low != high:
                made[f"{name}Range"] = range_(el)
            else:
                one = low or high or quantity(el)
                if one is not None:
                    one.pop("comparator", None)
                    made[f"{name}Quantity"] = one
        else:
            one = quantity(el)
            if one is not None:
                one.pop("comparator", None)
                made[f"{name}Quantity"] = one
    return made or None


def _max_dose(st: Statement) -> Json | None:
    el = st.child(MAX_DOSE_QUANTITY)
    node = node_at(None if el is None else Node(el))
    if node is None:
        return None
    made = drop(
        {"numerator": quantity(node.child(NUMERATOR)), "denominator": quantity(node.child(DENOMINATOR))}
    )
    return made if made and len(made) == 2 else None
