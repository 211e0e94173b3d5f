"""CDA data types as FHIR ones: identifiers, codes, quantities, dates of a statement.

All of them return ``None`` for what is absent or null; a nullFlavor is never a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from chartbridge.ccda.codesystems import (
    DATA_ABSENT_REASON,
    IDENTIFIER_SYSTEMS,
    NULL_FLAVOR,
    UCUM,
    coded_system,
    is_oid,
    is_uuid,
    may_have_words,
    system_uri,
)
from chartbridge.ccda.context import Context
from chartbridge.ccda.names import (
    EFFECTIVE_TIME,
    NAME,
    ORIGINAL_TEXT,
    QUALIFIER,
    TRANSLATION,
    VALUE,
    Element,
)
from chartbridge.ccda.node import Node
from chartbridge.ccda.times import NOTHING, Interval, interval, timestamp

Json = dict[str, Any]

_NUMBER = re.compile(r"\s*([<>]=?)?\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?)\s*", re.ASCII)
_UNIT = re.compile(r"[!-~]+")

NULL_FLAVORS = frozenset(
    (
        "NI",
        "INV",
        "DER",
        "OTH",
        "NINF",
        "PINF",
        "UNC",
        "MSK",
        "NA",
        "UNK",
        "ASKU",
        "NAV",
        "NASK",
        "QS",
        "TRC",
        "NP",
    )
)
_ABSENT_REASONS = {
    "NI": ("unknown", "Unknown"),
    "UNK": ("unknown", "Unknown"),
    "NP": ("unknown", "Unknown"),
    "OTH": ("unsupported", "Unsupported"),
    "TRC": ("unsupported", "Unsupported"),
    "NINF": ("negative-infinity", "Negative Infinity (NINF)"),
    "PINF": ("positive-infinity", "Positive Infinity (PINF)"),
    "MSK": ("masked", "Masked"),
    "NA": ("not-applicable", "Not Applicable"),
    "ASKU": ("asked-unknown", "Asked But Unknown"),
    "NAV": ("temp-unknown", "Temporarily Unknown"),
    "NASK": ("not-asked", "Not Asked"),
}
DATA_ABSENT_URL = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def absent_code(null_flavor: str | None) -> str:
    """FHIR's data-absent-reason code for a nullFlavor, ``unknown`` where it says nothing more."""
    return _ABSENT_REASONS.get(null_flavor or "", ("unknown", ""))[0]


def absent_reason(null_flavor: str | None) -> Json:
    """A CodeableConcept of data-absent-reason."""
    code, display = _ABSENT_REASONS.get(null_flavor or "", ("unknown", "Unknown"))
    return {"coding": [{"system": DATA_ABSENT_REASON, "code": code, "display": display}]}


def absent_extension(null_flavor: str | None = None) -> list[Json]:
    """The extension that stands for an element that R4 requires and the source does not have."""
    return [{"url": DATA_ABSENT_URL, "valueCode": absent_code(null_flavor)}]


# identifiers


def identifier(el: Element) -> Json | None:
    """II as Identifier; ``None`` for a null one."""
    root = (el.get("root") or "").strip()
    extension = " ".join((el.get("extension") or "").split())
    if el.get("nullFlavor") and not extension:
        return None
    if extension:
        known = IDENTIFIER_SYSTEMS.get(root)
        made: Json = {"system": known[0] if known else _root_uri(root), "value": extension}
        if made["system"] is None:
            del made["system"]
    elif root:
        uri = _root_uri(root)
        made = {"system": "urn:ietf:rfc:3986", "value": uri} if uri else {"value": root}
    else:
        return None
    authority = el.get("assigningAuthorityName")
    if authority and authority.strip():
        made["assigner"] = {"display": authority.strip()}
    return made


def _root_uri(root: str) -> str | None:
    if is_oid(root):
        return "urn:oid:" + root
    if is_uuid(root):
        return "urn:uuid:" + root.lower()
    return None


def urn(el: Element | None) -> str | None:
    """An II as the URN that names the same thing; ``None`` where it has no well-formed root."""
    if el is None:
        return None
    root = (el.get("root") or "").strip()
    if not is_oid(root) and not is_uuid(root):
        return None
    made = identifier(el)
    if made is None:
        return None
    if made.get("system") == "urn:ietf:rfc:3986":
        return str(made["value"])
    return f"urn:hl7ii:{root}:{quote(made['value'], safe='')}"


def identifiers(els: Iterable[Element]) -> list[Json]:
    """The identifiers of a list of II, without repeats."""
    made: list[Json] = []
    for el in els:
        one = identifier(el)
        if one is not None and one not in made:
            made.append(one)
    return made


# codes


def coding(el: Element) -> Json | None:
    """One code with its system; ``None`` where there is no code, or only a null in the guise of one."""
    code = el.get("code")
    if not code:
        return None
    code = " ".join(code.split())
    system = coded_system(code, el.get("codeSystem"))
    if (
        not code
        or system == NULL_FLAVOR
        or (code in NULL_FLAVORS and (el.get("nullFlavor") or not may_have_words(system)))
    ):
        return None
    made: Json = {}
    if system is not None:
        made["system"] = system
    version = el.get("codeSystemVersion")
    if version and version.strip():
        made["version"] = version.strip()
    made["code"] = code
    display = el.get("displayName")
    if display and (display := " ".join(display.split())):
        made["display"] = display
    return made


