"""Dosage and timing: PIVL_TS, EIVL_TS and IVL_TS of a substanceAdministration as FHIR Dosage."""

from __future__ import annotations

import re
from typing import Any

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import bounds, codeable, concept, number, quantity, range_, title, when
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
    WIDTH,
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

GTS_ABBREVIATION = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
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
_ABBREVIATIONS = {
    ("12", "h"): "BID",
    ("8", "h"): "TID",
    ("6", "h"): "QID",
    ("24", "h"): "QD",
    ("1", "d"): "QD",
}
"""What an institution's own times of a period are called: twice, three times, four times, once a day."""
_TIME_OF_DAY = re.compile(r"\d{8}(?!0000)([01]\d|2[0-3])([0-5]\d)(?:00)?(?:\.0+)?(?:[+-]\d{4})?")
"""A whole minute of the day; midnight is how systems write a date, and seconds are when one was entered."""
_BETWEEN_MEALS = {"IC": "C", "ICM": "CM", "ICD": "CD", "ICV": "CV"}


def medication_times(st: Statement, ctx: Context) -> tuple[Interval, list[Json], list[str]]:
    """The effectiveTimes of a medication: how long it is taken, how often, and single points in time.

    How often is a list of rules that hold side by side; empty where they cannot all be told, for a part
    of them would be a part of the dose.
    """
    span = NOTHING
    periodic: list[Element] = []
    daily: list[Element] = []
    events: list[str] = []
    for el in st.children(EFFECTIVE_TIME):
        kind = el.get(XSI_TYPE) or ""
        kind = kind[kind.rfind(":") + 1 :]
        if kind == "PIVL_TS" or any(child.tag == PERIOD for child in el):
            periodic.append(el)
            phase = interval(Node(el).child(PHASE))
            if span is NOTHING and phase.low is not None:
                span = phase
        elif kind == "EIVL_TS" or any(child.tag == EVENT for child in el):
            daily.append(el)
        else:
            found = when(el, ctx)
            if found.point is not None and el.get("operator") == "A":
                events.append(found.point)
            elif span is NOTHING or (span.start is None and found.start is not None):
                span = found
            elif found.point is not None:
                events.append(found.point)
    return span, _repeats(periodic, daily, ctx), events


def _repeats(periodic: list[Element], daily: list[Element], ctx: Context) -> list[Json]:
    """The rules of all PIVL_TS and EIVL_TS, all of them or none."""
    periods = _side_by_side([_periodic(el) for el in periodic])
    groups: dict[int | None, Json] = {}
    unclear = False
    for el in daily:
        one = _event_related(el)
        unclear = unclear or not one
        if one:
            whens = groups.setdefault(one.get("offset"), {**one, "when": []})["when"]
            whens += [w for w in one["when"] if w not in whens]
    rules = list(groups.values())
    if len(periods) + len(daily) > 1:
        intersected = any(el.get("operator") == "A" for el in periodic[1:])
        if unclear or intersected or not all(periods) or (len(periods) > 1 and rules):
            return _untold(ctx)
        if periods and len(rules) > 1:
            return _untold(ctx)
    if periods and rules:
        return [{**periods[0], **rules[0]}]
    return [one for one in periods + rules if one]


def _side_by_side(periods: list[Json]) -> list[Json]:
    """Several daily times of day are one rule: as often a day as there are times."""
    if len(periods) < 2 or not all("timeOfDay" in one for one in periods):
        return periods
    times = sorted({moment for one in periods for moment in one["timeOfDay"]})
    rest = [{k: v for k, v in one.items() if k not in ("timeOfDay", "frequency")} for one in periods]
    if any(one != rest[0] for one in rest):
        return periods
    return [{"frequency": len(times), **rest[0], "timeOfDay": times}]


def _untold(ctx: Context) -> list[Json]:
    ctx.issue("times of administration that cannot be told together as FHIR Timing are kept as text")
    return []


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
    if made:
        made.update(_phase(node.node(PHASE), made))
        code = _ABBREVIATIONS.get((str(value), unit or ""))
        if el.get("institutionSpecified") == "true" and code is not None:
            made["code"] = code
    return made


def _phase(phase: Node | None, rule: Json) -> Json:
    """When within the period: the time of day of a daily rule, and how long each time takes."""
    if phase is None:
        return {}
    made: Json = {}
    width = phase.child(WIDTH)
    if width is not None and (unit := _unit(width)) and (length := number(width.get("value"))):
        made.update(duration=length, durationUnit=unit)
    start = phase.child(LOW)
    said = phase.el.get("value") or (None if start is None else start.get("value")) or ""
    match = _TIME_OF_DAY.fullmatch(said)
    if match and (rule["period"], rule["periodUnit"]) in ((24, "h"), (1, "d")) and "periodMax" not in rule:
        made["timeOfDay"] = [f"{match[1]}:{match[2]}:00"]
    return made


def _unit(el: Element) -> str | None:
    return _UNITS.get((el.get("unit") or "").strip().lower() if el.get("unit") else "")


