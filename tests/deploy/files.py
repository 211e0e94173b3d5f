"""The files in ``deploy/`` and the Dockerfile, read as what they are: settings, commands, pods."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose" / "compose.yaml"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
KUBERNETES = sorted(
    path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml"
)
DOCKERFILE = ROOT / "Dockerfile"
SETTING = re.compile(r"CHARTBRIDGE_[A-Z0-9_]+")
OF_COMPOSE_ALONE = {"CHARTBRIDGE_DOMAIN"}
"""What ``.env`` gives to compose.yaml and the proxy; no process of ours sees it."""


def manifests() -> list[dict[str, Any]]:
    """Every object of the Kubernetes files."""
    return [found for path in KUBERNETES for found in yaml.safe_load_all(path.read_text())]


def pods() -> dict[str, dict[str, Any]]:
    """The pod that each Deployment, StatefulSet and Job makes, by the object's name."""
    return {
        found["metadata"]["name"]: found["spec"]["template"]["spec"]
        for found in manifests()
        if found["kind"] in ("Deployment", "StatefulSet", "Job")
    }


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: each word and what follows, continued lines put together."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [(word, rest.strip()) for word, _, rest in found]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Where each command of ours stands, and its arguments."""
    for unit in UNITS:
        for line in re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE):
            words = re.search(r"/bin/chartbridge (.*?)'?$", line)
            assert words, line
            yield unit.name, shlex.split(words[1].replace("%H", "host").replace("%i", "1"))
    for name, service in compose()["services"].items():
        if service["image"].startswith("chartbridge:"):
            yield f"compose {name}", list(service["command"])
    for name, pod in pods().items():
        for container in pod["containers"]:
            yield name, [word.replace("$(POD_NAME)", "pod-0") for word in container["args"]]
