"""A PostgreSQL server of the tests' own, from the binaries of the machine."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.ports import LOOPBACK, free_port
from tests.support.processes import Process

OLDEST_VERSION = 15
START_TIMEOUT_S = 60.0
_UNPRIVILEGED_USERS = ("postgres", "nobody")


@cache
def find_binaries() -> Path | None:
    """The folder that holds ``initdb`` and ``postgres``, newest version first; None when there is none."""
    packaged = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True
    )
    on_path = shutil.which("postgres")
    candidates = [*packaged, *([Path(on_path).resolve().parent] if on_path else [])]
    for folder in candidates:
        if (
            (folder / "initdb").exists()
            and (folder / "postgres").exists()
            and _version(folder) >= OLDEST_VERSION
        ):
            return folder
    return None


def _version(folder: Path) -> int:
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
    return int(answer.stdout.split()[-1 if "(" not in answer.stdout else 2].split(".")[0])


class PostgresServer:
    """One server on loopback without passwords; ``fresh_database`` gives a test its own database.

    Durability is left on, because what is tested includes crashes.
    """

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._user = _unprivileged_user()
        self._folder = Path(tempfile.mkdtemp(prefix="chartbridge-postgres-"))
        self._numbers = count(1)
        self.port = free_port()
        try:
            self._create_cluster()
            self._process = self._start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _create_cluster(self) -> None:
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        made = subprocess.run(
            [
                *(self._binaries / "initdb", "--pgdata", self._folder / "data", "--username", "postgres"),
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            env=_environment(self._folder),
            user=self._user,
            group=self._user and pwd.getpwnam(self._user).pw_gid,
            extra_groups=[] if self._user else None,
        )
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {made.stderr}")

    def _start(self) -> Process:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "300",
            "shared_buffers": "64MB",
            "max_wal_size": "256MB",
            "checkpoint_timeout": "15min",
            "autovacuum_naptime": "5min",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = Process(
            "postgres",
            [str(self._binaries / "postgres"), "-D", str(self._folder / "data"), *options],
            log=self._folder / "server.log",
            environment=_environment(self._folder),
            cwd=self._folder,
            user=self._user,
        )
        process.wait_until(self._answers, timeout_s=START_TIMEOUT_S)
        return process

    def _answers(self) -> bool:
        try:
            with self._connect():
                return True
        except psycopg.OperationalError:
            return False

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=LOOPBACK, port=self.port, user="postgres", dbname="postgres", autocommit=True
        )

    @property
    def pid(self) -> int:
        """Of the process whose children serve the connections."""
        return self._process.pid

    def url(self, database: str) -> str:
        return f"postgresql://postgres@{LOOPBACK}:{self.port}/{database}"

    def fresh_database(self, *, template: str = "template1") -> str:
        """The name of a new database, a copy of ``template`` (to which nobody may be connected)."""
        name = f"test_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        with self._connect() as connection:
            connection.execute(statement)
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, ending whoever is still connected to it."""
        with self._connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def crash(self) -> None:
        """End it at once, without a checkpoint; ``start_again`` has it recover from its log."""
        self._process.stop(signal.SIGQUIT)

    def start_again(self) -> None:
        self._process = self._start()

    def stop(self) -> None:
        # SIGINT is PostgreSQL's fast shutdown: it ends sessions instead of waiting for them.
        try:
            self._process.stop(signal.SIGINT)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root; this is whom it runs as then. None: as we are."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(user for user in _UNPRIVILEGED_USERS if user in known)


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
