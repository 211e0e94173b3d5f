"""Dosage and timing: PIVL_TS, EIVL_TS and IVL_TS of a substanceAdministration as FHIR Dosage."""

from __future__ import annotations

import re
from typing import NamedTuple

from chartbridge.ccda import templates as t
from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import codeable, concept, number, quantity, title, when
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
from chartbridge.ccda.node import Node
from chartbridge.ccda.registry import part
from chartbridge.ccda.sections.amounts import amount, amount_words, closed
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
_TIME_OF_DAY = re.compile(
    r"(?P<day>\d{8})(?!0000)([01]\d|2[0-3])([0-5]\d)(?:00)?(?:\.0+)?(?P<zone>[+-]\d{4})?"
)
"""A whole minute of the day; midnight is how systems write a date, and seconds are when one was entered."""
_OPERATORS = {"E": "except", "H": "hull with", "P": "periodic hull with"}
"""Set operators of times that FHIR Timing has no element for; it has inclusion and intersection."""
_BETWEEN_MEALS = {"IC": "C", "ICM": "CM", "ICD": "CD", "ICV": "CV"}


class Times(NamedTuple):
    """What the effectiveTimes of a medication say."""

    span: Interval
    """How long it is taken; where nothing says that, the single time that it was taken."""
    repeats: list[Json]
    """How often, as rules that hold side by side."""
    events: list[str]
    """Single points in time."""
    untold: list[str]
    """In words, what the others have no place for."""


def medication_times(st: Statement, ctx: Context) -> Times:
    """The effectiveTimes of a medication.

    Rules that cannot all be told are none of them told but in words, for a part of them would be a part
    of the dose. So it is where something is excluded: R4 has no element for when not to take it.
    """
    ruled: list[Element] = []
    spans: list[Interval] = []
    points: list[str] = []
    events: list[str] = []
    phases: list[str] = []
    apart: list[str] = []
    excluded = False
    for el in st.children(EFFECTIVE_TIME):
        operator = el.get("operator") or "I"
        kind = _kind(el)
        if operator not in ("I", "A"):
            excluded = True
            said = _rule_words(el) if kind else _span_words(when(el, ctx))
            apart += [f"{_OPERATORS.get(operator, operator)} {said}"] if said else []
        elif kind:
            ruled.append(el)
            begin, beyond = _phase_span(Node(el).node(PHASE))
            phases += begin
            apart += beyond
        elif (found := when(el, ctx)).point is None:
            spans += [found] if found.start or found.high else []
            apart += _width_words(el)
        elif operator == "A":
            events.append(found.point)
        else:
            points.append(found.point)
    span = next((one for one in spans if one.start), spans[0] if spans else NOTHING)
    if span is NOTHING and points:
        span = Interval(point=points.pop(0))
    elif span is NOTHING and phases:
        span = Interval(low=phases[0])
    events = points + events
    repeats = None if excluded else _repeats(ruled)
    untold = [said for el in ruled if (said := _rule_words(el))] if repeats is None else []
    if excluded:
        untold += events
        events = []
    untold += [said for one in spans if one != span and (said := _span_words(one))] + apart
    if untold:
        ctx.issue("times of administration that cannot be told together as FHIR Timing are kept as text")
    return Times(span, repeats or [], events, untold)


def _phase_span(phase: Node | None) -> tuple[list[str], list[str]]:
    """When the first of the times began, and in words until when where that is not how long one takes."""
    if phase is None:
        return [], []
    span = interval(phase.el)
    beyond = span.high is not None and not _length(phase)
    return [span.low] if span.low else [], [f"phase {_span_words(span)}"] if beyond else []


def _kind(el: Element) -> str:
    """The tag of what makes an effectiveTime a rule: its period or its event; ``""`` for a time."""
    kind = el.get(XSI_TYPE) or ""
    kind = kind[kind.rfind(":") + 1 :]
    if kind == "PIVL_TS":
        return PERIOD
    if kind == "EIVL_TS":
        return EVENT
    return next((child.tag for child in el if child.tag in (PERIOD, EVENT)), "")


