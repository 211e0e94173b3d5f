"""UCUM codes: whether one is valid, its canonical spelling, and how much it is in base units.

The grammar and the table of units are UCUM 2.2's as ucumvert carries them; amounts are exact fractions.
What UCUM relates but a clinician must not (moles, equivalents and osmoles, drops and millilitres,
logarithms, arbitrary units) has a dimension of its own here, so that nothing converts between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

MAX_CODE = 64
"""Characters of a code that is looked at; the longest in LOINC's table has some 30."""
_MAX_EXPONENT = 30
_MAX_PARTS = 12

_OWN_DIMENSION = frozenset(("mol", "eq", "osm", "[drp]", "[HPF]", "[LPF]"))
_PER_WHAT = "{}"
"""The dimension of what stands as an annotation below a line, such as ``{1.73_m2}``: a rate per body
surface is no rate."""
_SPELLINGS = {"l": "L", "10^": "10*", "[iU]": "[IU]", "a_j": "a", "mo_j": "mo"}
_ANNOTATION = re.compile(r"\{[!-z|~]*\}")
_TEMPERATURES = {
    "K": (Fraction(1), Fraction(0)),
    "Cel": (Fraction(1), Fraction("273.15")),
    "[degF]": (Fraction(5, 9), Fraction("459.67")),
}

Dimensions = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A unit in base units: an amount ``v`` of it is ``(v + shift) * factor`` of ``dimensions``.

    ``atoms``: its units as they stand, each with its prefix. ``shift`` is other than 0 for temperatures.
    """

    factor: Fraction
    dimensions: Dimensions
    shift: Fraction = Fraction(0)
    atoms: tuple[tuple[str, str], ...] = ()

    @property
    def base(self) -> str:
        """The base unit, such as ``g.m-3``; ``1`` for a number."""
        return ".".join(unit + (str(power) if power != 1 else "") for unit, power in self.dimensions) or "1"


@dataclass(frozen=True, slots=True)
class Unit:
    """A valid UCUM code in its canonical spelling, and its measure."""

    code: str
    measure: Measure


@lru_cache(maxsize=16_384)
def unit(code: str) -> Unit | None:
    """The unit of a UCUM code, case-sensitive; ``None`` where it is none, or beyond our bounds.

    Canonical spelling: ``L`` rather than ``l``, ``10*3`` rather than ``10^3``, ``[IU]`` rather than
    ``[iU]``. Annotations stay as they are.
    """
    if not code or len(code) > MAX_CODE:
        return None
    notes = _ANNOTATION.findall(code)
    skeleton = _ANNOTATION.sub("{}", code)
    found = _unit(skeleton) if _plausible(skeleton) else None
    if found is None or not notes:
        return found
    pieces = found.code.split("{}")
    spelt = "".join(piece + note for piece, note in zip(pieces, [*notes, ""], strict=True))
    return Unit(spelt, found.measure)


@lru_cache(maxsize=4096)
def _unit(skeleton: str) -> Unit | None:
    from lark import Token
    from lark.exceptions import LarkError

    try:
        tree = _parser().parse(skeleton)
    except LarkError:
        return None
    tokens = list(tree.scan_values(lambda value: isinstance(value, Token)))
    if any(token.type == "EXPONENT" and abs(int(token)) > _MAX_EXPONENT for token in tokens):
        return None
    atoms: list[tuple[str, str]] = []
    prefix, spelt, at = "", "", 0
    for start, token in sorted((token.start_pos or 0, token) for token in tokens):
        if token.type.startswith("PREFIX"):
            prefix = str(token)
        elif token.type.startswith("UNIT"):
            atoms.append((prefix, str(token)))
            prefix = ""
            spelt += skeleton[at:start] + _SPELLINGS.get(str(token), str(token))
            at = start + len(token)
    spelt += skeleton[at:]
    temperature = _TEMPERATURES.get(spelt.removesuffix("{}"))
    if temperature is not None:
        return Unit(spelt, Measure(temperature[0], (("K", 1),), temperature[1], tuple(atoms)))
    factor, powers = _evaluate(tree)
    dimensions = tuple(sorted((name, power) for name, power in powers.items() if power))
    return Unit(spelt, Measure(factor, dimensions, atoms=tuple(atoms)))


@cache
def _plausible_component() -> re.Pattern[str]:
    prefixes = "|".join(map(re.escape, _tables().get_prefixes()))
    names = sorted((*_tables().get_base_units(), *_definitions()), key=len, reverse=True)
    atoms = "|".join(map(re.escape, names))
    return re.compile(rf"(?:(?:(?:{prefixes})?(?:{atoms})|[1-9]\d{{0,8}})(?:[+-]?[1-9]\d?)?)?(?:\{{\}})*")


def _plausible(skeleton: str) -> bool:
    """A quick look, so that the parser, which takes milliseconds, is spared what cannot be a unit."""
    parts = re.split(r"[./()]", skeleton) if "[10.nV]" not in skeleton and "[m/s2" not in skeleton else []
    fits = _plausible_component().fullmatch
    return 0 < len(parts) <= _MAX_PARTS and all(fits(part) for part in parts)


@cache
def _parser() -> Lark:
    from lark import Lark

    grammar = (_carrier() / "ucum_grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, start="main_term", strict=True)


def _carrier() -> Path:
    """Where ucumvert is. It is not imported: it would import pint, which costs every process a quarter of a
    second and is of no use here."""
    found = find_spec("ucumvert")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("ucumvert is not installed")
    return Path(found.submodule_search_locations[0])


@cache
def _tables() -> Any:
    """UCUM's tables, read with the first unit."""
    spec = spec_from_file_location("ucum_tables", _carrier() / "xml_util.py")
    assert spec is not None
    assert spec.loader is not None
    tables = module_from_spec(spec)
    spec.loader.exec_module(tables)
    return tables


