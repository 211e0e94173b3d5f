"""The files that deployments start from: their linters accept them, and what they say of us is true.

Docker is not asked: what its builder would say of the Dockerfile is checked here as far as a text tells.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner

from chartbridge import __version__
from chartbridge.cli import cli
from chartbridge.config import Settings
from tests.deploy import files

ALL = sorted(
    path for path in [*files.DEPLOY.rglob("*"), files.DOCKERFILE] if path.is_file() and path.suffix != ".svg"
)


def lint(*command: str) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [program, *command[1:]], capture_output=True, text=True, check=False, cwd=files.ROOT, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_yaml_is_in_order() -> None:
    lint(
        "yamllint",
        "--strict",
        "-c",
        "deploy/.yamllint.yaml",
        "deploy/compose",
        "deploy/kubernetes",
        "deploy/prometheus",
    )


def test_compose_is_what_its_specification_says() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(files.COMPOSE))


def test_kubernetes_knows_every_field() -> None:
    lint("kubernetes-validate", "--strict", *map(str, files.KUBERNETES))


def test_every_manifest_is_listed() -> None:
    listed = yaml.safe_load((files.DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    there = {path.name.replace("secret.example", "secret") for path in files.KUBERNETES}
    assert set(listed) == there
    assert len(listed) == len(there)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """With programs that are there in place of those of the installation."""
    env = tmp_path / "chartbridge.env"
    env.touch()
    for source in (files.DEPLOY / "systemd").glob("chartbridge*.*"):
        text = source.read_text().replace("/opt/chartbridge/bin/chartbridge", "/bin/true")
        (tmp_path / source.name).write_text(text.replace("/etc/chartbridge/chartbridge.env", str(env)))
    (tmp_path / "chartbridge-worker@.service").rename(tmp_path / "chartbridge-worker@1.service")
    units = sorted(str(path) for path in tmp_path.glob("*.*") if path != env)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", *units],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"SYSTEMD_LOG_LEVEL": "warning", "PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    ours = [line for line in done.stderr.splitlines() if "chartbridge" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.parametrize("path", ALL, ids=lambda p: str(p.relative_to(files.ROOT)))
def test_every_setting_that_is_named_exists(path: Path) -> None:
    named = set(files.SETTING.findall(path.read_text())) - files.OF_COMPOSE_ALONE
    assert named <= {f"CHARTBRIDGE_{name.upper()}" for name in Settings.model_fields}


def _given(environment: dict[str, Any]) -> dict[str, str]:
    """What the settings read, made-up values in place of those that a file leaves open."""
    filled = {name: re.sub(r"\$\{[^}]*\}", "x" * 40, str(value)) for name, value in environment.items()}
    return {name.removeprefix("CHARTBRIDGE_").lower(): value for name, value in filled.items() if value}


def test_the_settings_of_each_file_can_be_used() -> None:
    service = files.compose()["services"]["api"]["environment"]
    [config] = [found for found in files.manifests() if found["kind"] == "ConfigMap"]
    lines = (files.DEPLOY / "systemd" / "chartbridge.env").read_text().splitlines()
    env = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for given in (service, config["data"], env):
        settings = Settings(**_given(given))  # type: ignore[arg-type]
        assert settings.mode == "production"
        assert settings.origin.startswith("https://")


def test_every_command_is_one_of_ours() -> None:
    commands = list(files.commands())
    assert {arguments[0] for _, arguments in commands} == {"serve", "worker", "db", "backup"}
    for place, arguments in commands:
        done = CliRunner().invoke(cli, [*arguments, "--help"], env={"COLUMNS": "200"})
        assert done.exit_code == 0, (place, arguments, done.output)
        for option in (word for word in arguments if word.startswith("--")):
            assert option in done.output, (place, option)


def test_no_two_workers_have_one_name() -> None:
    services = files.compose()["services"]
    workers = {n: s for n, s in services.items() if s.get("command", [""])[0] == "worker"}
    names = [service["command"][-1] for service in workers.values()]
    assert names == list(workers) == [service["hostname"] for service in workers.values()]
    assert all("deploy" not in service for service in workers.values()), "a worker has no replicas"
    [worker] = [p for name, p in files.pods().items() if name == "chartbridge-worker"]
    assert worker["containers"][0]["args"][-1] == "$(POD_NAME)"
    assert "--id %H-%i" in (files.DEPLOY / "systemd" / "chartbridge-worker@.service").read_text()


def test_no_secret_stands_in_a_file() -> None:
    [secret] = [found for found in files.manifests() if found["kind"] == "Secret"]
    assert not any(secret["stringData"].values())
    example = (files.DEPLOY / "compose" / ".env.example").read_text()
    assert not [line for line in example.splitlines() if line and line[0] != "#" and not line.endswith("=")]
    asked = set(re.findall(r"\$\{([A-Z0-9_]+):\?", files.COMPOSE.read_text()))
    assert asked == set(re.findall(r"^([A-Z0-9_]+)=", example, re.MULTILINE))
    assert not re.search(r"\$\{[A-Z0-9_]+(?!:\?|[A-Z0-9_])", files.COMPOSE.read_text()), "each must be given"


@pytest.mark.parametrize("pod", files.pods())
def test_a_pod_is_nobody_and_writes_nothing_but_its_folders(pod: str) -> None:
    spec = files.pods()[pod]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"]
    written = {volume["name"] for volume in spec["volumes"] if "emptyDir" in volume}
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/var/lib/chartbridge", "/tmp"}
        assert {mount["name"] for mount in container["volumeMounts"]} == written


def test_no_request_is_refused_while_pods_are_replaced() -> None:
    [api] = [found for found in files.manifests() if found["kind"] == "Deployment"]
    assert api["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    container = api["spec"]["template"]["spec"]["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert api["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > pause + 10


def test_services_budgets_and_policies_select_pods_that_there_are() -> None:
    labels = [
        found["spec"]["template"]["metadata"]["labels"]
        for found in files.manifests()
        if found["kind"] in ("Deployment", "StatefulSet", "Job")
    ]
    for found in files.manifests():
        spec = found.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        if selector is None:
            continue
        wanted = selector.get("matchLabels", selector)
        assert any(wanted.items() <= given.items() for given in labels), found["metadata"]["name"]


def test_the_image_is_made_of_what_is_there_and_pinned() -> None:
    written = files.instructions()
    bases = [rest for word, rest in written if word == "FROM"]
    assert len(bases) == 2
    for base in bases:
        assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-[a-z]+( AS [a-z]+)?", base), base
    assert len({base.partition(" ")[0] for base in bases}) == 1, "extensions fit one Python alone"
    sources = [
        source
        for word, rest in written
        if word == "COPY" and not rest.startswith("--from=")
        for source in rest.split()[:-1]
    ]
    assert sources
    kept = {
        line[1:].strip()
        for line in (files.ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert set(sources) == kept, "what is copied is let through, and nothing else"
    assert all((files.ROOT / source).exists() for source in sources)
    users = [rest for word, rest in written if word == "USER"]
    assert users
    assert not users[-1].startswith(("0", "root"))
    installed = [
        part for _, rest in written for part in rest.split("&&") if "install -" in part and "-r " in part
    ]
    assert installed
    assert all("--require-hashes" in part for part in installed if "pip" in part)


def test_images_have_versions_and_ours_is_the_present_one() -> None:
    images = [service["image"] for service in files.compose()["services"].values()]
    assert all(re.search(r":\d", image) for image in images)
    assert {image for image in images if image.startswith("chartbridge:")} == {f"chartbridge:{__version__}"}
    kustomization = yaml.safe_load((files.DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    assert kustomization["images"] == [{"name": "chartbridge", "newTag": __version__}]
    upgrades = [found["metadata"]["name"] for found in files.manifests() if found["kind"] == "Job"]
    assert upgrades == [f"chartbridge-upgrade-{__version__.replace('.', '-')}"]
