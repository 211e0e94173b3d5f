"""The commands as processes: what they print where, and how they end."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.server import Deployment, run_command

LiveServer = Callable[..., Deployment]
CCD = """<ClinicalDocument xmlns="urn:hl7-org:v3"><realmCode code="US"/>
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
<templateId root="2.16.840.1.113883.10.20.22.1.2"/><id root="2.25.{number}"/>
<code code="34133-9" codeSystem="2.16.840.1.113883.6.1"/><title>Summary</title>
<effectiveTime value="20240102"/><confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
<recordTarget><patientRole><id root="2.25.9" extension="77"/><patient><name><given>Orsolya</given>
<family>Vance</family></name><administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/>
<birthTime value="19610730"/></patient></patientRole></recordTarget>
<component><structuredBody/></component></ClinicalDocument>"""


@pytest.fixture
def deployment(live_server: LiveServer) -> Deployment:
    return live_server()


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def run(deployment: Deployment, *arguments: str) -> Done:
    environment = deployment.environment | {"COLUMNS": "200"}
    done = run_command(
        *arguments,
        environment=environment,
        cwd=deployment.folder,
        timeout_s=90,
        fresh=deployment.fresh,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def documents(deployment: Deployment) -> Path:
    (deployment.folder / "good[a].xml").write_text(CCD.format(number=1))
    (deployment.folder / "other.xml").write_text(CCD.format(number=2))
    (deployment.folder / "bad[bold].xml").write_text("<ClinicalDocument>")
    return deployment.folder


def test_help_names_every_command(live_server: LiveServer) -> None:
    deployment = live_server(fresh=True)
    done = run(deployment, "--help")
    assert done.returncode == 0
    for name in ("serve", "worker", "convert", "keys", "db", "doctor", "demo"):
        assert f" {name} " in done.stdout
        assert run(deployment, name, "--help").returncode == 0
    assert "CHARTBRIDGE_" in done.stdout
    assert run(deployment, "--version").stdout.strip().count(".") == 2
    assert run(deployment, "nonsense").returncode == 2
    assert not deployment.data_dir.exists(), "asking for help makes nothing"


@pytest.mark.slow
def test_keys_from_first_to_last(deployment: Deployment) -> None:
    made = [run(deployment, "keys", "create", "--env", "sandbox") for _ in range(2)]
    keys = [done.stdout.removesuffix("\n") for done in made]
    assert all(key.startswith("cb.sandbox.") and "\n" not in key for key in keys)
    third = run(deployment, "keys", "create", "--env", "sandbox")
    assert (third.returncode, third.stdout) == (1, "")
    assert "already has 2 active sandbox keys; revoke one first" in third.stderr
    listed = run(deployment, "keys", "list")
    assert listed.returncode == 0
    lines = listed.stdout.splitlines()
    assert len(lines) == 3, "one line a key, whatever the width of the terminal"
    assert all(key.split(".")[2] in listed.stdout and key.split(".")[3] not in listed.stdout for key in keys)
    revoked = run(deployment, "keys", "revoke", keys[0].split(".")[2])
    assert (revoked.returncode, revoked.stdout) == (0, "")
    again = run(deployment, "keys", "revoke", keys[0])
    assert (again.returncode, again.stdout) == (1, "")
    assert "no active key" in again.stderr
    assert keys[0].split(".")[3] not in again.stderr
    assert run(deployment, "keys", "create", "--env", "sandbox").returncode == 0
    wrong = run(deployment, "keys", "create", "--env", "staging")
    assert wrong.returncode == 2
    assert "sandbox or production" in wrong.stderr
    assert (deployment.data_dir / "secret.key").stat().st_mode & 0o777 == 0o600
    assert deployment.data_dir.stat().st_mode & 0o077 == 0


def test_documents_become_bundles_on_stdout(deployment: Deployment) -> None:
    documents(deployment)
    done = run(deployment, "convert", "good[a].xml", "other.xml", "--patient-id", "p-1")
    assert done.returncode == 0, done.stderr
    bundles = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(bundles) == 2
    for bundle in bundles:
        [patient] = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient"]
        assert patient["id"] == "p-1"
    assert "2 of 2 converted" in done.stderr
    assert not deployment.data_dir.exists(), "converting needs no database"


def test_bad_documents_are_told_and_the_others_converted(deployment: Deployment) -> None:
    documents(deployment)
    done = run(deployment, "convert", "missing.xml", "good[a].xml", "bad[bold].xml")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert json.loads(done.stdout)["resourceType"] == "Bundle"
    assert "missing.xml: No such file" in done.stderr
    assert "bad[bold].xml: " in done.stderr
    assert "1 of 3 converted" in done.stderr
    assert "Traceback" not in done.stderr


def test_bundles_go_to_a_folder(deployment: Deployment) -> None:
    folder = documents(deployment)
    done = run(deployment, "convert", "good[a].xml", "other.xml", "--out", "made/here")
    assert (done.returncode, done.stdout) == (0, "")
    made = sorted((folder / "made" / "here").iterdir())
    assert [path.name for path in made] == ["good[a].json", "other.json"]
    first, second = (json.loads(path.read_bytes()) for path in made)
    assert first != second
    again = run(deployment, "convert", "good[a].xml", "--out", "again")
    assert again.returncode == 0
    assert (folder / "again" / "good[a].json").read_bytes() == made[0].read_bytes()


def test_no_bundle_takes_the_place_of_another(deployment: Deployment) -> None:
    folder = documents(deployment)
    (folder / "more").mkdir()
    (folder / "more" / "other.xml").write_text(CCD.format(number=3))
    done = run(deployment, "convert", "other.xml", "more/other.xml", "--out", "made")
    assert done.returncode == 1
    assert "several files would become other.json" in done.stderr
    assert not (folder / "made").exists()
    refused = run(deployment, "convert", "other.xml", "--out", "good[a].xml")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_settings_that_cannot_be_used_are_named(live_server: LiveServer) -> None:
    for settings, expected in (
        ({"mode": "staging"}, "CHARTBRIDGE_MODE"),
        ({"heartbeat_s": "20"}, "CHARTBRIDGE_WORKER_LOST_AFTER_S"),
        ({"secret_key": "short"}, "CHARTBRIDGE_SECRET_KEY must have at least 32 characters"),
        ({"mode": "production"}, "CHARTBRIDGE_SECRET_KEY must be set in production"),
        ({"database_url": "mysql://x/y"}, "the database could not be opened"),
        ({"object_store_url": "ftp://x/y"}, "CHARTBRIDGE_OBJECT_STORE_URL"),
    ):
        done = run(live_server(settings), "keys", "list")
        assert (done.returncode, done.stdout) == (1, ""), settings
        assert expected in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_a_secret_that_was_lost_is_not_replaced_silently(deployment: Deployment) -> None:
    assert run(deployment, "db", "upgrade").returncode == 0
    (deployment.data_dir / "secret.key").write_text("")
    done = run(deployment, "db", "upgrade")
    assert done.returncode == 1
    assert "holds no usable secret key" in done.stderr


def test_doctor_finds_a_new_and_a_used_installation_well(deployment: Deployment) -> None:
    before = run(deployment, "doctor")
    assert before.returncode == 0, before.stderr
    assert "will be made at first start" in before.stderr
    assert run(deployment, "db", "upgrade").returncode == 0
    after = run(deployment, "doctor")
    assert after.returncode == 0, after.stderr
    assert "written, read, deleted" in after.stderr


@pytest.mark.parametrize(
    ("settings", "subject", "advice"),
    [
        ({"database_url": "postgresql://u:hidden@127.0.0.1:1/x"}, "database", "is the server up"),
        ({"database_url": "mysql://u:hidden@x/y"}, "database", "CHARTBRIDGE_DATABASE_URL"),
        ({"database_url": "nonsense"}, "database", "CHARTBRIDGE_DATABASE_URL"),
        ({"secret_key": "short"}, "secret key", "at least 32 characters"),
        ({"mode": "production"}, "secret key", "must be set in production"),
        ({"object_store_url": "ftp://x"}, "object store", "unknown scheme"),
        ({"object_store_url": "s3://"}, "object store", "names no bucket"),
        (
            {
                "object_store_url": "s3://bucket",
                "s3_endpoint": "http://127.0.0.1:1",
                "s3_access_key_id": "a",
                "s3_secret_access_key": "hidden",
            },
            "object store",
            "credentials",
        ),
        ({"host": "0.0.0.0"}, "network", "TLS"),
        ({"mode": "staging"}, "settings", "correct or unset"),
        ({"data_dir": "file/below"}, "data folder", "CHARTBRIDGE_DATA_DIR"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_doctor_says_what_to_fix(
    live_server: LiveServer, settings: dict[str, str], subject: str, advice: str
) -> None:
    deployment = live_server(settings)
    (deployment.folder / "file").write_text("")
    done = run(deployment, "doctor")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith(f"no  {subject}")], done.stderr
    assert advice in done.stderr
    assert "hidden" not in done.stderr


def test_doctor_notices_a_schema_that_is_old_and_a_secret_others_can_read(deployment: Deployment) -> None:
    assert run(deployment, "db", "upgrade").returncode == 0
    (deployment.data_dir / "secret.key").chmod(0o644)
    with closing(sqlite3.connect(deployment.data_dir / "chartbridge.sqlite")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0006'")
        connection.commit()
    done = run(deployment, "doctor")
    assert done.returncode == 1
    assert "chmod 600" in done.stderr
    assert "chartbridge db upgrade" in done.stderr


@pytest.mark.slow
def test_a_workers_name_is_held_by_one_process(live_server: LiveServer) -> None:
    deployment = live_server(fresh=True)
    worker = deployment.worker("worker-a")
    refused = run(deployment, "worker", "--id", "worker-a")
    assert refused.returncode == 1
    assert "a worker named worker-a runs already" in refused.stderr
    assert worker.stop(signal.SIGINT) == 0
    assert worker.leaves_nothing_behind()
    again = deployment.worker("worker-a")
    assert again.stop(signal.SIGTERM) == 0
    assert again.leaves_nothing_behind()
    assert "Traceback" not in worker.log() + again.log()


def test_serving_on_a_taken_port_is_refused_before_anything_is_made(deployment: Deployment) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(deployment, "serve", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 is taken" in done.stderr
    assert not deployment.data_dir.exists()
