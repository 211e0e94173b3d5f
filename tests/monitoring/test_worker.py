"""Scheduled queries and follow-ups end to end, on a real worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chartbridge.features.monitoring import service
from chartbridge.features.monitoring.models import FollowUp
from chartbridge.features.networks import service as networks
from chartbridge.features.networks.protocol import PatientIdentity, RemotePatient
from chartbridge.ids import utcnow
from chartbridge.jobs import control
from tests.monitoring.conftest import Clinic
from tests.queries.networks import Hie
from tests.running import World, running, wait_until
from tests.support.client import M
from tests.support.receiver import Receiver

VISIT = "0196a000-0000-7000-8000-0000000000aa"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def working(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(
        request.param, tmp_path_factory, request, schedule_poll_s=0.2, monitoring_queries_per_minute=600
    ) as it:
        yield it


def test_a_member_is_asked_about_and_the_result_comes_as_any_querys(
    working: World, receiver: Receiver
) -> None:
    """Occasions were missed since the day before yesterday: the worker catches up by itself."""
    clinic = Clinic(working)
    receiver.key = clinic.api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    jane = clinic.api.patient_id()
    cohort = clinic.cohort([jane], hie={"enabled": True, "frequency": "daily"})
    clinic.since(cohort, utcnow() - timedelta(days=2))
    wait_until(lambda: bool(clinic.queries()), "the scheduled query begins")
    (query,) = clinic.queries()
    clinic.api.poll(f"{M}/network/query/{query.id}", until="completed")
    (message,) = receiver.wait_for("network-query.hie")
    assert message.json["meta"]["data"] == {"cohortId": cohort}
    (done,) = clinic.rounds(cohort)
    assert (done.asked, done.ending) == (1, None)

    discharged_at = utcnow() - timedelta(minutes=10)
    with working.platform.db.write(clinic.tenant) as session:
        assert service.follow_discharge(working.platform, session, jane, discharged_at, VISIT)
    wait_until(lambda: len(clinic.queries()) == 2, "the networks are asked after the discharge")
    follow_up = max(clinic.queries(), key=lambda one: one.started_at)
    clinic.api.poll(f"{M}/network/query/{follow_up.id}", until="completed")
    with working.platform.db.read(clinic.tenant) as session:
        known = session.get_one(FollowUp, (jane, VISIT))
    assert (known.attempt, known.ended_at) == (1, None)

    (job,) = control.list_jobs(working.platform, name=service.FOLLOW_DISCHARGE, states=["delayed"])
    control.cancel(working.platform, job.id)

    def is_over() -> bool:
        with working.platform.db.read(clinic.tenant) as session:
            return session.get_one(FollowUp, (jane, VISIT)).ending == control.REASON

    wait_until(is_over, "the cancelled follow-up ends")


class Slow(Hie):
    """A network that takes its time: until ``go_on`` is set, or half a minute."""

    def __init__(self) -> None:
        super().__init__("SLOW", {})
        self.asked = threading.Event()
        self.go_on = threading.Event()

    def discover(self, patient: PatientIdentity, *, timeout_s: float) -> list[RemotePatient]:
        self.asked.set()
        self.go_on.wait(30)
        return super().discover(patient, timeout_s=timeout_s)


def test_a_cancelled_query_ends_as_failed_with_its_webhook(
    working: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()
    monkeypatch.setitem(networks._CONNECTORS, "sandbox", (slow,))
    clinic = Clinic(working)
    receiver.key = clinic.api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    jane = clinic.api.patient_id()
    begun = clinic.api.start(jane, "hie")
    assert slow.asked.wait(30)
    control.cancel(working.platform, f"network-query:{begun['requestId']}:hie")
    clinic.api.poll(f"{M}/network/query/{begun['requestId']}", until="failed")
    (message,) = receiver.wait_for("network-query.hie")
    assert message.json["payload"]["source"]["status"] == "failed"
    slow.go_on.set()
    second = clinic.api.start(jane, "hie")
    clinic.api.poll(f"{M}/network/query/{second['requestId']}", until="completed")
    assert len(receiver.wait_for("network-query.hie", 2)) == 2, "what was cancelled says nothing more"
