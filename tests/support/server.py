"""The product as its users run it: its command, in processes of its own.

Processes are forks of one that has imported the product (:mod:`tests.support.zygote`), unless ``fresh`` asks
for the installed program itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.support.client import Api
from tests.support.ports import LOOPBACK, free_port
from tests.support.processes import NotReadyError, Process
from tests.support.zygote import Zygote, zygote

START_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 60.0
WORKER_READY = "worker started"

# Waiting times that suit tests; everything else is as an operator gets it.
TEST_SETTINGS = {"webhook_backoff_s": "0.2", "conversion_processes": "1"}


def command() -> str:
    """The installed ``chartbridge`` program of this environment."""
    return str(Path(sys.executable).with_name("chartbridge"))


# Not what declares and runs the commands: that looks at its environment and its terminal when imported.
_IMPORTED = ("chartbridge.app", "chartbridge.background", "typer.rich_utils", "uvicorn", "rich.table")


def product() -> Zygote:
    """The process whose forks run the ``chartbridge`` program."""
    return zygote("chartbridge.__main__", _IMPORTED)


def run_command(
    *arguments: str,
    environment: Mapping[str, str],
    cwd: Path,
    stdin: bytes = b"",
    timeout_s: float = COMMAND_TIMEOUT_S,
    fresh: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """What ``chartbridge`` printed with those arguments, and its exit status.

    Raises TimeoutExpired, and kills it, when it does not end in time.
    """
    given = [command(), *arguments]
    if fresh:
        return subprocess.run(
            given, input=stdin, capture_output=True, timeout=timeout_s, check=False, env=environment, cwd=cwd
        )
    with tempfile.TemporaryFile() as read, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        read.write(stdin)
        read.seek(0)
        files = read.fileno(), out.fileno(), err.fileno()
        process = product().fork(given, files=files, environment=environment, cwd=cwd)
        try:
            status = process.wait(timeout_s)
        except BaseException:
            process.kill()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(given, status, out.read(), err.read())


class Server(Process):
    """A process that serves the API at ``origin``."""

    origin: str


class Deployment:
    """Processes that share a database and an object store.

    ``settings`` are the product's settings without ``CHARTBRIDGE_``; ``folder`` takes the data, unless
    the settings say otherwise, and the logs. ``fresh`` starts the installed program each time, as users do.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str] | None = None, *, fresh: bool = False
    ) -> None:
        self.folder = folder
        self.fresh = fresh
        self.data_dir = folder / "data"
        folder.mkdir(parents=True, exist_ok=True)
        given = {**TEST_SETTINGS, "data_dir": str(self.data_dir), **(settings or {})}
        # The machine's own settings and any .env file must not reach the processes.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("CHARTBRIDGE_")}
        if unpacked := os.environ.get("CHARTBRIDGE_TERMINOLOGY_DIR"):
            self.environment["CHARTBRIDGE_TERMINOLOGY_DIR"] = unpacked  # set by the tests' own conftest
        self.environment |= {f"CHARTBRIDGE_{name.upper()}": value for name, value in given.items()}
        self.processes: list[Process] = []

    def run(self, *arguments: str, status: int = 0, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """What a command prints that ends by itself: standard output, or for another ``status`` than 0
        standard error. Fails the test when its status is another.
        """
        done = run_command(
            *arguments,
            environment=self.environment,
            cwd=self.folder,
            timeout_s=timeout_s,
            fresh=self.fresh,
        )
        out, errors = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == status, f"chartbridge {arguments}: {done.returncode}\n{out}\n{errors}"
        return out if status == 0 else errors

    def create_key(self, environment: str = "sandbox") -> str:
        return self.run("keys", "create", "--env", environment).strip()

    def serve(self, *, worker: bool = True, port: int | None = None) -> Server:
        """A process that serves the API, with one worker in it or none; returns once it answers."""
        port = port or free_port()
        arguments = ["serve", "--host", LOOPBACK, "--port", str(port), *([] if worker else ["--no-worker"])]
        server = Server(
            "chartbridge serve",
            [command(), *arguments],
            log=self._log("serve"),
            environment=self.environment,
            cwd=self.folder,
            zygote=None if self.fresh else product(),
        )
        self.processes.append(server)
        server.origin = f"http://{LOOPBACK}:{port}"
        server.wait_until(lambda: _healthy(server.origin), timeout_s=START_TIMEOUT_S)
        return server

    def worker(self, name: str) -> Process:
        """A worker of that name; returns once it takes jobs."""
        worker = Process(
            f"chartbridge worker {name}",
            [command(), "worker", "--id", name],
            log=self._log(name),
            environment=self.environment,
            cwd=self.folder,
            zygote=None if self.fresh else product(),
        )
        self.processes.append(worker)
        worker.wait_until(lambda: WORKER_READY in worker.log(), timeout_s=START_TIMEOUT_S)
        return worker

    def _log(self, name: str) -> Path:
        return self.folder / f"{len(self.processes)}-{name}.log"

    def api(self, server: Server, environment: str = "sandbox") -> Api:
        """A caller with a new key."""
        return Api(server.origin, self.create_key(environment))

    def logs(self) -> str:
        return "\n".join(f"--- {p.name}\n{p.log()}" for p in self.processes)

    def close(self) -> None:
        """End what still runs. Each process must end by itself when asked, and leave nothing behind."""
        failures = []
        for process in reversed(self.processes):
            try:
                process.stop()
                if not process.leaves_nothing_behind():
                    failures.append(f"{process.name} left processes behind")
            except NotReadyError as error:
                failures.append(str(error))
            finally:
                process.kill()
        assert not failures, failures


def _healthy(origin: str) -> bool:
    try:
        answer = httpx.get(origin, headers={"accept": "application/json"}, timeout=5)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and answer.json() == {"status": "OK"}
