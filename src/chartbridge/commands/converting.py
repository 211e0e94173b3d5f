"""``chartbridge convert``: C-CDA files to FHIR bundles."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

import orjson
from rich.progress import Progress

from chartbridge.ccda import CcdaError, convert
from chartbridge.commands.console import talk


def convert_files(files: list[Path], patient_id: str | None, out: Path | None) -> bool:
    """Convert each file, going on over bad ones; True when all succeeded.

    With ``out`` each bundle becomes ``<out>/<name>.json``; else bundles are written to stdout, one a
    line. Without ``patient_id`` each document gets an id made from its own bytes.
    """
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    failed: list[tuple[Path, str]] = []
    statements = 0
    with Progress(console=talk, transient=True, disable=not talk.is_terminal) as progress:
        for path in progress.track(files, description="converting"):
            try:
                xml = path.read_bytes()
                conversion = convert(xml, patient_id or str(uuid.uuid5(uuid.NAMESPACE_OID, xml.hex())))
            except OSError as error:
                failed.append((path, error.strerror or "cannot be read"))
                continue
            except CcdaError as error:
                failed.append((path, str(error)))
                continue
            statements += len(conversion.bundle["entry"])
            _write(orjson.dumps(conversion.bundle), path, out)
    for path, reason in failed:
        talk.print(f"[red]{path}[/]: {reason}", soft_wrap=True)
    done = len(files) - len(failed)
    talk.print(f"{done} of {len(files)} converted, {statements} resources")
    return not failed


def _write(bundle: bytes, path: Path, out: Path | None) -> None:
    if out is not None:
        (out / f"{path.stem}.json").write_bytes(bundle)
        return
    sys.stdout.buffer.write(bundle + b"\n")
    sys.stdout.buffer.flush()
