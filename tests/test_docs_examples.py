"""What the pages show works as they say: their shell and Python examples are run against a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import people
from tests.support.client import Api, M
from tests.support.receiver import Receiver
from tests.support.server import Deployment

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("network-queries", "documents", "consolidated-data", "webhooks")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("curl") and shutil.which("jq")), reason="the examples use curl and jq"
    ),
]


def examples(page: str, language: str) -> str:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL))


@pytest.fixture
def jane(live_server: Callable[..., Deployment], receiver: Receiver) -> Iterator[dict[str, str]]:
    """The variables that the pages speak of; Jane's chart is there."""
    deployment = live_server()
    server = deployment.serve()
    key = deployment.create_key()
    with Api(server.origin, key) as api:
        clinic = api.post(f"{M}/facility", people.facility(), status=201)["id"]
        patient = api.post(f"{M}/patient", people.jane(), status=201, facilityId=clinic)["id"]
        query = api.post(f"{M}/network/query", {"sources": people.ALL_SOURCES}, patientId=patient)
        api.poll(f"{M}/network/query/{query['requestId']}")
        yield {"ORIGIN": server.origin, "KEY": key, "PATIENT": patient, "HOOK": receiver.url}


def test_the_examples_of_the_pages_run(jane: dict[str, str], receiver: Receiver) -> None:
    for page in PAGES:
        script = examples(page, "sh")
        assert "curl" in script
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env={"PATH": os.environ["PATH"], **jane},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{page}: {done.stdout}\n{done.stderr}"
    key = subprocess.run(
        ["bash", "-c", 'curl -fsS -H "x-api-key: $KEY" "$ORIGIN/settings" | jq -r .webhookKey'],
        env={"PATH": os.environ["PATH"], **jane},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (ping,) = receiver.wait_for("ping")
    shown: dict[str, Any] = {}
    exec(examples("webhooks", "python"), shown)
    assert shown["is_genuine"](key, ping.body, ping.signature)
    assert not shown["is_genuine"](key, ping.body + b" ", ping.signature)


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (DOCS / target).exists(), target