def _event_related(el: Element) -> Json:
    """EIVL_TS: a daily event, with an offset in minutes; 'between meals' is a time around the meal.

    R4 has offsets only before 'before a meal' and after all else; nothing where the source has another.
    """
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
    if offset is not None:
        edge = offset.child(LOW) if offset.child(LOW) is not None else offset.el
        minutes = _minutes(edge)
        if minutes and (code.startswith(("C", "I")) or (minutes < 0 and not code.startswith("A"))):
            return {}
        if minutes:
            made["offset"] = abs(minutes)
    return made


def _minutes(el: Element | None) -> int | None:
    """Minutes after an event, below zero before it."""
    if el is None:
        return None
    value = number(el.get("value"))
    factor = {"min": 1, "h": 60, "d": 1440}.get(_unit(el) or "")
    return None if value is None or factor is None else round(value * factor)


def timing(
    repeat: Json | None, span: Json | None, events: list[str], count: int | None = None
) -> Json | None:
    """A Timing; the span goes into its bounds where the resource has no place of its own for it."""
    rules = dict(repeat or {})
    code = rules.pop("code", None)
    if span:
        rules = {"boundsPeriod": span, **rules}
    if count is not None:
        rules["count"] = count
    return drop(
        {
            "event": events,
            "repeat": rules or None,
            "code": None if code is None else concept(GTS_ABBREVIATION, code),
        }
    )


def dosages(
    st: Statement,
    ctx: Context,
    repeats: list[Json],
    span: Json | None,
    events: list[str],
    count: int | None = None,
) -> list[Json]:
    """The Dosage of a substanceAdministration; the free-text sig becomes its text.

    Of several rules each has a Dosage, all of the same sequence: they hold at the same time.
    """
    base: Json = {
        "text": _sig(st, ctx) if repeats else _sig_and_times(st, ctx),
        "patientInstruction": _instructions(st, ctx),
        **_as_needed(st, ctx),
        "site": codeable(st.child(APPROACH_SITE_CODE), ctx),
        "route": codeable(st.child(ROUTE_CODE), ctx),
        "doseAndRate": [_dose_and_rate(st)],
        "maxDosePerPeriod": _max_dose(st),
    }
    made: list[Json] = []
    for position, repeat in enumerate(repeats or [{}]):
        times = timing(repeat, span, [] if position else events, count)
        one = drop({"sequence": 1 if len(repeats) > 1 else None, "timing": times, **base})
        if one is not None:
            made.append(one)
    return made


def _sig_and_times(st: Statement, ctx: Context) -> str | None:
    """The sig, and in words the rules that could not be told otherwise."""
    said: list[str] = []
    for el in st.children(EFFECTIVE_TIME):
        node = Node(el)
        if (event := node.child(EVENT)) is not None and event.get("code"):
            said.append(_offset_words(node.node(OFFSET)) + f"at {event.get('code')}")
        elif (period := node.child(PERIOD)) is not None:
            inner = [one for one in (Node(period).child(LOW), Node(period).child(HIGH)) if one is not None]
            limits = [text for one in inner or [period] if (text := _amount(one))]
            said += ["every " + " to ".join(limits)] if limits else []
    sig = _sig(st, ctx)
    if not said:
        return sig
    return "; ".join(one for one in (sig, "Times in the source: " + ", ".join(said)) if one)


def _amount(el: Element) -> str:
    return f"{el.get('value', '')} {el.get('unit', '')}".strip()


def _offset_words(offset: Node | None) -> str:
    """``30 min before`` or ``after``, for an offset that R4 has no element for."""
    edge = None if offset is None else offset.child(LOW)
    said = "" if offset is None else _amount(offset.el if edge is None else edge)
    if not said:
        return ""
    return f"{said.lstrip('+-')} {'before' if said.startswith('-') else 'after'} "


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
    """A precondition is what the medication is taken for when needed; of several, all in words."""
    found: list[Json] = []
    for el in st.children(PRECONDITION):
        criterion = Node(el)
        inner = next((Node(child) for child in el if len(child)), criterion)
        made = codeable(inner.child(VALUE), ctx)
        text = ctx.text(inner.child(TEXT))
        if made is None and text is not None:
            made = {"text": text}
        if made is not None and made not in found:
            found.append(made)
    if len(found) > 1:
        said = [one for made in found if (one := title(made))]
        return {"asNeededCodeableConcept": {**found[0], "text": "; ".join(said)}}
    return {"asNeededCodeableConcept": found[0]} if found else {}


def _dose_and_rate(st: Statement) -> Json | None:
    made: dict[str, Any] = {}
    for tag, name in ((DOSE_QUANTITY, "dose"), (RATE_QUANTITY, "rate")):
        el = st.child(tag)
        if el is None:
            continue
        if len(el) and el.get("value") is None:
            low, high = bounds(el)
            if (low is not None or high is not None) and low != high:
                made[f"{name}Range"] = range_(el)
            else:
                one = low or quantity(el)
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
