"""Bulk imports: rows a second, against bare inserts of the same rows, and the memory of the worker.

    python benchmarks/bulk.py [--rows 100000] [--database sqlite|postgres|both]

For each database: an API and a worker are started as an operator would; a file of that many invented people
is sent as a dry run, then in earnest, to a production account, which has no network to ask, and once more.
Then the patients that came of it are inserted again, under new ids and another account, by this process: bare
statements in batches, the same tables with the same indexes, and nothing else. Prints rows a second, the
ratio to the bare inserts, and the most memory that the worker's process had. Every row of the results is
looked at. Ends by itself and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import MetaData, Table, create_engine, event, select

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.api import names  # noqa: E402
from tests.support.client import Api, M  # noqa: E402
from tests.support.people import facility  # noqa: E402
from tests.support.ports import free_port  # noqa: E402
from tests.support.postgres import PostgresServer, find_binaries  # noqa: E402
from tests.support.server import Deployment  # noqa: E402

from chartbridge.auth import create_key  # noqa: E402
from chartbridge.config import Settings  # noqa: E402
from chartbridge.db import Database  # noqa: E402
from chartbridge.ids import new_id  # noqa: E402
from chartbridge.platform import migrate  # noqa: E402

BARE_BATCH = 1000
COLUMNS = ("firstName", "lastName", "dob", "gender", "addressLine1", "city", "state", "zip", "phone", "id")


@dataclass
class Memory:
    """The most that a process had resident, in bytes, looked at ten times a second."""

    pid: int
    most: int = 0

    def __enter__(self) -> Memory:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            try:
                fields = Path(f"/proc/{self.pid}/status").read_text().splitlines()
            except FileNotFoundError:
                return
            resident = next(line for line in fields if line.startswith("VmRSS:"))
            self.most = max(self.most, int(resident.split()[1]) * 1024)


def people(count: int) -> bytes:
    """A file of that many different people."""
    draw = random.Random(4)
    first, last = names(1_200, 1), names(8_000, 2)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for number in range(count):
        writer.writerow(
            (
                draw.choice(first),
                draw.choice(last),
                f"{draw.randint(1932, 2024)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
                draw.choice("FM"),
                f"{draw.randint(1, 9000)} {draw.choice(last)} St",
                draw.choice(last[:200]),
                "AZ",
                f"{draw.randint(2000, 8999)}{draw.randint(5, 8)}",
                f"602555{number % 10_000:04d}",
                f"mrn-{number:08d}",
            )
        )
    return text.getvalue().encode()


def imported(api: Api, content: bytes, *, dry_run: bool) -> tuple[float, dict[str, Any]]:
    """Seconds from the end of the upload to the end of the import, and the import."""
    begun = api.post(f"{M}/patient/bulk", dryRun=str(dry_run).lower())
    httpx.put(
        begun["uploadUrl"], content=content, headers={"content-type": "text/csv"}, timeout=120
    ).raise_for_status()
    began = time.perf_counter()
    done = api.poll(f"{M}/patient/bulk/{begun['requestId']}", timeout_s=3600)
    return time.perf_counter() - began, done


def check_result(done: dict[str, Any], rows: int, *, dry_run: bool) -> None:
    with httpx.stream("GET", done["result"], timeout=120) as answer:
        lines = csv.DictReader(answer.iter_lines())
        ids = [line["metriportId"] for line in lines if line["status"] == "succeeded"]
    assert len(ids) == rows == done["rows"]["succeeded"]
    assert (set(ids) == {""}) is dry_run


def bare_inserts(url: str, sqlite: bool) -> float:
    """Seconds to insert all patients and their facilities again, under other ids and another account."""
    engine = create_engine(url)
    if sqlite:

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
                connection.execute(f"PRAGMA {pragma}")

    known = MetaData()
    known.reflect(engine, only=["patients", "patient_facilities"])
    patients, links = known.tables["patients"], known.tables["patient_facilities"]
    took = 0.0
    last = ""
    with engine.connect() as reading:
        while found := _some(reading, patients, last):
            last = found[-1]["id"]
            query = select(links.c.patient_id, links.c.facility_id).where(
                links.c.patient_id.in_([row["id"] for row in found])
            )
            facility_of = dict(reading.execute(query).all())
            reading.rollback()
            fresh = [(row["id"], {**row, "id": new_id(), "account_id": "bare"}) for row in found]
            linked = [
                {
                    "patient_id": row["id"],
                    "facility_id": facility_of[old],
                    **{n: row[n] for n in ("account_id", "environment", "created_at", "updated_at")},
                }
                for old, row in fresh
            ]
            began = time.perf_counter()
            with engine.begin() as writing:
                writing.execute(patients.insert(), [row for _, row in fresh])
                writing.execute(links.insert(), linked)
            took += time.perf_counter() - began
    engine.dispose()
    return took


def _some(reading: Any, patients: Table, last: str) -> list[dict[str, Any]]:
    query = (
        select(patients)
        .where(patients.c.id > last, patients.c.account_id != "bare")
        .order_by(patients.c.id)
        .limit(BARE_BATCH)
    )
    return [dict(row) for row in reading.execute(query).mappings()]


def measure(database: str, url: str | None, folder: Path, rows: int) -> None:
    port = free_port()
    given = {"port": str(port), "public_url": f"http://127.0.0.1:{port}"}
    deployment = Deployment(folder, given | ({"database_url": url} if url else {}), fresh=True)
    try:
        server = deployment.serve(worker=False, port=port)
        worker = deployment.worker("worker")
        where = url or f"sqlite:///{deployment.data_dir / 'chartbridge.sqlite'}"
        address = Settings(database_url=where).db_url
        db = Database(address)
        key = create_key(db, "production")
        db.dispose()
        content = people(rows)
        with Api(server.origin, key, timeout_s=120) as api, Memory(worker.pid) as memory:
            api.post(f"{M}/facility", facility(), status=201)
            validated, dry = imported(api, content, dry_run=True)
            check_result(dry, rows, dry_run=True)
            created, done = imported(api, content, dry_run=False)
            check_result(done, rows, dry_run=False)
            again, same = imported(api, content, dry_run=False)
            assert same["patients"]["created"] == 0
        worker.stop()
        bare = bare_inserts(address, database == "sqlite")
    finally:
        deployment.close()
    made = done["patients"]["created"]
    print(f"{database}: {rows:,} rows of {len(content) / rows:.0f} bytes, {made:,} patients")
    print(f"  validated (dry run)   {rows / validated:>9,.0f} rows/s")
    print(f"  created               {rows / created:>9,.0f} rows/s")
    print(f"  the same file again   {rows / again:>9,.0f} rows/s")
    print(f"  bare inserts          {made / bare:>9,.0f} rows/s")
    print(f"  created / bare        {(made / created) / (made / bare):>9.2f}")
    print(f"  the worker's memory   {memory.most / 1e6:>9,.0f} MB at most", flush=True)


def databases(wanted: str, stack: ExitStack) -> Iterator[tuple[str, str | None]]:
    if wanted in ("sqlite", "both"):
        yield "sqlite", None
    if wanted in ("postgres", "both"):
        binaries = find_binaries()
        if binaries is None:
            raise SystemExit("no PostgreSQL on this machine")
        server = PostgresServer(binaries)
        stack.callback(server.stop)
        name = server.fresh_database()
        migrate(Settings(database_url=server.url(name), data_dir=Path(tempfile.gettempdir())))
        yield "postgres", server.url(name)


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure bulk imports.")
    arguments.add_argument("--rows", type=int, default=100_000)
    arguments.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    given = arguments.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for database, url in databases(given.database, stack):
            measure(database, url, folder / database, given.rows)


if __name__ == "__main__":
    main()
