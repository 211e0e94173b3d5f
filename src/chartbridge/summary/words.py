"""FHIR data types as words for a reader: what they say, as precise as they say it, and nothing more.

Each function takes a value as it stands in a resource, or ``None``, and gives text; ``""`` for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from chartbridge.summary.abbreviations import written_out

Json = dict[str, Any]

ABSENT_URL = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)[^Z+-]*(Z|[+-]\d\d:\d\d)?)?)?)?")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UCUM_TIMES = {
    "a": "years", "mo": "months", "wk": "weeks", "d": "days", "h": "hours", "min": "minutes", "s": "seconds"
}  # fmt: skip


_UNITS = {
    "Cel": "°C", "[degF]": "°F", "mm[Hg]": "mmHg", "[lb_av]": "lb", "[oz_av]": "oz", "[in_i]": "in",
    "[ft_i]": "ft", "m[IU]/L": "mIU/L", "m[IU]/mL": "mIU/mL", "[IU]/L": "IU/L", "[IU]/mL": "IU/mL",
    "u[IU]/mL": "µIU/mL", "ug/dL": "µg/dL", "ug/L": "µg/L", "ug/mL": "µg/mL", "umol/L": "µmol/L",
    "10*3/uL": "×10³/µL", "10*6/uL": "×10⁶/µL", "10*9/L": "×10⁹/L", "10*12/L": "×10¹²/L",
    "mL/min/{1.73_m2}": "mL/min/1.73 m²", "kg/m2": "kg/m²",
}  # fmt: skip
"""UCUM's codes as they are written in print; every other unit stays as it came."""


def unit(text: str) -> str:
    """A unit in print: ``mm[Hg]`` as ``mmHg``, ``{tablet}`` as ``tablet``."""
    if text[:1] == "{" and text[-1:] == "}" and "}" not in text[:-1]:
        return text[1:-1]
    return _UNITS.get(text, text)


def joined(parts: Iterable[str], by: str = ", ") -> str:
    """The parts that say something, each once."""
    said = [part for part in parts if part]
    return by.join(dict.fromkeys(said)) if len(said) > 1 else said[0] if said else ""


def labelled(label: str, text: str) -> str:
    """``label text``; nothing where there is no text."""
    return f"{label} {text}" if text else ""


def plain(code: Any) -> str:
    """A FHIR code such as ``entered-in-error`` as words."""
    return str(code).replace("-", " ").replace("_", " ") if code else ""


def date(value: Any) -> str:
    """A date, dateTime or instant at the precision it has: ``2024``, ``Mar 2024``, ``Mar 5, 2024``."""
    return _date(value) if isinstance(value, str) else ""


@lru_cache(maxsize=4096)
def _date(value: str) -> str:
    match = _DATE.fullmatch(value)
    if match is None or not "01" <= (match[2] or "01") <= "12":
        return value
    year, month, day, time, offset = match.groups()
    if month is None:
        return year
    if day is None:
        return f"{_MONTHS[int(month) - 1]} {year}"
    text = f"{_MONTHS[int(month) - 1]} {int(day)}, {year}"
    if time is None:
        return text
    zone = {"Z": " UTC", "+00:00": " UTC", None: ""}.get(offset, f" UTC{offset}").replace("-", "−")
    return f"{text} {time}{zone}"


def period(value: Json | None) -> str:
    """A Period; one that has only one end says so."""
    start, end = (date((value or {}).get(name)) for name in ("start", "end"))
    if start and end:
        return start if start == end else _from_to(str((value or {})["start"]), str((value or {})["end"]))
    return f"since {start}" if start else f"until {end}" if end else ""


def _from_to(start: str, end: str) -> str:
    """Two moments; of one day the day and the zone once."""
    first, last = _DATE.fullmatch(start), _DATE.fullmatch(end)
    shown, until = date(start), date(end)
    if first and last and first[4] and last[4] and first[5] == last[5] and start[:10] == end[:10]:
        return shown.replace(first[4], f"{first[4]}–{last[4]}", 1)
    return f"{shown} – {until}"


def planned(value: Json | None) -> str:
    """A Period that is to come: for when, or by when."""
    shown = period(value)
    for word, instead in (("since ", "planned for "), ("until ", "planned by ")):
        if shown.startswith(word):
            return instead + shown.removeprefix(word)
    return labelled("planned for", shown)


