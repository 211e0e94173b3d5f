"""docs/deployment.md, docs/upgrades.md and docs/backup.md are true."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from chartbridge.cli import cli
from chartbridge.config import Settings
from chartbridge.db import Database, migrate
from tests.deploy.files import ROOT, SETTING

PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in ("deployment", "upgrades", "backup")}
COMMAND = re.compile(r"chartbridge ((?:db|backup) [a-z-]+|serve|worker|doctor)((?: --[a-z-]+)*)")


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_and_command_that_is_named_exists(page: str) -> None:
    assert set(SETTING.findall(PAGES[page])) <= {f"CHARTBRIDGE_{n.upper()}" for n in Settings.model_fields}
    named = set(COMMAND.findall(PAGES[page]))
    assert named
    for words, options in named:
        done = CliRunner().invoke(cli, [*words.split(), "--help"], env={"COLUMNS": "200"})
        assert done.exit_code == 0, words
        assert all(option in done.output for option in options.split()), (words, options)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_linked_exists(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGES[page]):
        assert (ROOT / "docs" / target).exists(), target


def test_the_connections_are_those_that_a_process_may_open(database_url: str, backend: str) -> None:
    if backend == "sqlite":
        pytest.skip("connections to a file are nobody's concern")
    size = Settings.model_fields["database_pool_size"].default
    db = Database(Settings(database_url=database_url).db_url, pool_size=size)
    most = sum(pool.size() + pool._max_overflow for pool in db.pools().values())
    db.dispose()
    assert f"| API process | 4 × pool size | {most} |" in PAGES["deployment"]


def test_the_waiting_times_of_migrations_are_the_documented_ones() -> None:
    assert migrate._LOCK_WAIT_S == 3
    seconds = migrate._LOCK_ATTEMPTS * (migrate._LOCK_WAIT_S + migrate._LOCK_PAUSE_S)
    assert seconds == 180
    assert "waits three seconds" in PAGES["upgrades"]
    assert "for three minutes" in PAGES["upgrades"]
