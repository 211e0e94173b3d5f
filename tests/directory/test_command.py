"""The directory's commands: what they print, how they end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chartbridge.cli import cli
from tests.directory import published
from tests.directory.published import CLINIC, LAB, organization

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    data_dir = tmp_path_factory.mktemp("command") / "data"

    def call(*arguments: str, status: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["directory", *arguments, "--data-dir", str(data_dir)])
        assert result.exit_code == status, result.output
        return result

    return call


def test_importing_listing_counting_and_clearing(run: Run, tmp_path: Path) -> None:
    good = published.write_bundle(tmp_path / "good.json", organization(CLINIC, "Mercy [West]"))
    mixed = published.write_ndjson(tmp_path / "mixed.ndjson", organization(LAB, "Lab"), *["{"] * 25)
    imported = run("import", str(good), str(mixed), "--env", "production", "--network", "carequality")
    assert f"{good}: 1 organizations, 0 bad rows, 0 others" in imported.stderr
    assert f"{mixed}: line 2: is no JSON" in imported.stderr
    assert f"{mixed}: and 5 more bad rows" in imported.stderr
    assert "2 entries in production, 2 of them new" in imported.stderr
    again = run("import", str(good), "--env", "production", "--network", "CAREQUALITY")
    assert "2 entries in production, 0 of them new" in again.stderr
    listed = run("list", "--env", "production", "--filter", "mercy")
    assert f"CAREQUALITY  {CLINIC}  Mercy [West]" in listed.stdout
    assert LAB not in listed.stdout
    assert "production   CAREQUALITY  2" in run("count").stdout
    assert "0 entries deleted" in run("clear", "--env", "production", "--network", "EHEX", "--yes").stderr
    assert "2 entries deleted" in run("clear", "--env", "production", "--yes").stderr


def test_nothing_usable_ends_with_1(run: Run, tmp_path: Path) -> None:
    empty = published.write_bundle(tmp_path / "empty.json")
    assert (
        "0 organizations"
        in run("import", str(empty), "--env", "sandbox", "--network", "EHEX", status=1).stderr
    )
    broken = tmp_path / "broken.json"
    broken.write_text("what is this")
    said = run("import", str(broken), "--env", "sandbox", "--network", "EHEX", status=1).stderr
    assert f"{broken}: is neither a FHIR Bundle, nor NDJSON, nor CSV" in said


def test_what_cannot_be_meant_is_refused(run: Run, tmp_path: Path) -> None:
    path = str(published.write_bundle(tmp_path / "x.json"))
    for arguments in (
        ("import", path, "--env", "staging", "--network", "EHEX"),
        ("import", path, "--env", "sandbox", "--network", "SUREST"),
        ("import", str(tmp_path / "missing"), "--env", "sandbox", "--network", "EHEX"),
        ("list", "--env", "sandbox", "--filter", "x" * 1001),
    ):
        run(*arguments, status=2)


def test_the_sandbox_has_a_sample(run: Run) -> None:
    assert "25 of 25" in run("list", "--env", "sandbox").stderr
