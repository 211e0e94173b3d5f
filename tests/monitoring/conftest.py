"""A platform without a worker: each test says what time it is and does what a worker would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from chartbridge.db import Tenant
from chartbridge.features.monitoring import rounds
from chartbridge.features.monitoring.models import Round, Schedule
from chartbridge.features.queries.models import NetworkQuery
from tests.running import Caller, World, running
from tests.support import people
from tests.support.client import M

SATURDAY = datetime(2030, 6, 1, 8, tzinfo=UTC)
"""An occasion of every schedule but the monthly one."""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(
        request.param, tmp_path_factory, request, worker=False, monitoring_queries_per_minute=12
    ) as started:
        yield started


class Clinic:
    """An account with cohorts, whose schedules a test brings forward."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.platform = world.platform
        self.api: Caller = world.caller()
        self.tenant: Tenant = world.tenant(self.api)
        self._made = 0

    def patients(self, number: int) -> list[str]:
        """Ids of new ones, in order."""
        return sorted(self._patient() for _ in range(number))

    def _patient(self) -> str:
        self._made += 1
        return self.api.patient_id(
            people.stranger(lastName=f"Vance{chr(65 + self._made) * 3}", dob=f"19{50 + self._made}-03-09")
        )

    def cohort(self, members: list[str], name: str = "Watched", **monitoring: object) -> str:
        made = self.api.post(
            f"{M}/cohort", {"name": name, "settings": {"monitoring": monitoring}}, status=201
        )
        if members:
            self.api.post(f"{M}/cohort/{made['id']}/patient", {"patientIds": members})
        return str(made["id"])

    def since(self, cohort: str, moment: datetime) -> None:
        """As if everything that the cohort has monitored had been switched on then."""
        with self.platform.db.write(None) as session:
            for schedule in session.scalars(select(Schedule).where(Schedule.cohort_id == cohort)):
                schedule.since = schedule.look_at = moment

    def schedules(self, cohort: str) -> list[Schedule]:
        with self.platform.db.read(None) as session:
            found = select(Schedule).where(Schedule.cohort_id == cohort).order_by(Schedule.source)
            return list(session.scalars(found))

    def rounds(self, cohort: str) -> list[Round]:
        with self.platform.db.read(None) as session:
            return list(
                session.scalars(select(Round).where(Round.cohort_id == cohort).order_by(Round.occasion))
            )

    def work(self, cohort: str, now: datetime) -> None:
        """Do the batches of the cohort's rounds to their end, without the pauses."""
        for one in self.rounds(cohort):
            number = one.batch
            while one.ended_at is None:
                rounds.ask_batch(self.platform, self.tenant, one.id, number)
                if not rounds.go_on(self.platform, self.tenant, one.id, number, now):
                    break
                number += 1

    def queries(self) -> list[NetworkQuery]:
        with self.platform.db.read(self.tenant) as session:
            return list(session.scalars(select(NetworkQuery).order_by(NetworkQuery.patient_id)))

    def asked(self) -> list[tuple[str, str]]:
        """Patient and source of each query there is."""
        return [
            (query.patient_id, provider.source) for query in self.queries() for provider in query.providers
        ]


@pytest.fixture
def clinic(world: World) -> Clinic:
    return Clinic(world)
