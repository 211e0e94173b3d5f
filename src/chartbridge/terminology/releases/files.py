"""The files of a release, in a folder, in a zip archive or alone, read as lines and bounded in every way.

Nothing is unpacked to disk, and names of members are only compared, never used as paths. Each file is read
once to its end before anything is made of it: for its SHA-256, and for the checksum that an archive has.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from chartbridge.terminology.releases.problems import ReleaseError

MAX_FILES = 10_000
MAX_FILE = 64 * 1024**3
"""Bytes of one file; the largest known, NPPES, has some 11 GB."""
MAX_RATIO = 200
"""A member may unpack to so many times its size. Releases, which are text, stay below 40."""
HARMLESS = 64 * 1024**2
"""Up to this size the ratio does not matter."""
MAX_DIRECTORY = 16 * 1024**2
"""Bytes of a zip archive's directory."""
MAX_LINE = 1024**2
MAX_SMALL = 16 * 1024**2
_CHUNK = 1024**2
_BROKEN = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, NotImplementedError)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a release: its path within the release, with ``/``, and its size in bytes."""

    path: str
    size: int

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class Files:
    """The files of one release; a context manager. Raises ReleaseError for what cannot be opened."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self.at: tuple[str, int] = ("", 0)
        """Name of the file and number of the line that was read last."""
        self._closing = ExitStack()
        self._zip: zipfile.ZipFile | None = None
        try:
            self.all = self._found(path)
        except ReleaseError:
            self._closing.close()
            raise

    def _found(self, path: Path) -> list[File]:
        if path.is_dir():
            return _in_folder(path)
        if path.is_file() and zipfile.is_zipfile(path):
            return self._in_zip(path)
        if path.is_file() and path.suffix.lower() != ".zip":
            return [File(path.name, path.stat().st_size)]
        why = "is no zip archive, or damaged" if path.exists() else "there is no such file or folder"
        raise ReleaseError(path.name, 0, why)

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def find(self, pattern: str) -> File | None:
        """The file of that name (a regular expression, any case), the one least deep in folders.

        Raises ReleaseError where two are equally near, for then the folder holds two releases.
        """
        expression = re.compile(pattern, re.IGNORECASE)
        found = [file for file in self.all if expression.fullmatch(file.name)]
        found.sort(key=lambda file: (file.path.count("/"), file.path))
        if len(found) > 1 and found[0].path.count("/") == found[1].path.count("/"):
            raise ReleaseError(
                self.name, 0, f"holds both {found[0].path} and {found[1].path}; give one release alone"
            )
        return found[0] if found else None

    def need(self, pattern: str, name: str) -> File:
        """The same, and ReleaseError where there is none."""
        found = self.find(pattern)
        if found is None:
            raise ReleaseError(self.name, 0, f"has no {name}")
        return found

    def digest(self, file: File) -> str:
        """SHA-256 of a file, in hexadecimal. Raises ReleaseError where it cannot be read to its end."""
        total = hashlib.sha256()
        size = 0
        with self._open(file) as stream:
            try:
                while chunk := stream.read(_CHUNK):
                    total.update(chunk)
                    size += len(chunk)
            except _BROKEN as error:
                raise ReleaseError(file.name, 0, _reason(error)) from None
        if size != file.size:
            raise ReleaseError(file.name, 0, f"has {size} bytes, and its folder or archive says {file.size}")
        return total.hexdigest()

    def lines(
        self, file: File, *, fallback: str | None = None, all_end: bool = True
    ) -> Iterator[tuple[int, str]]:
        """The lines of a file with their numbers from 1, without their ends (``\\n`` or ``\\r\\n``).

        They are UTF-8, or else of the encoding ``fallback``. Raises ReleaseError for a line that is not,
        that is too long, that holds a zero byte, or that has no end: then the file is cut. A layout that
        shows by itself whether its last line is whole need not ``all_end``.
        """
        with self._open(file) as stream:
            number = 0
            while raw := _line(stream, file, number + 1):
                number += 1
                if number == 1:
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                if all_end and not raw.endswith(b"\n"):
                    raise ReleaseError(file.name, number, "has no end: the file is cut off here")
                self.at = (file.name, number)
                yield number, _text(raw, file, number, fallback)

    def small(self, file: File) -> bytes:
        """A whole file of at most 16 MiB. Raises ReleaseError."""
        if file.size > MAX_SMALL:
            raise ReleaseError(file.name, 0, f"has {file.size} bytes, and {MAX_SMALL} are most for its kind")
        with self._open(file) as stream:
            try:
                return stream.read(MAX_SMALL + 1)
            except _BROKEN as error:
                raise ReleaseError(file.name, 0, _reason(error)) from None

    def _in_zip(self, path: Path) -> list[File]:
        try:
            opened = self._closing.enter_context(zipfile.ZipFile(self._closing.enter_context(_Bounded(path))))
            members = opened.infolist()
        except _BROKEN as error:
            raise ReleaseError(path.name, 0, _reason(error)) from None
        self._zip = opened
        if len(members) > MAX_FILES:
            raise ReleaseError(path.name, 0, f"has more than {MAX_FILES} members")
        return [_member(path, info) for info in members if _is_file(info)]

    def _open(self, file: File) -> IO[bytes]:
        try:
            if self._zip is not None:
                return self._zip.open(file.path)
            whole = self._path / PurePosixPath(file.path) if self._path.is_dir() else self._path
            return whole.open("rb", buffering=_CHUNK)
        except _BROKEN as error:
            raise ReleaseError(file.name, 0, _reason(error)) from None