def quantity(value: Json | None) -> str:
    """A Quantity with its comparator and unit; the number exactly as the source gives it."""
    if not value:
        return ""
    shown = unit(str(value.get("unit") or value.get("code") or ""))
    number = value.get("value")
    if number is None:
        return joined([absent(value.get("_value")) or "number not given", shown], " ")
    sign = f"{value['comparator']} " if value.get("comparator") else ""
    return f"{sign}{number}%" if shown == "%" else f"{sign}{number} {shown}".rstrip()


def age(value: Json | None) -> str:
    """An Age or Duration, its UCUM unit in words."""
    if not value:
        return ""
    words = _UCUM_TIMES.get(str(value.get("code") or value.get("unit")))
    return quantity({**value, "unit": words} if words else value)


def range_(value: Json | None) -> str:
    """A Range: both ends, or the one it has; the unit once where both have the same."""
    low, high = ((value or {}).get(name) for name in ("low", "high"))
    if low and high:
        same = low.get("unit") == high.get("unit")
        first = str(low.get("value", "")) if same and "comparator" not in low else quantity(low)
        return f"{first}–{quantity(high)}"
    return f"≥ {quantity(low)}" if low else f"≤ {quantity(high)}" if high else ""


def ratio(value: Json | None) -> str:
    """A Ratio; a denominator of one unit is written as that unit."""
    top, bottom = ((value or {}).get(name) for name in ("numerator", "denominator"))
    if not top and not bottom:
        return ""
    below = quantity(bottom)
    if bottom and bottom.get("value") == 1 and bottom.get("unit"):
        below = str(bottom["unit"])
    return f"{quantity(top) or 'not given'} / {below or 'not given'}"


def unit_of(value: Json | None) -> str:
    """The unit of a Quantity as one that can be compared: its code, else what is written."""
    held = value or {}
    return str(held.get("code") or held.get("unit") or "")


def coding(value: Json | None) -> str:
    """A Coding's display, else its code."""
    return str((value or {}).get("display") or (value or {}).get("code") or "")


CROSSWALK_URL = "https://chartbridge.dev/fhir/StructureDefinition/crosswalk"
LOINC = "http://loinc.org"


def is_ours(held: Json) -> bool:
    """Whether a Coding is one that we added from a map: the source did not say it."""
    return any(one.get("url") == CROSSWALK_URL for one in held.get("extension") or [])


def codings(value: Json | None) -> list[Json]:
    """The codings of a CodeableConcept that the source gave."""
    return [held for held in (value or {}).get("coding") or [] if not is_ours(held)]


def concept(value: Json | None) -> str:
    """A CodeableConcept in the source's words: its text, else the first display, else a code; why it is
    absent where it is. What we mapped it to is shown only where the source gives nothing but codes."""
    if not value:
        return ""
    if value.get("text"):
        return str(value["text"])
    said = codings(value)
    for held in said:
        if held.get("display"):
            return str(held["display"])
    codes_given = joined(coding(held) for held in said)
    mapped = joined(coding(held) for held in value.get("coding") or [] if is_ours(held))
    return joined([codes_given, mapped and f"(mapped: {mapped})"], " ") or absent(value)


def loinc_codes(value: Json | None) -> list[str]:
    """The LOINC codes of a CodeableConcept, also those that we mapped it to, sorted."""
    listed = (value or {}).get("coding") or []
    return sorted({str(held["code"]) for held in listed if held.get("system") == LOINC and held.get("code")})


def concepts(values: Any) -> str:
    """A list of CodeableConcepts, or one."""
    listed = values if isinstance(values, list) else [values] if values else []
    return joined(map(concept, listed), "; ")


def codes(value: Json | None) -> set[str]:
    """The codes of a CodeableConcept."""
    return {str(held["code"]) for held in (value or {}).get("coding") or [] if held.get("code")}


def absent(element: Any) -> str:
    """Why a value is absent, by the data-absent-reason extension of an element (or of its companion)."""
    for held in (element or {}).get("extension") or [] if isinstance(element, dict) else []:
        if held.get("url") == ABSENT_URL:
            return plain(held.get("valueCode") or "unknown")
    return ""


def said(resource: Json, name: str) -> str:
    """A primitive of a resource as text, or why it is absent."""
    value = resource.get(name)
    return str(value) if value not in (None, "") else absent(resource.get(f"_{name}"))


