"""Starting a program, waiting until it is ready, and ending it with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support import guard
from tests.support.zygote import Fork, Zygote

POLL_S = 0.05


class NotReadyError(Exception):
    """A program ended, or did not become ready in time; the message holds the end of its log."""


class Process:
    """A program in a process group of its own, with its output in one file.

    ``user`` runs it as another user (only root may). ``environment`` is everything it sees. With ``zygote``
    it is a fork of that, and ``command`` what it has as its arguments.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        cwd: Path,
        user: str | None = None,
        zygote: Zygote | None = None,
    ) -> None:
        self.name = name
        self.log_path = log
        self._process: subprocess.Popen[bytes] | Fork
        with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
            if zygote:
                files = nothing.fileno(), output.fileno(), output.fileno()
                self._process = zygote.fork(command, files=files, environment=environment, cwd=cwd)
                return
            self._process = subprocess.Popen(
                command,
                stdin=nothing,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,
                user=user,
                group=user and _group_of(user),
                extra_groups=[] if user else None,
            )
            guard.watch(self.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Returns once ``ready`` says so. Raises NotReadyError, and ends the program, when it does not."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running or time.monotonic() > deadline:
                how = f"ended with {self._process.returncode}" if not self.running else "is not ready"
                self.kill()
                raise NotReadyError(f"{self.name} {how} after {timeout_s:g} s\n{self.log()[-4000:]}")
            time.sleep(POLL_S)

    def stop(self, sent: signal.Signals = signal.SIGTERM, *, timeout_s: float = 60.0) -> int:
        """Ask it to end and wait; returns its exit status. Kills it when it does not end in time."""
        if self.running:
            self._process.send_signal(sent)
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NotReadyError(f"{self.name} did not end in {timeout_s:g} s\n{self.log()[-4000:]}") from None
        self.group_lives()
        return status

    def kill(self) -> None:
        """End it, and all that it started, at once and without warning, as a failing machine would."""
        if self.group_lives():
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self.group_lives()

    def leaves_nothing_behind(self, *, timeout_s: float = 10.0) -> bool:
        """Whether all that it started has ended too, or does so in time (reaping orphans takes a moment)."""
        deadline = time.monotonic() + timeout_s
        while self.group_lives() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return not self.group_lives()

    def group_lives(self) -> bool:
        """Whether the program, or anything it started, still runs; when nothing does the guard forgets it."""
        self._process.poll()
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            guard.forget(self.pid)
            return False
        return True


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid
