"""Amounts with bounds: PQ and IVL_PQ where FHIR wants a SimpleQuantity or a Range, which are closed.

An amount that is open (``<5``), or of which a part is no number, cannot be told by them. It is told in
words instead, as a whole: half an amount is another amount.
"""

from __future__ import annotations

from chartbridge.ccda.datatypes import quantity
from chartbridge.ccda.names import CENTER, HIGH, LOW, TRANSLATION, WIDTH, Element
from chartbridge.ccda.sections.common import Json
from chartbridge.fhir import drop

Limits = tuple[Json | None, Json | None]

_SIGNS = {LOW: ">", HIGH: "<"}
_PARTS = {LOW: "low ", HIGH: "high ", CENTER: "center ", WIDTH: "width ", TRANSLATION: ""}


def limits(el: Element) -> Limits | None:
    """The low and high of an IVL_PQ; one that does not belong to the interval has a comparator.

    ``None`` where they would not tell all that the interval says: a side is no number or points the other
    way, or it has a width or a center.
    """
    found: dict[str, Json] = {}
    for child in el:
        sign = _SIGNS.get(child.tag)
        if sign is None:
            if child.tag in (CENTER, WIDTH) and child.get("value"):
                return None
            continue
        one = quantity(child)
        if one is None:
            if child.get("value"):
                return None
            continue
        comparator = one.pop("comparator", sign + "=")
        if comparator[0] != sign:
            return None
        if comparator == sign or child.get("inclusive") == "false":
            one["comparator"] = sign
        found[child.tag] = one
    return found.get(LOW), found.get(HIGH)


def closed(el: Element) -> Limits | None:
    """The low and high of an IVL_PQ as SimpleQuantities, ``None`` where these do not tell all it says."""
    found = limits(el)
    if found is None or any(one is not None and "comparator" in one for one in found):
        return None
    return found


def amount(el: Element | None) -> tuple[Json, str]:
    """A PQ or IVL_PQ as ``{"Quantity": ...}`` or ``{"Range": ...}``; else ``{}``, and its words."""
    if el is None:
        return {}, ""
    low: Json | None = None
    high: Json | None = None
    if not el.get("value"):
        found = closed(el)
        if found is None:
            return {}, amount_words(el)
        low, high = found
    if low != high:
        return {"Range": drop({"low": low, "high": high})}, ""
    one = low or quantity(el)
    if one is None or "comparator" in one:
        return {}, amount_words(el)
    return {"Quantity": one}, ""


def amount_words(el: Element) -> str:
    """``5 mg``, ``<5 mg`` or ``low 1 mg, high abc``: an amount as it stands in the source."""
    own = _plain(el)
    if own:
        return own
    return ", ".join(
        _PARTS[child.tag] + said + (" (not included)" if child.get("inclusive") == "false" else "")
        for child in el
        if child.tag in _PARTS and (said := _plain(child))
    )


def _plain(el: Element) -> str:
    value = (el.get("value") or "").strip()
    return f"{value} {el.get('unit') or ''}".strip() if value else ""
