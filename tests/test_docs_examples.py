"""What the pages show works as they say: their examples are run against a server, each page's with an account
of its own.

Shell blocks see ``$ORIGIN``, ``$KEY``, ``$FACILITY``, ``$PATIENT`` (Jane, with her records gathered) and
``$HOOK`` (a receiver of webhooks). JavaScript blocks see ``metriport``, Python blocks ``client``: the
official SDKs; both know the other values by their names too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chartbridge.auth import create_key
from chartbridge.db import Database
from tests.sdk import drivers
from tests.support import people
from tests.support.client import Api, M
from tests.support.receiver import Receiver
from tests.support.server import Deployment

DOCS = Path(__file__).parents[1] / "docs"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
JS_HEAD = """
import sdk from "@metriport/api-sdk";
const { MetriportMedicalApi } = sdk;
const { ORIGIN: origin, KEY: key, FACILITY: facilityId, PATIENT: patientId, HOOK: hook } = process.env;
const metriport = new MetriportMedicalApi(key, { baseAddress: origin });
"""
pytestmark = pytest.mark.slow


def examples(page: str, language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", TEXTS[page], re.DOTALL))


def pages(language: str) -> list[str]:
    """Pages with examples that ask a server: those of operators' pages start and stop servers instead."""
    return [page for page in TEXTS if "$ORIGIN" in examples(page, "sh") and examples(page, language)]


def run(command: list[str], script: str, env: dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        command,
        input=script,
        cwd=folder,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, str]]:
    """A running deployment and where it is."""
    deployment = Deployment(tmp_path_factory.mktemp("docs"))
    try:
        yield deployment, deployment.serve().origin
    finally:
        deployment.close()


@pytest.fixture
def jane(
    server: tuple[Deployment, str], receiver: Receiver, request: pytest.FixtureRequest
) -> dict[str, str]:
    """The variables that the pages speak of, for an account that no other test has."""
    deployment, origin = server
    db = Database(f"sqlite:///{deployment.data_dir / 'chartbridge.sqlite'}")
    key = create_key(db, "sandbox", request.node.name)
    db.dispose()
    with Api(origin, key) as api:
        clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
        patient = api.post(f"{M}/patient", people.jane(), status=201, facilityId=clinic)["id"]
        query = api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=patient)
        api.poll(f"{M}/network/query/{query['requestId']}")
    return {"ORIGIN": origin, "KEY": key, "FACILITY": clinic, "PATIENT": patient, "HOOK": receiver.url}


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="the examples use curl and jq")
@pytest.mark.parametrize("page", pages("sh"))
def test_the_shell_examples_of_a_page_run(page: str, jane: dict[str, str], tmp_path: Path) -> None:
    run(["bash", "-euo", "pipefail", "-s"], examples(page, "sh"), jane, tmp_path)


@pytest.mark.sdk
@pytest.mark.parametrize("page", pages("js"))
def test_the_javascript_examples_of_a_page_run(page: str, jane: dict[str, str]) -> None:
    reason = drivers.why_no_javascript()
    if reason:
        pytest.skip(reason)
    run(["node", "--input-type=module"], JS_HEAD + examples(page, "js"), jane, drivers.HERE)


@pytest.fixture(scope="module")
def python_runner() -> Iterator[subprocess.Popen[str]]:
    reason = drivers.why_no_python()
    if reason:
        pytest.skip(reason)
    command = [str(drivers.PYTHON_SDK), "example_runner.py"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=drivers.HERE
    ) as process:
        yield process


@pytest.mark.sdk
@pytest.mark.parametrize("page", pages("python"))
def test_the_python_examples_of_a_page_run(
    page: str, jane: dict[str, str], python_runner: subprocess.Popen[str]
) -> None:
    assert python_runner.stdin is not None
    assert python_runner.stdout is not None
    python_runner.stdin.write(json.dumps({**jane, "code": examples(page, "python")}) + "\n")
    python_runner.stdin.flush()
    failure = json.loads(python_runner.stdout.readline())
    assert not failure, failure


def test_there_are_examples_for_both_sdks() -> None:
    assert len(pages("sh")) > 5
    assert pages("js")
    assert pages("python")


def test_the_page_s_way_to_check_a_signature_is_right(jane: dict[str, str], receiver: Receiver) -> None:
    with Api(jane["ORIGIN"], jane["KEY"]) as api:
        key = api.post("/settings", {"webhookUrl": receiver.url})["webhookKey"]
    [ping] = receiver.wait_for("ping")
    shown: dict[str, Any] = {}
    exec(examples("webhooks", "python"), shown)
    assert shown["is_genuine"](key, ping.body, ping.signature)
    assert not shown["is_genuine"](key, ping.body + b" ", ping.signature)


@pytest.mark.parametrize("page", TEXTS)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXTS[page]):
        assert (DOCS / target).exists(), target
