"""Observations as rows: vital signs, laboratory results, social history, and all others."""

from __future__ import annotations

from typing import Any

from chartbridge.summary import words
from chartbridge.summary.chart import Chart, Json, Mark, Point, Result, Row, cut, is_in_error, row
from chartbridge.summary.limits import limits_of, outside

COLUMNS = ["When", "Result", "Flag", "Reference range", "More"]

_FLAGS = {
    "HH": ("Critically high", "stop"), "LL": ("Critically low", "stop"),
    "AA": ("Critically abnormal", "stop"),
    "HU": ("Significantly high", "stop"), "LU": ("Significantly low", "stop"),
    "H": ("High", "warn"), "L": ("Low", "warn"), "A": ("Abnormal", "warn"), "POS": ("Positive", "warn"),
    "DET": ("Detected", "warn"), "R": ("Resistant", "warn"), "IND": ("Indeterminate", "warn"),
    "N": ("Normal", ""), "NEG": ("Negative", ""), "ND": ("Not detected", ""), "S": ("Susceptible", ""),
    "I": ("Intermediate", "warn"),
}  # fmt: skip
_STATUS = {
    "cancelled": Mark("CANCELLED", "stop"),
    "preliminary": Mark("preliminary", "warn"),
    "registered": Mark("registered, no final result", "warn"),
    "unknown": Mark("status unknown", "warn"),
    "amended": Mark("amended"),
    "corrected": Mark("corrected"),
}
_NORMAL = {"normal", "N"}
_VITALS = (
    {"85354-9", "8480-6", "8462-4", "96607-7", "55284-4", "8716-3"},
    {"8867-4", "8893-0"},
    {"9279-1"},
    {"8310-5", "8331-1", "8333-7", "8332-9", "8328-7"},
    {"59408-5", "2708-6"},
    {"8302-2", "8306-3"},
    {"29463-7", "3141-9"},
    {"39156-5"},
)
"""LOINC's codes of vital signs in the order in which they are read: blood pressure, heart rate, respiratory
rate, temperature, oxygen saturation, height, weight, body mass index."""
_VITAL_WORDS = (
    ("blood pressure", "systolic", "diastolic"), ("heart rate", "pulse rate"), ("respiratory rate",),
    ("body temperature", "temperature"), ("oxygen saturation", "spo2"), ("body height", "height"),
    ("body weight", "weight"), ("body mass index", "bmi"),
)  # fmt: skip
"""The same, for those that have no such code, by how their name begins."""
_SECTION_OF = {"vital-signs": "vitals", "laboratory": "labs", "social-history": "social-history"}


def section_of(observation: Json) -> str:
    """The key of the section that an Observation belongs to, by its category."""
    for category in observation.get("category") or []:
        for code in sorted(words.codes(category)):
            if code in _SECTION_OF:
                return _SECTION_OF[code]
    return "observations"


def vital_rank(observation: Json) -> int:
    """Where a vital sign stands among the others, for everybody the same."""
    codes = words.codes(observation.get("code"))
    name = words.concept(observation.get("code")).casefold()
    for rank, known in enumerate(_VITALS):
        if codes & known:
            return rank
    for rank, beginnings in enumerate(_VITAL_WORDS):
        if name.startswith(beginnings):
            return rank
    return len(_VITALS)


def is_only_a_panel(held: Json, chart: Chart) -> bool:
    """Whether an Observation says nothing itself, and all that it groups is in the chart."""
    members = held.get("hasMember") or []
    if not members:
        return False
    own = {"component", "interpretation", "note", "bodySite", "dataAbsentReason", "modifierExtension"}
    silent = not own & set(held) and held.get("status") not in _STATUS and not value(held)
    found = [chart.target(member, held) for member in members]
    return silent and all(one and not is_in_error(one) for one in found)


def value(held: Json) -> str:
    """The value[x] of an Observation or of a component, or why there is none."""
    if "valueBoolean" in held:
        return "Yes" if held["valueBoolean"] else "No"
    if "valueInteger" in held:
        return str(held["valueInteger"])
    if held.get("valueSampledData"):
        return "a series of samples, not shown here"
    said = (
        words.quantity(held.get("valueQuantity"))
        or words.concept(held.get("valueCodeableConcept"))
        or str(held.get("valueString") or held.get("valueTime") or "")
        or words.date(held.get("valueDateTime"))
        or words.range_(held.get("valueRange"))
        or words.ratio(held.get("valueRatio"))
        or words.period(held.get("valuePeriod"))
    )
    if said:
        return said
    companions = [words.absent(held[name]) for name in held if name.startswith("_value")]
    reason = words.concept(held.get("dataAbsentReason")) or words.joined(companions)
    return f"not available: {reason}" if reason else ""


def flags(held: Json, limits: tuple[float | None, float | None] | None = None) -> list[Mark]:
    """The interpretations that the source gives; and that a value is outside the range it gives, as such."""
    marks: list[Mark] = []
    for interpretation in held.get("interpretation") or []:
        known = [_FLAGS[code] for code in sorted(words.codes(interpretation)) if code in _FLAGS]
        text = words.concept(interpretation)
        marks += [Mark(*flag) for flag in known[:1]] or [Mark(text)] * bool(text)
    if not any(mark.look for mark in marks) and (
        said := outside(held, limits if limits is not None else limits_of(held))
    ):
        marks.append(Mark(said, "warn"))
    return marks


