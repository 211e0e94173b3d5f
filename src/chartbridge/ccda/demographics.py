"""Names, addresses and telecoms: EN, AD and TEL as HumanName, Address and ContactPoint."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from chartbridge.ccda.names import FAMILY, GIVEN, PREFIX, SUFFIX, USEABLE_PERIOD, V3, V3_LENGTH, Element
from chartbridge.ccda.narrative import squeeze, words
from chartbridge.ccda.times import interval

Json = dict[str, Any]

VALID_TIME = V3 + "validTime"
BIRTH = "BR"
"""The qualifier of a name part that somebody had from birth."""

_NAME_USES = {"L": "usual", "C": "official", "A": "nickname", "P": "nickname"}
_ADDRESS_USES = {
    "BAD": "old",
    "H": "home",
    "HP": "home",
    "HV": "home",
    "TMP": "temp",
    "WP": "work",
    "DIR": "work",
    "PUB": "work",
}
_TELECOM_USES = _ADDRESS_USES | {"AS": "work", "MC": "mobile", "PG": "mobile"}
_SCHEMES = {
    "tel": "phone",
    "fax": "fax",
    "x-text-fax": "fax",
    "x-text-tel": "phone",
    "mailto": "email",
    "http": "url",
    "https": "url",
    "sms": "sms",
    "pager": "pager",
    "ftp": "url",
}
_ADDRESS_PARTS = {
    "city": "city",
    "state": "state",
    "postalCode": "postalCode",
    "country": "country",
    "county": "district",
}
_LINE_PARTS = frozenset(
    (
        "streetAddressLine",
        "additionalLocator",
        "unitID",
        "unitType",
        "houseNumber",
        "houseNumberNumeric",
        "streetName",
        "streetNameType",
        "direction",
        "deliveryAddressLine",
        "postBox",
        "careOf",
        "buildingNumberSuffix",
        "precinct",
        "censusTract",
    )
)
_PHONE = re.compile(r"[\d\s().+x*#-]{5,}", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):\s*(.*)", re.DOTALL)


def _use(el: Element, uses: dict[str, str]) -> str | None:
    for token in (el.get("use") or "").split():
        if token in uses:
            return uses[token]
    return None


def human_name(el: Element) -> Json | None:
    """EN or PN as HumanName; unstructured text becomes ``text``.

    ``validTime`` becomes the period. A family name from birth that stands beside a later one is not part
    of the name as it is now: see :func:`birth_name`.
    """
    family: list[str] = []
    born: list[str] = []
    given: list[str] = []
    prefix: list[str] = []
    suffix: list[str] = []
    parts = {FAMILY: family, GIVEN: given, PREFIX: prefix, SUFFIX: suffix}
    period = None
    for child in el:
        tag = child.tag
        if tag == VALID_TIME:
            period = interval(child).period
            continue
        said = squeeze(child.text)
        if said is not None and tag in parts:
            (born if tag == FAMILY and child.get("qualifier") == BIRTH else parts[tag]).append(said)
    made: Json = {}
    if family or born:
        made["family"] = " ".join(family or born)
    if given:
        made["given"] = given
    if prefix:
        made["prefix"] = prefix
    if suffix:
        made["suffix"] = suffix
    if not made:
        text = words(el)
        if text is None:
            return None
        made["text"] = text
    if period is not None:
        made["period"] = period
    use = _use(el, _NAME_USES)
    return {"use": use, **made} if use else made


def birth_name(el: Element) -> Json | None:
    """The family name that an EN or PN marks as that from birth, as a HumanName; ``None`` for none."""
    born = [
        said
        for child in el
        if child.tag == FAMILY and child.get("qualifier") == BIRTH and (said := squeeze(child.text))
    ]
    return {"use": "maiden", "family": " ".join(born)} if born else None


def human_names(els: Iterable[Element]) -> list[Json]:
    """Names without repeats."""
    made: list[Json] = []
    for el in els:
        one = human_name(el)
        if one is not None and one not in made:
            made.append(one)
    return made


def display_name(name: Json | None) -> str | None:
    """A HumanName as one writes it."""
    if name is None:
        return None
    if name.get("text"):
        return str(name["text"])
    parts = [*name.get("prefix", ()), *name.get("given", ()), name.get("family"), *name.get("suffix", ())]
    return " ".join(part for part in parts if part) or None


def address(el: Element) -> Json | None:
    """AD as Address; unstructured text becomes ``text``."""
    lines: list[str] = []
    parts: Json = {}
    period = None
    for child in el:
        tag = child.tag
        if tag == USEABLE_PERIOD:
            period = interval(child).period
            continue
        said = squeeze(child.text)
        if said is None:
            continue
        name = tag[V3_LENGTH:]
        if name in _ADDRESS_PARTS:
            parts.setdefault(_ADDRESS_PARTS[name], said)
        elif name in _LINE_PARTS:
            lines.append(said)
    made: Json = {}
    use = _use(el, _ADDRESS_USES)
    if lines:
        made["line"] = lines
    made.update(parts)
    if not made:
        text = words(el)
        if text is None:
            return None
        made["text"] = text
    if period:
        made["period"] = period
    return {"use": use, **made} if use else made


def addresses(els: Iterable[Element]) -> list[Json]:
    """Addresses without repeats."""
    made: list[Json] = []
    for el in els:
        one = address(el)
        if one is not None and one not in made:
            made.append(one)
    return made


def contact_point(el: Element) -> Json | None:
    """TEL as ContactPoint: the scheme tells the system; without a scheme, the look of the value."""
    value = (el.get("value") or "").strip()
    if not value or (el.get("nullFlavor") and not value):
        return None
    match = _SCHEME.fullmatch(value)
    system = _SCHEMES.get(match[1].lower()) if match else None
    if system in ("phone", "fax", "email", "sms", "pager") and match is not None:
        value = match[2].strip().lstrip("/")
    elif system is None and "@" in value:
        system = "email"
    elif system is None and value.lower().startswith("www."):
        system = "url"
    elif system is None:
        system = "phone" if _PHONE.fullmatch(value) else "other"
    if not value:
        return None
    made: Json = {"system": system, "value": value}
    use = _use(el, _TELECOM_USES)
    if use is not None:
        made["use"] = use
    for child in el:
        if child.tag == USEABLE_PERIOD:
            period = interval(child).period
            if period:
                made["period"] = period
    return made


def contact_points(els: Iterable[Element]) -> list[Json]:
    """Contact points without repeats."""
    made: list[Json] = []
    for el in els:
        one = contact_point(el)
        if one is not None and one not in made:
            made.append(one)
    return made
