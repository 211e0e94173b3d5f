"""Programs end with the tests that started them, also where those are killed and clean up nothing.

Beside a test process runs one that holds the end of a pipe. It is told which programs run, and when the
pipe closes without a farewell it kills those that still do. (The kernel's own signal on the death of a parent
comes when the thread ends that started the program, so it is no help to tests with threads.)
"""

from __future__ import annotations

import subprocess
import sys
import threading

_PROGRAM = """
import os, signal, sys
living = set()
for line in sys.stdin:
    if line == "farewell\\n":
        sys.exit()
    sign, pid = line[0], int(line[1:])
    (living.add if sign == "+" else living.discard)(pid)
for pid in living:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""
_lock = threading.Lock()
_guards: list[subprocess.Popen[str]] = []


def watch(pid: int) -> None:
    """Have that process group end when this process does."""
    _tell(f"+{pid}\n")


def forget(pid: int) -> None:
    """The group has ended; another may get its number."""
    _tell(f"-{pid}\n")


def end() -> None:
    """The tests end as they should, and have ended what they started."""
    with _lock:
        while _guards:
            _guards.pop().communicate("farewell\n")


def _tell(line: str) -> None:
    with _lock:
        if not _guards:
            # Isolated and without site-packages: it starts in an instant, and leads a session of its own, so
            # that Ctrl-C does not end it before the tests.
            command = [sys.executable, "-I", "-S", "-c", _PROGRAM]
            _guards.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True, bufsize=1)
            )
        stdin = _guards[0].stdin
        assert stdin is not None
        stdin.write(line)
        stdin.flush()
