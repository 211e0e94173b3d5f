"""The facts themselves: do they agree with each other, and with arithmetic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from chartbridge.features.networks.sandbox.measures import results
from chartbridge.features.networks.sandbox.persona import Persona, by_first_name, load
from tests.networks.sandbox.support import PERSONAS

WHO_THE_CONTRACT_NAMES = {
    "jane": ("Jane", "Smith", "1996-02-10", "F", "123 Arsenal St", "Phoenix", "AZ", "85300"),
    "chris": ("Chris", "Smith", "1995-01-01", "M", "123 Atlantis Rd", "Chicago", "IL", "60601"),
    "ollie": ("Ollie", "Brown", "1946-03-18", "M", "201 Armada St", "Harrisburg", "PA", "15300"),
    "andreas": ("Andreas", "Brown", "1952-01-01", "M", "4430 York St", "Jefferson City", "MO", "64000"),
    "kyla": ("Kyla", "Fields", "1927-05-23", "F", "332 16th St", "Portland", "ME", "04000"),
}


@pytest.fixture(params=PERSONAS)
def persona(request: pytest.FixtureRequest) -> Persona:
    return load(request.param)


@pytest.mark.parametrize(("key", "who"), WHO_THE_CONTRACT_NAMES.items())
def test_demographics_are_those_of_the_contract(key: str, who: tuple[str, ...]) -> None:
    found = load(key).patient
    fields = ("first_name", "last_name", "dob", "sex", "street", "city", "state", "zip")
    assert tuple(str(found[field]) for field in fields) == who


def test_a_name_that_is_no_persona_is_none() -> None:
    assert by_first_name("Catalog") is None


def _dates(node: Any) -> Iterator[dt.date]:
    if isinstance(node, dt.datetime):
        yield node.date()
    elif isinstance(node, dt.date):
        yield node
    elif isinstance(node, dict):
        for child in node.values():
            yield from _dates(child)
    elif isinstance(node, list):
        for child in node:
            yield from _dates(child)


def test_nothing_recorded_is_later_than_the_document(persona: Persona) -> None:
    past = {name: kind for name, kind in persona.facts.items() if name not in {"plan", "goal"}}
    assert max(_dates(past)) <= persona.written.date()


def test_what_is_planned_lies_ahead(persona: Persona) -> None:
    for item in persona.each("plan"):
        if item["kind"] != "instruction":
            assert item["date"] > persona.written.date()


def test_problems_begin_before_they_are_resolved(persona: Persona) -> None:
    for problem in persona.each("problem"):
        if "resolved" in problem:
            assert str(problem["onset"]) <= str(problem["resolved"])


def _ckd_epi_2021(creatinine: float, age: int, *, female: bool) -> float:
    """eGFR by the CKD-EPI creatinine equation of 2021, in mL/min/1.73 m2."""
    kappa, alpha = (0.7, -0.241) if female else (0.9, -0.302)
    ratio = creatinine / kappa
    egfr: float = 142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age
    return egfr * 1.012 if female else egfr


def test_egfr_follows_from_creatinine_age_and_sex(persona: Persona) -> None:
    checked = 0
    for lab in persona.each("lab"):
        values = lab["values"]
        if "egfr" in values:
            age = persona.age_on(lab["drawn"].date())
            expected = _ckd_epi_2021(values["creatinine"], age, female=persona.patient["sex"] == "F")
            assert abs(values["egfr"] - expected) <= 1, lab
            checked += 1
    assert checked


def test_ldl_follows_from_the_other_lipids(persona: Persona) -> None:
    for lab in persona.each("lab"):
        values = lab["values"]
        if "ldl" in values:
            expected = values["cholesterol"] - values["hdl"] - values["triglycerides"] / 5
            assert abs(values["ldl"] - expected) <= 1, lab


def test_red_cell_indices_agree(persona: Persona) -> None:
    for lab in persona.each("lab"):
        if "mcv" in lab["values"]:
            mcv = lab["values"]["hematocrit"] * 10 / lab["values"]["rbc"]
            assert abs(lab["values"]["mcv"] - mcv) <= 2, lab


def test_every_laboratory_value_has_a_unit_or_is_words(persona: Persona) -> None:
    for lab in persona.each("lab"):
        for result in results(persona, lab):
            assert (result.unit is None) == isinstance(result.value, str), result


def test_questionnaires_answer_every_item_within_range(persona: Persona) -> None:
    for assessment in persona.each("assessment"):
        items = persona.look_up("scale", assessment["scale"])["items"]
        assert len(assessment["answers"]) == len(items)
        assert set(assessment["answers"]) <= {0, 1, 2, 3}


def _passes_luhn(npi: str) -> bool:
    digits = [int(digit) for digit in "80840" + npi]
    doubled = [(d * 2 - 9 if d > 4 else d * 2) if place % 2 else d for place, d in enumerate(digits)]
    return sum(doubled) % 10 == 0


def test_clinicians_have_numbers_that_check_but_were_never_issued() -> None:
    numbers = [clinician["npi"] for key in PERSONAS for clinician in load(key).each("clinician")]
    assert len(set(numbers)) == len(numbers)
    for npi in numbers:
        assert npi[0] == "9", "issued numbers begin with 1 or 2"
        assert len(npi) == 10
        assert _passes_luhn(npi), npi


def test_the_diseases_are_those_of_the_contract() -> None:
    active = {
        key: {p["code"] for p in load(key).each("problem") if "resolved" not in p and not p.get("negated")}
        for key in PERSONAS
    }
    assert {"mdd-recurrent", "panic", "ptsd"} <= active["jane"]
    assert {"ckd-4"} <= active["chris"]
    assert {"gad"} <= active["ollie"]
    assert {"t2dm", "diabetic-kidney"} <= active["andreas"]
    assert {"hypertension", "t2dm"} <= active["kyla"]


def test_trends_fit_the_disease() -> None:
    def trend(key: str, test: str) -> list[float]:
        drawn = sorted(load(key).each("lab"), key=lambda lab: lab["drawn"])
        return [lab["values"][test] for lab in drawn if test in lab["values"]]

    assert trend("chris", "egfr") == sorted(trend("chris", "egfr"), reverse=True)
    assert trend("andreas", "a1c") == sorted(trend("andreas", "a1c"), reverse=True)
    assert trend("andreas", "creatinine") == sorted(trend("andreas", "creatinine"))


def test_every_catalog_entry_is_whole() -> None:
    catalog = load("jane").catalog
    for kind, wanted in {
        "problem": {"snomed", "icd10", "display"},
        "drug": {"rxnorm", "display", "unit"},
        "vaccine": {"cvx", "ml", "display"},
        "lab": {"loinc", "display"},
    }.items():
        for key, entry in catalog[kind].items():
            assert wanted <= entry.keys(), (kind, key)
