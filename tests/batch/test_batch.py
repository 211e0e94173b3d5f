"""A whole archive is converted in parts, wherever it lies, and a run that was stopped goes on."""

from __future__ import annotations

import gzip
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pyarrow.parquet
import pytest

from chartbridge.batch import BatchError, Options, run
from chartbridge.ccda import convert
from chartbridge.commands.converting import patient_id_for
from chartbridge.config import Settings
from chartbridge.storage.store import s3_store
from tests.cli.converting import BAD, fathers_result, numbered, write
from tests.support.processes import Process
from tests.support.seaweedfs import S3Server
from tests.support.server import Deployment, command

Json = dict[str, Any]
NAMES = ("a.xml", "2024/b.CDA", "2024/Ünï côdé.xml", "odd #1 100%.xml", "c.xml")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Five documents, one that is none, and files that are passed over."""
    documents = {name: numbered(number) for number, name in enumerate(NAMES)}
    others = {"bad.xml": BAD, "readme.txt": b"no document", "._a.xml": b"a Mac's note"}
    return write(tmp_path / "archive", documents | others)


def lines(folder: Path) -> Iterator[Json]:
    """The resources of all parts, by part and type."""
    for path in sorted(folder.glob("[A-Z]*/part-*.ndjson.gz")):
        yield from (json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines())


def account(folder: Path) -> dict[str, Json]:
    """What the parts' reports say of each document."""
    paths = sorted((folder / "_batch/report").iterdir())
    told = (json.loads(line) for path in paths for line in gzip.decompress(path.read_bytes()).splitlines())
    return {line["document"]: line for line in told}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def by_key(resources: Iterator[Json]) -> list[tuple[str, str]]:
    return sorted((json.dumps(one, sort_keys=True), one["resourceType"]) for one in resources)


def test_every_document_is_converted_and_accounted_for(archive: Path, tmp_path: Path) -> None:
    (archive / "father.xml").write_bytes(fathers_result())
    target = tmp_path / "fhir"
    told: list[tuple[int, int]] = []
    options = Options(part_documents=2)
    totals = run(str(archive), str(target), options, progress=lambda done, all: told.append((done, all)))

    expected = []
    for name in (*NAMES, "father.xml"):
        xml = (archive / name).read_bytes()
        expected += [entry["resource"] for entry in convert(xml, patient_id_for(xml)).bundle["entry"]]
    assert by_key(lines(target)) == by_key(iter(expected))
    assert dict(totals.documents) == {"converted": 6, "failed": 1}
    assert totals.resources.total() == len(expected)
    assert told == [(2, 7), (4, 7), (6, 7), (7, 7)]

    documents = account(target)
    assert set(documents) == {*NAMES, "father.xml", "bad.xml"}
    assert documents["bad.xml"]["outcome"] == "failed"
    (left,) = documents["father.xml"]["notConverted"]
    assert left["outcome"] == "not-converted"
    report = json.loads((target / "report.json").read_bytes())
    assert report["planned"] == {"documents": 7, "parts": 4, "passedOver": 2}
    assert report["doneParts"] == 4
    assert [one["document"] for one in report["failed"]] == ["bad.xml"]
    assert report["documents"] == {"converted": 6, "failed": 1}


def test_patients_ids_come_from_the_keys_where_a_pattern_says_how(tmp_path: Path) -> None:
    source = write(
        tmp_path / "in", {"mrn-7/a.xml": numbered(1), "mrn-7/b.xml": numbered(2), "c.xml": numbered(3)}
    )
    totals = run(str(source), str(tmp_path / "out"), Options(patient_from=r"(mrn-\d+)/"))
    assert {one["id"] for one in lines(tmp_path / "out") if one["resourceType"] == "Patient"} == {"mrn-7"}
    assert totals.failed == [{"document": "c.xml", "reason": "its key holds no patient's id"}]


def test_parquet_holds_the_same_resources_with_their_documents(archive: Path, tmp_path: Path) -> None:
    run(str(archive), str(tmp_path / "lines"), Options())
    run(str(archive), str(tmp_path / "tables"), Options(format="parquet", part_documents=2))
    rows: list[Json] = []
    for path in sorted((tmp_path / "tables").glob("*.parquet")):
        rows += pyarrow.parquet.ParquetFile(path).read().to_pylist()
    assert by_key(json.loads(row["resource"]) for row in rows) == by_key(lines(tmp_path / "lines"))
    documents = account(tmp_path / "tables")
    for row in rows:
        assert row["document_sha256"] == documents[row["document"]]["sha256"]
        assert row["patient_id"] == documents[row["document"]]["patientId"]
        assert json.loads(row["resource"])["id"] == row["id"]
        assert json.loads(row["resource"])["resourceType"] == row["resource_type"]


def test_a_document_that_takes_too_long_fails_alone_and_by_name(archive: Path, tmp_path: Path) -> None:
    totals = run(str(archive), str(tmp_path / "out"), Options(timeout_s=0.000_001))
    assert totals.documents["failed"] == 6
    assert {one["reason"] for one in totals.failed} == {"it took longer than 1e-06 s"}


