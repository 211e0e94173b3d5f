"""Quantity: its unit's UCUM code beside the unit as written, and the amount in the usual unit."""

from __future__ import annotations

from decimal import Decimal, localcontext

from chartbridge.terminology.standardise.marks import NORMALISED_QUANTITY, Json, respelt
from chartbridge.terminology.ucum import unit
from chartbridge.terminology.units import UCUM, canonical_unit, convert, quantity_code

_DIGITS = 10
"""Significant digits of an amount in another unit than it was measured in."""
_MOST_WHOLE = 2**53
_OTHER_URIS = ("urn:oid:2.16.840.1.113883.6.8", "http://unitsofmeasure.org/")


def quantity(given: Json) -> Json:
    """A Quantity (or Age, Duration …) with UCUM's system and code, where its unit is certain.

    ``unit`` stays as written. A code that is respelt is kept there where no unit is, else beside it.
    """
    if given.get("system") in _OTHER_URIS:
        given = respelt(given, "system", UCUM)
    code = quantity_code(given)
    if code is None:
        return given
    if given.get("code") == code and given.get("system") == UCUM:
        return given
    was = given.get("code")
    made = given
    if was is not None and was != code:
        if "unit" not in made and "_unit" not in made:
            made = {**made, "unit": was}
        if made.get("unit") != was:
            made = respelt(made, "code", code)
    return {**made, "system": UCUM, "code": code}


def in_usual_unit(given: Json, units: tuple[str, ...]) -> Json:
    """The Quantity with its amount in the first of the units that it can be converted to, as an extension.

    Unchanged where it is in one of them, or can be converted to none; and where it is a mere number: with
    which factor a fraction stands for a percentage, senders do not agree.
    """
    code, value = given.get("code"), given.get("value")
    if given.get("system") != UCUM or not isinstance(code, str) or code in units:
        return given
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return given
    measured = unit(code)
    if measured is None or not measured.measure.dimensions:
        return given
    for usual in units:
        amount = convert(Decimal(str(value)), code, usual)
        if amount is not None:
            return _extended(given, amount, usual)
    return given


def usual_units(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The UCUM codes of LOINC's example units, which stand in one text with semicolons between."""
    codes = (canonical_unit(part.strip()) for text in texts for part in text.split(";"))
    return tuple(dict.fromkeys(code for code in codes if code is not None))


def _extended(given: Json, amount: Decimal, usual: str) -> Json:
    normalised: Json = {"value": _number(amount)}
    if "comparator" in given:
        normalised["comparator"] = given["comparator"]
    normalised |= {"unit": usual, "system": UCUM, "code": usual}
    made = {"url": NORMALISED_QUANTITY, "valueQuantity": normalised}
    extensions = given.get("extension")
    before = extensions if isinstance(extensions, list) else []
    if made in before:
        return given
    others = [one for one in before if not (isinstance(one, dict) and one.get("url") == NORMALISED_QUANTITY)]
    return {**given, "extension": [*others, made]}


def _number(amount: Decimal) -> int | float:
    with localcontext() as context:
        context.prec = _DIGITS
        rounded = +amount
    whole = rounded == rounded.to_integral_value() and abs(rounded) < _MOST_WHOLE
    return int(rounded) if whole else float(rounded)