def _line(stream: IO[bytes], file: File, number: int) -> bytes:
    try:
        raw = stream.readline(MAX_LINE + 1)
    except _BROKEN as error:
        raise ReleaseError(file.name, number, _reason(error)) from None
    if len(raw) > MAX_LINE:
        raise ReleaseError(file.name, number, f"is longer than {MAX_LINE} bytes")
    return raw


def _text(raw: bytes, file: File, number: int, fallback: str | None) -> str:
    if b"\0" in raw:
        raise ReleaseError(file.name, number, "holds a zero byte: the file is damaged")
    line = raw.removesuffix(b"\n").removesuffix(b"\r")
    try:
        return line.decode()
    except UnicodeDecodeError:
        if fallback is None:
            raise ReleaseError(file.name, number, "is not UTF-8") from None
    try:
        return line.decode(fallback)
    except UnicodeDecodeError:
        raise ReleaseError(file.name, number, f"is neither UTF-8 nor {fallback}") from None


def _in_folder(folder: Path) -> list[File]:
    found: list[File] = []

    def refuse(error: OSError) -> None:  # what cannot be seen may be half of the release
        raise ReleaseError(folder.name, 0, f"{Path(str(error.filename)).name}: {_reason(error)}") from None

    for within, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            path = Path(within, name)
            if not path.is_file():
                continue
            if len(found) == MAX_FILES:
                raise ReleaseError(folder.name, 0, f"holds more than {MAX_FILES} files")
            found.append(File(path.relative_to(folder).as_posix(), path.stat().st_size))
    return found


def _is_file(info: zipfile.ZipInfo) -> bool:
    """``._*`` and ``__MACOSX`` are what macOS notes of files."""
    name = info.filename.rsplit("/", 1)[-1]
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    return not (info.is_dir() or is_link or name.startswith("._") or info.filename.startswith("__MACOSX"))


def _member(path: Path, info: zipfile.ZipInfo) -> File:
    if info.flag_bits & 1:
        raise ReleaseError(f"{path.name}/{info.filename}", 0, "is encrypted; unpack it and give the folder")
    if info.file_size > MAX_FILE:
        raise ReleaseError(f"{path.name}/{info.filename}", 0, f"unpacks to more than {MAX_FILE} bytes")
    if info.file_size > HARMLESS and info.file_size > MAX_RATIO * info.compress_size:
        raise ReleaseError(
            f"{path.name}/{info.filename}", 0, f"unpacks to more than {MAX_RATIO} times its size"
        )
    return File(info.filename, info.file_size)


class _Bounded(io.BufferedReader):
    """An archive of which nobody reads more at once than its directory may have."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = MAX_DIRECTORY + 1 if size is None or size < 0 else size
        if wanted > MAX_DIRECTORY + 1:
            raise zipfile.BadZipFile(f"its directory is longer than {MAX_DIRECTORY} bytes")
        return super().read(wanted)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, NotImplementedError):
        return "is compressed in a way that is not supported; unpack it and give the folder"
    return "is damaged, or cut off"