def _repeats(ruled: list[Element]) -> list[Json] | None:
    """The rules of all PIVL_TS and EIVL_TS; ``None`` where R4 cannot tell all of them."""
    kinds = [_kind(el) for el in ruled]
    periods = _side_by_side([_periodic(el) for el in ruled if _kind(el) == PERIOD])
    groups: dict[tuple[int | None, float | int | None, str | None], Json] = {}
    daily = [_event_related(el) for el in ruled if _kind(el) == EVENT]
    if not all(daily) or not all(periods):
        return None
    for one in daily:
        shift = (one.get("offset"), one.get("duration"), one.get("durationUnit"))
        whens = groups.setdefault(shift, {**one, "when": []})["when"]
        whens += [w for w in one["when"] if w not in whens]
    rules = list(groups.values())
    narrowed = [el.get("operator") == "A" for el in ruled[1:]]
    if not (periods and rules):
        return None if any(narrowed) else periods + rules
    if len(periods) > 1 or len(rules) > 1 or not narrowed[-1] or any(narrowed[:-1]):
        return None
    if len(daily) > 1 and kinds[-1] != PERIOD:
        return None
    return [{**periods[0], **rules[0]}]


def _side_by_side(periods: list[Json]) -> list[Json]:
    """Several daily times of day are one rule: as often a day as there are times."""
    if len(periods) < 2 or not all("timeOfDay" in one for one in periods):
        return periods
    times = sorted({moment for one in periods for moment in one["timeOfDay"]})
    rest = [{k: v for k, v in one.items() if k not in ("timeOfDay", "frequency")} for one in periods]
    if any(one != rest[0] for one in rest):
        return periods
    return [{"frequency": len(times), **rest[0], "timeOfDay": times}]


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
        made = _varying(period)
    if made:
        made.update(_phase(node.node(PHASE), made))
        code = _ABBREVIATIONS.get((str(value), unit or ""))
        if el.get("institutionSpecified") == "true" and code is not None:
            made["code"] = code
    return made


def _varying(period: Element) -> Json:
    """A period that is a range; nothing where not all of it can be told."""
    ends = [one for one in closed(period) or () if one is not None]
    units = {_UNITS.get(one.get("unit", "").lower()) for one in ends}
    if len(units) != 1 or None in units or ends[0]["value"] <= 0 or ends[0]["value"] > ends[-1]["value"]:
        return {}
    made = {"frequency": 1, "period": ends[0]["value"], "periodUnit": units.pop()}
    return made if ends[0]["value"] == ends[-1]["value"] else {**made, "periodMax": ends[-1]["value"]}


def _phase(phase: Node | None, rule: Json) -> Json:
    """When within the period: the time of day of a daily rule, and how long each time takes."""
    if phase is None:
        return {}
    made = _length(phase)
    hour = _hour(phase)
    if hour and (rule["period"], rule["periodUnit"]) in ((24, "h"), (1, "d")) and "periodMax" not in rule:
        made["timeOfDay"] = [f"{hour}:00"]
    return made


def _length(node: Node) -> Json:
    """How long each time takes: the width, or the minutes between two moments of one day."""
    width = node.child(WIDTH)
    if width is not None and (unit := _unit(width)) and (length := number(width.get("value"))):
        return {"duration": length, "durationUnit": unit}
    low, high = node.child(LOW), node.child(HIGH)
    first = _TIME_OF_DAY.fullmatch("" if low is None else low.get("value") or "")
    last = _TIME_OF_DAY.fullmatch("" if high is None else high.get("value") or "")
    if first is None or last is None or first["day"] != last["day"] or first["zone"] != last["zone"]:
        return {}
    minutes = (int(last[2]) - int(first[2])) * 60 + int(last[3]) - int(first[3])
    return {"duration": minutes, "durationUnit": "min"} if minutes > 0 else {}