def ranges(held: Json) -> str:
    """The reference ranges, with whom and what they are for."""
    listed = []
    for reference in held.get("referenceRange") or []:
        text = words.range_(reference) or str(reference.get("text") or "")
        kind = words.concept(reference.get("type"))
        if _NORMAL & words.codes(reference.get("type")) or kind.casefold() in {"normal", "normal range"}:
            kind = ""  # that is what a reference range is
        whom = words.joined([words.concepts(reference.get("appliesTo")), words.range_(reference.get("age"))])
        listed.append(words.joined([kind, text, whom], " "))
    return words.joined(listed, "; ")


def _component(held: Json) -> str:
    flagged = words.joined(mark.text for mark in flags(held))
    limits = ranges(held)
    return words.joined(
        [
            f"{words.concept(held.get('code')) or 'unnamed'}: {value(held) or 'no value given'}",
            f"({flagged})" if flagged else "",
            f"[{limits}]" if limits else "",
        ],
        " ",
    )


_SYSTOLIC, _DIASTOLIC = "8480-6", "8462-4"


def _blood_pressure(held: Json) -> str:
    """``146/72 mmHg`` where an Observation is nothing else than that; what a component says besides keeps
    the components apart."""
    parts = held.get("component") or []
    by_code = {code: part for part in parts for code in words.codes(part.get("code"))}
    upper, lower = by_code.get(_SYSTOLIC), by_code.get(_DIASTOLIC)
    if len(parts) != 2 or upper is None or lower is None or upper is lower or value(held):
        return ""
    numbers = [part.get("valueQuantity") or {} for part in (upper, lower)]
    same = words.unit_of(numbers[0]) == words.unit_of(numbers[1])
    plain = all(one.get("value") is not None and not one.get("comparator") for one in numbers)
    if not (same and plain) or any(ranges(part) for part in (upper, lower)):
        return ""
    shown = f"{numbers[0]['value']}/{words.quantity(numbers[1])}"
    flagged = [
        f"{name}: {words.joined(mark.text for mark in flags(part))}"
        for name, part in (("systolic", upper), ("diastolic", lower))
        if flags(part)
    ]
    return f"{shown} ({words.joined(flagged, '; ')})" if flagged else shown


def _points(held: Json, own: list[Mark], limits: tuple[float | None, float | None]) -> list[Point]:
    """The numbers of a finished result that can be drawn over time; ``own`` are its flags, ``limits``
    those of its range."""
    date = str(held.get("effectiveDateTime") or (held.get("effectivePeriod") or {}).get("start") or "")
    if held.get("status") not in {"final", "amended", "corrected"} or len(date) < len("2024-03"):
        return []
    found = []
    for part in [held, *(held.get("component") or [])]:
        quantity = part.get("valueQuantity") or {}
        number = quantity.get("value")
        if not isinstance(number, int | float) or quantity.get("comparator"):
            continue
        low, high = limits if part is held else limits_of(part)
        name = "" if part is held else words.concept(part.get("code"))
        marks = own if part is held else flags(part)
        said = words.joined(mark.text for mark in marks if mark.look)
        found.append(Point(name, date, float(number), words.unit_of(quantity), low, high, said))
    return found


def _result(held: Json, name: str, found: list[Mark], limits: tuple[float | None, float | None]) -> Result:
    codes = words.loinc_codes(held.get("code"))
    return Result(
        tuple(codes) or (f"name {name.casefold()}",), next(iter(codes), ""), _points(held, found, limits)
    )


def observation(held: Json, chart: Chart) -> Row:
    """One Observation as a row: when, what came out, its flag and range, and how sure that is."""
    pressure = _blood_pressure(held)
    parts = [value(held), *(_component(component) for component in held.get("component") or [])]
    parts = [pressure] if pressure else [cut(part) for part in parts]
    result = words.joined(parts, "\n")
    if not result:
        members = len(held.get("hasMember") or [])
        result = f"panel of {members} results, each listed by itself" if members else "no value given"
    status = held.get("status")
    marks = [_STATUS[status]] if status in _STATUS else []
    limits = limits_of(held)
    found = flags(held, limits)
    more = [
        words.joined(mark.text for mark in found if not mark.look) if len(found) > 1 else "",
        words.concept(held.get("bodySite")),
        words.concept(held.get("method")),
        chart.everyone(held.get("performer"), held),
        words.notes(held.get("note")),
    ]
    dates: list[Any] = [
        held.get("effectiveDateTime"),
        held.get("effectiveInstant"),
        (held.get("effectivePeriod") or {}).get("start"),
    ]
    name = cut(words.concept(held.get("code")) or "Unnamed observation", 120)
    return row(
        held,
        [
            words.timed(held, "effective") or "date unknown",
            result,
            "",
            ranges(held) or "",
            words.joined(more, "; "),
        ],
        dates if any(dates) else [held.get("issued")],
        marks=[*found, *marks],
        look="struck" if status == "cancelled" else "",
        whole=frozenset({1}),
        rank=vital_rank(held) if section_of(held) == "vitals" else 0,
        group=name,
        ends=str((held.get("effectivePeriod") or {}).get("end") or ""),
        result=_result(held, name, found, limits),
    )
