"""Whether memory, file handles, tables and objects stay level while the platform works for half an hour.

    python benchmarks/soak.py [--minutes 30] [--database postgres|sqlite] [--out soak.json]

Starts a PostgreSQL and a SeaweedFS server of its own (or SQLite and a folder), one API process and two
workers as an operator would, and keeps them moderately busy: patients are created, queried, asked for their
charts and deleted two minutes later, now and then 100 are imported from a file, and some webhooks are
answered badly. Retention is set short, so that what is kept for a time levels off within the run. Every
minute it notes resident memory, open files and threads of each process, rows and bytes of every table and
the number of objects. Prints a line a minute, and at the end how each changed after the first third of the
run; writes it all as JSON. Everything is on loopback; it ends by itself and leaves nothing but the JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import inspect, text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.api import names  # noqa: E402
from tests.faults.load import patient  # noqa: E402
from tests.support import people  # noqa: E402
from tests.support.client import Api, M  # noqa: E402
from tests.support.ports import LOOPBACK, free_port  # noqa: E402
from tests.support.postgres import PostgresServer, find_binaries  # noqa: E402
from tests.support.processes import Process  # noqa: E402
from tests.support.rough_receiver import RoughReceiver  # noqa: E402
from tests.support.seaweedfs import S3Server, find_binary  # noqa: E402
from tests.support.server import Deployment  # noqa: E402

from chartbridge.config import Settings  # noqa: E402
from chartbridge.features.patients.workflows import PURGE  # noqa: E402
from chartbridge.platform import Platform  # noqa: E402

SAMPLE_S = 60.0
PAUSE_S = 4.0
LIVES_S = 120.0
IMPORT_EVERY_S = 300.0
ROUND = int(IMPORT_EVERY_S / SAMPLE_S)
IMPORT_ROWS = 100
KEPT_DAYS = str(3 / 1440)  # three minutes
SLACK = 0.10
"""A series is level when its last two thirds rise by less than this part of their mean, or by ``LEAST``."""

LEAST = {"mb": 8.0, "files": 6.0, "threads": 3.0, "rows": 60.0, "objects": 60.0}
SETTINGS = {
    "sandbox_max_patients": "100000",
    "rate_limits": '{"general":1000000,"patient-write":100000,"consolidated-query":100000,'
    '"network-query-hie":100000,"network-query-pharmacy":100000,"network-query-lab":100000}',
    "conversion_processes": "1",
    "webhook_timeout_s": "2",
    "webhook_max_attempts": "4",
    "webhook_backoff_s": "1",
    "webhook_keep_delivered_days": KEPT_DAYS,
    "webhook_keep_failed_days": KEPT_DAYS,
    "bulk_queries_per_minute": "120",
    "bulk_result_days": KEPT_DAYS,
    "job_kept_days": KEPT_DAYS,
    "housekeeping_s": "60",
    "schedule_poll_s": "5",
}
WAITING = "second passes"
CSV_HEADER = "firstName,lastName,dob,gender,addressLine1,city,state,zip,externalId"


@dataclass
class Traffic:
    """Moderate work, one step at a time."""

    api: Api
    facility_id: str
    made: int = 0
    imports: int = 0
    deleted: int = 0
    done: dict[str, int] = field(default_factory=dict)
    living: deque[tuple[float, str]] = field(default_factory=deque)
    _last_import: float = 0.0

    def step(self) -> None:
        """One patient comes and asks, one goes; now and then a file of them."""
        body = patient(self.made)
        created = self.api.post(f"{M}/patient", body, status=201, facilityId=self.facility_id)["id"]
        query = self.api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=created)
        self.api.poll(f"{M}/network/query/{query['requestId']}", timeout_s=120)
        self.api.post(f"{M}/patient/{created}/consolidated/query", conversionType="json")
        self.living.append((time.monotonic(), created))
        self.made += 1
        while self.living and time.monotonic() - self.living[0][0] > LIVES_S:
            self._delete(self.living.popleft()[1])
        if time.monotonic() - self._last_import > IMPORT_EVERY_S:
            self._forget_imported()
            self._import()
            self._last_import = time.monotonic()

    def _import(self) -> None:
        started = self.api.post(f"{M}/patient/bulk", facilityId=self.facility_id)
        rows = [
            f"{first},Importee,{1930 + n // 12}-{1 + n % 12:02}-10,f,{n} Main St,Boise,ID,83702,soak-{n}"
            for n, first in enumerate(names(IMPORT_ROWS, 3))
        ]
        content = "\n".join([CSV_HEADER, *rows]).encode()
        sent = httpx.put(started["uploadUrl"], content=content, headers={"content-type": "text/csv"})
        self._count("uploaded", sent.status_code)
        self.imports += 1

    def _forget_imported(self) -> None:
        """Delete whom the import before brought."""
        while found := self.api.get(f"{M}/patient", filters="Importee", count=100)["patients"]:
            for one in found:
                self._delete(one["id"])

    def _delete(self, patient_id: str) -> None:
        answer = self.api.http.delete(f"{M}/patient/{patient_id}")
        answer.raise_for_status()
        self._count("deleted", answer.status_code)
        self.deleted += 1

    def _count(self, what: str, status: int) -> None:
        name = f"{what} {status}"
        self.done[name] = self.done.get(name, 0) + 1


class Gauge:
    """Reads the numbers that should be level."""

    def __init__(self, platform: Platform, processes: dict[str, Process]) -> None:
        self._platform = platform
        self._processes = processes
        self._tables = self._all_tables()

    def sample(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, process in self._processes.items():
            for number, pid in enumerate(_session_of(process.pid)):
                of = name if number == 0 else f"{name}, child {number}"
                found |= {f"{kind} of {of}": value for kind, value in _usage(pid).items()}
        sizes = self._sizes()
        with self._platform.db.engine.connect() as connection:
            for table in self._tables:
                found[f"rows of {table}"] = connection.execute(
                    text(f"SELECT count(*) FROM {table}")
                ).scalar_one()
        found[WAITING] = self._second_passes()
        for table in ("workflow_status", "workflow_input"):  # a job's two rows
            for name in found.keys() & {f'rows of "{table}"', f'rows of "dbos"."{table}"'}:
                found[name] -= found[WAITING]
        found |= {f"mb of {name}": size / 1e6 for name, size in sizes.items()}
        found["objects"] = sum(1 for _ in self._platform.store.keys("sandbox"))
        return found

    def _second_passes(self) -> int:
        """Jobs that wait for the hour after a patient's deletion to be over: as many as were deleted in the
        last hour, so they are told apart from what should be level in a shorter time."""
        client = self._platform.jobs.client()
        waiting = client.list_workflows(status="DELAYED", load_input=False, load_output=False)
        return sum(job.name == PURGE for job in waiting)

    def _all_tables(self) -> list[str]:
        names = inspect(self._platform.db.engine)
        schemas = [None] if self._platform.db.is_sqlite else ["public", "dbos"]
        return [f'"{s}"."{t}"' if s else f'"{t}"' for s in schemas for t in sorted(names.get_table_names(s))]

    def _sizes(self) -> dict[str, float]:
        """Bytes on disk; dead rows are swept first, as autovacuum looks for each minute by default."""
        if self._platform.db.is_sqlite:
            path = Path(str(self._platform.db.url.database))
            return {"the database": float(sum(p.stat().st_size for p in path.parent.glob(f"{path.name}*")))}
        engine = self._platform.db.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
            return {
                table: connection.execute(
                    text("SELECT pg_total_relation_size(CAST(:name AS regclass))"), {"name": table}
                ).scalar_one()
                for table in self._tables
            }


def _session_of(leader: int) -> list[int]:
    """The process and what it started, oldest first."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(after_name[3]) == leader:
                found.append((int(after_name[19]), int(entry.name)))
    return [pid for _, pid in sorted(found)]


