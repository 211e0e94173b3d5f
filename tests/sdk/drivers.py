"""The official SDKs as objects; ``sdk.call("createPatient", …)`` runs in the SDK's own language."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON_SDK = ROOT / ".venv-sdk" / "bin" / "python"


class SdkError(Exception):
    """The SDK raised. ``status`` and ``body`` are the server's answer, None when it was not that."""

    def __init__(self, method: str, answer: dict[str, Any]) -> None:
        self.status: int | None = answer.get("status")
        self.body: Any = answer.get("body")
        super().__init__(f"{method}: {answer.get('error')} {self.status or ''} {self.body or ''}")


class Driver:
    """A process that holds one SDK. Use as a context manager."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)  # closes its input, at which it ends

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the driver ended with {self._process.wait()}"
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True)
class Sdk:
    """A client of an SDK: a server and a key."""

    driver: Driver
    origin: str
    key: str

    def call(self, method: str, *args: Any, **named: Any) -> Any:
        """The method's result. Positional arguments are for JavaScript, named ones for Python.

        Raises SdkError when the SDK did, as it does for answers that do not fit its schemas.
        """
        arguments = [named] if named else list(args)
        answer = self.driver.ask(
            {"origin": self.origin, "key": self.key, "method": method, "args": arguments}
        )
        if not answer["ok"]:
            raise SdkError(method, answer)
        return answer["value"]

    def with_key(self, key: str) -> Sdk:
        """The same SDK for another caller."""
        return replace(self, key=key)


def why_no_javascript() -> str | None:
    """Why the JavaScript SDK cannot be used; None when it can."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (HERE / "node_modules" / "@metriport" / "api-sdk").exists():
        return "the JavaScript SDK is not installed: scripts/install javascript-sdk"
    return None


def why_no_python() -> str | None:
    """Why the Python SDK cannot be used; None when it can."""
    return None if PYTHON_SDK.exists() else "the Python SDK is not installed: scripts/install python-sdk"


def javascript() -> Driver:
    return Driver("node", "driver.mjs")


def python() -> Driver:
    return Driver(str(PYTHON_SDK), "python_driver.py")
