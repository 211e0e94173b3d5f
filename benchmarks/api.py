"""How the API's answering times grow from ten thousand patients to a million; what it adds to bare FastAPI.

    python benchmarks/api.py [--small 10000] [--large 1000000] [--calls 300]

Starts a PostgreSQL server of its own, makes two databases with invented patients, serves each with
`chartbridge serve --no-worker` as an operator would, and calls both in turn from this process over
loopback, each on one connection that stays open. Every answer is checked. A third server is FastAPI with
one plain `def` route that returns the bytes of a patient and does nothing else. Prints medians and their
ratios; what a busy machine adds, it adds to both sides of a ratio. Ends by itself and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.ports import free_port  # noqa: E402
from tests.support.postgres import PostgresServer, find_binaries  # noqa: E402

from chartbridge.auth import authenticate, create_key  # noqa: E402
from chartbridge.config import Settings  # noqa: E402
from chartbridge.db import Database  # noqa: E402
from chartbridge.platform import migrate  # noqa: E402

FIRST_NAMES, LAST_NAMES = 1_200, 8_000
BARE = """
import sys
from fastapi import FastAPI, Response
import uvicorn
content = sys.stdin.buffer.read()
app = FastAPI()
@app.get("/")
def bare() -> Response:
    return Response(content, media_type="application/json")
uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False)
"""
# Names are drawn as in life: few are frequent, most are rare. Ids are UUIDs version 7, one a millisecond.
SEED = """
INSERT INTO patients (id, first_name, last_name, dob, gender_at_birth, address, contact, personal_identifiers,
  external_id, additional_ids, hie_opt_out, treatment_relationship, search_text, search_ids, version,
  account_id, environment, created_at, updated_at)
SELECT id, first, last, dob, gender,
  jsonb_build_array(jsonb_build_object('addressLine1', house || ' ' || street || ' St', 'city', city,
    'state', 'AZ', 'zip', zip, 'country', 'USA')),
  jsonb_build_array(jsonb_build_object('phone', phone)), '[]', mrn, '{}', false, true,
  ' ' || lower(first) || ' ' || lower(last) || ' | ' || replace(dob, '-', ' ') || ' | '
    || replace(id, '-', ' ') || ' | ' || replace(mrn, '-', ' ') || ' ',
  mrn, 1, %(account)s::text, 'production', now(), now()
FROM (
  SELECT substr(moment, 1, 8) || '-' || substr(moment, 9, 4) || '-7' || substr(noise, 1, 3) || '-8'
      || substr(noise, 4, 3) || '-' || substr(noise, 7, 12) AS id,
    (%(first)s::text[])[1 + floor(%(firsts)s::float * power(r1, 2.5))::int] AS first,
    (%(last)s::text[])[1 + floor(%(lasts)s::float * power(r2, 2.5))::int] AS last,
    to_char(date '1932-01-01' + (r3 * 34000)::int, 'YYYY-MM-DD') AS dob,
    CASE WHEN r4 < 0.5 THEN 'F' ELSE 'M' END AS gender,
    (%(last)s::text[])[1 + floor(%(lasts)s::float * r5)::int] AS street,
    (%(last)s::text[])[1 + floor(200 * r6)::int] AS city,
    floor(r7 * 9000)::text AS house, lpad(floor(r5 * 99999)::text, 5, '0') AS zip,
    '602' || lpad(floor(r6 * 9999999)::text, 7, '0') AS phone, 'mrn-' || lpad(n::text, 8, '0') AS mrn
  FROM (SELECT n, lpad(to_hex(1700000000000 + n), 12, '0') AS moment, md5(n::text || 'x') AS noise,
      random() r1, random() r2, random() r3, random() r4, random() r5, random() r6, random() r7
    FROM generate_series(%(from)s::bigint, %(to)s::bigint) n) drawn
) made
"""
LINK = """
INSERT INTO patient_facilities (patient_id, facility_id, account_id, environment, created_at, updated_at)
SELECT id, %(facility)s::text, account_id, environment, created_at, updated_at FROM patients
"""
FACILITY = """
INSERT INTO facilities (id, oid, name, npi, address, version, account_id, environment, created_at, updated_at)
VALUES (%(facility)s, '2.25.1', 'North Clinic', '1234567893',
  '{"addressLine1": "9 Elm St", "city": "Phoenix", "state": "AZ", "zip": "85004"}', 1, %(account)s,
  'production', now(), now())
