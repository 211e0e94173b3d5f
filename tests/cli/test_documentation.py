"""docs/configuration.md and docs/operations.md are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chartbridge.cli import cli
from chartbridge.config import Settings
from chartbridge.http.ratelimit import (
    CONSOLIDATED_QUERIES,
    CONTRIBUTIONS,
    DOCUMENT_QUERIES,
    NETWORK_QUERIES,
    PATIENT_WRITES,
)
from chartbridge.jobs.worker import LEASE_LOST_EXIT_CODE

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `([^`]+)` \| (?:`([^`]*)`|([^|`]*)) \| ?([^|]*)\|?", re.MULTILINE)


def shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_every_setting_is_described_with_its_default() -> None:
    text = (DOCS / "configuration.md").read_text()
    told = {row[0]: row[1] or row[2] for row in ROW.findall(text) if row[0].startswith("CHARTBRIDGE_")}
    true = {
        f"CHARTBRIDGE_{name.upper()}": shown(field.get_default(call_default_factory=True))
        for name, field in Settings.model_fields.items()
    }
    assert told == true


def test_every_rate_limit_is_described() -> None:
    text = (DOCS / "configuration.md").read_text()
    kinds = (PATIENT_WRITES, CONSOLIDATED_QUERIES, CONTRIBUTIONS, DOCUMENT_QUERIES)
    for limit in (*kinds, *NETWORK_QUERIES.values()):
        assert f"| `{limit.operation}` | {limit.per_minute} |" in text


@pytest.mark.parametrize("page", ["configuration.md", "operations.md"])
def test_every_setting_that_is_named_exists(page: str) -> None:
    named = set(re.findall(r"CHARTBRIDGE_([A-Z0-9_]+)", (DOCS / page).read_text()))
    assert named
    assert named <= {name.upper() for name in Settings.model_fields}


def test_every_command_that_is_named_exists() -> None:
    text = (DOCS / "operations.md").read_text()
    named = set(re.findall(r"chartbridge ((?:keys |db )?[a-z]+)((?: --[a-z-]+)*)", text))
    assert len(named) > 6
    for words, options in named:
        done = CliRunner().invoke(cli, [*words.split(), "--help"], env={"COLUMNS": "200"})
        assert done.exit_code == 0, words
        assert all(option in done.output for option in options.split()), (words, options)


def test_the_status_of_a_worker_that_was_cut_off_is_the_documented_one() -> None:
    assert f"status {LEASE_LOST_EXIT_CODE} " in (DOCS / "operations.md").read_text()


def test_every_page_that_is_linked_exists() -> None:
    for page in ("configuration.md", "operations.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", (DOCS / page).read_text()):
            assert (DOCS / link).exists(), link
