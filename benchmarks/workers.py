"""How many more network queries two workers complete than one, and what limits them.

    python benchmarks/workers.py [--queries 60] [--rounds 2] [--latency-s 2]

Starts a PostgreSQL server of its own. Sandbox queries, each about a patient of its own and all three sources,
are started while no worker runs; then one worker, or two, work them off, and what ends is counted once the
first have ended and until nine tenths have. One and two take turns. Three shapes: workers with one
process for conversions, workers with two, and workers that handle two jobs at once on networks that take
`--latency-s` to say who somebody is, as real ones do, so that waiting costs more than computing. Prints
completed queries a second, ratios, and the CPU time of each group of processes. Everything is on loopback;
ends by itself.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support import people  # noqa: E402
from tests.support.client import Api, M  # noqa: E402
from tests.support.postgres import PostgresServer, find_binaries  # noqa: E402
from tests.support.processes import Process  # noqa: E402
from tests.support.server import WORKER_READY, Deployment  # noqa: E402

PERSONAS = ("Jane", "Chris", "Ollie", "Andreas", "Kyla")
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
WARM_SHARE, MEASURED_SHARE = 0.15, 0.9
"""Of the queries: until the first share is done workers import and read what they need."""

TIMEOUT_S = 900.0
LATENCY = "BENCHMARK_LATENCY_S"
SETTINGS = {
    "sandbox_max_patients": "100000",
    "rate_limits": '{"general":1000000,"patient-write":100000,"network-query-hie":100000,'
    '"network-query-pharmacy":100000,"network-query-lab":100000}',
    "queue_poll_s": "0.2",
}
ENDED = """SELECT count(*) FROM (SELECT query_id FROM network_query_providers GROUP BY query_id
    HAVING bool_and(status = 'completed')) AS done"""


@dataclass(frozen=True)
class Shape:
    """How workers are set up. ``latency_s``: what a network takes to answer who somebody is."""

    title: str
    settings: dict[str, str]
    latency_s: float = 0.0


@dataclass(frozen=True)
class Measured:
    """``rate``: queries a second. ``cpu``: cores in use by group of processes. ``idle``: cores unused."""

    rate: float
    cpu: dict[str, float]
    idle: float


def measure(server: PostgresServer, shape: Shape, workers: int, queries: int) -> Measured:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chartbridge-workers-")))
        database = server.url(server.fresh_database())
        deployment = Deployment(folder, {**SETTINGS, **shape.settings, "database_url": database}, fresh=True)
        deployment.environment[LATENCY] = str(shape.latency_s)
        stack.callback(deployment.close)
        api = deployment.serve(worker=False)
        connection = stack.enter_context(psycopg.connect(database, autocommit=True))
        _start_queries(deployment, api.origin, queries)
        started = [_worker(deployment, f"worker-{number}") for number in range(workers)]
        for process in started:
            process.wait_until(partial(_is_ready, process), timeout_s=60)
        groups = {
            "API": [api.pid],
            "workers": [process.pid for process in started],
            "PostgreSQL": [server.pid],
        }
        _until(connection, int(queries * WARM_SHARE))
        before, began, done = _cpu(groups), time.monotonic(), _ended(connection)
        _until(connection, int(queries * MEASURED_SHARE))
        took, after = time.monotonic() - began, _cpu(groups)
        cpu = {name: (after[name] - before[name]) / took for name in after}
        return Measured((_ended(connection) - done) / took, cpu, cpu.pop("idle"))


def _start_queries(deployment: Deployment, origin: str, count: int) -> None:
    with Api(origin, deployment.create_key()) as api:
        clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
        for number in range(count):
            letters = "".join(chr(ord("a") + int(digit)) for digit in str(number))
            body = people.jane(
                firstName=PERSONAS[number % len(PERSONAS)],
                lastName=f"{letters * 3}ton".capitalize(),
                dob=f"19{30 + number % 60}-{1 + number % 12:02}-{1 + number % 28:02}",
            )
            made = api.post(f"{M}/patient", body, status=201, facilityId=clinic)["id"]
            api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=made)


def _worker(deployment: Deployment, name: str) -> Process:
    worker = Process(
        name,
        [sys.executable, __file__, "--as-worker", name],
        log=deployment.folder / f"{len(deployment.processes)}-{name}.log",
        environment=deployment.environment,
        cwd=ROOT,
    )
    deployment.processes.append(worker)
    return worker


def work(name: str) -> None:
    """A worker of the product, whose networks are as slow as the environment says."""
    from chartbridge.commands import running
    from chartbridge.config import Settings
    from chartbridge.features.networks.sandbox.connectors import _Sandbox

    discover: Callable[..., object] = _Sandbox.discover
    latency_s = float(os.environ[LATENCY])

    def slowly(*arguments: object, **named: object) -> object:
        time.sleep(latency_s)
        return discover(*arguments, **named)

    if latency_s:
        setattr(_Sandbox, "discover", slowly)  # noqa: B010 - a method may not be assigned to otherwise
    running.work(Settings(), name)


def _is_ready(worker: Process) -> bool:
    return WORKER_READY in worker.log()


def _ended(connection: psycopg.Connection) -> int:
    row = connection.execute(ENDED).fetchone()
    assert row is not None
    return int(row[0])


def _until(connection: psycopg.Connection, count: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while _ended(connection) < count:
        if time.monotonic() > deadline:
            raise SystemExit("the queries do not end")
        time.sleep(0.05)


def _cpu(groups: dict[str, list[int]]) -> dict[str, float]:
    """Seconds of CPU that each group has used so far, with what PostgreSQL's children used; what workers
    started counts as their pools."""
    found = dict.fromkeys((*groups, "pools"), 0.0)
    of_leader = {pid: name for name, pids in groups.items() for pid in pids}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parent, session = int(fields[1]), int(fields[3])
        seconds = sum(map(int, fields[11:13])) / TICKS_A_SECOND
        if (group := of_leader.get(int(entry.name))) is not None:
            ended = sum(map(int, fields[13:15])) / TICKS_A_SECOND if group == "PostgreSQL" else 0.0
            found[group] += seconds + ended
        elif of_leader.get(parent) == "PostgreSQL":
            found["PostgreSQL"] += seconds
        elif session in of_leader:
            found["pools"] += seconds
    idle = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return found | {"idle": (int(idle[4]) + int(idle[5])) / TICKS_A_SECOND}


def main() -> None:
    arguments = argparse.ArgumentParser(description="Compare one worker with two.")
    arguments.add_argument("--queries", type=int, default=60)
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--latency-s", type=float, default=2.0)
    arguments.add_argument("--as-worker", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.as_worker:
        work(given.as_worker)
        return
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL on this machine")
    shapes = (
        Shape("one process for conversions", {"conversion_processes": "1"}),
        Shape("two processes for conversions", {"conversion_processes": "2"}),
        Shape(
            f"networks that take {given.latency_s:g} s, two jobs at once",
            {"conversion_processes": "1", "worker_concurrency": "2"},
            given.latency_s,
        ),
    )
    print(f"{os.cpu_count()} processors")
    server = PostgresServer(binaries)
    try:
        for shape in shapes:
            compare(server, shape, given)
    finally:
        server.stop()


def compare(server: PostgresServer, shape: Shape, given: argparse.Namespace) -> None:
    results: dict[int, list[Measured]] = {1: [], 2: []}
    for turn in range(given.rounds):
        for workers in (1, 2) if turn % 2 == 0 else (2, 1):
            results[workers].append(measure(server, shape, workers, given.queries))
    print(f"\n{shape.title}")
    for workers, measured in results.items():
        rate = statistics.median(one.rate for one in measured)
        cpu = "   ".join(
            f"{name} {statistics.median(one.cpu[name] for one in measured):.2f}" for name in measured[0].cpu
        )
        idle = statistics.median(one.idle for one in measured)
        per_query = sum(sum(one.cpu.values()) / one.rate for one in measured) / len(measured)
        print(
            f"  {workers} worker{'s' if workers > 1 else ' '} {rate:6.2f} queries a second   cores: {cpu}   "
            f"idle {idle:.2f}   {per_query * 1000:.0f} ms of CPU a query",
            flush=True,
        )
    one, two = (statistics.median(m.rate for m in results[workers]) for workers in (1, 2))
    print(f"  two workers complete {two / one:.2f} times as many as one")


if __name__ == "__main__":
    main()
