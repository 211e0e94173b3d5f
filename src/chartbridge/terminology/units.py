"""Units as they are written, in UCUM; and whether two quantities are the same amount.

Nothing is guessed: a spelling that is neither in the table (``unit_aliases.txt``) nor certain UCUM stays as
it is. The table goes first, for ``K/uL`` is UCUM, but of kelvins.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from chartbridge.terminology.ucum import MAX_CODE, Unit, unit

UCUM = "http://unitsofmeasure.org"

_DIGITS = 28
"""Significant digits of an amount that has no end in decimals."""
_MAX_MAGNITUDE = 100
_CHARACTERS = str.maketrans(
    {"µ": "u", "μ": "u", "²": "2", "³": "3", "⁶": "6", "⁹": "9", "×": "x", "\u00a0": " ", "∙": ".", "·": "."}
)
_TEN_SUPERSCRIPT = re.compile(r"(?<![\d.])10\s?([³⁶⁹]|¹²)")
_SUPERSCRIPTS = {"³": "3", "⁶": "6", "⁹": "9", "¹²": "12"}
_DEGREE = re.compile(r"[°º]\s?([FC])")
_POWER_OF_TEN = re.compile(
    r"(?:[xX]\s?)?10\s?(?:(?:\*\*|\^|\*|[eE]\+?|\+)\s?(\d{1,2})|\((\d{1,2})\))\s?((?:[/{\[]|cells).*)?"
)

# Of what is only text: the units that it may name, and with which prefixes. "pt" is no picotonne.
_PREFIXES_IN_TEXT = {
    **dict.fromkeys(("g", "mol", "L", "l", "eq", "osm", "U", "[IU]", "[iU]"), "kmunpfdc"),
    **dict.fromkeys(("m",), "kcmund"),
    **dict.fromkeys(("s",), "mun"),
    **dict.fromkeys(("m[Hg]", "m[H2O]"), "mc"),
    **dict.fromkeys(("Pa", "kat", "cal", "Hz"), "kmun"),
}
_PLAIN_IN_TEXT = frozenset(("min", "h", "d", "wk", "mo", "%", "Cel", "10*", "10^"))
_MEGALITRES = frozenset((("M", "l"), ("M", "L")))
"""No amount in medicine: whose ``Ml`` it is meant a millilitre, or we do not know what."""
_UNCERTAIN_ALONE = frozenset(("U", "eq", "osm", "kat", "cal"))


@cache
def _table() -> tuple[dict[str, str], dict[str, str]]:
    """Spellings compared exactly, and words compared without regard to case, each to its UCUM code."""
    exact: dict[str, str] = {}
    words: dict[str, str] = {}
    text = files("chartbridge.terminology").joinpath("unit_aliases.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("# "):
            code, *spellings = (part.strip() for part in line.split(" | "))
            for spelling in spellings:
                if spelling.startswith("~ "):
                    words[spelling.removeprefix("~ ").casefold()] = code
                else:
                    exact[spelling] = code
    return exact, words


@lru_cache(maxsize=16_384)
def ucum_code(text: str, *, coded: bool = False) -> str | None:
    """The canonical UCUM code of a unit as written; ``None`` where it is not certain.

    ``coded``: it was given as a UCUM code, so every valid one is taken; of a mere text only the units that
    medicine uses.
    """
    if len(text) > MAX_CODE:
        return None
    spelling = _spelling(text)
    power = _POWER_OF_TEN.fullmatch(spelling)
    if power is not None:
        return _powered(power[1] or power[2], power[3])
    exact, words = _table()
    # The second without blanks at signs, since "mg / dL" and "10*3 / uL" are written too.
    for form in (spelling, re.sub(r"\s?/\s?", "/", spelling)):
        found = exact.get(form) or words.get(form.casefold())
        if found is not None:
            return found
    known = unit(form)
    if known is None or not (coded or _certain(known)) or not _MEGALITRES.isdisjoint(known.measure.atoms):
        return None
    return known.code


def _spelling(text: str) -> str:
    text = _TEN_SUPERSCRIPT.sub(lambda match: "10*" + _SUPERSCRIPTS[match[1]], text)
    return " ".join(_DEGREE.sub(r"deg\1", text.translate(_CHARACTERS)).split())


def _powered(exponent: str, rest: str | None) -> str | None:
    """``10*3/uL`` of the exponent and what follows it."""
    head = f"10*{int(exponent)}"
    if not rest:
        return head if unit(head) else None
    tail = ucum_code(rest, coded=True)
    if tail is None or not tail.startswith(("/", "{", "[")):
        return None
    known = unit(head + "." + tail if tail.startswith("[") else head + tail)
    return known.code if known else None


def _certain(known: Unit) -> bool:
    atoms = known.measure.atoms
    if not atoms:
        return known.code == "1" or known.code.startswith(("{", "/"))
    if len(atoms) == 1 and not atoms[0][0] and known.code in _UNCERTAIN_ALONE:
        return False
    return all(
        (not prefix and (atom.startswith("[") or atom in _PLAIN_IN_TEXT))
        or (prefix in _PREFIXES_IN_TEXT.get(atom, "") and atom in _PREFIXES_IN_TEXT)
        for prefix, atom in atoms
    )


def canonical_unit(text: str) -> str | None:
    """The canonical spelling of a UCUM code; ``None`` where it is none."""
    return ucum_code(text, coded=True)


def normalise(value: Decimal, text: str) -> tuple[Decimal, str] | None:
    """An amount with its unit's canonical UCUM code; ``None`` where the unit is unknown.

    Every spelling of the table means the same amount as its code, so the value is always the one given.
    """
    code = canonical_unit(text)
    return None if code is None else (value, code)


def convert(value: Decimal, from_ucum: str, to_ucum: str) -> Decimal | None:
    """An amount in another unit, exact where decimals can be, else to 28 significant digits.

    ``None`` where a unit is unknown or the two do not measure the same: never mass to moles, moles to
    equivalents, one arbitrary unit to another. Temperatures are taken as temperatures, not as differences.
    """
    one, other = unit(from_ucum), unit(to_ucum)
    if one is None or other is None or one.measure.dimensions != other.measure.dimensions:
        return None
    given = _fraction(value)
    if given is None:
        return None
    base = (given + one.measure.shift) * one.measure.factor
    return _decimal(base / other.measure.factor - other.measure.shift)


def canonical_quantity(quantity: dict[str, Any]) -> tuple[Decimal, str] | None:
    """A FHIR Quantity's amount in base units and these, such as ``(Decimal("950"), "g.m-3")``.

    ``None`` without a value, with a comparator, or with a unit that is not certain UCUM. A Quantity without
    any unit is a number, of unit ``1``.
    """
    exact = _exact(quantity)
    return None if exact is None or "comparator" in quantity else (_decimal(exact[0]), exact[1])


def same_quantity(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two FHIR Quantities state the same amount, exactly, in whatever units.

    Those with units that are not certain UCUM are the same only where value, unit and code are.
    """
    if one.get("comparator") != other.get("comparator"):
        return False
    exact, other_exact = _exact(one), _exact(other)
    if exact is None or other_exact is None:
        return all(one.get(name) == other.get(name) for name in ("value", "unit", "system", "code"))
    return exact == other_exact


