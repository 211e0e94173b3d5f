"""Backing up an embedded installation while it works, and having it again elsewhere."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chartbridge import __version__
from chartbridge.cli import cli
from chartbridge.commands.backups.making import make
from chartbridge.commands.backups.places import Places
from chartbridge.config import Settings
from tests.backup.charts import everything, make_charts, messages, somebody
from tests.support.client import Api, M
from tests.support.receiver import Receiver
from tests.support.server import Deployment

LIMITS = json.dumps({"patient-write": 10_000})


def run(*arguments: str) -> tuple[int, str]:
    """Exit code and output of a command."""
    done = CliRunner().invoke(cli, list(arguments), env={"COLUMNS": "300"})
    return done.exit_code, done.output


@pytest.mark.slow
def test_a_running_installation_is_backed_up_and_restored(
    live_server: Callable[..., Deployment], receiver: Receiver, tmp_path: Path
) -> None:
    """Patients come while it is copied, and a query waits for its worker: all of it is there afterwards."""
    limits = {"rate_limits": LIMITS, "sandbox_max_patients": "1000"}
    deployment = live_server(limits)
    server = deployment.serve(worker=False)
    worker = deployment.worker("worker-a")
    key = deployment.create_key()
    with Api(server.origin, key) as api:
        patients = make_charts(api, receiver)
        assert worker.stop() == 0
        waiting = api.post(f"{M}/network/query", {"sources": ["hie"]}, patientId=patients[0])["requestId"]
        before = everything(api)
        told = messages(f"sqlite:///{deployment.data_dir / 'chartbridge.sqlite'}")
        done, made = threading.Event(), []

        def create() -> None:
            number = 0
            clinic = before["facilities"]["facilities"][0]["id"]
            with Api(server.origin, key) as other:
                while not done.is_set():
                    number += 1
                    made.append(
                        other.post(f"{M}/patient", somebody(number), status=201, facilityId=clinic)["id"]
                    )

        creating = threading.Thread(target=create)
        creating.start()
        backup = tmp_path / "backups" / "first"
        deployment.run("backup", "create", str(backup))
        done.set()
        creating.join()
    assert len(set(made)) == len(made) > 0
    deployment.close()
    shutil.rmtree(deployment.data_dir)
    assert (backup.stat().st_mode & 0o077, (backup / "secret.key").stat().st_mode & 0o077) == (0, 0)

    again = live_server(limits)
    again.run("backup", "verify", str(backup))
    again.run("backup", "restore", str(backup))
    assert (again.data_dir / "secret.key").read_bytes() == (backup / "secret.key").read_bytes()
    restored = again.serve(worker=False)
    with Api(restored.origin, key) as api:
        after = everything(api)
        came = {patient["id"] for patient in after["patients"]} - set(patients)
        assert came <= set(made)
        assert [made_at for made_at, patient in enumerate(made) if patient in came] == list(range(len(came)))
        for name, value in before.items():
            if name != "patients":
                assert after[name] == value
        assert messages(f"sqlite:///{again.data_dir / 'chartbridge.sqlite'}") == told
        again.worker("worker-b")
        api.poll(f"{M}/network/query/{waiting}", timeout_s=60)
    receiver.wait_for("network-query.hie", 3, timeout_s=60)


@pytest.fixture
def installation(migrated_sqlite: Path, tmp_path: Path) -> Settings:
    """One with a database and three objects."""
    data = tmp_path / "data"
    (data / "objects" / "sandbox" / "a").mkdir(parents=True)
    shutil.copy(migrated_sqlite, data / "chartbridge.sqlite")
    for number in range(3):
        (data / "objects" / "sandbox" / "a" / f"{number}.json").write_bytes(b"chart %d" % number)
    (data / "objects" / "sandbox" / "a" / "3.json#1").write_bytes(b"half an object")
    (data / "terminology" / "imports").mkdir(parents=True)
    (data / "terminology" / "imports" / "loinc.sqlite").write_bytes(b"an edition")
    (data / "terminology" / "default-1.sqlite").write_bytes(b"made again from what comes with the program")
    settings = Settings(data_dir=data, terminology_dir=data / "terminology")
    assert settings.signing_key
    return settings


def made(installation: Settings, tmp_path: Path, name: str = "backup") -> Path:
    target = tmp_path / name
    make(Places.of(installation), target)
    return target


KEPT = {f"objects/sandbox/a/{number}.json" for number in range(3)} | {
    "chartbridge.sqlite",
    "secret.key",
    "terminology/imports/loinc.sqlite",
}


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_it_lists_what_it_holds_and_gives_it_back(
    installation: Settings, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = made(installation, tmp_path, name)
    if backup.is_file():
        with tarfile.open(backup) as archive:
            listed = archive.extractfile("manifest.json")
            assert listed is not None
            told = json.load(listed)
    else:
        told = json.loads((backup / "manifest.json").read_bytes())
    assert told["chartbridge"] == __version__
    assert told["files"].keys() == KEPT
    assert told["files"]["objects/sandbox/a/1.json"]["size"] == 7
    assert run("backup", "verify", str(backup))[0] == 0

    target = tmp_path / "elsewhere"
    monkeypatch.setenv("CHARTBRIDGE_TERMINOLOGY_DIR", str(target / "terminology"))
    code, printed = run("backup", "restore", str(backup), "--data-dir", str(target))
    assert code == 0, printed
    assert {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()} == KEPT
    for file in KEPT - {"chartbridge.sqlite"}:
        assert (target / file).read_bytes() == (installation.data_dir / file).read_bytes()
    with closing(sqlite3.connect(target / "chartbridge.sqlite")) as copy:
        assert copy.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    code, printed = run("backup", "restore", str(backup), "--data-dir", str(target))
    assert code == 1
    assert "is not empty" in printed


def test_nothing_is_written_over(installation: Settings, tmp_path: Path) -> None:
    backup = made(installation, tmp_path)
    code, printed = run("backup", "create", str(backup), "--data-dir", str(installation.data_dir))
    assert code == 1
    assert "is there already" in printed
    inside = installation.data_dir / "objects" / "backup"
    assert run("backup", "create", str(inside), "--data-dir", str(installation.data_dir))[0] == 1
    assert not inside.exists()


def test_a_backup_that_breaks_off_leaves_nothing(
    installation: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installation.data_dir / "chartbridge.sqlite").write_bytes(b"no database" * 1000)
    code, printed = run(
        "backup", "create", str(tmp_path / "b" / "backup"), "--data-dir", str(installation.data_dir)
    )
    assert code == 1
    assert "cannot be copied" in printed
    assert list((tmp_path / "b").iterdir()) == []


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte": (lambda b: (b / "objects/sandbox/a/1.json").write_bytes(b"chart 9"), "1.json has other bytes"),
    "a file": (lambda b: (b / "objects/sandbox/a/1.json").unlink(), "1.json is missing"),
    "a surplus": (lambda b: (b / "objects/more").touch(), "objects/more is surplus"),
    "the list": (lambda b: (b / "manifest.json").write_text("{}"), "a damaged one"),
    "no list": (lambda b: (b / "manifest.json").unlink(), "there is no manifest.json"),
    "a way out": (
        lambda b: (b / "manifest.json").write_text(
            (b / "manifest.json").read_text().replace("objects/sandbox/a/1.json", "objects/../../1.json")
        ),
        "does not list what a backup has",
    ),
    "a newer one": (
        lambda b: (b / "manifest.json").write_text(
            json.dumps({**json.loads((b / "manifest.json").read_text()), "schema": "9999"})
        ),
        "newer than this one",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_backup_that_is_not_what_it_was_is_refused(
    installation: Settings, tmp_path: Path, damage: str
) -> None:
    backup = made(installation, tmp_path)
    inflict, said = DAMAGES[damage]
    inflict(backup)
    target = tmp_path / "elsewhere"
    code, printed = run("backup", "restore", str(backup), "--data-dir", str(target))
    assert code == 1
    assert said in printed
    assert not target.exists()
    if damage != "a newer one":
        assert run("backup", "verify", str(backup))[0] == 1


def test_a_restoration_that_broke_off_is_begun_anew(installation: Settings, tmp_path: Path) -> None:
    backup = made(installation, tmp_path)
    target = tmp_path / "elsewhere"
    (target / ".objects.restoring" / "sandbox").mkdir(parents=True)
    (target / ".chartbridge.sqlite.restoring").write_bytes(b"half")
    assert run("backup", "restore", str(backup), "--data-dir", str(target))[0] == 0
    assert not list(target.glob(".*"))


def test_postgresql_and_buckets_have_tools_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARTBRIDGE_OBJECT_STORE_URL", "s3://charts")
    code, printed = run("backup", "create", str(tmp_path / "backup"), "--data-dir", str(tmp_path))
    assert code == 1
    assert "docs/backup.md" in printed
