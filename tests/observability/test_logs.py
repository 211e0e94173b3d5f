"""Logs in one process, of things that go wrong: networks that fail with a patient's data in their errors."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from chartbridge import logs
from chartbridge.features.networks import service as networks
from chartbridge.features.networks.protocol import (
    ConnectorError,
    PatientIdentity,
    RemoteDocument,
    RemotePatient,
)
from tests.observability import secrets
from tests.queries.networks import Hie, ccda, role
from tests.running import World, running, wait_until
from tests.support import people

TOLD = "Orsolya Vance, 1961-07-30, 77 Quarry Rd, 2085550143, VX123456"


class Broken(Hie):
    """A network with a defect that quotes what it was asked."""

    def discover(self, patient: PatientIdentity, *, timeout_s: float) -> list[RemotePatient]:
        raise ValueError(f"cannot find {patient.first_name} {TOLD}")


class Leaky(Hie):
    """A network whose documents cannot be had, which quotes whose they are."""

    def fetch(self, patient: RemotePatient, document: RemoteDocument, *, timeout_s: float) -> bytes:
        raise KeyError(TOLD)


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running("sqlite", tmp_path_factory, request) as started:
        yield started


@pytest.fixture(params=["json", "console"])
def written(request: pytest.FixtureRequest, world: World) -> Iterator[io.StringIO]:
    """What the log holds, at its most talkative; afterwards it is as it was."""
    before = structlog.get_config()
    names = (None, "dbos", "chartbridge", "uvicorn.error")
    loggers = [logging.getLogger(name) for name in names]
    kept = [(one, one.handlers[:], one.level, one.propagate) for one in loggers]
    stream = io.StringIO()
    changes: dict[str, Any] = {"log_level": "debug", "log_format": request.param}
    logs.configure(world.platform.settings.model_copy(update=changes))
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    structlog.configure(**before)
    for one, handlers, level, propagate in kept:
        one.handlers[:], one.propagate = handlers, propagate
        one.setLevel(level)


def test_what_fails_is_told_without_the_patient(
    world: World, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", written)  # here: pytest puts its own there between fixture and test
    about_another = ccda(about=role("Orsolya", "Vance", "19610730"))
    contents: dict[str, bytes | ConnectorError] = {
        "d-1": about_another,
        "d-2": b"<ClinicalDocument>Orsolya Vance",
        "d-3": ConnectorError(TOLD),
    }
    types = {"d-1": "application/xml", "d-2": "application/xml"}
    connectors = (
        Broken("broken", {}),
        Leaky("leaky", {"d-9": b""}),
        Hie("down", {}, down=TOLD),
        Hie("odd", contents, types=types),
    )
    monkeypatch.setitem(networks._CONNECTORS, "sandbox", connectors)
    caller = world.caller()
    patient = caller.patient_id()
    caller.post("/medical/v1/patient", people.stranger(dob=TOLD), status=400, facilityId=caller.facility_id())
    caller.query(patient, "hie", until="partial")
    # The query has ended a moment before its job has.
    wait_until(lambda: "job ended" in written.getvalue(), "the job's end is in the log")
    told = written.getvalue()
    for event in ("network failed", "a connector broke", "document about another patient", "job ended"):
        assert event in told
    hidden = secrets.of_stranger() | secrets.of_persona("jane")
    assert secrets.seen_in(told, {*hidden, "Orsolya", "Vance", "19610730", "2085550143"}) == []
    if told.startswith("{"):
        lines = [json.loads(line) for line in told.splitlines()]
        in_threads = [line for line in lines if line["event"] == "document about another patient"]
        assert all(line["job_id"] and line["workflow"] for line in in_threads), "also those of threads"
