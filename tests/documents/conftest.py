"""Jane's documents, fetched once for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.running import Caller, World, running


@dataclass(frozen=True)
class Fetched:
    """A caller whose patient has been asked about at the HIE."""

    api: Caller
    patient: str


@pytest.fixture(scope="module", params=["sqlite"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(request.param, tmp_path_factory, request) as started:
        yield started


@pytest.fixture(scope="module")
def jane(world: World) -> Fetched:
    api = world.caller()
    patient = api.patient_id()
    api.query(patient, "hie")
    return Fetched(api, patient)