@cache
def _definitions() -> dict[str, Any]:
    return {defined.code_cs: defined for defined in _tables().get_units_with_full_definition()}


@cache
def _prefix_factors() -> dict[str, Fraction]:
    values = ((prefix, prefix.find("{*}value")) for prefix in _tables().root.findall(".//{*}prefix"))
    return {
        prefix.attrib["Code"]: Fraction(value.attrib["value"])
        for prefix, value in values
        if value is not None
    }


_Amount = tuple[Fraction, dict[str, int]]


def _evaluate(node: Tree[Token] | Token) -> _Amount:
    """The amount that a parse tree, or a single annotation, stands for."""
    if isinstance(node, str):  # a token
        return Fraction(1), {}
    children = node.children
    if node.data == "simple_unit":
        return _simple(*map(str, children))
    if node.data == "annotatable":
        return _power(_evaluate(children[0]), int(str(children[1])))
    if node.data == "term":
        if str(children[1]) == ".":
            return _times(_evaluate(children[0]), _evaluate(children[2]))
        return _times(_evaluate(children[0]), _divisor(children[2]))
    if node.data == "main_term" and len(children) == 2:
        return _divisor(children[1])
    return _evaluate(children[0])  # of a component, what is annotated


def _divisor(node: Tree[Token] | Token) -> _Amount:
    return (Fraction(1), {_PER_WHAT: -1}) if isinstance(node, str) else _power(_evaluate(node), -1)


def _simple(first: str, atom: str | None = None) -> _Amount:
    if atom is not None:
        factor, powers = _atom(atom)
        return factor * _prefix_factors()[first], powers
    return (Fraction(first), {}) if first.isdecimal() else _atom(first)


@cache
def _atom(name: str) -> _Amount:
    defined = _definitions().get(name)
    name = _SPELLINGS.get(name, name)
    own = defined is None or defined.is_special or defined.is_arbitrary or name in _OWN_DIMENSION
    if defined is None or own:
        return Fraction(1), {name: 1}
    factor, powers = _evaluate(_parser().parse(defined.defining_unit))
    return factor * Fraction(str(defined.conversion_factor)), powers


def _times(one: _Amount, other: _Amount) -> _Amount:
    powers = dict(one[1])
    for name, power in other[1].items():
        powers[name] = powers.get(name, 0) + power
    return one[0] * other[0], powers


def _power(amount: _Amount, exponent: int) -> _Amount:
    return amount[0] ** exponent, {name: power * exponent for name, power in amount[1].items()}
