"""How fast a chart of 10,000 resources is read, counted and searched over HTTP.

    python benchmarks/records.py [--resources 10000] [--documents 200] [--calls 15]

Makes an embedded installation in a folder of its own, with one patient whose documents hold that many
resources, serves it with `chartbridge serve --no-worker` and calls it from this process over loopback. Every
answer is checked. The JSON query is compared with what orjson and gzip alone need, in this process, for the
same Bundle; both are measured in turn, so what a busy machine adds, it adds to both. Prints medians, exits
with 1 when a limit is passed, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from tests.support.people import facility, jane  # noqa: E402 - found from the repository's root only
from tests.support.ports import free_port  # noqa: E402

import chartbridge.app  # noqa: E402, F401 - the tables of all features
from chartbridge.auth import authenticate, create_key  # noqa: E402
from chartbridge.ccda import CONVERTER_VERSION  # noqa: E402
from chartbridge.config import Settings  # noqa: E402
from chartbridge.db import Database, Tenant  # noqa: E402
from chartbridge.db.migrate import upgrade  # noqa: E402
from chartbridge.features.documents import service as documents  # noqa: E402
from chartbridge.features.documents.models import Document  # noqa: E402
from chartbridge.features.networks.protocol import RemoteDocument, RemotePatient  # noqa: E402
from chartbridge.jobs.queue import SYSTEM_SCHEMA  # noqa: E402
from chartbridge.platform import Platform  # noqa: E402
from chartbridge.storage import keys  # noqa: E402
from summary import chart  # noqa: E402 - the generator beside this file

M = "/medical/v1"
LIMITS_MS = {"count": 300.0, "count, filtered": 300.0, "search": 300.0, "search, typing error": 300.0}
MAX_RATIO = 5.0


class Served:
    """The API in a process of its own, and one connection to it."""

    def __init__(self, folder: Path, key: str) -> None:
        self.port = free_port()
        environment = {**os.environ, "CHARTBRIDGE_DATA_DIR": str(folder), "CHARTBRIDGE_LOG_LEVEL": "error"}
        command = [sys.executable, "-m", "chartbridge", "serve", "--no-worker", "--port", str(self.port)]
        self._log = (folder / "serve.log").open("wb")
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=self._log, start_new_session=True
        )
        self._headers = {"x-api-key": key}
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[float, bytes]:
        """Milliseconds until the whole answer was there, and the answer, which must be a success."""
        content = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({} if body is None else {"content-type": "application/json"})
        began = time.perf_counter()
        for attempt in (1, 2):
            try:
                self._connection.request(method, f"{path}?{urlencode(query)}", content, headers)
                answer = self._connection.getresponse()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError):  # it ends connections left unused
                self._connection.close()
                if attempt == 2:
                    raise
        received = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status not in (200, 201):
            raise SystemExit(f"{method} {path}: {answer.status} {received[:500]!r}")
        return took, received

    def processor_ms(self) -> float:
        """Processor time that the server and its processes have used so far."""
        ticks = 0
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:  # it ended just now
                continue
            if int(fields[2]) == self._process.pid:  # all are of one process group
                ticks += int(fields[11]) + int(fields[12])
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")

    def await_answer(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.call("GET", "/")
                return
            except ConnectionRefusedError:
                self._connection.close()
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise SystemExit("the server did not start") from None
                time.sleep(0.1)

    def stop(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait(30)
        self._log.close()


def fill(folder: Path, key: str, patient_id: str, resources: list[dict[str, Any]], count: int) -> None:
    """Give the patient that many documents, already converted, which share the resources evenly."""
    platform = Platform.open(Settings(data_dir=folder))
    known = authenticate(platform.db, key)
    if known is None:
        raise SystemExit("the key does not work")
    tenant = known.tenant
    offered = [
        RemoteDocument(
            "1.2.3", f"d{n}", f"Document {n}", "text/plain", created=f"2024-01-01T00:00:{n % 60:02}Z"
        )
        for n in range(count)
    ]
    with platform.db.write(tenant) as session:
        ids = documents.record_found(session, patient_id, "hie", "SANDBOX", RemotePatient("1", "2"), offered)
    for number, document_id in enumerate(ids):
        content = f"Document {number}. The patient was seen and is well. ".encode() * 100
        documents.store_bytes(platform, tenant, document_id, content)
        _convert(platform, tenant, patient_id, document_id, content, resources[number::count])
    platform.close()


def _convert(
    platform: Platform, tenant: Tenant, patient_id: str, document_id: str, content: bytes, held: list[Any]
) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    bundle = {"bundle": {"entry": [{"resource": one} for one in held]}}
    platform.store.put(
        keys.conversion(tenant, patient_id, sha256, CONVERTER_VERSION),
        gzip.compress(orjson.dumps(bundle)),
        content_type="application/gzip",
    )
    with platform.db.write(tenant) as session:
        row = session.get(Document, document_id)
        if row is None:
            raise SystemExit("the document is gone")
        row.conversion, row.converted_sha256, row.converter_version = "converted", sha256, CONVERTER_VERSION


def alone_ms(content: bytes) -> tuple[float, float]:
    """What writing the Bundle as JSON and packing it takes by itself, and the processor time of that."""
    value = orjson.loads(content)
    began, used = time.perf_counter(), time.process_time()
    gzip.compress(orjson.dumps(value), compresslevel=6, mtime=0)
    return (time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000


def main() -> int:
    """Exit status: 1 when a limit is passed."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--resources", type=int, default=10_000)
    arguments.add_argument("--documents", type=int, default=200)
    arguments.add_argument("--calls", type=int, default=15)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        db = Database(Settings(data_dir=folder).db_url)
        upgrade(db, system_schema=SYSTEM_SCHEMA)
        key = create_key(db, "sandbox", "benchmark")
        db.dispose()
        served = Served(folder, key)
        try:
            served.await_answer()
            return measure(served, folder, key, given)
        finally:
            served.stop()