def quantity_code(quantity: dict[str, Any]) -> str | None:
    """The canonical UCUM code of a FHIR Quantity: of its code where it is UCUM's, else of its text.

    ``None`` where neither is certain, and where another system codes the unit.
    """
    system, code, text = quantity.get("system"), quantity.get("code"), quantity.get("unit")
    if system not in (None, UCUM):
        return None
    if isinstance(code, str):
        return ucum_code(code, coded=system == UCUM)
    return ucum_code(text) if isinstance(text, str) else None


def _exact(quantity: dict[str, Any]) -> tuple[Fraction, str] | None:
    value = quantity.get("value")
    if not isinstance(value, (int, float, Decimal)) or isinstance(value, bool):
        return None
    given = _fraction(value)
    if given is None:
        return None
    if not any(name in quantity for name in ("unit", "code", "system")):
        return given, "1"
    code = quantity_code(quantity)
    known = unit(code) if code is not None else None
    if known is None:
        return None
    return (given + known.measure.shift) * known.measure.factor, known.measure.base


def _fraction(value: Decimal | float) -> Fraction | None:
    """The number as it was written: 0.1 is a tenth. ``None`` for one that is none or has no use."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _MAX_MAGNITUDE:
        return None
    return Fraction(number)


def _decimal(number: Fraction) -> Decimal:
    with localcontext() as context:
        context.prec = _DIGITS
        result = (Decimal(number.numerator) / Decimal(number.denominator)).normalize()
        return Decimal(format(result, "f"))