def _hour(phase: Node) -> str:
    """The time of day, ``08:30``, of a phase or of its beginning."""
    start = phase.child(LOW)
    match = _TIME_OF_DAY.fullmatch(
        phase.el.get("value") or ("" if start is None else start.get("value") or "")
    )
    return "" if match is None else f"{match[2]}:{match[3]}"


def _unit(el: Element) -> str | None:
    return _UNITS.get((el.get("unit") or "").strip().lower() if el.get("unit") else "")


def _event_related(el: Element) -> Json:
    """EIVL_TS: a daily event, with an offset in minutes; 'between meals' is a time around the meal.

    R4 has offsets only before 'before a meal' and after all else; nothing where the source has another.
    """
    node = Node(el)
    event = node.child(EVENT)
    code = "" if event is None else (event.get("code") or "").strip()
    if code not in _EVENTS and code not in _BETWEEN_MEALS:
        return {}
    made: Json = {"when": [_BETWEEN_MEALS.get(code, code)]}
    offset = node.node(OFFSET)
    if offset is None or not amount_words(offset.el):
        return made
    minutes = _minutes(offset)
    if minutes is None:
        return {}
    if minutes:
        if code.startswith(("C", "I")) or (minutes < 0) != code.startswith("A"):
            return {}
        made["offset"] = abs(minutes)
    width = offset.child(WIDTH)
    if width is not None and width.get("value"):
        length = _length(offset)
        return {**made, **length} if length else {}
    return made


def _minutes(offset: Node) -> int | None:
    """Minutes after an event, below zero before it; ``None`` for an offset that is not one point in time."""
    low, high = offset.child(LOW), offset.child(HIGH)
    start = offset.el if low is None else low
    if high is not None and high.get("value") and amount_words(high) != amount_words(start):
        return None
    value = number(start.get("value"))
    factor = {"min": 1, "h": 60, "d": 1440}.get(_unit(start) or "")
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
    st: Statement, ctx: Context, times: Times, span: Json | None, count: int | None = None
) -> list[Json]:
    """The Dosage of a substanceAdministration; the free-text sig becomes its text, and after it stands what
    FHIR has no element for.

    Of several rules each has a Dosage, all of the same sequence: they hold at the same time. How often it
    is taken in all then belongs to none of them.
    """
    several = len(times.repeats) > 1
    amounts, unclear = _dose_and_rate(st)
    most, untold = _max_dose(st)
    unclear += untold
    if unclear:
        ctx.issue("an amount that FHIR cannot tell as the number it wants there is kept as text")
    said = [_sig(st, ctx)]
    if times.untold:
        said.append("Times in the source: " + ", ".join(times.untold))
    if several and count is not None:
        said.append(f"Repeat number in the source: {count}")
    base: Json = {
        "text": "; ".join([one for one in said if one] + unclear),
        "patientInstruction": _instructions(st, ctx),
        **_as_needed(st, ctx),
        "site": codeable(st.child(APPROACH_SITE_CODE), ctx),
        "route": codeable(st.child(ROUTE_CODE), ctx),
        "doseAndRate": [amounts],
        "maxDosePerPeriod": most,
    }
    made: list[Json] = []
    for position, repeat in enumerate(times.repeats or [{}]):
        rule = timing(repeat, span, [] if position else times.events, None if several else count)
        one = drop({"sequence": 1 if several else None, "timing": rule, **base})
        if one is not None:
            made.append(one)
    return made


def _rule_words(el: Element) -> str:
    """A PIVL_TS or EIVL_TS in words, as far as it says anything."""
    node = Node(el)
    if (event := node.child(EVENT)) is not None and event.get("code"):
        return _offset_words(node.node(OFFSET), str(event.get("code")))
    period = node.child(PERIOD)
    if period is None:
        return ""
    edges = [child for child in period if child.tag in (LOW, HIGH)]
    limits = [text for one in edges or [period] if (text := amount_words(one))]
    if not limits:
        return ""
    phase = node.node(PHASE)
    said = "every " + " to ".join(limits)
    if phase is None:
        return said
    hour, length = _hour(phase), _length(phase)
    said += f" at {hour}" if hour else ""
    return said + (f" for {length['duration']} {length['durationUnit']}" if length else "")


