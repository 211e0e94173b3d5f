"""Units as written, in UCUM; amounts in other units."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ucumvert import PintUcumRegistry  # type: ignore[import-untyped]
from ucumvert.xml_util import get_prefixes  # type: ignore[import-untyped]

from chartbridge.terminology.ucum import unit
from chartbridge.terminology.units import (
    UCUM,
    _table,
    canonical_quantity,
    convert,
    normalise,
    quantity_code,
    same_quantity,
    ucum_code,
)


def amount(value: float, text: str) -> dict[str, object]:
    return {"value": value, "unit": text}


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("K/uL", "10*3/uL"),
        ("x10E3/uL", "10*3/uL"),
        ("10^3/uL", "10*3/uL"),
        ("10+3/ul", "10*3/uL"),
        ("10³/µL", "10*3/uL"),
        ("x10(3)/mcL", "10*3/uL"),
        ("X10E3/MCL", "10*3/uL"),
        ("10^6/ML", "10*6/mL"),
        ("Thousand/uL", "10*3/uL"),
        ("x 10*9/L", "10*9/L"),
        ("10*3 cells/mcL", "10*3{cells}/uL"),
        ("M/uL", "10*6/uL"),
        ("cells/mcL", "{cells}/uL"),
        ("mg/dl", "mg/dL"),
        ("MG/DL", "mg/dL"),
        ("mg / dL", "mg/dL"),
        ("mmHg", "mm[Hg]"),
        ("bpm", "/min"),
        ("lbs", "[lb_av]"),
        ("in", "[in_i]"),
        ("°F", "[degF]"),
        ("F", "[degF]"),
        ("Degrees Fahrenheit", "[degF]"),
        ("IU/L", "[IU]/L"),
        ("%", "%"),
        ("mcg", "ug"),
        ("mEq/L", "meq/L"),
        ("sec", "s"),
        ("mm/hr", "mm/h"),
        ("kg/m²", "kg/m2"),
        ("mL/min/1.73 m2", "mL/min/{1.73_m2}"),
        ("pH", "[pH]"),
        ("fl", "fL"),
        ("{score}", "{score}"),
    ],
)
def test_a_unit_as_laboratories_write_it_has_its_ucum_code(written: str, code: str) -> None:
    assert ucum_code(written) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pt",
        "am",
        "Mg",
        "U",
        "a",
        "T",
        "N/A",
        "BID",
        "tabs daily",
        "10",
        "x" * 65,
        "G/L",
        "oz",
        "mil/mm3",
        "gr",
        "Ml",
    ],
)
def test_of_a_text_that_may_mean_something_else_nothing_is_guessed(text: str) -> None:
    assert ucum_code(text) is None


def test_what_is_coded_as_ucum_is_taken_by_its_letter() -> None:
    assert ucum_code("Mg", coded=True) == "Mg"  # a megagram is no milligram
    assert ucum_code("[iU]/l", coded=True) == "[IU]/L"
    assert ucum_code("mg//dL", coded=True) is None
    assert (
        ucum_code("Ml", coded=True) is None
    )  # its canonical spelling is that of "ML", which is a millilitre
    assert quantity_code({"value": 1, "system": "http://snomed.info/sct", "code": "mg"}) is None
    assert quantity_code({"value": 1, "unit": "{tbl}", "system": UCUM, "code": "tablets"}) == "{tbl}"


def test_a_canonical_code_stays_what_it_is() -> None:
    for name in ("g", "l", "L", "m", "s", "mol", "eq", "U", "[iU]"):
        for prefix in ("", *get_prefixes()):
            for rest in ("", "/mL", "/ML", "2"):
                code = ucum_code(prefix + name + rest, coded=True)
                assert code is None or ucum_code(code, coded=True) == code, prefix + name + rest


def test_every_line_of_the_table_leads_to_a_canonical_code() -> None:
    exact, words = _table()
    assert len(exact) + len(words) > 600
    for written, code in {**exact, **words}.items():
        known = unit(code)
        assert known is not None, code
        assert known.code == code
        assert normalise(Decimal(1), written) == (Decimal(1), code), written


def test_a_word_is_in_no_case_a_code_of_another_meaning() -> None:
    for word, code in _table()[1].items():
        for cased in {word, word.upper(), word.title(), word.capitalize()}:
            found = unit(cased)
            meant = unit(code)
            assert found is None or meant is None or found.measure.dimensions == meant.measure.dimensions, (
                cased
            )


@pytest.mark.parametrize(
    ("value", "given_in", "wanted", "result"),
    [
        ("98.6", "[degF]", "Cel", "37"),
        ("37", "Cel", "[degF]", "98.6"),
        ("180", "[lb_av]", "kg", "81.6466266"),
        ("70", "[in_i]", "cm", "177.8"),
        ("5", "g/L", "mg/dL", "500"),
        ("7.1", "10*3/uL", "10*9/L", "7.1"),
        ("4", "m[IU]/L", "u[IU]/mL", "4"),
        ("120", "mm[Hg]", "kPa", "15.99864"),
        ("5.5", "mmol/L", "mg/dL", None),
        ("1", "meq/L", "mmol/L", None),
        ("1", "[IU]/L", "U/L", None),
        ("1", "[drp]", "mL", None),
        ("60", "mL/min", "mL/min/{1.73_m2}", None),
        ("3", "/[HPF]", "/[LPF]", None),
        ("7.4", "[pH]", "mol/L", None),
        ("1", "mg/dL", "nonsense", None),
    ],
)
def test_amounts_convert_exactly_and_only_within_what_they_measure(
    value: str, given_in: str, wanted: str, result: str | None
) -> None:
    assert convert(Decimal(value), given_in, wanted) == (None if result is None else Decimal(result))


def test_equal_amounts_are_the_same_in_whatever_unit() -> None:
    assert same_quantity(amount(98.6, "°F"), amount(37, "C"))
    assert same_quantity(amount(0.1, "g/L"), amount(10, "mg/dl"))
    assert not same_quantity(amount(1, "mg/dL"), {**amount(1, "mg/dL"), "comparator": "<"})
    assert not same_quantity(amount(60, "mL/min"), amount(60, "mL/min/1.73m2"))
    assert same_quantity(amount(2, "vials"), amount(2, "vials"))
    assert not same_quantity(amount(2, "vials"), amount(2, "boxes"))
    assert not same_quantity(amount(2, "vials"), {"value": 2})
    assert canonical_quantity(amount(95, "mg/dL")) == (Decimal(950), "g.m-3")
    assert canonical_quantity(amount(2, "vials")) is None


def test_the_amounts_agree_with_pint() -> None:
    registry = PintUcumRegistry()
    pairs = [
        ("[lb_av]", "kg"),
        ("[oz_av]", "g"),
        ("[in_i]", "cm"),
        ("[ft_i]", "m"),
        ("mg/dL", "g/L"),
        ("h", "s"),
    ]
    pairs += [
        ("[foz_us]", "mL"),
        ("mm[Hg]", "kPa"),
        ("10*3/uL", "10*9/L"),
        ("wk", "d"),
        ("cal", "J"),
        ("m2", "cm2"),
    ]
    for one, other in pairs:
        ours = convert(Decimal(3), one, other)
        theirs = (3 * registry.from_ucum(one)).to(registry.from_ucum(other).units)
        assert ours is not None
        assert float(ours) == pytest.approx(theirs.magnitude, rel=1e-5), (
            one
        )  # pint has mercury a little denser


_CODES = st.sampled_from(
    ["mg/dL", "g/L", "kg", "[lb_av]", "Cel", "[degF]", "10*3/uL", "/L", "mmol/L", "a", "mo", "%"]
)


@given(st.decimals(-10_000, 10_000, places=4), _CODES, _CODES)
def test_a_conversion_there_and_back_is_the_amount(value: Decimal, one: str, other: str) -> None:
    there = convert(value, one, other)
    if there is not None:
        back = convert(there, other, one)
        assert back is not None
        assert abs(back - value) < Decimal("1e-20")


@given(st.text(max_size=80), st.booleans())
def test_any_text_is_a_valid_code_or_nothing_and_a_code_is_its_own(text: str, coded: bool) -> None:
    code = ucum_code(text, coded=coded)
    if code is not None:
        assert unit(code) is not None
        assert ucum_code(code, coded=True) == code
