"""Names, addresses, telephone numbers and times of CDA as people write them. Plain text, not escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from lxml import etree

Element = etree._Element
V3 = "{urn:hl7-org:v3}"

_TIME = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(?:\d\d)?(?:\.\d+)?)?([+-]\d{4})?")
_NAME_ORDER = ("prefix", "given", "family", "suffix")
_USES = {
    "H": "home", "HP": "home", "HV": "vacation", "WP": "work", "DIR": "direct", "MC": "mobile",
    "TMP": "temporary", "BAD": "no longer valid", "PG": "pager", "EC": "emergency", "AS": "answering service",
}  # fmt: skip


def local(element: Element) -> str:
    """The element's name without its namespace."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def child(element: Element | None, *path: str) -> Element | None:
    """The first descendant along a path of names of HL7's namespace."""
    for name in path:
        if element is None:
            return None
        element = element.find(V3 + name)
    return element


def children(element: Element | None, name: str) -> list[Element]:
    """All children of that name."""
    return [] if element is None else element.findall(V3 + name)


def squeezed(text: str | None) -> str:
    """The text with its white space collapsed."""
    return " ".join((text or "").split())


def words(element: Element | None) -> str:
    """All text within an element."""
    if element is None:
        return ""
    return squeezed(" ".join(str(part) for part in element.itertext()))


def name(element: Element | None) -> str:
    """A person's or organization's name: its parts in the usual order, or what it says as it stands."""
    if element is None:
        return ""
    if not len(element):
        return squeezed(element.text)
    parts = {part: [words(e) for e in element.findall(V3 + part)] for part in _NAME_ORDER}
    made = " ".join(word for part in _NAME_ORDER for word in parts[part] if word)
    return made or words(element)


def address(element: Element) -> str:
    """An address on one line."""
    if not len(element):
        return squeezed(element.text)
    parts: dict[str, list[str]] = {}
    for part in element:
        text = words(part)
        if text:
            parts.setdefault(local(part), []).append(text)
    street = [t for key, found in parts.items() if key not in _PLACED for t in found]
    state = " ".join([*parts.get("state", []), *parts.get("postalCode", [])])
    lines = [*street, *parts.get("city", []), *parts.get("county", []), state, *parts.get("country", [])]
    return ", ".join(line for line in lines if line)


_PLACED = frozenset(("city", "county", "state", "postalCode", "country", "useablePeriod"))


def telecom(element: Element) -> str:
    """A telephone number, e-mail address or web address, with what it is used for."""
    value = squeezed(element.get("value"))
    scheme, colon, rest = value.partition(":")
    if colon and scheme.lower() in ("tel", "mailto", "fax"):
        value = f"fax {rest}" if scheme.lower() == "fax" else rest
    return value and with_use(value, element)


def with_use(text: str, element: Element) -> str:
    """The text with the uses that the element's ``use`` names in brackets."""
    uses = [_USES[code] for code in (element.get("use") or "").split() if code in _USES]
    return f"{text} ({', '.join(uses)})" if uses else text


def code(element: Element | None) -> str:
    """What a code means in words; the code itself where it has none."""
    if element is None:
        return ""
    said = element.get("displayName") or words(child(element, "originalText"))
    if not said:
        said = next((t.get("displayName") or "" for t in children(element, "translation")), "")
    return squeezed(said or element.get("code"))


def moment(value: str | None) -> str:
    """A point in time of HL7 in words, as exact as it was given: ``March 4, 2012, 10:20 (UTC-05:00)``."""
    text = squeezed(value)
    found = _TIME.fullmatch(text)
    if found is None:
        return text
    year, month, day, hour, minute, zone = found.groups()
    try:
        date = datetime(int(year), int(month or 1), int(day or 1))  # noqa: DTZ001 - only to name the month
    except ValueError:
        return text
    if month is None:
        return year
    if day is None:
        return f"{date:%B} {year}"
    made = f"{date:%B} {date.day}, {year}"
    if hour is None:
        return made
    made += f", {hour}:{minute or '00'}"
    return f"{made} (UTC{zone[:3]}:{zone[3:]})" if zone else made


def period(element: Element | None) -> str:
    """A time, or from when to when."""
    if element is None:
        return ""
    if element.get("value"):
        return moment(element.get("value"))
    low = moment(_value(child(element, "low")))
    high = moment(_value(child(element, "high")))
    if low and high:
        return low if low == high else f"{low} \N{EN DASH} {high}"
    return f"since {low}" if low else f"until {high}" if high else ""


def _value(element: Element | None) -> str | None:
    return None if element is None else element.get("value")


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts that say something, each once, in their order."""
    return list(dict.fromkeys(text for text in texts if text))
