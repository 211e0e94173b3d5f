"""Jane's whole chart, made once for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.running import Caller, World, running
from tests.support.receiver import Receiver


@dataclass(frozen=True)
class Charted:
    """A caller whose patient's chart is complete, and who listens."""

    api: Caller
    patient: str
    receiver: Receiver


@pytest.fixture(scope="module", params=["sqlite"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    limits = {"patient-write": 100_000, "contribution": 100_000}
    with running(request.param, tmp_path_factory, request, rate_limits=limits) as started:
        yield started


@pytest.fixture(scope="module")
def jane(world: World) -> Iterator[Charted]:
    with Receiver() as receiver:
        api = world.caller()
        receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
        patient = api.patient_id()
        api.query(patient)
        yield Charted(api, patient, receiver)