def measure(served: Served, folder: Path, key: str, given: argparse.Namespace) -> int:
    """Fill, call, print; 1 when a limit is passed."""
    place = json.loads(served.call("POST", f"{M}/facility", facility())[1])["id"]
    patient = json.loads(served.call("POST", f"{M}/patient", jane(), facilityId=place)[1])["id"]
    fill(folder, key, patient, chart(given.resources), given.documents)
    base = f"{M}/patient/{patient}/consolidated"
    first, whole = served.call("GET", base)
    print(
        f"made in {first:.0f} ms: {json.loads(whole)['total']} resources, {len(whole) / 1e6:.1f} MB of JSON"
    )
    served.call("GET", f"{base}/search", query="analyte")
    calls: dict[str, tuple[str, dict[str, str]]] = {
        "JSON query": (base, {}),
        "JSON query, one type": (base, {"resources": "Condition"}),
        "count": (f"{base}/count", {}),
        "count, filtered": (f"{base}/count", {"resources": "Observation", "dateFrom": "2015-01-01"}),
        "search": (f"{base}/search", {"query": "imaging study"}),
        "search, typing error": (f"{base}/search", {"query": "anlyte 17"}),
        "search, everything": (f"{base}/search", {}),
    }
    times: dict[str, list[float]] = {name: [] for name in (*calls, "orjson and gzip alone")}
    used = dict.fromkeys(times, 0.0)
    for _ in range(given.calls):
        for name, (path, query) in calls.items():
            before = served.processor_ms()
            took, received = served.call("GET", path, **query)
            held = json.loads(received)
            if not (held.get("total") or held.get("resourceCount")):
                raise SystemExit(f"{name} found nothing")
            times[name].append(took)
            used[name] += served.processor_ms() - before
        took, spent = alone_ms(whole)
        times["orjson and gzip alone"].append(took)
        used["orjson and gzip alone"] += spent
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    spent_ms = {name: total / given.calls for name, total in used.items()}
    for name, median in medians.items():
        limit = f", limit {LIMITS_MS[name]:.0f}" if name in LIMITS_MS else ""
        print(f"{name:24} {median:6.0f} ms{limit}; processor {spent_ms[name]:.0f} ms")
    ratio = spent_ms["JSON query"] / spent_ms["orjson and gzip alone"]
    waited = medians["JSON query"] / medians["orjson and gzip alone"]
    print(f"JSON query / alone: {waited:.2f}, of processor time {ratio:.2f}, limit {MAX_RATIO:.0f}")
    over = [name for name, limit in LIMITS_MS.items() if medians[name] > limit]
    return 1 if over or waited > MAX_RATIO else 0


if __name__ == "__main__":
    sys.exit(main())
