"""The pages about conversion are true: their examples are run, and their tables compared with the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chartbridge import ccda
from chartbridge.ccda.report import OUTCOMES
from chartbridge.cli import cli
from chartbridge.commands import archives, converting, outputs, reporting, sources
from chartbridge.config import Settings
from tests.cli.converting import fathers_result, numbered, write, zipped
from tests.support.server import Deployment, command

DOCS = Path(__file__).parents[2] / "docs" / "conversion"
PAGES = ("command", "library", "endpoint")
tools = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="the examples use curl and jq"
)


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def flowing(name: str) -> str:
    """The page without line ends."""
    return " ".join(page(name).split())


def examples(name: str, language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", page(name), re.DOTALL))


def run_shell(script: str, folder: Path, **variables: str) -> None:
    path = f"{Path(command()).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"PATH": path, **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@tools
def test_the_commands_examples_run(tmp_path: Path) -> None:
    archive = zipped({"x.xml": numbered(3), "y.xml": numbered(4)})
    inbox = {"inbox/2024/a.xml": numbered(1), "inbox/2024/set.zip": zipped({"b.xml": fathers_result()})}
    write(tmp_path, inbox | {"ccd.xml": numbered(2), "export.zip": archive})
    run_shell(examples("command", "sh"), tmp_path)
    assert (tmp_path / "bundle.json").read_bytes().startswith(b'{"resourceType":"Bundle"')
    for made in (
        "fhir/2024/a.json",
        "fhir/2024/set.zip/b.json",
        "bulk/Patient.ndjson",
        "checked/report.json",
    ):
        assert (tmp_path / made).stat().st_size > 100, made
    for named in ("`inbox/2024/a.xml` becomes `2024/a.json`", "becomes `2024/set.zip/b.json`"):
        assert named in flowing("command")


def test_the_librarys_examples_run(tmp_path: Path) -> None:
    """As a program of its own, for it starts processes."""
    write(tmp_path, {"ccd.xml": fathers_result()})
    (tmp_path / "program.py").write_text(
        "\n".join(["def main():", *(f"    {line}" for line in examples("library", "python").splitlines())])
        + '\n\nif __name__ == "__main__":\n    main()\n'
    )
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "not converted: " in done.stdout
    assert "NotCdaError The root element" in done.stdout


@tools
@pytest.mark.slow
def test_the_endpoints_examples_run(tmp_path: Path, live_server: Callable[..., Deployment]) -> None:
    deployment = live_server()
    server = deployment.serve()
    write(tmp_path, {"ccd.xml": numbered(1)})
    run_shell(examples("endpoint", "sh"), tmp_path, ORIGIN=server.origin, KEY=deployment.create_key())


def test_every_option_is_described() -> None:
    shown = CliRunner().invoke(cli, ["convert", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    real = set(re.findall(r"--[a-z-]+", shown)) - {"--help"}
    told = {row.split()[0] for row in re.findall(r"^\| `(--[^`]+)` \|", page("command"), re.MULTILINE)}
    assert told == real


def test_the_bounds_are_the_true_ones() -> None:
    text = flowing("command")
    assert f"{archives.MAX_MEMBERS:,} members" in text
    assert f"unpack to {archives.MAX_UNPACKED // 1024**3} GiB" in text
    assert f"from {archives.HARMLESS // 1024**2} MiB on to {archives.MAX_RATIO} times its size" in text
    assert f"longer than {converting.DOCUMENT_TIMEOUT_S:g} seconds" in text
    assert f"first {outputs.REMEMBERED:,}" in text
    assert f"first {reporting.SHOWN} statements" in text
    for suffix in (*sources.DOCUMENT_SUFFIXES, *archives.ZIP_SUFFIXES, *archives.TAR_SUFFIXES):
        assert f"`{suffix}`" in text
    for name in (converting.REPORT_BESIDE_RESULTS, converting.REPORT_WITHOUT_FOLDER):
        assert f"`{name}`" in text


def test_every_outcome_and_error_of_the_library_is_described() -> None:
    first_cells = set(re.findall(r"^\| `([^`]+)` \|", page("library"), re.MULTILINE))
    errors = {name for name in ccda.__all__ if name.endswith("Error")} - {"CcdaError"}
    assert first_cells == errors | set(OUTCOMES)


def test_the_settings_that_are_named_exist() -> None:
    named = set(re.findall(r"CHARTBRIDGE_([A-Z0-9_]+)", page("endpoint")))
    assert named
    assert named <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page(name)):
        assert (DOCS / target).exists(), target