def test_a_run_that_was_killed_goes_on_behind_the_last_part_that_is_done(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {f"{number:03}.xml": numbered(number) for number in range(120)})
    run(str(source), str(tmp_path / "calm"), Options(part_documents=5))
    target = tmp_path / "killed"
    arguments = [command(), "batch", str(source), str(target), "--part-documents", "5"]
    environment = Deployment(tmp_path / "deployment").environment
    process = Process("batch", arguments, log=tmp_path / "log", environment=environment, cwd=tmp_path)
    process.wait_until(lambda: len(list(target.glob("_batch/done/*"))) >= 3, timeout_s=60)
    process.kill()
    done = {path: path.stat().st_mtime_ns for path in target.glob("_batch/done/*")}
    assert 3 <= len(done) < 24, "it was killed in the middle"

    totals = run(str(source), str(target), Options(part_documents=5))
    assert {path: path.stat().st_mtime_ns for path in done} == done, "nothing was converted twice"
    assert totals.documents["converted"] == 120
    calm, killed = contents(tmp_path / "calm"), contents(target)
    assert {k: v for k, v in killed.items() if not k.endswith("plan.json")} == {
        k: v for k, v in calm.items() if not k.endswith("plan.json")
    }


def test_ctrl_c_ends_it_at_once_and_leaves_no_process(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {f"{number:03}.xml": numbered(number) for number in range(400)})
    target = tmp_path / "out"
    arguments = [command(), "batch", str(source), str(target), "--part-documents", "5", "--jobs", "2"]
    environment = Deployment(tmp_path / "deployment").environment
    process = Process("batch", arguments, log=tmp_path / "log", environment=environment, cwd=tmp_path)
    process.wait_until(lambda: any(target.glob("_batch/done/*")), timeout_s=60)
    assert process.stop(signal.SIGINT) != 0
    assert process.leaves_nothing_behind()


def test_what_does_not_fit_the_run_in_the_target_is_refused(archive: Path, tmp_path: Path) -> None:
    source, target = str(archive), str(tmp_path / "out")
    run(source, target, Options())
    before = contents(tmp_path / "out")
    other = write(tmp_path / "other", {"x.xml": numbered(1)})
    with pytest.raises(BatchError, match="another source"):
        run(str(other), target, Options())
    with pytest.raises(BatchError, match="another format"):
        run(source, target, Options(format="parquet"))
    with pytest.raises(BatchError, match="another patientFrom"):
        run(source, target, Options(patient_from="(.)"))
    assert contents(tmp_path / "out") == before
    with pytest.raises(BatchError, match="within the source"):
        run(source, str(archive / "out"), Options())
    with pytest.raises(BatchError, match="no folder"):
        run(str(tmp_path / "nothing"), str(tmp_path / "new"), Options())
    with pytest.raises(BatchError, match="holds no documents"):
        run(str(write(tmp_path / "empty", {"a.txt": b""})), str(tmp_path / "new"), Options())
    with pytest.raises(BatchError, match="neither a folder nor a bucket"):
        run("ftp://example.org/x", target, Options())
    with pytest.raises(BatchError, match="not empty"):
        run(source, str(other), Options())
    with pytest.raises(BatchError, match="no group"):
        run(source, str(tmp_path / "new2"), Options(patient_from="mrn"))


def test_a_part_counts_as_done_only_when_its_results_are_there(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    (target / "_batch").mkdir(parents=True)
    (target / "Patient").write_bytes(b"in the way of the folder of that name")
    with pytest.raises(BatchError, match="not empty"):
        run(str(archive), str(target), Options())
    (target / "Patient").unlink()
    run(str(archive), str(target), Options())
    for path in (target / "_batch/done").iterdir():
        path.unlink()
    for path in target.glob("Patient/*"):
        path.unlink()
    (target / "Patient").rmdir()
    (target / "Patient").write_bytes(b"in the way")
    with pytest.raises(BatchError, match="cannot be written"):
        run(str(archive), str(target), Options())
    assert not list((target / "_batch/done").iterdir())
    (target / "Patient").unlink()
    assert run(str(archive), str(target), Options()).documents["converted"] == 5


def test_a_bucket_is_read_and_written_like_a_folder(
    archive: Path, tmp_path: Path, s3_server: S3Server
) -> None:
    run(str(archive), str(tmp_path / "local"), Options(part_documents=3))
    bucket = s3_server.fresh_bucket()
    settings = Settings.model_validate({**s3_server.settings(bucket), "data_dir": tmp_path / "data"})
    source, target = f"s3://{bucket}/in/all", f"s3://{bucket}/out"
    store = s3_store(settings, source)
    for name in ("readme.txt", "bad.xml", *NAMES):
        obstore.put(store, name, (archive / name).read_bytes())
    totals = run(source, target, Options(part_documents=3), processes=2, settings=settings)
    assert dict(totals.documents) == {"converted": 5, "failed": 1}
    written = s3_store(settings, target)
    for item in [one for batch in obstore.list(written) for one in batch]:
        path = tmp_path / "fetched" / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(obstore.get(written, item["path"]).bytes()))
    assert by_key(lines(tmp_path / "fetched")) == by_key(lines(tmp_path / "local"))
    assert set(account(tmp_path / "fetched")) == set(account(tmp_path / "local"))
    assert run(source, target, Options(part_documents=3), settings=settings).documents == totals.documents


@pytest.mark.slow
def test_ray_gives_the_same_bytes_as_the_processes_of_one_machine(archive: Path, tmp_path: Path) -> None:
    run(str(archive), str(tmp_path / "local"), Options(part_documents=2))
    deployment = Deployment(tmp_path / "deployment")
    arguments = ("batch", str(archive), str(tmp_path / "ray"), "--part-documents", "2", "--engine", "ray")
    deployment.run(*arguments, "--jobs", "2", status=1, timeout_s=120)
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
