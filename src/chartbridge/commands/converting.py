"""``chartbridge convert``: C-CDA files to FHIR bundles."""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from pathlib import Path

import orjson
from rich.markup import escape
from rich.progress import Progress

from chartbridge.ccda import CcdaError, convert
from chartbridge.commands.console import fail, talk


def convert_files(files: list[Path], patient_id: str | None, out: Path | None) -> bool:
    """Convert each file, going on over bad ones; True when all succeeded.

    With ``out`` each bundle becomes ``<out>/<name>.json``; else bundles are written to stdout, one a
    line. Without ``patient_id`` each document gets an id made from its own bytes.
    """
    if out is not None:
        _prepare(out, files)
    failed: list[tuple[Path, str]] = []
    statements = 0
    with Progress(console=talk, transient=True, disable=not talk.is_terminal) as progress:
        for path in progress.track(files, description="converting"):
            try:
                xml = path.read_bytes()
            except OSError as error:
                failed.append((path, error.strerror or "cannot be read"))
                continue
            try:
                conversion = convert(xml, patient_id or str(uuid.uuid5(uuid.NAMESPACE_OID, xml.hex())))
            except CcdaError as error:
                failed.append((path, str(error)))
                continue
            statements += len(conversion.bundle["entry"])
            _write(orjson.dumps(conversion.bundle), path, out)
    for path, reason in failed:
        talk.print(f"[red]{escape(str(path))}[/]: {escape(reason)}", soft_wrap=True)
    done = len(files) - len(failed)
    talk.print(f"{done} of {len(files)} converted, {statements} resources")
    return not failed


def _prepare(out: Path, files: list[Path]) -> None:
    """Make the folder, and make sure that no bundle would take the place of another."""
    names = Counter(path.stem for path in files)
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        fail(f"several files would become {twice[0]}.json in {out}; convert them into folders of their own")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{out} cannot be made: {error.strerror}")


def _write(bundle: bytes, path: Path, out: Path | None) -> None:
    if out is not None:
        (out / f"{path.stem}.json").write_bytes(bundle)
        return
    sys.stdout.buffer.write(bundle + b"\n")
    sys.stdout.buffer.flush()
