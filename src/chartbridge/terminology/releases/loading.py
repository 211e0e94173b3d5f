"""A release opened, checked and turned into the rows of an edition.

>>> with load(path, None, Options()) as loaded, EditionWriter(new_file) as writer:
...     loaded.write(writer)
...     writer.finish()

Nothing is installed here, and no file appears where anything is wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from chartbridge.terminology.releases import hcpcs, loinc, ndc, nppes, rxnorm, snomed, vaccines
from chartbridge.terminology.releases.dates import given_date
from chartbridge.terminology.releases.files import File, Files
from chartbridge.terminology.releases.problems import ReleaseError
from chartbridge.terminology.releases.reading import Kind, Options, Release
from chartbridge.terminology.rows import Row, RowError, Source, System
from chartbridge.terminology.writing import EditionWriter

KINDS = {
    kind.name: kind
    for kind in (
        rxnorm.KIND,
        loinc.KIND,
        snomed.KIND,
        ndc.KIND,
        vaccines.CVX_KIND,
        vaccines.MVX_KIND,
        nppes.KIND,
        hcpcs.KIND,
    )
}
SOURCE_PREFIX = "operator-"
"""Of the ids of sources that an operator brought."""


class Loaded:
    """A release whose files were all read once; ``rows`` may be called once. A context manager."""

    def __init__(self, kind: Kind, release: Release, source: Source, files: Files) -> None:
        self.kind = kind
        self.source = source
        self._release = release
        self._files = files

    def __enter__(self) -> Loaded:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.__exit__()

    @property
    def remarks(self) -> list[str]:
        """What the operator should know, complete after the last row."""
        return self._release.remarks

    @property
    def systems(self) -> list[System]:
        return [
            System(system.uri, system.name, system.version, self.source.id, system.complete)
            for system in self._release.systems
        ]

    def write(self, writer: EditionWriter) -> Counter[str]:
        """Add all rows to a new edition; how many of each class (``Concept``, ``MapRow``) there were.

        Raises ReleaseError.
        """
        counted: Counter[str] = Counter()
        for row in self.rows():
            try:
                writer.add(row)
            except RowError as error:
                raise ReleaseError(*self._files.at, str(error)) from None
            counted[type(row).__name__] += 1
        return counted

    def rows(self) -> Iterator[Row]:
        """The source, the code systems and their contents. Raises ReleaseError, also in the middle."""
        yield self.source
        yield from self.systems
        yield from self._release.rows()


def load(path: Path, kind: str | None, options: Options) -> Loaded:
    """Open a release: a folder, a zip archive or a file.

    ``kind`` is one of :data:`KINDS`; without it the names of the files tell. Every file that will be read
    is read to its end here, for its SHA-256. Raises ReleaseError.
    """
    with ExitStack() as closing:
        files = closing.enter_context(Files(path))
        if options.released:
            options = replace(options, released=given_date(options.released, files, ""))
        found = _kind(files, kind)
        release = found.opens(files, options)
        source = _source(found, release, [(file, files.digest(file)) for file in release.files])
        closing.pop_all()
        return Loaded(found, release, source, files)


def is_older(version: str, than: str) -> bool:
    """Whether a release's version (``2.77``, ``2024-03-04``) is before another's of the same kind."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]+", version))


def _kind(files: Files, name: str | None) -> Kind:
    if name is not None:
        return KINDS[name]
    found = [kind for kind in KINDS.values() if kind.finds(files)]
    names = ", ".join(kind.name for kind in found)
    if len(found) > 1:
        raise ReleaseError(files.name, 0, f"holds releases of several kinds; say which with --kind: {names}")
    if not found:
        packed = [file.path for file in files.all if file.name.lower().endswith(".zip")]
        if packed:
            raise ReleaseError(
                files.name, 0, f"holds archives such as {packed[0]}; give those, each by itself"
            )
        raise ReleaseError(
            files.name, 0, f"holds no release that is known by its files' names: {', '.join(KINDS)}"
        )
    return found[0]


def _source(kind: Kind, release: Release, digests: list[tuple[File, str]]) -> Source:
    """``sha256`` lists the files in the manner of sha256sum, with ``;`` between."""
    listed = sorted((file.name, digest) for file, digest in digests)
    return Source(
        id=SOURCE_PREFIX + kind.name,
        name=kind.title,
        version=release.version,
        date=release.date,
        sha256="; ".join(f"{digest}  {name}" for name, digest in listed),
        licence=kind.licence,
        notice=kind.notice,
        origin=kind.publisher,
    )
