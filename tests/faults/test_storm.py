"""Work goes on while processes are killed, the database restarts and the store fails; then all is there.

``STORM=full`` asks for 200 queries, 1,000 webhooks and 2,000 rows, which take some twenty minutes.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chartbridge.config import Settings
from chartbridge.db import Tenant
from chartbridge.platform import Platform, migrate
from tests.faults.aftermath import Aftermath
from tests.faults.load import InsistentApi, Load, ask
from tests.faults.scale import REFUSED_EVERY, chosen
from tests.faults.troubles import Crew, drawn, strike
from tests.support import people
from tests.support.client import M
from tests.support.faulty_store import FaultyStore
from tests.support.full_disk import MEBIBYTE, can_mount, small_disk
from tests.support.ports import LOOPBACK, free_port
from tests.support.postgres import PostgresServer
from tests.support.rough_receiver import RoughReceiver
from tests.support.seaweedfs import S3Server
from tests.support.server import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.fault]

SEED = 20_261
SCALE = chosen()
FIRST_DATA = "network-query.hie.first-data-ready"
EVENTS = {
    FIRST_DATA,
    "network-query.hie",
    "network-query.pharmacy",
    "network-query.lab",
}
SETTINGS = {
    "sandbox_max_patients": "100000",
    "rate_limits": '{"general":1000000,"patient-write":100000,"consolidated-query":100000,'
    '"network-query-hie":100000,"network-query-pharmacy":100000,"network-query-lab":100000}',
    "heartbeat_s": "0.5",
    "worker_lost_after_s": "8",
    "job_max_attempts": "100",
    "webhook_timeout_s": "1",
    "webhook_max_attempts": "6",
    "webhook_circuit_pause_s": "1",
    "bulk_queries_per_minute": "60000" if SCALE.rows_asked else "0",
}


@dataclass(frozen=True)
class Ground:
    """Where the storm takes place, and how its database and its store are made to fail."""

    settings: dict[str, str]
    restart_database: Callable[[Crew], None]
    store_away: Callable[[], AbstractContextManager[object]]
    met: Callable[[], dict[str, int]]


@contextmanager
def _postgres_and_s3(request: pytest.FixtureRequest) -> Iterator[Ground]:
    postgres: PostgresServer = request.getfixturevalue("own_postgres")
    s3: S3Server = request.getfixturevalue("s3_server")
    with FaultyStore(s3.endpoint, seed=SEED, share=0.05) as store:
        settings = {
            "database_url": postgres.url(postgres.fresh_database()),
            **s3.settings(s3.fresh_bucket()),
            "s3_endpoint": store.endpoint,
        }

        def restart(crew: Crew) -> None:
            postgres.crash()
            time.sleep(2)
            postgres.start_again()

        yield Ground(settings, restart, store.away, lambda: dict(store.met))


@contextmanager
def _sqlite_and_folder(tmp_path: Path) -> Iterator[Ground]:
    """All on one disk, which is full for a while; where none can be mounted, that part is left out."""
    folder = tmp_path / "disk"
    filled = Counter[str]()
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(folder, size=4096 * MEBIBYTE)) if can_mount() else None

        @contextmanager
        def full() -> Iterator[None]:
            if disk is not None:
                disk.fill()
                filled["disk full"] += 1
            yield
            if disk is not None:
                disk.free()

        yield Ground({"data_dir": str(folder / "data")}, Crew.kill_all, full, lambda: dict(filled))


@pytest.fixture
def ground(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ground]:
    with _sqlite_and_folder(tmp_path) if backend == "sqlite" else _postgres_and_s3(request) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[RoughReceiver]:
    with RoughReceiver(seed=SEED, slow_s=1.5, hopeless=0.02) as running:
        yield running


@pytest.mark.timeout(SCALE.timeout_s * 2)
def test_nothing_is_lost_or_doubled_in_a_storm(
    backend: str,
    ground: Ground,
    receiver: RoughReceiver,
    live_server: Callable[..., Deployment],
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = free_port()
    given = {**SETTINGS, "port": str(port), "public_url": f"http://{LOOPBACK}:{port}", **ground.settings}
    deployment = live_server(given)
    settings = Settings.model_validate({"data_dir": deployment.data_dir, **ground.settings})
    migrate(settings)
    began = time.monotonic()
    draw = random.Random(SEED)
    with ExitStack() as stack:
        api = stack.enter_context(InsistentApi(f"http://{LOOPBACK}:{port}", deployment.create_key()))
        crew = Crew(deployment)
        receiver.key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
        clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
        platform = Platform.open(settings)
        stack.callback(platform.close)
        after = Aftermath(platform, Tenant(api.get("/settings")["id"], "sandbox"))

        load = Load(api, clinic, queries=SCALE.queries, rows=SCALE.rows)
        stack.callback(load.give_up)
        load.start()
        troubles = drawn(
            crew,
            draw,
            rounds=SCALE.rounds,
            restart_database=lambda: ground.restart_database(crew),
            store_away=ground.store_away,
        )
        deadline = Deadline(SCALE.timeout_s)

        def still() -> None:
            load.check()
            deadline.check()

        strike(troubles, crew, draw, lambda: after.sources_ended() / SCALE.sources, still)
        _wait(lambda: not load.running, crew, still)
        load.check()
        _wait(lambda: _all_ended(api, after), crew, still)
        ended_after_s = time.monotonic() - began

        calm = [ask(api, clinic, SCALE.queries + number) for number in range(SCALE.personas)]
        for one in calm:
            api.poll(f"{M}/network/query/{one.query_id}", timeout_s=60)
        _wait(lambda: _all_ended(api, after), crew, still)

        told: dict[str, Any] = {
            "database": backend,
            "seconds": round(ended_after_s),
            "troubles": dict(crew.events),
            "story": crew.story,
            "store": ground.met(),
            "calls that the application made again": api.tried_again,
            "queries": dict(after.query_statuses()),
            "consolidated queries": dict(after.consolidated_statuses()),
            "webhooks": dict(Counter(message.status for message in after.messages())),
            "receiver": dict(receiver.met),
            "attempts beyond acceptance": sum(n - 1 for n in receiver.accepted().values()),
            "objects": dict(after.check_objects()),
        }
        with capsys.disabled():
            print("", *(f"{name}: {value}" for name, value in told.items()), sep="\n  ")

        refused = SCALE.rows // REFUSED_EVERY
        after.check_import(str(load.import_id), rows=SCALE.rows, refused=refused)
        after.check_patients(SCALE.queries + len(calm) + SCALE.rows - refused)
        after.check_documents([one.patient_id for one in (*load.asked, *calm)])
        assert sum(after.query_statuses().values()) == SCALE.sources // 3 + len(calm)
        assert set(after.query_statuses()) <= {"completed", "partial", "failed"}
        assert after.consolidated_statuses() == {"completed": SCALE.queries}
        check_webhooks(api, after, receiver)
        charts = {one.persona: after.chart(one.patient_id) for one in calm}
        for one in load.asked:
            chart, undisturbed = after.chart(one.patient_id), charts[one.persona]
            lacks, has_more = undisturbed - chart, chart - undisturbed
            assert (lacks, has_more) == ({}, {}), f"the chart of {one} is another"


class Deadline:
    def __init__(self, in_s: float) -> None:
        self._at = time.monotonic() + in_s

    def check(self) -> None:
        assert time.monotonic() < self._at, "the work does not end"


def _wait(condition: Callable[[], bool], crew: Crew, still: Callable[[], None]) -> None:
    while not condition():
        still()
        crew.tend()
        time.sleep(0.2)


def _all_ended(api: InsistentApi, after: Aftermath) -> bool:
    if after.query_statuses()["processing"] or after.consolidated_statuses()["processing"]:
        return False
    if after.imports_running():
        return False
    return api.get("/settings/webhook")["webhookRequestsProcessing"] == 0 and after.jobs_left() == 0


def check_webhooks(api: InsistentApi, after: Aftermath, receiver: RoughReceiver) -> None:
    """Every message was taken or is listed as failed, and each event has one message."""
    messages = after.messages()
    kinds: dict[str | None, Counter[str]] = {}
    for message in messages:
        kinds.setdefault(message.request_id, Counter())[message.type] += 1
    expected = (
        Counter(EVENTS),
        Counter(EVENTS - {FIRST_DATA}),  # of people whom no network knows
        {"medical.consolidated-data": 1},
        {"medical.bulk-patient-create": 2},
    )
    assert all(found in expected for found in kinds.values()), kinds
    by_status: dict[str, set[str]] = {}
    for message in messages:
        by_status.setdefault(message.status, set()).add(message.id)
    accepted = set(receiver.accepted())
    assert set(by_status) <= {"success", "failure"}
    assert by_status["success"] == accepted, "what counts as delivered is what the receiver took"
    assert by_status.get("failure", set()) >= receiver.hopeless
    assert api.get("/settings/webhook")["webhookRequestsFailed"] == len(by_status.get("failure", ()))
    assert not receiver.met["followed a redirect"]
    assert all(r.is_signed_with(receiver.key or "") for r in receiver.received if r.answered == 200)
