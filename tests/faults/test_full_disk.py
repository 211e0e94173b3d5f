"""The disk is full: the platform says so, loses nothing that it promised, and goes on when there is space."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from chartbridge.config import Settings
from chartbridge.db import Tenant
from chartbridge.platform import Platform, migrate
from tests.faults.aftermath import Aftermath
from tests.faults.load import ask, patient
from tests.support import people
from tests.support.client import M
from tests.support.full_disk import MEBIBYTE, SmallDisk, can_mount, small_disk
from tests.support.server import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.fault]

FULL_FOR_S = 10.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if not can_mount():
        pytest.skip("no small disk: mounting one takes root")
    with small_disk(tmp_path / "disk", size=128 * MEBIBYTE) as mounted:
        yield mounted


@pytest.fixture
def deployment(
    backend: str, disk: SmallDisk, live_server: Callable[..., Deployment], request: pytest.FixtureRequest
) -> Deployment:
    """With SQLite all lies on the disk; with PostgreSQL the objects do."""
    settings = {"data_dir": str(disk.folder / "data")}
    if backend == "postgres":
        server = request.getfixturevalue("postgres_server")
        settings["database_url"] = server.url(server.fresh_database())
    return live_server(settings)


@pytest.mark.timeout(300)
def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_space(
    backend: str, disk: SmallDisk, deployment: Deployment
) -> None:
    database = deployment.environment.get("CHARTBRIDGE_DATABASE_URL")
    settings = Settings(data_dir=disk.folder / "data", database_url=database)
    migrate(settings)
    server = deployment.serve()
    with deployment.api(server) as api:
        clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
        before = ask(api, clinic, 0)
        api.poll(f"{M}/network/query/{before.query_id}", timeout_s=60)
        during = ask(api, clinic, 1)
        disk.fill()
        full_since = time.monotonic()
        create = partial(api.http.post, f"{M}/patient", json=patient(2), params={"facilityId": clinic})
        answer = create()
        assert answer.status_code in ((503, 201) if backend == "sqlite" else (201,)), answer.text
        assert "refused a write" in " ".join(deployment.run("doctor", status=1).split())
        assert api.get(f"{M}/patient/{before.patient_id}")["id"] == before.patient_id, "reading goes on"
        time.sleep(max(0.0, FULL_FOR_S - (time.monotonic() - full_since)))
        assert server.running
        disk.free()

        if answer.status_code == 503:  # SQLite may have had room left in its log
            answer = create()
        assert api.get(f"{M}/patient/{answer.json()['id']}")["lastName"] == patient(2)["lastName"]
        api.poll(f"{M}/network/query/{during.query_id}", timeout_s=90)
        later = ask(api, clinic, 3)
        api.poll(f"{M}/network/query/{later.query_id}", timeout_s=60)

        platform = Platform.open(settings)
        try:
            after = Aftermath(platform, Tenant(api.get("/settings")["id"], "sandbox"))
            after.check_documents([one.patient_id for one in (before, during, later)])
            after.check_objects()
        finally:
            platform.close()