def notes(values: Any) -> str:
    """Annotations, one after the other."""
    return joined((str(held.get("text") or "") for held in values or []), "; ")


def name(value: Any) -> str:
    """A HumanName, or the first of a list: given names, family name, suffix."""
    held = value[0] if isinstance(value, list) and value else value
    if not isinstance(held, dict):
        return ""
    parts = [*(held.get("prefix") or []), *(held.get("given") or []), held.get("family") or ""]
    full = " ".join(str(part) for part in [*parts, *(held.get("suffix") or [])] if part)
    return str(held.get("text") or full)


def address(value: Json) -> str:
    """An Address on one line."""
    area = joined([str(value.get("state") or ""), str(value.get("postalCode") or "")], " ")
    lines = [str(line) for line in value.get("line") or [] if line]
    return joined([*lines, str(value.get("city") or ""), area]) or str(value.get("text") or "")


def telecom(values: Any) -> str:
    """Telephone numbers and addresses of mail."""
    return joined(str(held.get("value") or "") for held in values or [])


def timed(resource: Json, prefix: str) -> str:
    """An element that may be a dateTime, a Period, an Age, a Range or text, such as ``onset[x]``."""
    for suffix, words in (
        ("DateTime", date), ("Date", date), ("Instant", date), ("Period", period), ("Age", age),
        ("Range", range_), ("Duration", age), ("Timing", timing), ("String", str),
    ):  # fmt: skip
        value = resource.get(f"{prefix}{suffix}")
        if value:
            return f"at {words(value)}" if suffix == "Age" else words(value)
        if reason := absent(resource.get(f"_{prefix}{suffix}")):
            return f"date {reason}"
    return ""


def timing(value: Json | None) -> str:
    """A Timing: its text or code, abbreviations written out, else how often."""
    held = value or {}
    if text := concept(held.get("code")):
        return written_out(text)
    repeat = held.get("repeat") or {}
    parts = []
    if repeat.get("frequency"):
        most = f"–{repeat['frequencyMax']}" if repeat.get("frequencyMax") else ""
        parts.append(f"{repeat['frequency']}{most} time{'s' if repeat['frequency'] != 1 or most else ''}")
    if repeat.get("period"):
        most = f"–{repeat['periodMax']}" if repeat.get("periodMax") else ""
        units = _UCUM_TIMES.get(str(repeat.get("periodUnit")), "")
        every = f"every {repeat['period']}{most} {units}".rstrip()
        parts = [f"{parts[0]} {every}" if parts else every]
    parts += [plain(written_out(str(when))) for when in repeat.get("when") or []]
    parts += [written_out(str(day)) for day in repeat.get("dayOfWeek") or []]
    parts += [str(time) for time in repeat.get("timeOfDay") or []]
    parts.append(period(repeat.get("boundsPeriod")))
    if repeat.get("boundsDuration"):
        parts.append(f"for {age(repeat['boundsDuration'])}")
    return joined(parts) or joined(date(moment) for moment in held.get("event") or [])


def dose(value: Json | None) -> str:
    """A Quantity of a medicine; one without a unit says so, for a bare number can be read as anything."""
    shown = quantity(value)
    bare = value and value.get("value") is not None and not (value.get("unit") or value.get("code"))
    return f"{shown} (no unit given)" if bare else shown


def dosage(value: Json) -> str:
    """A Dosage: its text, and what its parts say besides."""
    doses = []
    for held in value.get("doseAndRate") or []:
        doses += [dose(held.get("doseQuantity")), range_(held.get("doseRange"))]
        rate = (
            quantity(held.get("rateQuantity"))
            or range_(held.get("rateRange"))
            or ratio(held.get("rateRatio"))
        )
        doses.append(rate and f"at {rate}")
    needed = concept(value.get("asNeededCodeableConcept"))
    as_needed = f"as needed for {needed}" if needed else "as needed" if value.get("asNeededBoolean") else ""
    limit = ratio(value.get("maxDosePerPeriod"))
    parts = [
        *doses,
        concept(value.get("route")),
        concept(value.get("site")),
        timing(value.get("timing")),
        as_needed,
        limit and f"at most {limit}",
        concepts(value.get("additionalInstruction")),
        str(value.get("patientInstruction") or ""),
    ]
    structured = joined(parts)
    text = str(value.get("text") or "")
    return joined([text, structured], " — ")
