"""Processes that start at once: forks of one that has imported the product already.

A process of the product spends some two seconds of processor time on imports before it does anything.
A test process starts one that imports and then waits; asked for a program, it forks, and the fork runs
that program's ``main`` with arguments, environment, folder and files of its own. No thread runs before
the fork, and nothing is opened. Whatever a program does at its start beyond importing, it does in the fork.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
_LENGTH = struct.Struct("!I")
_STATUS = struct.Struct("!i")
_FILES = 4  # stdin, stdout, stderr, and the pipe that tells pid and exit status


class Fork:
    """A forked process, as much of :class:`subprocess.Popen` as the tests use."""

    def __init__(self, arguments: Sequence[str], told: int) -> None:
        self.args = list(arguments)
        self.returncode: int | None = None
        self._told: int | None = told
        self.pid = self._next_number(None)

    def poll(self) -> int | None:
        """The exit status, negative for a signal, or None while it runs."""
        if self.returncode is None and self._is_told(0):
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status. Raises TimeoutExpired when it runs for longer."""
        if self.returncode is None:
            if not self._is_told(timeout):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, sent: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sent)

    def kill(self) -> None:
        """End it, and all that it started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def _is_told(self, timeout: float | None) -> bool:
        assert self._told is not None
        return bool(select.select([self._told], [], [], timeout)[0])

    def _end(self) -> None:
        self.returncode = self._next_number(-signal.SIGKILL)
        assert self._told is not None
        os.close(self._told)
        self._told = None

    def _next_number(self, otherwise: int | None) -> int:
        assert self._told is not None
        said = os.read(self._told, _STATUS.size)
        if said:
            return int(_STATUS.unpack(said)[0])
        if otherwise is None:
            raise RuntimeError(f"{self.args[0]} could not be forked")
        return otherwise  # the zygote died, and took it along


class Zygote:
    """The process that imports ``modules`` and forks; ``entry`` is the module whose ``main`` forks run.

    Where ``entry`` has a function ``warm`` it is called once, before any fork.
    """

    def __init__(self, entry: str, modules: Sequence[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), entry, *modules],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env={k: v for k, v in os.environ.items() if not k.startswith("CHARTBRIDGE_")},
                start_new_session=True,
            )
        self._orders = ours
        self._lock = threading.Lock()

    def fork(
        self,
        arguments: Sequence[str],
        *,
        files: tuple[int, int, int],
        environment: Mapping[str, str],
        cwd: Path,
    ) -> Fork:
        """A process in a group of its own whose ``sys.argv`` is ``arguments``; ``files`` are what it has as
        stdin, stdout and stderr."""
        order = json.dumps(
            {"argv": list(arguments), "environment": dict(environment), "cwd": str(cwd)}
        ).encode()
        told, tells = os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._orders, [_LENGTH.pack(len(order))], [*files, tells])
                self._orders.sendall(order)
        finally:
            os.close(tells)
        return Fork(arguments, told)

    def end(self) -> None:
        """End it, and at once whatever was forked and still runs."""
        self._orders.close()
        self._process.wait()


@cache
def _started() -> dict[str, Zygote]:
    return {}


def zygote(entry: str, modules: Sequence[str] = ()) -> Zygote:
    """This test process's zygote for that entry, started at its first use."""
    started = _started()
    if entry not in started:
        started[entry] = Zygote(entry, modules)
    return started[entry]


def end_all() -> None:
    """End every zygote of this test process."""
    while _started():
        _started().popitem()[1].end()


class _Forking:
    """What the zygote's own process does."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._living: dict[int, int] = {}
        """The pipe on which the end of each fork is to be told, by the fork's pid."""
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        signal.set_wakeup_fd(self._wakes)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def until_forked(self) -> dict[str, object]:
        """Returns in each fork, with its order; ends this process when the tests have ended."""
        while True:
            ready, _, _ = select.select([self._orders.fileno(), self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._tell_ends()
            if self._orders.fileno() in ready:
                head, files, _, _ = socket.recv_fds(self._orders, _LENGTH.size, _FILES)
                if not head:
                    self._end()
                order = self._read(_LENGTH.unpack(head)[0])
                pid = os.fork()
                if pid == 0:
                    self._become(files)
                    return dict(json.loads(order))
                for file in files[:3]:
                    os.close(file)
                self._living[pid] = files[3]

    def _read(self, length: int) -> bytes:
        parts = []
        while length:
            part = self._orders.recv(length)
            if not part:
                self._end()
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _tell_ends(self) -> None:
        while self._living:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            tells = self._living.pop(pid)
            with suppress(BrokenPipeError):  # where nobody asks any more
                os.write(tells, _STATUS.pack(os.waitstatus_to_exitcode(status)))
            os.close(tells)

    def _end(self) -> None:
        for pid in self._living:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while self._living:
            self._tell_ends()
            time.sleep(0.01)
        sys.exit()

    def _become(self, files: Sequence[int]) -> None:
        """In the fork: let go of everything of the zygote's, and take what was given."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._orders.close()
        for descriptor in (self._woken, self._wakes, *self._living.values()):
            os.close(descriptor)
        for place, file in enumerate(files[:3]):
            os.dup2(file, place)
            os.close(file)
        os.write(files[3], _STATUS.pack(os.getpid()))  # only now: whoever has the pid may end the group
        os.close(files[3])


def _main(orders: str, entry: str, *modules: str) -> None:
    for module in modules:
        importlib.import_module(module)
    started = importlib.import_module(entry)
    if hasattr(started, "warm"):
        started.warm()
    assert len(os.listdir("/proc/self/task")) == 1, "a thread would be lost in the forks"
    gc.collect()
    gc.freeze()  # keeps the memory of the imports shared
    order = _Forking(socket.socket(fileno=int(orders))).until_forked()
    os.environ.clear()
    os.environ.update(order["environment"])  # type: ignore[call-overload]
    os.chdir(str(order["cwd"]))
    sys.argv = list(order["argv"])  # type: ignore[call-overload]
    sys.modules["__main__"] = ModuleType("__main__")  # the processes of a pool import it: not this one
    started.main()


if __name__ == "__main__":
    _main(*sys.argv[1:])
