"""Whose word counts for an element, and what makes two values or texts two."""

from __future__ import annotations

from typing import Any

import pytest

from chartbridge.consolidate.concepts import ALSO_STATED_URL
from chartbridge.consolidate.merge import SourceBundle, consolidate
from chartbridge.fhir.references import Resource
from tests.consolidate.builders import PATIENT, by_type, document, pulse, resource

SCT = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"


def chart_of(*sources: SourceBundle) -> list[Resource]:
    made = consolidate(sources, patient=PATIENT)
    assert consolidate(reversed(sources), patient=PATIENT) == made
    assert consolidate([made.as_source()], patient=PATIENT).resources == made.resources
    return made.resources


def condition(id_: str, category: str, onset: str | None = None, *, chronic: bool = False) -> Resource:
    made = resource(
        "Condition",
        id_,
        code={"coding": [{"system": SCT, "code": "38341003"}], **({"text": "Chronic x"} if chronic else {})},
        category=[{"coding": [{"code": category}]}],
    )
    return {**made, "onsetDateTime": onset} if onset else made


def also_stated(held: Resource) -> list[tuple[str, Any]]:
    said = [one["extension"] for one in held.get("extension", []) if one["url"] == ALSO_STATED_URL]
    return [(name["valueString"], next(v for k, v in value.items() if k != "url")) for name, value in said]


@pytest.mark.parametrize("newest", ["problem-list-item", "encounter-diagnosis"])
def test_the_problem_list_tells_when_a_condition_began(newest: str) -> None:
    dates = {"problem-list-item": "1975", "encounter-diagnosis": "2022-05-24T13:00:00-04:00"}
    sources = [
        document(name, condition(name, name, dates[name], chronic=True),
                 date="2024-06-01" if name == newest else "2023-01-01")
        for name in dates
    ]  # fmt: skip
    (held,) = by_type(chart_of(*sources), "Condition")
    assert held["onsetDateTime"] == "1975"
    assert also_stated(held) == [("onsetDateTime", "2022-05-24T13:00:00-04:00")]


def test_a_diagnosis_of_a_visit_makes_no_onset_more_precise_but_still_tells_episodes_apart() -> None:
    problem = condition("p", "problem-list-item", "2022")
    visit = condition("v", "encounter-diagnosis", "2022-05-24")
    (held,) = by_type(chart_of(document("a", problem), document("b", visit)), "Condition")
    assert held["onsetDateTime"] == "2022"
    later = condition("w", "encounter-diagnosis", "2022-08-01")
    joined = {**held, "id": "j"}
    assert len(by_type(chart_of(document("c", joined), document("d", later)), "Condition")) == 2


def test_without_a_problem_list_the_visits_onset_stands() -> None:
    visit = condition("v", "encounter-diagnosis", "2022-05-24")
    undated = condition("p", "problem-list-item")
    (held,) = by_type(chart_of(document("a", undated), document("b", visit)), "Condition")
    assert held["onsetDateTime"] == "2022-05-24"


def test_a_care_team_that_goes_on_is_not_over_by_the_span_of_a_documents_service() -> None:
    member = [{"member": {"reference": "Practitioner/d"}}]
    doctor = resource("Practitioner", "d", name=[{"family": "Okafor"}])
    own = resource("CareTeam", "t1", status="active", period={"start": "2022-01-01"}, participant=member)
    span = {"start": "2022-01-01", "end": "2025-06-12"}
    header = resource("CareTeam", "t2", period=span, participant=member)
    (held,) = by_type(chart_of(document("a", doctor, own), document("b", doctor, header, date="2025-07-01")),
                      "CareTeam")  # fmt: skip
    assert held["period"] == {"start": "2022-01-01"}
    assert also_stated(held) == [("period", span)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"valueQuantity": {"value": 5, "system": UCUM, "code": "mg"}},
         {"valueQuantity": {"value": 5, "system": UCUM, "code": "Mg"}}),
        ({"valueString": "<5"}, {"valueString": ">5"}),
        ({"valueString": "1.5 /hpf"}, {"valueString": "1-5 /hpf"}),
        ({"valueCodeableConcept": {"text": "A+"}}, {"valueCodeableConcept": {"text": "A-"}}),
    ],
)  # fmt: skip
def test_values_that_differ_in_a_sign_or_in_the_case_of_a_unit_are_two(
    one: Resource, other: Resource
) -> None:
    given = [{name: held for name, held in pulse(id_).items() if name != "valueQuantity"} for id_ in "12"]
    chart = chart_of(document("a", {**given[0], **one}), document("b", {**given[1], **other}))
    assert len(by_type(chart, "Observation")) == 2


def test_notes_that_two_documents_make_on_one_resource_are_both_kept() -> None:
    older = document("a", pulse("1", note=[{"text": "High priority"}]), date="2024-01-01")
    newer = document("b", pulse("1", note=[{"text": "Normal priority"}]), date="2024-02-01")
    (held,) = by_type(chart_of(older, newer), "Observation")
    assert held["note"] == [{"text": "Normal priority"}, {"text": "High priority"}]
    again = document("a", pulse("1"), date="2024-03-01")
    (held,) = by_type(chart_of(older, again), "Observation")
    assert "note" not in held, "one document made anew has taken it back"


def test_reference_ranges_in_other_units_are_both_kept() -> None:
    ranges = [{"low": {"value": 5, "unit": unit}} for unit in ("mg", "Mg")]
    chart = chart_of(
        document("a", pulse("1", referenceRange=ranges[:1])),
        document("b", pulse("2", referenceRange=ranges[1:])),
    )
    (held,) = by_type(chart, "Observation")
    assert sorted(one["low"]["unit"] for one in held["referenceRange"]) == ["Mg", "mg"]
