"""``chartbridge convert`` over real files and archives, as a process."""

from __future__ import annotations

import bz2
import json
import lzma
import os
import signal
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path

import pytest

from chartbridge.ccda import convert as convert_in_process
from tests.cli.converting import (
    BAD,
    convert,
    environment,
    fathers_result,
    lines,
    numbered,
    packed,
    tarred,
    tree,
    write,
    zipped,
)
from tests.support.processes import Process
from tests.support.server import command

THREE = {"a.xml": numbered(1), "deep/b.CDA": numbered(2), "deep/er/c.ccda": numbered(3)}


def patient_ids(bundles: list[dict[str, object]]) -> list[str]:
    return [
        entry["resource"]["id"]
        for bundle in bundles
        for entry in bundle["entry"]  # type: ignore[attr-defined]
        if entry["resource"]["resourceType"] == "Patient"
    ]


def test_a_folder_is_read_to_its_depths(tmp_path: Path) -> None:
    write(
        tmp_path / "in", THREE | {"d.ccd": numbered(4), "notes.txt": b"no", "._a.xml": b"\0", "e.pdf": b"%"}
    )
    done = convert(tmp_path, "in", "--patient-id", "p-1", "--out", "made")
    assert done.stdout == b""
    made = tree(tmp_path / "made")
    assert list(made) == ["a.json", "d.json", "deep/b.json", "deep/er/c.json"]
    for name, number in (("a", 1), ("deep/b", 2), ("deep/er/c", 3), ("d", 4)):
        expected = convert_in_process(numbered(number), "p-1").bundle
        assert json.loads(made[f"{name}.json"]) == expected
    assert b"4 of 4 converted" in done.stderr
    assert b"3 other files passed over" in done.stderr


def test_a_file_that_is_named_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    write(tmp_path, {"document": numbered(1), "b.txt": numbered(2)})
    convert(tmp_path, "document", "b.txt", "--out", "made")
    assert sorted(tree(tmp_path / "made")) == ["b.json", "document.json"]


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("set.zip", zipped),
        ("set.tar", tarred),
        ("set.TGZ", lambda files: packed(tarred(files))),
        ("set.tar.bz2", lambda files: bz2.compress(tarred(files))),
        ("set.tar.xz", lambda files: lzma.compress(tarred(files))),
    ],
    ids=["zip", "tar", "gz", "bz2", "xz"],
)
def test_archives_are_read_like_folders(tmp_path: Path, name: str, pack: object) -> None:
    assert callable(pack)
    write(tmp_path, {f"in/more/{name}": pack(THREE | {"readme.txt": b"no"})})
    done = convert(tmp_path, "in", "--patient-id", "p-1", "--out", "made")
    made = tree(tmp_path / "made")
    assert list(made) == [f"more/{name}/{path}.json" for path in ("a", "deep/b", "deep/er/c")]
    assert json.loads(made[f"more/{name}/deep/b.json"]) == convert_in_process(numbered(2), "p-1").bundle
    assert b"3 of 3 converted" in done.stderr
    assert b"1 other files passed over" in done.stderr
    named = convert(tmp_path, f"in/more/{name}", "--patient-id", "p-1")
    assert lines(named.stdout) == [json.loads(content) for content in made.values()]


def test_stdin_is_a_document(tmp_path: Path) -> None:
    done = convert(tmp_path, "-", "--patient-id", "p-1", stdin=numbered(1))
    assert lines(done.stdout) == [convert_in_process(numbered(1), "p-1").bundle]
    convert(tmp_path, "-", "--out", "made", stdin=numbered(1))
    assert list(tree(tmp_path / "made")) == ["stdin.json"]
    assert b"-: The document is empty" in convert(tmp_path, "-", status=1).stderr


def test_each_document_gets_a_patient_of_its_own_unless_one_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a.xml": numbered(1), "b.xml": numbered(2), "copy.xml": numbered(1)})
    first, second, copy = patient_ids(lines(convert(tmp_path, "a.xml", "b.xml", "copy.xml").stdout))
    assert first == copy != second
    assert str(uuid.UUID(first)) == first
    named = convert(tmp_path, "a.xml", "b.xml", "--patient-id", "p-1")
    assert patient_ids(lines(named.stdout)) == ["p-1", "p-1"]


