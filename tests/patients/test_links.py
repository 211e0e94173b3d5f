"""What other systems call a patient: which systems an account enables, and that an id is one person's."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chartbridge import logs
from chartbridge.auth import create_key
from chartbridge.cli import cli
from chartbridge.db import Database
from chartbridge.features.patients import links
from chartbridge.ids import etag
from chartbridge.platform import Platform
from tests.patients.caller import Caller, Json, a_patient
from tests.patients.test_patients import tenant_of


def enable(platform: Platform, api: Caller, source: str) -> None:
    with platform.db.write(tenant_of(platform, api)) as session:
        links.enable(session, source)


def sync(api: Caller, patient: Json, *, status: int = 200, **query: str) -> Json:
    answer: Json = api.post(f"/patient/{patient['id']}/external/sync", None, status=status, **query)
    return answer


def test_an_id_of_another_system_is_one_patients(api: Caller, clinic: Json, platform: Platform) -> None:
    enable(platform, api, "elation")
    first = api.patient(clinic, externalId="EL-1")
    second = api.patient(clinic, externalId="EL-1", firstName="Zoe")
    sync(api, first)

    answer = sync(api, second, status=400)

    assert answer["detail"] == "External ID EL-1 is already mapped to another patient"
    assert "additionalIds" not in api.get(f"/patient/{second['id']}")
    api.delete(f"/patient/{first['id']}")
    assert sync(api, second) == {"patientId": second["id"], "externalId": "EL-1"}


def test_a_patient_keeps_the_ids_it_was_linked_by(api: Caller, clinic: Json, platform: Platform) -> None:
    enable(platform, api, "elation")
    enable(platform, api, "healthie")
    patient = api.patient(clinic, externalId="EL-1", additionalIds={"healthix": ["H"]})
    path = f"/patient/{patient['id']}"
    sync(api, patient, source="elation")
    api.put(path, a_patient(externalId="EL-2"))
    sync(api, patient, source="elation")
    sync(api, patient, source="healthie")

    stored = api.get(path)

    expected = {"elation": ["EL-1", "EL-2"], "healthie": ["EL-2"], "healthix": ["H"]}
    assert stored["additionalIds"] == expected
    assert stored["eTag"] == etag(patient["id"], 2), "only the update is a new version"
    for external_id in ("EL-1", "EL-2"):
        found = api.get("/patient/external-id", externalId=external_id, source="elation")
        assert found == stored
    assert api.get("/patient", filters="el-1")["patients"] == [stored]


def test_an_account_links_to_what_is_enabled_for_it_and_keeps_what_it_had(
    api: Caller, clinic: Json, platform: Platform
) -> None:
    enable(platform, api, "elation")
    patient = api.patient(clinic, externalId="EL-1")
    sync(api, patient)
    with platform.db.write(tenant_of(platform, api)) as session:
        assert links.disable(session, "elation")
        assert not links.disable(session, "elation")

    assert sync(api, patient, status=404)["detail"] == "No integration mapping found"
    assert api.get("/patient/external-id", externalId="EL-1", source="elation")["id"] == patient["id"]


@pytest.fixture
def folder(tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with a database that has an account. Commands leave this process as it was."""
    monkeypatch.setattr(logs, "configure", lambda _settings: None)  # its handler would outlive the test
    umask = os.umask(0o077)
    path = tmp_path / "chartbridge.sqlite"
    with closing(sqlite3.connect(migrated_sqlite)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
    db = Database(f"sqlite:///{path}")
    create_key(db, "sandbox", "clinic")
    db.dispose()
    yield tmp_path
    os.umask(umask)


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["integrations", *arguments, "--data-dir", str(folder)])
    return done.exit_code, done.stdout.strip(), " ".join(done.stderr.split())


def test_an_operator_enables_lists_and_disables(folder: Path) -> None:
    account = ("--env", "sandbox", "--account", "clinic")
    assert run(folder, "list", *account)[:2] == (0, "source")
    assert run(folder, "enable", "elation", *account)[2] == "enabled"
    assert run(folder, "enable", "elation", *account)[2] == "was enabled already"
    assert run(folder, "list", *account)[1].split() == ["source", "elation"]
    assert run(folder, "list", "--env", "production", "--account", "clinic")[1] == "source"
    assert run(folder, "disable", "elation", *account)[0] == 0
    code, _, said = run(folder, "disable", "elation", *account)
    assert (code, said) == (1, "error: elation is not enabled for account clinic in sandbox")


def test_what_cannot_be_enabled_is_told(folder: Path) -> None:
    code, _, said = run(folder, "enable", "canvas", "--env", "sandbox", "--account", "clinic")
    assert (code, said) == (2, "error: Unsupported source: canvas. Must be one of: elation, healthie")
    code, _, said = run(folder, "enable", "elation", "--env", "test", "--account", "clinic")
    assert (code, said) == (2, "error: --env must be sandbox or production")
    code, _, said = run(folder, "enable", "elation", "--env", "sandbox", "--account", "nobody")
    assert code == 1
    assert said == "error: there is no account nobody; `chartbridge keys create` makes one"
