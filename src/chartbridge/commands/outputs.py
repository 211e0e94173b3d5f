"""Where ``convert`` puts what it made: stdout or a folder, a bundle a document or FHIR's bulk form.

A file appears under its name once it is whole: it is written beside as ``.<name>.part`` and renamed.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

Line = tuple[str, bytes]
"""A resource: its type, and its JSON without a line's end."""

REMEMBERED = 200_000
"""So many resources are known again when they come a second time."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, and the folders that it is in. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with appearing(path) as file:
        file.write(content)


@contextmanager
def appearing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes its name when the block ends well, and else is gone."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def print_lines(lines: Iterable[bytes]) -> None:
    """Lines to stdout, at once: who reads may be waiting for them."""
    sys.stdout.buffer.write(b"".join(line + b"\n" for line in lines))
    sys.stdout.buffer.flush()


class Repeats:
    """Knows resources that were there before: documents of one patient often name the same clinic."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def without(self, lines: Iterable[Line]) -> Iterator[Line]:
        """The lines of which no exact copy has been."""
        for line in lines:
            digest = hashlib.blake2b(line[1], digest_size=16).digest()
            if digest not in self._seen:
                if len(self._seen) < REMEMBERED:
                    self._seen.add(digest)
                yield line


@contextmanager
def bulk_files(folder: Path) -> Iterator[Callable[[Iterable[Line]], None]]:
    """Writes resources into ``<Type>.ndjson`` of a folder; the files appear when the block ends well."""
    with ExitStack() as files:
        opened: dict[str, IO[bytes]] = {}

        def write(lines: Iterable[Line]) -> None:
            for kind, body in lines:
                if kind not in opened:
                    opened[kind] = files.enter_context(appearing(folder / f"{kind}.ndjson"))
                opened[kind].write(body + b"\n")

        yield write