def test_bad_documents_in_the_middle_stop_nothing(tmp_path: Path) -> None:
    nested = {
        "1.xml": numbered(1),
        "2.xml": BAD,
        "3.zip": zipped({"x.xml": numbered(9)}),
        "4.xml": numbered(4),
    }
    whole = zipped(THREE)
    write(
        tmp_path / "in",
        {
            "a.xml": numbered(5),
            "b.xml": BAD,
            "c.zip": zipped(nested),
            "d.zip": whole[: len(whole) // 2],
            "e.tar.gz": packed(tarred(THREE))[:-200],
            "f.tar": b"no archive at all" * 100,
            "g.xml": numbered(6),
        },
    )
    done = convert(tmp_path, "in", "missing.xml", status=1)
    told = done.stderr.decode()
    assert "b.xml: The document is not well-formed XML" in told
    assert "c.zip/2.xml: The document is not well-formed XML" in told
    assert "c.zip/3.zip: an archive within an archive is not opened" in told
    assert "d.zip: it is no zip archive, or damaged" in told
    assert "e.tar.gz: the archive is cut off" in told
    assert "f.tar: it is no tar archive, or damaged" in told
    assert "missing.xml: No such file" in told
    converted = lines(done.stdout)
    expected = [numbered(5), numbered(1), numbered(4)]
    assert [b["entry"] for b in converted[:3]] == [
        convert_in_process(xml, patient_id).bundle["entry"]
        for xml, patient_id in zip(expected, patient_ids(converted), strict=False)
    ]
    assert f"{len(converted)} of {len(converted) + 7} converted" in told


def test_links_are_told_and_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"secret.xml": numbered(1)})
    folder = write(tmp_path / "in", {"a.xml": numbered(2)})
    (folder / "linked").symlink_to(outside)
    link = tarfile.TarInfo("link.xml")
    link.type, link.linkname = tarfile.SYMTYPE, str(outside / "secret.xml")
    device = tarfile.TarInfo("device.xml")
    device.type = tarfile.CHRTYPE
    write(folder, {"b.tar": tarred({"c.xml": numbered(3)}, link, device)})
    done = convert(tmp_path, "in")
    told = done.stderr.decode()
    assert len(lines(done.stdout)) == 2
    assert "in/linked: it is a link to a folder; skipped" in told
    assert "b.tar/link.xml: it is a link; skipped" in told
    assert "b.tar/device.xml: it is no file; skipped" in told
    assert "2 of 2 converted" in told
    assert "3 skipped" in told


@pytest.mark.parametrize("archive", ["set.zip", "set.tar"])
def test_members_cannot_be_written_elsewhere(tmp_path: Path, archive: str) -> None:
    names = ("../x.xml", "/etc/x.xml", "a/../../x.xml", "..\\x.xml", "C:\\x.xml")
    files = {name: numbered(1) for name in names} | {"ok.xml": numbered(2)}
    write(tmp_path, {archive: (zipped if archive == "set.zip" else tarred)(files)})
    done = convert(tmp_path, archive, "--out", "made/here", status=1)
    assert done.stderr.count(b"its name leads out of the archive") == len(names)
    assert list(tree(tmp_path)) == [f"made/here/{archive}/ok.json", archive]


@pytest.mark.parametrize(
    ("files", "arguments", "named"),
    [
        ({"x.xml": b"", "more/x.cda": b""}, ("x.xml", "more/x.cda"), "x.json"),
        ({"in/d/x.xml": b"", "in/d/x.ccd": b""}, ("in",), "d/x.json"),
        ({"s.zip": zipped({"x.xml": b"", "x.cda": b""})}, ("s.zip",), "s.zip/x.json"),
        ({"report.xml": b""}, ("report.xml", "--report"), "report.json"),
    ],
    ids=["files", "folder", "zip", "report"],
)
def test_nothing_is_written_where_two_would_become_one(
    tmp_path: Path, files: dict[str, bytes], arguments: tuple[str, ...], named: str
) -> None:
    write(tmp_path, files)
    done = convert(tmp_path, *arguments, "--out", "made", status=1)
    assert f"several files would become {named} in made" in done.stderr.decode()
    assert not (tmp_path / "made").exists()


def test_what_clashes_only_within_a_tar_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"s.tar": tarred({"x.xml": numbered(1), "x.cda": numbered(2), "y.xml": numbered(3)})})
    done = convert(tmp_path, "s.tar", "--patient-id", "p-1", "--out", "made", status=1)
    assert b"s.tar/x.cda: another document became s.tar/x.json" in done.stderr
    assert list(tree(tmp_path / "made")) == ["s.tar/x.json", "s.tar/y.json"]
    kept = json.loads((tmp_path / "made/s.tar/x.json").read_bytes())
    assert kept == convert_in_process(numbered(1), "p-1").bundle


def test_a_bundle_that_cannot_be_written_fails_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.xml": numbered(1), "b.xml": numbered(2), "made/a.json/in the way": b""})
    done = convert(tmp_path, "a.xml", "b.xml", "--out", "made", status=1)
    assert b"a.xml: its bundle cannot be written" in done.stderr
    assert sorted(tree(tmp_path / "made")) == ["a.json/in the way", "b.json"]


