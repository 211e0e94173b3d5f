from __future__ import annotations

from datetime import date

import pytest

from chartbridge.consolidate.bundle import searchset, select
from chartbridge.consolidate.hydrate import hydrate
from chartbridge.consolidate.resource_types import (
    ACCEPTED_TYPES,
    COMPARTMENT_TYPES,
    canonical_types,
    parse_resource_types,
)
from chartbridge.fhir.references import Resource
from tests.consolidate.builders import PATIENT, pulse, resource


def chain(length: int) -> list[Resource]:
    return [
        resource("Basic", f"b{place}", subject={"reference": f"Basic/b{place + 1}"})
        for place in range(length)
    ]


def ids(resources: list[Resource]) -> list[str]:
    return [held["id"] for held in resources]


def test_what_a_kept_resource_refers_to_is_added_five_rounds_deep() -> None:
    everything = chain(9)
    assert ids(hydrate(everything[:1], everything)) == ["b0", "b1", "b2", "b3", "b4", "b5"]


def test_hydration_ends_with_the_references_and_adds_nothing_twice() -> None:
    everything = [
        resource("Encounter", "e", diagnosis=[{"condition": {"reference": "Condition/c"}}]),
        resource("Condition", "c", encounter={"reference": "urn:uuid:e"}),
        resource(
            "Goal", "g", addresses=[{"reference": "Condition/c/_history/1"}, {"reference": "Condition/gone"}]
        ),
    ]
    assert ids(hydrate(everything[2:], everything)) == ["g", "c", "e"]


def test_a_scan_brings_its_binary() -> None:
    everything = [resource("Media", "m", content={"url": "Binary/b"}), resource("Binary", "b")]
    assert ids(hydrate(everything[:1], everything)) == ["m", "b"]


def test_a_selection_is_filtered_by_type_then_by_date_then_hydrated() -> None:
    chart = [
        PATIENT,
        pulse("in", performer=[{"reference": "Practitioner/dr"}], encounter={"reference": "Encounter/old"}),
        pulse("out", effectiveDateTime="2020-01-01"),
        resource("Encounter", "old", period={"start": "2020-01-01", "end": "2020-01-01"}),
        resource("Practitioner", "dr"),
        resource("Practitioner", "stranger"),
        resource("Condition", "c"),
    ]
    selected = select(
        chart, types=frozenset({"Observation"}), date_from=date(2024, 1, 1), date_to=None, patient=PATIENT
    )
    assert ids(selected) == ["old", "in", "p-now", "dr"]


def test_the_current_patient_replaces_any_other_and_is_there_even_alone() -> None:
    stale = resource("Patient", "p-now", gender="male")
    assert select([stale], types=None, date_from=None, date_to=None, patient=PATIENT) == [PATIENT]
    goals = frozenset({"Goal"})
    assert select([], types=goals, date_from=None, date_to=None, patient=PATIENT) == [PATIENT]


@pytest.mark.parametrize(
    ("status", "expected"),
    [("preliminary", False), ("entered-in-error", False), ("final", True), ("amended", True), (None, True)],
)
def test_document_references_that_are_no_documents_yet_are_left_out(
    status: str | None, expected: bool
) -> None:
    paper = resource("DocumentReference", "d", **({"docStatus": status} if status else {}))
    letter = resource(
        "Communication", "m", payload=[{"contentReference": {"reference": "DocumentReference/d"}}]
    )
    selected = select([letter, paper], types=None, date_from=None, date_to=None, patient=PATIENT)
    assert (paper in selected) is expected


def test_an_allergys_age_counts_from_the_patients_birth_date() -> None:
    allergy = resource("AllergyIntolerance", "a", onsetAge={"value": 3, "code": "a"})
    for born, expected in (("1970-03-10", False), ("2021-06-01", True), ("1970", True), (None, True)):
        patient = resource("Patient", "p-now", **({"birthDate": born} if born else {}))
        selected = select([allergy], types=None, date_from=date(2024, 1, 1), date_to=None, patient=patient)
        assert (allergy in selected) is expected, born


def test_a_searchset_counts_its_entries_and_names_each_by_urn() -> None:
    goal = resource("Goal", "0196e2a0-0000-7000-8000-000000000001")
    assert searchset([goal]) == {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 1,
        "entry": [{"fullUrl": "urn:uuid:0196e2a0-0000-7000-8000-000000000001", "resource": goal}],
    }
    assert searchset([]) == {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": []}


@pytest.mark.parametrize("text", [None, "", " ", '""', ",", "' , '"])
def test_no_type_named_means_all(text: str | None) -> None:
    assert parse_resource_types(text) is None


@pytest.mark.parametrize(
    "text", ["Condition,Observation", " \"Condition\", 'Observation' ", "Observation,Condition,,Observation"]
)
def test_quotes_and_spaces_around_types_do_not_count(text: str) -> None:
    assert parse_resource_types(text) == frozenset({"Condition", "Observation"})


@pytest.mark.parametrize(
    ("text", "named"), [("condition", "condition"), ("Goal,Nonsense,Bundle", "Nonsense, Bundle")]
)
def test_an_unknown_type_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"Invalid resource types?: {named}$"):
        parse_resource_types(text)


def test_every_accepted_type_can_be_named() -> None:
    assert parse_resource_types(",".join(ACCEPTED_TYPES)) == ACCEPTED_TYPES
    assert len(COMPARTMENT_TYPES) == 62
    assert {"Medication", "Patient", "Binary", "Location"} <= ACCEPTED_TYPES - COMPARTMENT_TYPES


def test_naming_every_compartment_type_equals_naming_none() -> None:
    assert canonical_types(None) is None
    assert canonical_types(frozenset()) is None
    assert canonical_types(COMPARTMENT_TYPES) is None
    assert canonical_types(ACCEPTED_TYPES) is None
    all_but_one = COMPARTMENT_TYPES - {"Goal"}
    assert canonical_types(all_but_one) == all_but_one
