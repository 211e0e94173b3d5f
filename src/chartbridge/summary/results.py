"""Observations as rows: vital signs, laboratory results, social history, and all others."""

from __future__ import annotations

from typing import Any

from chartbridge.summary import words
from chartbridge.summary.chart import Chart, Json, Mark, Row, cut, row

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
_SECTION_OF = {"vital-signs": "vitals", "laboratory": "labs", "social-history": "social-history"}


def section_of(observation: Json) -> str:
    """The key of the section that an Observation belongs to, by its category."""
    for category in observation.get("category") or []:
        for code in sorted(words.codes(category)):
            if code in _SECTION_OF:
                return _SECTION_OF[code]
    return "observations"


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


def flags(held: Json) -> list[Mark]:
    """The interpretations that the source gives; none is worked out from the range."""
    marks = []
    for interpretation in held.get("interpretation") or []:
        known = [_FLAGS[code] for code in sorted(words.codes(interpretation)) if code in _FLAGS]
        text = words.concept(interpretation)
        marks += [Mark(*flag) for flag in known[:1]] or [Mark(text)] * bool(text)
    return marks


def ranges(held: Json) -> str:
    """The reference ranges, with whom and what they are for."""
    listed = []
    for reference in held.get("referenceRange") or []:
        text = words.range_(reference) or str(reference.get("text") or "")
        kind = "" if "normal" in words.codes(reference.get("type")) else words.concept(reference.get("type"))
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


def observation(held: Json, chart: Chart) -> Row:
    """One Observation as a row: when, what came out, its flag and range, and how sure that is."""
    parts = [value(held), *(_component(component) for component in held.get("component") or [])]
    result = words.joined(parts, "\n")
    if not result:
        members = len(held.get("hasMember") or [])
        result = f"panel of {members} results, each listed by itself" if members else "no value given"
    status = held.get("status")
    marks = [_STATUS[status]] if status in _STATUS else []
    found = flags(held)
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
        group=cut(words.concept(held.get("code")) or "Unnamed observation", 120),
        ends=str((held.get("effectivePeriod") or {}).get("end") or ""),
    )