"""


@dataclass(frozen=True)
class Person:
    """What is known of one of the patients, to ask for them."""

    id: str
    first: str
    last: str
    dob: str
    mrn: str
    body: dict[str, Any]


class Served:
    """One server and one connection to it."""

    def __init__(self, name: str, port: int, key: str = "", people: list[Person] | None = None) -> None:
        self.name = name
        self.people = people or []
        self._headers = {"x-api-key": key, "accept": "application/json"}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(self, method: str, path: str, body: Any = None) -> tuple[float, bytes]:
        """Seconds until the whole answer was there, and the answer, which must be a success."""
        content = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({} if content is None else {"content-type": "application/json"})
        began = time.perf_counter()
        try:
            self._connection.request(method, path, content, headers)
            answer = self._connection.getresponse()
        except http.client.RemoteDisconnected:  # the server ends connections that lie unused for 5 s
            self._connection.close()
            return self.call(method, path, body)
        received = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {received[:500]!r}")
        return took, received

    def await_answer(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.call("GET", "/")
                return
            except ConnectionRefusedError:
                self._connection.close()
                if time.monotonic() > deadline:
                    raise SystemExit(f"{self.name} does not answer") from None
                time.sleep(0.1)


def names(count: int, seed: int) -> list[str]:
    """That many different invented names."""
    draw = random.Random(seed)
    syllables = [
        c + v for c in "bcdfghjklmnprstvwz" for v in ("a", "e", "i", "o", "u", "an", "er", "il", "on")
    ]
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(draw.choices(syllables, k=draw.choice((2, 2, 3)))).capitalize()] = None
    return list(made)


def seed(url: str, account: str, patients: int) -> None:
    """Fill a migrated database. The search indexes are made after the rows, which is much quicker."""
    values: dict[str, Any] = {"account": account, "facility": "01900000-0000-7000-8000-000000000001"}
    values |= {"first": names(FIRST_NAMES, 1), "firsts": FIRST_NAMES}
    values |= {"last": names(LAST_NAMES, 2), "lasts": LAST_NAMES}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute("SET synchronous_commit = off")
        made_after = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'patients' AND indexname LIKE %s",
            ["ix_patients%"],
        ).fetchall()
        for name, _ in made_after:
            connection.execute(f'DROP INDEX "{name}"')
        connection.execute(FACILITY, values)
        connection.execute("SELECT setseed(0.5)")
        for start in range(1, patients + 1, 100_000):
            connection.execute(SEED, values | {"from": start, "to": min(patients, start + 99_999)})
        connection.execute(LINK, values)
        for _, definition in made_after:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE")


def people(url: str, count: int) -> list[Person]:
    """Patients drawn from all over the table."""
    query = """SELECT id, first_name, last_name, dob, external_id, gender_at_birth, address, contact
        FROM patients WHERE external_id = ANY(%s)"""
    with psycopg.connect(url) as connection:
        total = connection.execute("SELECT sum(patients) FROM patient_counts").fetchone()
        assert total is not None
        drawn = random.Random(7).sample(range(1, int(total[0]) + 1), count)
        rows = connection.execute(query, [[f"mrn-{n:08d}" for n in drawn]]).fetchall()
    random.Random(8).shuffle(rows)
    return [
        Person(
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            {
                "firstName": row[1],
                "lastName": row[2],
                "dob": row[3],
                "genderAtBirth": row[5],
                "address": row[6],
                "contact": row[7],
            },
        )
        for row in rows
    ]


Operation = Callable[[Served, Person], float]
P = "/medical/v1/patient"


def first_page(served: Served, _person: Person) -> float:
    took, answer = served.call("GET", P)
    assert json.loads(answer)["meta"]["itemsOnPage"] == 50
    return took


def later_page(served: Served, person: Person) -> float:
    took, answer = served.call("GET", f"{P}?fromItem={person.id}&count=50")
    assert json.loads(answer)["patients"][0]["id"] == person.id
    return took


def get_one(served: Served, person: Person) -> float:
    took, answer = served.call("GET", f"{P}/{person.id}")
    assert json.loads(answer)["id"] == person.id
    return took


def match_one(served: Served, person: Person) -> float:
    took, answer = served.call("POST", f"{P}/match", person.body)
    assert json.loads(answer)["dob"] == person.dob
    return took


def _search(served: Served, text: str) -> float:
    took, answer = served.call("GET", f"{P}?{urlencode({'filters': text})}")
    assert json.loads(answer)["meta"]["itemsInTotal"] >= 1, text
    return took


def by_name_and_birth(served: Served, person: Person) -> float:
    return _search(served, f"{person.last} {person.dob}")


def by_external_id(served: Served, person: Person) -> float:
    return _search(served, person.mrn)


def by_whole_name(served: Served, person: Person) -> float:
    return _search(served, f"{person.first} {person.last}")


OPERATIONS: dict[str, Operation] = {
    "list: first page": first_page,
    "list: a later page": later_page,
    "get one": get_one,
    "match one": match_one,
    "search: last name and date of birth": by_name_and_birth,
    "search: external id": by_external_id,
    "search: first and last name": by_whole_name,
}


def measure(small: Served, large: Served, bare: Served, calls: int) -> None:
    print(f"{'':<38}{small.name:>12}{large.name:>12}{'ratio':>8}")
    for title, operation in OPERATIONS.items():
        times: dict[str, list[float]] = {small.name: [], large.name: []}
        for turn in range(calls + 20):
            for served in (small, large) if turn % 2 else (large, small):
                took = operation(served, served.people[turn % len(served.people)])
                if turn >= 20:  # the first calls fill caches
                    times[served.name].append(took)
        few, many = (statistics.median(times[s.name]) * 1000 for s in (small, large))
        print(f"{title:<38}{few:>9.2f} ms{many:>9.2f} ms{many / few:>8.2f}", flush=True)
    mine: list[float] = []
    theirs: list[float] = []
    person = large.people[0]
    for turn in range(3 * calls):
        for target in ("mine", "theirs") if turn % 2 else ("theirs", "mine"):
            if target == "mine":
                mine.append(get_one(large, person))
            else:
                theirs.append(bare.call("GET", "/")[0])
    ours, least = (statistics.median(t[20:]) * 1000 for t in (mine, theirs))
    print(f"{'get one, against bare FastAPI':<38}{least:>9.2f} ms{ours:>9.2f} ms{ours / least:>8.2f}")


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure the API at two sizes.")
    arguments.add_argument("--small", type=int, default=10_000)
    arguments.add_argument("--large", type=int, default=1_000_000)
    arguments.add_argument("--calls", type=int, default=300)
    given = arguments.parse_args()
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL on this machine")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = PostgresServer(binaries)
        stack.callback(server.stop)
        served = [
            _serve(stack, server, folder, f"{size:,}", size, min(400, given.small))
            for size in (given.small, given.large)
        ]
        content = served[1].call("GET", f"{P}/{served[1].people[0].id}")[1]
        measure(served[0], served[1], _serve_bare(stack, content), given.calls)


def _serve(
    stack: ExitStack, server: PostgresServer, folder: Path, name: str, patients: int, drawn: int
) -> Served:
    url = server.url(server.fresh_database())
    settings = Settings(database_url=url, data_dir=folder / name.replace(",", ""))
    began = time.perf_counter()
    migrate(settings)
    db = Database(settings.db_url)
    key = create_key(db, "production")
    caller = authenticate(db, key)
    assert caller is not None
    db.dispose()
    seed(url, caller.tenant.account_id, patients)
    print(f"{name} patients made in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CHARTBRIDGE_")}
    environment |= {
        "CHARTBRIDGE_DATABASE_URL": url,
        "CHARTBRIDGE_DATA_DIR": str(settings.data_dir),
        "CHARTBRIDGE_PORT": str(port),
        "CHARTBRIDGE_RATE_LIMITS": '{"general": 1000000}',
    }
    command = [sys.executable, "-m", "chartbridge", "serve", "--no-worker"]
    _start(stack, command, environment, folder / f"{port}.log")
    served = Served(name, port, key, people(url, drawn))
    served.await_answer()
    return served


def _serve_bare(stack: ExitStack, content: bytes) -> Served:
    port = free_port()
    with tempfile.TemporaryFile() as given:
        given.write(content)
        given.seek(0)
        _start(stack, [sys.executable, "-c", BARE, str(port)], dict(os.environ), Path(os.devnull), given)
    served = Served("bare", port)
    served.await_answer()
    return served


def _start(
    stack: ExitStack, command: list[str], environment: dict[str, str], log: Path, given: Any = None
) -> None:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            stdin=given or subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def stop() -> None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(stop)


if __name__ == "__main__":
    main()