def codeable(el: Element | None, ctx: Context) -> Json | None:
    """CD, CE, CV, CO or CS as CodeableConcept, with all translations and the original text."""
    if el is None:
        return None
    codings: list[Json] = []
    first = coding(el)
    if first is not None:
        codings.append(first)
    text: str | None = None
    qualifiers: list[str] = []
    for child in el:
        tag = child.tag
        if tag == ORIGINAL_TEXT:
            text = ctx.text(child)
        elif tag == TRANSLATION:
            _translations(child, codings)
            if text is None and len(child):
                text = ctx.text(Node(child).child(ORIGINAL_TEXT))
        elif tag == QUALIFIER:
            said = _qualifier(child)
            if said:
                qualifiers.append(said)
    if text is None and first is None:
        text = " ".join((el.get("displayName") or "").split()) or None
    if qualifiers:
        head = text or (codings[0].get("display") if codings else None)
        text = "; ".join([head, *qualifiers] if head else qualifiers)
    made: Json = {}
    if codings:
        made["coding"] = codings
    if text is not None:
        made["text"] = text
    return made or None


def _translations(el: Element, codings: list[Json]) -> None:
    made = coding(el)
    if made is not None and not any(
        made["code"] == other["code"] and made.get("system") == other.get("system") for other in codings
    ):
        codings.append(made)
    for child in el:
        if child.tag == TRANSLATION:
            _translations(child, codings)


def _qualifier(el: Element) -> str | None:
    """A qualifier as ``name: value``: CodeableConcept has no place for it but the text."""
    node = Node(el)
    name, value = node.child(NAME), node.child(VALUE)
    said = None if value is None else value.get("displayName") or value.get("code")
    if not said:
        return None
    label = None if name is None else name.get("displayName")
    return f"{label}: {said}" if label else said


def codeables(els: Iterable[Element], ctx: Context) -> list[Json]:
    """The non-null ones of several codes, without repeats."""
    made: list[Json] = []
    for el in els:
        one = codeable(el, ctx)
        if one is not None and one not in made:
            made.append(one)
    return made


def concept(system: str, code: str, display: str | None = None) -> Json:
    """A CodeableConcept of one code that the mapping itself supplies."""
    made = {"system": system, "code": code}
    if display is not None:
        made["display"] = display
    return {"coding": [made]}


def title(value: Json | None) -> str | None:
    """What to call a CodeableConcept: its text, or the first display, or the first code."""
    if value is None:
        return None
    if value.get("text"):
        return str(value["text"])
    for one in value.get("coding", ()):
        if one.get("display"):
            return str(one["display"])
    for one in value.get("coding", ()):
        return str(one["code"])
    return None


# quantities


def number(text: str | None) -> float | int | None:
    """A decimal as a JSON number; ``None`` for what is none."""
    if text is None:
        return None
    match = _NUMBER.fullmatch(text)
    return None if match is None or match[1] else _number(match[2])


def _number(text: str) -> float | int:
    if "." not in text and "e" not in text and "E" not in text and len(text) < 16:
        return int(text)
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1e15 and "." not in text else value


def quantity(el: Element | None) -> Json | None:
    """PQ, INT or REAL as Quantity, in UCUM where the unit can be UCUM; ``<5`` becomes a comparator."""
    if el is None:
        return None
    text = el.get("value")
    unit = el.get("unit")
    if not text:
        for child in el:
            if child.tag == TRANSLATION and child.get("value"):
                return quantity(child)
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    made: Json = {"value": _number(match[2])}
    if match[1]:
        made["comparator"] = match[1]
    code = None
    if unit is None and el.tag == TRANSLATION:
        unit, code = el.get("displayName") or el.get("code"), el.get("code")
        made["unit"] = unit
        system = system_uri(el.get("codeSystem"))
        if code and system:
            made["system"], made["code"] = system, code
        return {key: value for key, value in made.items() if value is not None}
    if unit and (unit := unit.strip()) and unit not in NULL_FLAVORS:
        made["unit"] = unit
        if _UNIT.fullmatch(unit):
            made["system"] = UCUM
            made["code"] = unit
    return made


# times


def when(el: Element | None, ctx: Context) -> Interval:
    """An effectiveTime; a value that is no timestamp is noted in the report."""
    if el is None:
        return NOTHING
    found = interval(el)
    if found.unreadable:
        ctx.issue("a time value is no valid timestamp and was left out")
    if found.reversed:
        ctx.issue("an interval ends before it begins; its end was left out")
    elif not found.comparable:
        ctx.issue(
            "an interval ends on the day it begins, but one end has no time of day; its end was left out"
        )
    return found


def effective(node: Node, ctx: Context) -> Interval:
    """The effectiveTime of a statement."""
    return when(node.one.get(EFFECTIVE_TIME), ctx)


def date_time(el: Element | None, ctx: Context) -> str | None:
    """TS as dateTime; of an interval, the beginning."""
    return None if el is None else when(el, ctx).start


def date(el: Element | None) -> str | None:
    """TS as date: the day at most."""
    if el is None:
        return None
    value = el.get("value")
    moment = timestamp(value) if value else interval(el).start
    return None if moment is None else moment[:10]
