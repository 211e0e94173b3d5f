"""Words that stand partly in a resource and partly in what it refers to."""

from __future__ import annotations

from typing import Any

from chartbridge.search.fuzzy import index, rank

CLINIC = {"resourceType": "Location", "id": "clinic", "name": "Saguaro Clinic"}
VISIT = {
    "resourceType": "Encounter",
    "id": "visit",
    "type": [{"text": "Check-up visit"}],
    "location": [{"location": {"reference": "Location/clinic"}}],
}
ORDER = {
    "resourceType": "MedicationRequest",
    "id": "order",
    "medicationCodeableConcept": {"text": "Metformin"},
    "encounter": {"reference": "Encounter/visit"},
}
BOTH = {
    "resourceType": "Encounter",
    "id": "both",
    "type": [{"text": "Visit"}],
    "serviceType": {"text": "Saguaro"},
}
WRITTEN = {
    "resourceType": "Provenance",
    "id": "written",
    "target": [{"reference": "MedicationRequest/order"}],
    "activity": {"text": "Reconciled visit"},
}
CHART: list[dict[str, Any]] = [CLINIC, VISIT, ORDER, BOTH, WRITTEN]


def found(query: str) -> list[str]:
    return [one["id"] for one in rank(CHART, query)]


def test_all_words_but_one_may_stand_in_what_is_referred_to_and_count_less() -> None:
    assert found("visit saguaro") == ["both", "visit"]
    assert found("metformin visit") == ["order"]
    assert found("metformn visit") == ["order"]


def test_one_step_away_and_no_further() -> None:
    assert found("metformin saguaro") == []


def test_what_stands_beside_alone_finds_nothing() -> None:
    assert found("saguaro") == ["clinic", "both"]


def test_what_gathers_others_is_found_by_its_own_words() -> None:
    assert found("reconciled") == ["written"]
    assert found("reconciled metformin") == []


def test_an_index_is_the_same_for_the_same_chart() -> None:
    first, second = index(CHART), index([dict(one) for one in CHART])
    assert (first.numbers, first.beside) == (second.numbers, second.beside)
    assert first.beside == [[], [0], [1], [], []]
