"""What a persona does not have, did not get or does not know comes out so in the chart."""

from __future__ import annotations

from collections import Counter

import pytest

from chartbridge.features.networks.sandbox.persona import Persona, load
from tests.networks.sandbox.support import PERSONAS
from tests.running import Json, World
from tests.support import people
from tests.support.receiver import Receiver


@pytest.fixture(scope="module")
def charts(world: World) -> dict[str, list[Json]]:
    """Each persona's chart after a whole network query."""
    found = {}
    with Receiver() as receiver:
        api = world.caller()
        receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
        for count, key in enumerate(PERSONAS, 1):
            api.query(api.patient_id(people.jane(firstName=key.title())), "hie", "pharmacy")
            message = receiver.wait_for("network-query.hie", count)[-1].json
            pharmacy = receiver.wait_for("network-query.pharmacy", count)[-1].json
            last = max(message, pharmacy, key=lambda m: m["payload"]["source"]["completedAt"])
            bundle = api.fetch(last["payload"]["consolidatedDataUrl"]).json()
            found[key] = [entry["resource"] for entry in bundle["entry"]]
    return found


def of_type(resources: list[Json], kind: str) -> list[Json]:
    return [r for r in resources if r["resourceType"] == kind]


def negated_problems(persona: Persona) -> set[str]:
    return {
        str(persona.look_up("problem", problem["code"])["snomed"])
        for problem in persona.each("problem")
        if problem.get("negated")
    }


@pytest.mark.parametrize("key", PERSONAS)
def test_a_refused_vaccine_was_not_given(charts: dict[str, list[Json]], key: str) -> None:
    status = Counter(r["status"] for r in of_type(charts[key], "Immunization"))
    assert status["not-done"] == 1
    assert status["completed"] == len(load(key).each("immunization")) - 1


@pytest.mark.parametrize("key", PERSONAS)
def test_a_denied_diagnosis_is_no_active_condition(charts: dict[str, list[Json]], key: str) -> None:
    denied = negated_problems(load(key))
    assert denied
    about = [
        r
        for r in of_type(charts[key], "Condition")
        if denied & {coding.get("code") for coding in r["code"].get("coding", [])}
    ]
    assert about, "it is told, not dropped"
    for condition in about:
        assert condition["verificationStatus"]["coding"][0]["code"] == "refuted"
        assert condition.get("clinicalStatus", {}).get("coding", [{}])[0].get("code") != "active"


@pytest.mark.parametrize("key", PERSONAS)
def test_a_problem_that_is_affirmed_is_not_refuted(charts: dict[str, list[Json]], key: str) -> None:
    persona = load(key)
    affirmed = {
        str(persona.look_up("problem", p["code"])["snomed"])
        for p in persona.each("problem")
        if not p.get("negated")
    } - negated_problems(persona)
    for condition in of_type(charts[key], "Condition"):
        if affirmed & {coding.get("code") for coding in condition["code"].get("coding", [])}:
            status = condition.get("verificationStatus", {}).get("coding", [{}])[0].get("code")
            assert status != "refuted", condition["code"]


def test_no_known_allergies_are_not_an_allergy_to_something(charts: dict[str, list[Json]]) -> None:
    for allergy in of_type(charts["ollie"], "AllergyIntolerance"):
        codes = {coding.get("code") for coding in allergy["code"].get("coding", [])}
        refuted = allergy.get("verificationStatus", {}).get("coding", [{}])[0].get("code") == "refuted"
        assert codes & {"716186003", "409137002", "428607008", "429625007"} or refuted, allergy["code"]


@pytest.mark.parametrize("key", PERSONAS)
def test_a_date_that_nobody_remembers_is_not_invented(charts: dict[str, list[Json]], key: str) -> None:
    procedures = of_type(charts[key], "Procedure")
    assert procedures
    undated = [p for p in procedures if not any(name.startswith("performed") for name in p)]
    expected = [p for p in load(key).each("procedure") if not p.get("performed") and not p.get("date")]
    assert len(undated) == len(expected)
