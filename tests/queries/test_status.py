"""How the states of several networks make one (contract, network query 5.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chartbridge.features.queries.models import NetworkQuery, QueryProvider
from chartbridge.features.queries.schemas import NetworkQueryStatus
from chartbridge.features.queries.service import fold, overall

START = datetime(2026, 2, 1, 10, 0, 0, tzinfo=UTC)


def query(**providers: str) -> NetworkQuery:
    """``hie_a="completed"``: source and network, with the n-th begun at n s and ended at 10 + n s."""
    made = NetworkQuery(id="q", patient_id="p", query_metadata={}, started_at=START)
    for number, (name, status) in enumerate(providers.items()):
        source, _, connector = name.partition("_")
        begun = START + timedelta(seconds=number)
        made.providers.append(
            QueryProvider(
                source=source,
                connector=connector,
                status=status,
                started_at=begun,
                completed_at=None if status == "processing" else begun + timedelta(seconds=10),
            )
        )
    return made


@pytest.mark.parametrize(
    ("states", "folded", "whole"),
    [
        ({"hie_a": "processing"}, ["processing"], "processing"),
        ({"hie_a": "completed"}, ["completed"], "completed"),
        ({"hie_a": "failed"}, ["failed"], "failed"),
        ({"hie_a": "completed", "hie_b": "completed"}, ["completed"], "completed"),
        ({"hie_a": "completed", "hie_b": "failed"}, ["completed"], "partial"),
        ({"hie_a": "failed", "hie_b": "failed"}, ["failed"], "failed"),
        ({"hie_a": "processing", "hie_b": "failed"}, ["processing"], "processing"),
        ({"hie_a": "completed", "hie_b": "processing"}, ["processing"], "processing"),
        ({"hie_a": "completed", "lab_a": "failed"}, ["completed", "failed"], "partial"),
        ({"lab_a": "completed", "hie_a": "processing"}, ["processing", "completed"], "processing"),
        ({"lab_a": "failed", "pharmacy_a": "failed"}, ["failed", "failed"], "failed"),
        (
            {"hie_a": "completed", "hie_b": "failed", "lab_a": "completed"},
            ["completed", "completed"],
            "partial",
        ),
        ({}, [], "failed"),
    ],
)
def test_states_are_folded(states: dict[str, str], folded: list[str], whole: str) -> None:
    made = query(**states)
    assert [s.status for s in fold(made.providers)] == folded
    assert overall(made) == whole


def test_a_source_began_with_its_first_network_and_ended_with_its_last() -> None:
    (hie,) = fold(query(hie_a="completed", hie_b="failed", hie_c="completed").providers)
    assert (hie.started_at, hie.completed_at) == (START, START + timedelta(seconds=12))


def test_a_source_has_not_ended_before_all_its_networks_have() -> None:
    (hie,) = fold(query(hie_a="completed", hie_b="processing").providers)
    assert hie.completed_at is None


def test_what_is_absent_is_left_out_of_the_answer() -> None:
    answer = NetworkQueryStatus.of(query(hie_a="processing")).model_dump(exclude_unset=True)
    assert answer == {
        "requestId": "q",
        "startedAt": "2026-02-01T10:00:00.000Z",
        "status": "processing",
        "sources": [{"type": "hie", "status": "processing", "startedAt": "2026-02-01T10:00:00.000Z"}],
    }
