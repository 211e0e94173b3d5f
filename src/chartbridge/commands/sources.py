"""What ``convert`` is asked to read: files, folders, archives and stdin, as a list of documents.

Nothing that was named is left out in silence: what cannot be read is a source with its problem.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath, PurePosixPath

from chartbridge.ccda.document import MAX_BYTES
from chartbridge.commands.archives import (
    ArchiveError,
    Member,
    ZipReader,
    is_tar,
    is_zip,
    tar_members,
    too_large,
    zip_members,
)

STDIN = "-"
DOCUMENT_SUFFIXES = (".xml", ".cda", ".ccda", ".ccd")


class UnreadableError(Exception):
    """The document cannot be read; ``str(error)`` tells why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One document, or what was found in its place.

    ``name`` is as the user knows it, members of archives with the archive before them. ``target`` is
    the path of its bundle within the folder for results. Where ``problem`` or ``skipped`` tells why,
    there is nothing to read.
    """

    name: str
    target: str = ""
    path: str = ""
    zipped: zipfile.ZipInfo | None = None
    content: bytes | None = None
    problem: str = ""
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Tarball:
    """A tar archive; what is in it turns out as it is read."""

    name: str
    target: str
    path: str


@dataclass(slots=True)
class Plan:
    """What was found, in order. ``passed_over`` counts files that are no documents by their names."""

    parts: list[Source | Tarball] = field(default_factory=list)
    passed_over: int = 0
    _unpacked: int = 0

    @property
    def total(self) -> int:
        """The number of documents, as far as it is known; a tar archive counts as one until it is read."""
        return len(self.parts) + self._unpacked

    def claim(self, targets: set[str]) -> Source | None:
        """Add the targets of what was found. Stops at one that is there already, and returns it."""
        for part in self.parts:
            if isinstance(part, Tarball) or part.problem or part.skipped:
                continue
            if part.target in targets:
                return part
            targets.add(part.target)
        return None

    def sources(self, targets: set[str] | None = None) -> Iterator[Source]:
        """The documents; tar archives are read on the way.

        ``targets`` are those claimed already, where each document needs one of its own.
        """
        for part in self.parts:
            if isinstance(part, Tarball):
                yield from self._unpack(part, targets)
            else:
                yield _from_stdin(part) if part.name == STDIN else part

    def _unpack(self, tarball: Tarball, targets: set[str] | None) -> Iterator[Source]:
        self._unpacked -= 1
        for source in self._tar_sources(tarball):
            self._unpacked += 1
            if targets is None or not source.target:
                yield source
            elif source.target in targets:
                yield Source(source.name, problem=f"another document became {printable(source.target)}")
            else:
                targets.add(source.target)
                yield source

    def _tar_sources(self, tarball: Tarball) -> Iterator[Source]:
        try:
            for member in tar_members(tarball.path, is_document):
                source = self._member(tarball.name, tarball.target, tarball.path, member)
                if source is not None:
                    yield source
        except ArchiveError as error:
            yield Source(tarball.name, problem=str(error))

    def add(self, argument: str) -> None:
        """A path from the command line: a file is taken whatever its name, a folder with all in it."""
        if argument == STDIN:
            self.parts.append(Source(STDIN, target="stdin.json"))
        elif os.path.isdir(argument):
            self._add_folder(argument)
        elif not self._add_archive(argument, os.path.basename(argument), argument):
            self.parts.append(Source(argument, _json(os.path.basename(argument)), argument))

    def _add_folder(self, folder: str) -> None:
        def cannot_be_listed(error: OSError) -> None:
            self.parts.append(Source(str(error.filename), problem=error.strerror or "cannot be listed"))

        for within, folders, files in os.walk(folder, onerror=cannot_be_listed):
            folders.sort()
            for name in folders:
                path = os.path.join(within, name)
                if os.path.islink(path):
                    self.parts.append(Source(path, skipped="it is a link to a folder"))
            for name in sorted(files):
                path = os.path.join(within, name)
                self._add_found(path, PurePath(os.path.relpath(path, folder)).as_posix())

    def _add_found(self, path: str, target: str) -> None:
        if is_document(target):
            self.parts.append(Source(path, _json(target), path))
        elif not self._add_archive(path, target, path):
            self.passed_over += 1

    def _add_archive(self, name: str, target: str, path: str) -> bool:
        if is_tar(path):
            self.parts.append(Tarball(name, target, path))
            return True
        if not is_zip(path):
            return False
        try:
            members = zip_members(path)
        except ArchiveError as error:
            self.parts.append(Source(name, problem=str(error)))
            return True
        found = (self._member(name, target, path, member) for member in members)
        self.parts.extend(source for source in found if source is not None)
        return True

    def _member(self, archive: str, target: str, path: str, member: Member) -> Source | None:
        """A member as a source; None, and counted, where it is no document by its name."""
        shown = f"{archive}/{member.name}"
        nested = is_zip(member.name) or is_tar(member.name)
        if not nested and not is_document(member.name):
            self.passed_over += 1
            return None
        if member.skipped:
            return Source(shown, skipped=member.skipped)
        if nested:
            return Source(shown, problem="an archive within an archive is not opened; unpack it first")
        inside = _inside(member.name)
        if inside is None:
            return Source(shown, problem="its name leads out of the archive")
        if member.problem:
            return Source(shown, problem=member.problem)
        return Source(shown, _json(f"{target}/{inside}"), path, member.zipped, member.content)


class Reader:
    """Reads documents, one after the other."""

    def __init__(self) -> None:
        self._zip = ZipReader()

    def read(self, source: Source) -> bytes:
        """At most 50 MB. Raises UnreadableError."""
        if source.problem or source.skipped:
            raise UnreadableError(source.problem or source.skipped)
        if source.content is not None:
            return source.content
        try:
            if source.zipped is not None:
                return self._zip.read(source.path, source.zipped)
            with open(source.path, "rb") as file:
                content = file.read(MAX_BYTES + 1)
                size = max(len(content), os.fstat(file.fileno()).st_size)
        except ArchiveError as error:
            raise UnreadableError(str(error)) from None
        except OSError as error:
            raise UnreadableError(error.strerror or "cannot be read") from None
        if size > MAX_BYTES:
            raise UnreadableError(too_large(size))
        return content


def is_document(name: str) -> bool:
    """Whether a file found in a folder or an archive is read. ``._*`` is what macOS notes of a file."""
    return name.lower().endswith(DOCUMENT_SUFFIXES) and not os.path.basename(name).startswith("._")


def printable(name: str) -> str:
    """A file's name for people and JSON: what is no text, or would steer a terminal, is escaped."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _from_stdin(source: Source) -> Source:
    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        return replace(source, problem=f"it has more than the {MAX_BYTES} bytes that are accepted")
    return replace(source, content=content)


def _json(target: str) -> str:
    path = PurePosixPath(target)
    return str(path.with_name(f"{path.stem}.json"))


def _inside(name: str) -> str | None:
    """A member's path with ``/`` between its parts; None where it is absolute or leads upwards."""
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or parts[0][1:2] == ":" or ".." in parts or "\0" in name:
        return None
    return "/".join(part for part in parts if part not in ("", "."))
