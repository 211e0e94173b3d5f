"""What an operator sets for an account, and the keys that end or only read: the commands themselves."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from chartbridge.app import create_app
from chartbridge.auth import authenticate
from chartbridge.auth.keys import find_account
from chartbridge.config import Settings
from chartbridge.db import Tenant
from chartbridge.features.accounts import service
from chartbridge.ids import utcnow
from chartbridge.platform import Platform
from tests.support.server import run_command

Run = Callable[..., str]


@pytest.fixture
def backend() -> str:
    """The commands are the same on each database."""
    return "sqlite"


@pytest.fixture
def run(data_dir: Path, settings: Settings) -> Run:
    def command(*arguments: str, status: int = 0) -> str:
        folder = ("--data-dir", str(settings.resolved_data_dir))
        environment = {"PATH": os.environ["PATH"], "COLUMNS": "250"}
        done = run_command(*arguments, *folder, environment=environment, cwd=data_dir)
        out, errors = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == status, out + errors
        return out.strip() if status == 0 else out + errors

    return command


@pytest.fixture
def key(run: Run) -> str:
    return run("keys", "create", "--env", "sandbox", "--account", "clinic")


@pytest.fixture
def api(platform: Platform, key: str) -> Iterator[TestClient]:
    with TestClient(create_app(platform), headers={"x-api-key": key}) as client:
        yield client


def test_an_accounts_limit_is_set_shown_and_taken_away(run: Run, api: TestClient) -> None:
    def told() -> str:
        return str(api.get("/medical/v1/facility").headers["RateLimit-Limit"])

    assert told() == "6000"
    run("accounts", "limit", "clinic", "--env", "sandbox", "general", "77")
    assert told() == "77", "it holds from the next call on"
    assert api.get("/settings").json()["rateLimits"]["general"] == 77
    listed = run("accounts", "limits", "clinic", "--env", "sandbox")
    assert re.search(r"general +77 +chartbridge accounts limit", listed)
    assert re.search(r"patient-write +15 +default", listed)
    assert "77" not in run("accounts", "limits", "clinic", "--env", "production")
    run("accounts", "unlimit", "clinic", "--env", "sandbox", "general")
    assert told() == "6000"
    assert "no limit of its own" in run(
        "accounts", "unlimit", "clinic", "--env", "sandbox", "general", status=1
    )


def test_what_cannot_be_set_is_refused(run: Run, key: str) -> None:
    assert key
    assert "no operation" in run("accounts", "limit", "clinic", "--env", "sandbox", "nothing", "1", status=2)
    assert "no account" in run("accounts", "limit", "nobody", "--env", "sandbox", "general", "1", status=1)
    assert "--env must" in run("accounts", "limits", "clinic", "--env", "moon", status=2)


def test_a_switch_is_turned(run: Run, key: str, platform: Platform) -> None:
    assert key
    tenant = Tenant(find_account(platform.db, "clinic") or "", "production")
    for option, wanted in (("--document-url-pages", True), ("--no-document-url-pages", False)):
        run("accounts", "set", "clinic", "--env", "production", option)
        with platform.db.read(tenant) as session:
            account = service.find_settings(session)
            assert account is not None
            assert account.document_url_pages is wanted


def test_a_key_that_only_reads_and_ends(run: Run, platform: Platform) -> None:
    reading = run("keys", "create", "--env", "sandbox", "--read-only", "--expires-in", "30")
    caller = authenticate(platform.db, reading)
    assert caller is not None
    assert caller.read_only
    day = (utcnow() + timedelta(days=3)).date().isoformat()
    run("keys", "create", "--env", "production", "--expires", day)
    listed = run("keys", "list").splitlines()
    assert re.search(r"production +full .*active", listed[1])
    assert (utcnow() + timedelta(days=4)).date().isoformat() + "T00:00:00.000Z" in listed[1]
    assert re.search(r"sandbox +read .*active", listed[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--expires", "tomorrow"), "--expires must be a day"),
        (("--expires", "2020-01-01"), "must not be over"),
        (("--expires", "2999-01-01", "--expires-in", "3"), "either --expires or --expires-in"),
    ],
)
def test_an_end_that_cannot_be_is_refused(run: Run, options: tuple[str, ...], message: str) -> None:
    assert message in run("keys", "create", "--env", "sandbox", *options, status=2)
    assert "active" not in run("keys", "list")