def _offset_words(offset: Node | None, event: str) -> str:
    """``30 min before at HS``, ``after at`` or ``at``: an event and how far from it."""
    said = "" if offset is None else amount_words(offset.el)
    point = said.removeprefix("low ")
    if not said:
        return f"at {event}"
    if "," in point or point[0] not in "+-.0123456789":
        return f"at {event} (offset {said})"
    return f"{point.lstrip('+-')} {'before' if point.startswith('-') else 'after'} at {event}"


def _span_words(span: Interval) -> str:
    if span.point is not None:
        return span.point
    edges = (("from", span.low), ("to", span.high))
    return " ".join(f"{word} {moment}" for word, moment in edges if moment is not None)


def _width_words(el: Element) -> list[str]:
    """How long it is taken, where that is said as a length and not as an end."""
    return [f"for {said}" for child in el if child.tag == WIDTH and (said := amount_words(child))]


def _sig(st: Statement, ctx: Context) -> str | None:
    """The Medication Free Text Sig, else the text of the statement itself."""
    sig = st.take(t.MEDICATION_FREE_TEXT_SIG)
    said = None if sig is None else ctx.text(sig.child(TEXT))
    return said or ctx.text(st.child(TEXT))


def _instructions(st: Statement, ctx: Context) -> str | None:
    """Instruction activities: what the patient was told about taking it."""
    said: list[str] = []
    for instruction in st.related:
        if instruction.template != t.INSTRUCTION or instruction.taken or not instruction.is_asserted:
            continue
        text = ctx.text(instruction.child(TEXT))
        if text is not None:
            instruction.taken = True
            said.append(text)
    return "; ".join(said) or None


def _as_needed(st: Statement, ctx: Context) -> Json:
    """A precondition is what the medication is taken for when needed; of several, all in words.

    One that does not say for what still says that it is taken when needed.
    """
    found: list[Json] = []
    needed = False
    for el in st.children(PRECONDITION):
        criterion = Node(el)
        inner = next((Node(child) for child in el if len(child)), criterion)
        needed = needed or len(el) > 0 or el.get("nullFlavor") is None
        said = inner.child(VALUE)
        made = codeable(said, ctx)
        text = ctx.text(inner.child(TEXT)) or ctx.text(said) or ("" if said is None else amount_words(said))
        if made is None and text:
            made = {"text": text}
        if made is not None and made not in found:
            found.append(made)
    if len(found) > 1:
        names = [one for made in found if (one := title(made))]
        return {"asNeededCodeableConcept": {**found[0], "text": "; ".join(names)}}
    if found:
        return {"asNeededCodeableConcept": found[0]}
    return {"asNeededBoolean": True} if needed else {}


def _dose_and_rate(st: Statement) -> tuple[Json, list[str]]:
    """The dose and the rate, and in words those that are no number or range."""
    made: Json = {}
    unclear: list[str] = []
    for tag, name in ((DOSE_QUANTITY, "dose"), (RATE_QUANTITY, "rate")):
        found, said = amount(st.child(tag))
        made.update({name + kind: one for kind, one in found.items()})
        if said:
            unclear.append(f"{name.capitalize()} in the source: {said}")
    return made, unclear


def _max_dose(st: Statement) -> tuple[Json | None, list[str]]:
    """The first maximum dose that has both its numbers; the others in words."""
    told: Json | None = None
    unclear: list[str] = []
    for el in st.children(MAX_DOSE_QUANTITY):
        node = Node(el)
        above, below = node.child(NUMERATOR), node.child(DENOMINATOR)
        made = drop({"numerator": quantity(above), "denominator": quantity(below)})
        if told is None and made and len(made) == 2:
            told = made
            continue
        said = [text for one in (above, below) if one is not None and (text := amount_words(one))]
        if said and (above is None or amount_words(above)):
            unclear.append("Maximum dose in the source: " + " per ".join(said))
    return told, unclear
