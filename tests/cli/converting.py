"""Documents, archives of them, and the command over them."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from tests.ccda import builders
from tests.support.server import run_command

Json = dict[str, Any]
BAD = b"<ClinicalDocument>"


def numbered(number: int, *sections: str) -> bytes:
    """A document that differs from those of other numbers."""
    inside = sections or (builders.section("11450-4", builders.problem()),)
    return builders.document(*inside).replace(b'"DOC-1"', f'"DOC-{number}"'.encode())


def fathers_result() -> bytes:
    """A document with a statement that is about the patient's father and so is not converted."""
    subject = (
        '<subject><relatedSubject classCode="PRS">'
        f"{builders.code('code', 'FTH', '2.16.840.1.113883.5.111')}</relatedSubject></subject>"
    )
    result = (
        f'<observation classCode="OBS" moodCode="EVN">{builders.template(".4.2")}'
        f"{builders.code('code', '718-7', builders.LOINC, 'Hemoglobin')}"
        '<statusCode code="completed"/><effectiveTime value="20240105"/>'
        f'<value xsi:type="PQ" value="13.2" unit="g/dL"/>{subject}</observation>'
    )
    return numbered(99, builders.section("30954-2", result))


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def zipped(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def tarred(files: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    """A plain tar archive; ``others`` are members without content, before the files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for other in others:
            archive.addfile(other)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def convert(
    folder: Path, *arguments: str, status: int = 0, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """The command as a process in that folder; fails the test where it ends with another status."""
    done = run_command(
        "convert", *arguments, stdin=stdin, environment=environment(), cwd=folder, timeout_s=90
    )
    assert done.returncode == status, f"{done.returncode}\n{done.stdout[:2000]!r}\n{done.stderr.decode()}"
    assert b"Traceback" not in done.stderr
    return done


def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("CHARTBRIDGE_")} | {"COLUMNS": "200"}


def lines(content: bytes) -> list[Json]:
    return [json.loads(line) for line in content.splitlines()]


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
