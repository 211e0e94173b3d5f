"""The default edition that comes with Chartbridge: made by ``scripts/terminology/build``, never by hand.

The folder holds the edition, compressed, and its manifest, which says of every source its version, date,
SHA-256, licence and notice. There is no content of SNOMED CT, CPT or NUCC in it.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO

from chartbridge.terminology.edition import EditionError

_CHUNK = 1 << 20


@cache
def manifest() -> dict[str, Any]:
    """What the default edition is made of: ``edition`` (its id), ``file``, ``sources``, ``systems`` with
    the number of their concepts, ``maps`` with that of their rows, and ``left_out``."""
    found: dict[str, Any] = json.loads(files(__package__).joinpath("manifest.json").read_text("utf-8"))
    return found


def default_edition(cache_dir: Path) -> Path:
    """The default edition as a file in ``cache_dir``, unpacked when it is not there yet.

    The file appears whole or not at all, and only when its SHA-256 is the manifest's; several processes may
    ask at once. Raises :class:`EditionError` where what came with the installation is damaged.
    """
    file = manifest()["file"]
    path = cache_dir / f"default-{file['sha256'][:16]}.sqlite"
    if path.is_file() and path.stat().st_size == file["bytes"]:
        return path
    cache_dir.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".default-", dir=cache_dir)
    try:
        with os.fdopen(descriptor, "wb") as target:
            _unpack(target, file["name"], file["sha256"], file["bytes"])
            target.flush()
            os.fchmod(target.fileno(), 0o444)
            os.fsync(target.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _unpack(target: BinaryIO, name: str, sha256: str, size: int) -> None:
    digest, left = hashlib.sha256(), size
    try:
        with files(__package__).joinpath(name).open("rb") as packed, lzma.open(packed) as source:
            while left >= 0 and (chunk := source.read(_CHUNK)):
                left -= len(chunk)
                digest.update(chunk)
                target.write(chunk)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise EditionError(f"the default terminology edition cannot be unpacked ({error})") from error
    if left != 0 or digest.hexdigest() != sha256:
        raise EditionError("the default terminology edition is damaged: install Chartbridge again")
