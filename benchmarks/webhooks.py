"""How many webhooks one worker delivers a second, and what one account's hanging receiver does to the others.

    python benchmarks/webhooks.py [--messages 2000] [--accounts 20] [--rate 60] [--seconds 15]
        [--database sqlite|postgres|both]

On each database: starts one worker process (`chartbridge worker`) and a receiver in a process of its own,
which answers at once, and for one account after four seconds. First the accounts' messages are all there
when the worker starts: deliveries a second. Then messages are made at a steady rate, without and with
messages for the account whose receiver hangs, in turns: how long it takes from a message's commit to the
receiver, 95th percentile, for the others. Every message is checked to have arrived. Ends by itself and
leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.ports import free_port  # noqa: E402
from tests.support.postgres import PostgresServer, find_binaries  # noqa: E402

import chartbridge.app  # noqa: E402, F401 - all tables
from chartbridge.config import Settings  # noqa: E402
from chartbridge.db import Tenant  # noqa: E402
from chartbridge.features.accounts import service as accounts  # noqa: E402
from chartbridge.features.webhooks import events, service  # noqa: E402
from chartbridge.platform import Platform, migrate  # noqa: E402

KIND = events.CONSOLIDATED_DATA
HANG_S = 4.0
HANGING = Tenant("hanging", "sandbox")
TURNS = 3
RECEIVER = """
import asyncio, json, sys, time
came = {}  # when each message came first, by its id
async def talk(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode().lower()
            length = int(head.partition("content-length:")[2].split("\\r\\n")[0] or 0)
            body = await reader.readexactly(length)
            answer = json.dumps(came).encode() if head.startswith("get") else b""
            if not answer:
                came.setdefault(json.loads(body)["meta"]["messageId"], time.time())
                if "/hang" in head.partition("\\r\\n")[0]:
                    await asyncio.sleep(float(sys.argv[2]))
            writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(answer) + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
async def serve():
    server = await asyncio.start_server(talk, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(serve())
"""


@contextmanager
def process(*command: str, environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        started = subprocess.Popen(command, env={**os.environ, **environment}, stdout=file, stderr=file)
    try:
        yield
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


class Bench:
    """One database with accounts, a receiver and, within ``worker()``, one worker."""

    def __init__(self, platform: Platform, receiver: str, folder: Path, names: int) -> None:
        self.platform = platform
        self.receiver = receiver
        self.folder = folder
        self.tenants = [Tenant(f"account-{number}", "sandbox") for number in range(names)]
        for tenant in (*self.tenants, HANGING):
            with platform.db.write(tenant) as session:
                path = "hang" if tenant == HANGING else "quick"
                accounts.set_webhook_url(accounts.settings(session), f"{receiver}/{path}")

    @contextmanager
    def worker(self) -> Iterator[None]:
        settings = self.platform.settings
        environment = {
            "CHARTBRIDGE_DATA_DIR": str(settings.data_dir),
            "CHARTBRIDGE_DATABASE_URL": str(settings.database_url),
            "CHARTBRIDGE_CONVERSION_PROCESSES": "1",
        }
        command = str(Path(sys.executable).with_name("chartbridge"))
        with process(
            command, "worker", "--id", "bench", environment=environment, log=self.folder / "worker.log"
        ):
            yield

    def send(self, tenant: Tenant) -> str:
        with self.platform.db.write(tenant) as session:
            return service.send(self.platform, session, KIND, events.ConsolidatedData(patients=[]))

    def came(self) -> dict[str, float]:
        found: dict[str, float] = httpx.get(self.receiver, timeout=60).json()
        return found

    def wait_for(self, sent: set[str], timeout_s: float = 300) -> dict[str, float]:
        deadline = time.monotonic() + timeout_s
        while True:
            came = self.came()
            if sent <= came.keys():
                return came
            if time.monotonic() > deadline:
                log = (self.folder / "worker.log").read_text()[-2000:]
                raise SystemExit(f"{len(sent - came.keys())} messages did not arrive\n{log}")
            time.sleep(0.2)

    def throughput(self, messages: int) -> float:
        """Deliveries a second between the first and the last arrival, the first second left out."""
        sent = {self.send(self.tenants[n % len(self.tenants)]) for n in range(messages)}
        with self.worker():
            came = self.wait_for(sent)
        moments = sorted(came[message] for message in sent)
        steady = [moment for moment in moments if moment >= moments[0] + 1] or moments
        return len(steady) / (steady[-1] - moments[0] - (1 if steady is not moments else 0))

    def latency_s(self, rate: float, seconds: float, *, hanging: bool) -> list[float]:
        """From commit to arrival, for messages made at that rate for the quick accounts in turn."""
        committed: dict[str, float] = {}
        began = time.monotonic()
        number = 0
        while (due := number / rate) < seconds:
            time.sleep(max(0.0, began + due - time.monotonic()))
            if hanging and number % 10 == 0:
                self.send(HANGING)
            message = self.send(self.tenants[number % len(self.tenants)])
            committed[message] = time.time()
            number += 1
        came = self.wait_for(set(committed))
        return [came[message] - moment for message, moment in committed.items()]


def measure(bench: Bench, name: str, options: argparse.Namespace) -> None:
    rate = bench.throughput(options.messages)
    print(f"{name}: {rate:.0f} deliveries/s from one worker ({options.accounts} accounts)", flush=True)
    with bench.worker():
        first = bench.send(bench.tenants[0])
        bench.wait_for({first})
        found: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(TURNS):
            for hanging in (False, True):
                found[hanging].append(
                    statistics.quantiles(
                        bench.latency_s(options.rate, options.seconds / TURNS, hanging=hanging), n=20
                    )[-1]
                )
    without, beside = (statistics.median(found[hanging]) * 1000 for hanging in (False, True))
    print(
        f"{name}: p95 from commit to receiver at {options.rate:g}/s: {without:.0f} ms alone, {beside:.0f} ms "
        f"beside an account that hangs {HANG_S:g} s each time: {beside / without:.2f} times",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--rate", type=float, default=60)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    options = parser.parse_args()
    wanted = ["sqlite", "postgres"] if options.database == "both" else [options.database]
    for name in wanted:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chartbridge-webhooks-")))
            url = f"sqlite:///{folder / 'bench.sqlite'}"
            if name == "postgres":
                binaries = find_binaries()
                if binaries is None:
                    print("no PostgreSQL on this machine")
                    return
                server = PostgresServer(binaries)
                stack.callback(server.stop)
                url = server.url(server.fresh_database())
            settings = Settings(data_dir=folder / "data", database_url=url)
            migrate(settings)
            platform = Platform.open(settings)
            stack.callback(platform.close)
            port = free_port()
            command = (sys.executable, "-c", RECEIVER, str(port), str(HANG_S))
            stack.enter_context(process(*command, environment={}, log=folder / "receiver.log"))
            receiver = f"http://127.0.0.1:{port}"
            _await(receiver)
            measure(Bench(platform, receiver, folder, options.accounts), name, options)


def _await(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(url)
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise SystemExit("the receiver does not answer") from None
            time.sleep(0.1)


if __name__ == "__main__":
    main()