def _usage(pid: int) -> dict[str, float]:
    try:
        lines = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return {}
    return {
        "mb": int(lines["VmRSS"].split()[0]) / 1024,
        "files": float(files),
        "threads": float(lines["Threads"]),
    }


@dataclass(frozen=True)
class Trend:
    """How a series changed over the last two thirds of the run: its means over ``ROUND`` samples, since an
    import comes and goes in each round. ``slope`` is per minute."""

    name: str
    first: float
    last: float
    slope: float
    level: bool


def trends(samples: list[dict[str, float]]) -> list[Trend]:
    kept = samples[len(samples) // 3 :]
    found = []
    for name in sorted(set().union(*kept)):
        noted = [sample[name] for sample in kept if name in sample]
        values = [sum(noted[at - ROUND : at]) / ROUND for at in range(ROUND, len(noted) + 1)]
        if name == WAITING or len(values) < 2 or not any(values):
            continue
        middle_x, middle_y = (len(values) - 1) / 2, sum(values) / len(values)
        over = sum((x - middle_x) ** 2 for x in range(len(values)))
        slope = sum((x - middle_x) * (y - middle_y) for x, y in enumerate(values)) / over
        rise = slope * (len(values) - 1)
        is_level = rise <= max(SLACK * middle_y, LEAST[name.split()[0]])
        found.append(Trend(name, values[0], values[-1], slope, is_level))
    return found


def run(given: argparse.Namespace, stack: ExitStack) -> dict[str, Any]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chartbridge-soak-")))
    port = free_port()
    where = _servers(stack) if given.database == "postgres" else {}
    settings = {**SETTINGS, **where, "port": str(port), "public_url": f"http://{LOOPBACK}:{port}"}
    deployment = Deployment(folder, settings, fresh=True)
    stack.callback(deployment.close)
    server = deployment.serve(worker=False, port=port)
    processes: dict[str, Process] = {"API": server}
    for name in ("worker-1", "worker-2"):
        processes[name] = deployment.worker(name)
    platform = Platform.open(Settings.model_validate({"data_dir": deployment.data_dir, **where}))
    stack.callback(platform.close)
    receiver = stack.enter_context(RoughReceiver(seed=1, slow_s=3, hopeless=0.02))
    api = stack.enter_context(deployment.api(server))
    api.post("/settings", {"webhookUrl": receiver.url})
    facility = api.post(f"{M}/facility", people.facility(), status=201)["id"]
    traffic, gauge = Traffic(api, facility), Gauge(platform, processes)
    samples: list[dict[str, float]] = []
    statuses: dict[str, int] = {}
    began = time.monotonic()
    draw = random.Random(2)
    while (passed := time.monotonic() - began) < given.minutes * 60:
        if passed >= len(samples) * SAMPLE_S:
            samples.append(gauge.sample())
            _say(samples[-1], passed, traffic)
            for one in receiver.received:
                statuses[str(one.answered)] = statuses.get(str(one.answered), 0) + 1
            receiver.received.clear()
        traffic.step()
        time.sleep(draw.uniform(0.5, 1.5) * PAUSE_S)
    assert all(process.running for process in processes.values()), "a process ended"
    found = trends(samples)
    waiting = gauge.sample()[WAITING]
    assert given.minutes > 60 or waiting == traffic.deleted, f"{waiting} wait, {traffic.deleted} were deleted"
    return {
        "database": given.database,
        "minutes": given.minutes,
        "patients": traffic.made,
        "imports": traffic.imports,
        "answers": traffic.done,
        "webhooks by answer": statuses,
        "samples": samples,
        "trends": [vars(trend) for trend in found],
        "level": all(trend.level for trend in found),
    }


def _servers(stack: ExitStack) -> dict[str, str]:
    binaries, weed = find_binaries(), find_binary()
    if binaries is None or weed is None:
        raise SystemExit("no PostgreSQL or no SeaweedFS on this machine; try --database sqlite")
    postgres, s3 = PostgresServer(binaries), S3Server(weed)
    stack.callback(postgres.stop)
    stack.callback(s3.stop)
    return {"database_url": postgres.url(postgres.fresh_database()), **s3.settings(s3.fresh_bucket())}


def _say(sample: dict[str, float], passed_s: float, traffic: Traffic) -> None:
    memory = sum(value for name, value in sample.items() if name.startswith("mb of API"))
    workers = sum(value for name, value in sample.items() if name.startswith("mb of worker"))
    files = sum(value for name, value in sample.items() if name.startswith("files"))
    rows = sum(value for name, value in sample.items() if name.startswith("rows"))
    print(
        f"{passed_s / 60:5.1f} min   {traffic.made:5} patients   API {memory:5.0f} MB   "
        f"workers {workers:5.0f} MB   {files:4.0f} files   {rows:7.0f} rows   "
        f"{sample['objects']:5.0f} objects",
        flush=True,
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description="Work for a while and see what grows.")
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--database", choices=("postgres", "sqlite"), default="postgres")
    arguments.add_argument("--out", type=Path, default=Path("soak.json"))
    given = arguments.parse_args()
    with ExitStack() as stack:
        result = run(given, stack)
    given.out.write_text(json.dumps(result, indent=1))
    for trend in sorted(result["trends"], key=lambda one: (one["level"], one["name"])):
        if not trend["level"] or not trend["name"].startswith(("rows", 'mb of "')):
            verdict = "level" if trend["level"] else "RISES"
            print(
                f"{verdict:6} {trend['name']:<55} {trend['first']:10.1f} to {trend['last']:10.1f}"
                f"   {trend['slope']:+.2f} a minute"
            )
    rising = [trend["name"] for trend in result["trends"] if not trend["level"]]
    print("all is level" if result["level"] else f"{len(rising)} of {len(result['trends'])} rise")
    raise SystemExit(0 if result["level"] else 1)


if __name__ == "__main__":
    main()
