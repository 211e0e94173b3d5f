"""Reference ranges as numbers, and whether a value is outside of the one that its source gives with it."""

from __future__ import annotations

from typing import Any

from chartbridge.summary import words

Json = dict[str, Any]
ABOVE, BELOW = "above the range given", "below the range given"
_NORMAL = {"normal", "n", "normal range"}


def _number(quantity: Json | None) -> float | None:
    value = (quantity or {}).get("value")
    return float(value) if isinstance(value, int | float) and not (quantity or {}).get("comparator") else None


def _is_plain(reference: Json) -> bool:
    """Whether a range is the normal one, of everybody: no critical limits, no sex, no age."""
    kind = reference.get("type")
    if not kind:
        return not reference.get("appliesTo") and not reference.get("age")
    named = {code.casefold() for code in words.codes(kind)} | {words.concept(kind).casefold()}
    return bool(named & _NORMAL) and not reference.get("appliesTo") and not reference.get("age")


def limits_of(held: Json) -> tuple[float | None, float | None]:
    """The low and the high limit of an Observation or component, in the unit of its value; ``None`` for one
    that it hasn't. Both are ``None`` unless there is exactly one range and it can be compared."""
    ranges = held.get("referenceRange")
    if not ranges:
        return None, None
    quantity = held.get("valueQuantity") or {}
    if len(ranges) != 1 or not _is_plain(ranges[0]):
        return None, None
    unit = words.unit_of(quantity)
    for end in ("low", "high"):
        given = words.unit_of(ranges[0].get(end))
        if given and given not in {unit, str(quantity.get("unit") or "")}:
            return None, None
    low, high = _number(ranges[0].get("low")), _number(ranges[0].get("high"))
    return (None, None) if low is not None and high is not None and low > high else (low, high)


def outside(held: Json, limits: tuple[float | None, float | None]) -> str:
    """That a value is above or below the limits given; empty where it is within, or can't be compared.

    A value with a comparator counts only where it leaves no doubt: "> 200" is above a range that ends at 100,
    "> 50" may be anything.
    """
    low, high = limits
    quantity = held.get("valueQuantity") or {}
    value = quantity.get("value")
    if (low is None and high is None) or not isinstance(value, int | float):
        return ""
    sign = str(quantity.get("comparator") or "")
    if high is not None and (value > high or (sign == ">" and value >= high)) and sign in {"", ">", ">="}:
        return ABOVE
    if low is not None and (value < low or (sign == "<" and value <= low)) and sign in {"", "<", "<="}:
        return BELOW
    return ""
