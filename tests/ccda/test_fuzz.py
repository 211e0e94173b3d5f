"""Damaged documents: never an exception but the declared one, never an unsound bundle."""

# ruff: noqa: E501 - XML reads better unbroken
from __future__ import annotations

import random
import re

import pytest

from chartbridge.ccda import CcdaError, ConversionFailedError, convert
from chartbridge.fhir import dangling_references
from tests.ccda.builders import (
    AUTHOR,
    PATIENT_ID,
    SNOMED,
    allergy,
    code,
    document,
    immunization,
    medication,
    observation,
    problem,
    related,
    section,
    template,
    value,
)

WHOLE = document(
    section("11450-4", problem(AUTHOR), text='<list><item ID="p1">Hypertension</item></list>'),
    section("48765-2", allergy(related(observation(template(".4.9"), code("code", "1", SNOMED), value("2", SNOMED)), "MFST"))),
    section("10160-0", medication('<doseQuantity value="1" unit="mg"/>', times='<effectiveTime xsi:type="PIVL_TS"><period value="6" unit="h"/></effectiveTime>')),
    section("11369-6", immunization(AUTHOR)),
)  # fmt: skip
_VALUES = (
    b"",
    b"  ",
    b"-1",
    b"99999999999999999999",
    b"UNK",
    b"2.16.840.1.113883.5.1008",
    b"20200230",
    b"#p1",
    b"&lt;",
    b"\xc3\xa9",
)


def damaged(source: bytes, chance: random.Random) -> bytes:
    """A few attributes changed, elements renamed, dropped or doubled."""
    for _ in range(chance.randint(1, 6)):
        kind = chance.randrange(4)
        if kind == 0:
            found = list(re.finditer(rb'="([^"]*)"', source))
            spot = chance.choice(found)
            source = source[: spot.start(1)] + chance.choice(_VALUES) + source[spot.end(1) :]
        elif kind == 1:
            found = list(re.finditer(rb"<(\w+)[^<>]*/>", source))
            spot = chance.choice(found)
            source = (
                source[: spot.start()]
                + source[spot.start() : spot.end()] * chance.choice((0, 2))
                + source[spot.end() :]
            )
        elif kind == 2:
            name = chance.choice(re.findall(rb"<(\w+)", source))
            source = re.sub(
                rb"(</?)" + name + rb"\b",
                rb"\1" + chance.choice((b"code", b"value", b"text", b"act", b"component")),
                source,
            )
        else:
            cut = chance.randrange(len(source))
            source = source[:cut] + source[cut + chance.randint(1, 3) :]
    return source


@pytest.mark.parametrize("seed", range(400))
def test_a_damaged_document_is_refused_or_converts_soundly(seed: int) -> None:
    hurt = damaged(WHOLE, random.Random(seed))
    try:
        done = convert(hurt, PATIENT_ID)
    except ConversionFailedError:
        raise
    except CcdaError:
        return
    assert dangling_references(done.bundle) == []
    assert all(account.reason.find("could not be mapped") < 0 for account in done.report.statements)