def test_bulk_form_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "in", {"a.xml": numbered(1), "b.xml": BAD, "c.xml": numbered(2)})
    convert(tmp_path, "in", "--ndjson", "--out", "made", status=1)
    made = tree(tmp_path / "made")
    for name, content in made.items():
        assert {f"{resource['resourceType']}.ndjson" for resource in lines(content)} == {name}
    patients = [patient["id"] for patient in lines(made["Patient.ndjson"])]
    expected = [
        entry["resource"]
        for xml, patient in zip((numbered(1), numbered(2)), patients, strict=True)
        for entry in convert_in_process(xml, patient).bundle["entry"]
    ]
    found = [resource for content in made.values() for resource in lines(content)]
    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, expected))
    again = convert(tmp_path, "in/a.xml", "--ndjson", "--out", "made", status=1)
    assert b"of an earlier run" in again.stderr
    assert tree(tmp_path / "made") == made


def test_bulk_form_on_stdout_without_exact_repeats(tmp_path: Path) -> None:
    write(tmp_path, {"a.xml": numbered(1), "b.xml": numbered(2), "copy.xml": numbered(1)})
    done = convert(tmp_path, "a.xml", "b.xml", "copy.xml", "--ndjson", "--patient-id", "p-1")
    printed = done.stdout.splitlines()
    assert len(printed) == len(set(printed))
    expected = {
        json.dumps(entry["resource"])
        for number in (1, 2)
        for entry in convert_in_process(numbered(number), "p-1").bundle["entry"]
    }
    assert {json.dumps(json.loads(line)) for line in printed} == expected
    assert json.loads(printed[0])["resourceType"] == "Patient"


def test_the_report_is_that_of_the_library(tmp_path: Path) -> None:
    documents = {"a.xml": fathers_result(), "c.xml": numbered(1)}
    write(tmp_path / "in", documents | {"b.xml": BAD})
    done = convert(tmp_path, "in", "--patient-id", "p-1", "--report", "--out", "made", status=1)
    told = json.loads((tmp_path / "made" / "report.json").read_bytes())
    reports = {name: convert_in_process(xml, "p-1").report for name, xml in documents.items()}
    assert [one["document"] for one in told["documents"]] == ["in/a.xml", "in/b.xml", "in/c.xml"]
    good, bad, other = told["documents"]
    assert (good["outcome"], bad["outcome"], other["outcome"]) == ("converted", "failed", "converted")
    assert good["report"] == reports["a.xml"].to_json()
    assert other["report"] == reports["c.xml"].to_json()
    assert bad["reason"].startswith("The document is not well-formed XML")
    assert "report" not in bad
    totals = told["totals"]
    assert totals["documents"] == {"documents": 3, "converted": 2, "failed": 1, "skipped": 0}
    for outcome, number in totals["statements"].items():
        assert number == sum(report.totals[outcome] for report in reports.values()), outcome
    for kind, number in totals["resources"].items():
        assert number == sum(report.resources.get(kind, 0) for report in reports.values()), kind
    [missed] = reports["a.xml"].not_converted
    shown = done.stderr.decode()
    for cell in ("in/a.xml", missed.path, missed.template, missed.reason, "not-converted", "Composition"):
        assert cell in shown, cell
    assert "Halvorsen" not in shown + json.dumps(told)


def test_without_a_folder_the_report_is_here(tmp_path: Path) -> None:
    write(tmp_path, {"a.xml": numbered(1)})
    done = convert(tmp_path, "a.xml", "--report")
    told = json.loads((tmp_path / "chartbridge-report.json").read_bytes())
    assert told["totals"]["documents"]["converted"] == 1
    assert len(lines(done.stdout)) == 1, "stdout holds bundles alone"


@pytest.mark.parametrize(
    "form", [(), ("--ndjson",), ("--out", "made"), ("--ndjson", "--out", "made")], ids=" ".join
)
def test_more_processes_make_the_same(tmp_path: Path, form: tuple[str, ...]) -> None:
    many = {f"{number:03}.xml": numbered(number) for number in range(40)}
    source = write(
        tmp_path / "in", many | {"007.xml": BAD, "s.zip": zipped(many), "t.tgz": packed(tarred(many))}
    )
    made = []
    for processes in ("1", "2", "5"):
        here = tmp_path / processes
        here.mkdir()
        done = convert(here, str(source), *form, "--report", "--jobs", processes, status=1)
        made.append((done.stdout, done.stderr, tree(here)))
    assert made[0] == made[1] == made[2]
    assert b"119 of 120 converted" in made[0][1]


def test_wrong_usage_ends_with_2(tmp_path: Path) -> None:
    for arguments in ((), ("-", "-"), ("x", "--jobs", "0"), ("x", "--patient-id", " "), ("x", "--nonsense")):
        assert convert(tmp_path, *arguments, status=2).stdout == b""


def test_names_do_not_steer_the_terminal(tmp_path: Path) -> None:
    write(tmp_path, {"\x1b[2Jx:smile:[bold].xml": BAD})
    done = convert(tmp_path, ".", "--report", status=1)
    assert b"\\x1b[2Jx:smile:[bold].xml: " in done.stderr
    assert b"\x1b" not in done.stderr
    told = json.loads((tmp_path / "chartbridge-report.json").read_bytes())
    assert told["documents"][0]["document"] == "./\\x1b[2Jx:smile:[bold].xml"


def test_an_empty_folder_is_no_failure(tmp_path: Path) -> None:
    assert b"0 of 0 converted" in convert(tmp_path, ".").stderr


class Running(Process):
    """The command over a pipe that the test holds open, so that it is in the middle of a document."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        super().__init__(
            "convert",
            [command(), "convert", *arguments],
            log=folder / "log.txt",
            environment=environment(),
            cwd=folder,
        )

    def status(self) -> int:
        """Its exit status, once it has ended by itself."""
        return self._process.wait(30)


def reader_of(fifo: Path, running: Process) -> tuple[int, int]:
    """The pipe's end to write to, and the process that reads it."""
    ends: list[int] = []

    def opened() -> bool:
        try:
            ends.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False  # nobody reads it yet
        return True

    running.wait_until(opened, timeout_s=30)
    readers: list[int] = []

    def found() -> bool:
        readers.extend(
            int(handle.parts[2])
            for handle in Path("/proc").glob("[0-9]*/fd/*")
            if handle.parts[2] != str(os.getpid()) and _leads_to(handle, fifo)
        )
        return bool(readers)

    running.wait_until(found, timeout_s=30)
    return ends[0], readers[0]


def _leads_to(handle: Path, fifo: Path) -> bool:
    try:
        return os.readlink(handle) == str(fifo)
    except OSError:
        return False  # it was closed meanwhile, or is another user's


linux = pytest.mark.skipif(sys.platform != "linux", reason="finds the reader in /proc")


@linux
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_process_that_is_killed_takes_one_document_with_it(tmp_path: Path, processes: str) -> None:
    write(tmp_path, {f"{number}.xml": numbered(number) for number in range(1, 8)})
    fifo = tmp_path / "3a.xml"
    os.mkfifo(fifo)
    names = [path.name for path in sorted(tmp_path.glob("*.xml"))]
    running = Running(tmp_path, *names, "--jobs", processes, "--out", "made", "--report")
    end, reader = reader_of(fifo, running)
    assert reader != running.pid
    os.kill(reader, signal.SIGKILL)
    os.close(end)
    assert running.status() == 1
    assert "3a.xml: it ended the process that read it" in running.log()
    assert "7 of 8 converted" in running.log()
    made = tree(tmp_path / "made")
    assert sorted(made) == [*(f"{number}.json" for number in range(1, 8)), "report.json"]
    told = json.loads(made["report.json"])
    assert [one["document"] for one in told["documents"] if one["outcome"] == "failed"] == ["3a.xml"]
    assert running.leaves_nothing_behind()


@linux
def test_an_interrupted_run_leaves_nothing_half_done(tmp_path: Path) -> None:
    write(tmp_path, {"1.xml": numbered(1), "3.xml": numbered(3)})
    fifo = tmp_path / "2.xml"
    os.mkfifo(fifo)
    running = Running(
        tmp_path, "1.xml", "2.xml", "3.xml", "--ndjson", "--out", "made", "--report", "--jobs", "2"
    )
    end, _ = reader_of(fifo, running)
    assert running.stop(signal.SIGINT) != 0
    os.close(end)
    assert running.leaves_nothing_behind()
    assert tree(tmp_path / "made") == {}
    assert "Traceback" not in running.log()


@linux
def test_the_processes_of_a_killed_command_end(tmp_path: Path) -> None:
    write(tmp_path, {"2.xml": numbered(2), "3.xml": numbered(3)})
    fifo = tmp_path / "1.xml"
    os.mkfifo(fifo)
    running = Running(tmp_path, "1.xml", "2.xml", "3.xml", "--jobs", "2")
    end, _ = reader_of(fifo, running)
    os.kill(running.pid, signal.SIGKILL)
    os.close(end)  # the document ends, and its reader finds that nobody wants it
    assert running.status() == -signal.SIGKILL
    assert running.leaves_nothing_behind()


def test_a_reader_that_goes_away_is_no_drama(tmp_path: Path) -> None:
    many = {f"{number:03}.xml": numbered(number) for number in range(200)}
    write(tmp_path / "in", many)
    running = subprocess.Popen(
        [command(), "convert", "in", "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=tmp_path,
    )
    with running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert json.loads(running.stdout.readline())["resourceType"] == "Bundle"
        running.stdout.close()
        told = running.stderr.read()
    assert b"Traceback" not in told
    assert running.returncode != 0
