"""Documents in zip and tar archives, from anybody: what is opened is bounded in every way.

Nothing is extracted to disk. An archive may have 100,000 members, unpack to 4 GiB in all, and to 250
times its own size (from 64 MiB on). What is over a bound is told, and so is what is damaged.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from chartbridge.ccda.document import MAX_BYTES

MAX_MEMBERS = 100_000
MAX_UNPACKED = 4 * 1024**3
MAX_RATIO = 250
HARMLESS = 64 * 1024**2
"""Up to this size the ratio does not matter."""
MAX_DIRECTORY = 16 * 1024**2
"""Bytes of a zip's directory: 100,000 members with names of more than 100 bytes."""
MAX_HEADERS = 1024**2
"""Bytes of the headers of one tar member; Python's tarfile reads them whole, however long they are."""
XZ_MEMORY = 128 * 1024**2
"""Twice of what ``xz -9`` needs."""
_CHUNK = 1024**2

ZIP_SUFFIXES = (".zip",)
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

DAMAGED = (
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What Python's readers raise over bytes that are no archive of the kind, or a damaged one."""


class ArchiveError(Exception):
    """The archive, or what is left of it, is not read; ``str(error)`` tells why."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file within an archive. Where ``skipped`` or ``problem`` tells why, it cannot be read.

    A zip's is read with :class:`ZipReader`; a tar's ``content`` is read as the archive is gone through,
    if it was wanted.
    """

    name: str
    zipped: zipfile.ZipInfo | None = None
    content: bytes | None = None
    problem: str = ""
    skipped: str = ""


def is_zip(name: str) -> bool:
    return name.lower().endswith(ZIP_SUFFIXES)


def is_tar(name: str) -> bool:
    return name.lower().endswith(TAR_SUFFIXES)


def too_large(size: int) -> str:
    return f"it has {size} bytes; at most {MAX_BYTES} are accepted"


def zip_members(path: str) -> list[Member]:
    """The files of a zip archive, in the order of its directory. Raises ArchiveError."""
    try:
        with _BoundedFile(path) as file, zipfile.ZipFile(file) as opened:
            found = opened.infolist()
            size = os.path.getsize(path)
    except DAMAGED as error:
        raise ArchiveError(_why(error, "zip")) from None
    if len(found) > MAX_MEMBERS:
        raise ArchiveError(f"the archive has more than {MAX_MEMBERS} members")
    _bound(sum(info.file_size for info in found), size)
    return [_zip_member(info) for info in found if not info.is_dir()]


def _zip_member(info: zipfile.ZipInfo) -> Member:
    if stat.S_ISLNK(info.external_attr >> 16):
        return Member(info.filename, skipped="it is a link")
    if info.flag_bits & 1:
        return Member(info.filename, problem="it is encrypted")
    if info.file_size > MAX_BYTES:
        return Member(info.filename, problem=too_large(info.file_size))
    return Member(info.filename, info)


class ZipReader:
    """Reads members of zip archives. The archive of the last one stays open for the next."""

    def __init__(self) -> None:
        self._path = ""
        self._opened: zipfile.ZipFile | None = None
        self._closing = ExitStack()

    def read(self, path: str, member: zipfile.ZipInfo) -> bytes:
        """At most 50 MB, which :func:`zip_members` has seen to. Raises ArchiveError."""
        content = io.BytesIO()
        try:
            with self._open(path).open(member) as unpacked:
                shutil.copyfileobj(unpacked, content, _CHUNK)
        except NotImplementedError:
            raise ArchiveError("it is compressed in a way that is not supported") from None
        except DAMAGED:
            raise ArchiveError("it is damaged in the archive") from None
        return content.getvalue()

    def _open(self, path: str) -> zipfile.ZipFile:
        if self._opened is None or self._path != path:
            self.close()
            file = self._closing.enter_context(_BoundedFile(path))
            self._opened = self._closing.enter_context(zipfile.ZipFile(file))
            self._path = path
        return self._opened

    def close(self) -> None:
        self._opened = None
        self._closing.close()


class _BoundedFile(io.BufferedReader):
    """A file of which nobody reads more at once than a zip's directory may have."""

    def __init__(self, path: str) -> None:
        super().__init__(io.FileIO(path))

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = MAX_DIRECTORY + 1 if size is None or size < 0 else size
        if wanted > MAX_DIRECTORY + 1:
            raise ArchiveError(f"the archive's directory is longer than {MAX_DIRECTORY} bytes")
        return super().read(wanted)


def tar_members(path: str, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """The files of a tar archive as they come, with the content of those whose name is ``wanted``.

    Raises ArchiveError, also in the middle.
    """
    try:
        with (
            closing(_TarStream(path)) as stream,
            tarfile.open(fileobj=cast(BinaryIO, stream), mode="r:") as opened,
        ):
            yield from _each_member(opened, stream, wanted)
    except DAMAGED as error:
        raise ArchiveError(_why(error, "tar")) from None


def _each_member(
    opened: tarfile.TarFile, stream: _TarStream, wanted: Callable[[str], bool]
) -> Iterator[Member]:
    count = 0
    while (found := opened.next()) is not None:
        cast(Any, opened).members.clear()  # it would keep them all
        count += 1
        if count > MAX_MEMBERS:
            raise ArchiveError(f"the archive has more than {MAX_MEMBERS} members")
        if not found.isdir():
            yield _tar_member(opened, found, stream, wanted)
        stream.allow(MAX_HEADERS)
    if not stream.last or stream.last.strip(b"\0"):  # tarfile takes damage here for the end
        raise ArchiveError("the archive is damaged or cut off; what follows is not read")
    stream.finish()


def _tar_member(
    opened: tarfile.TarFile, found: tarfile.TarInfo, stream: _TarStream, wanted: Callable[[str], bool]
) -> Member:
    if found.islnk() or found.issym():
        return Member(found.name, skipped="it is a link")
    if not found.isreg():
        return Member(found.name, skipped="it is no file")
    if not wanted(found.name):
        return Member(found.name)
    if found.size > MAX_BYTES:
        return Member(found.name, problem=too_large(found.size))
    stream.allow(found.size)
    content = opened.extractfile(found)
    assert content is not None, "it is a regular file"
    with content:
        return Member(found.name, content=content.read())


class _TarStream:
    """A tar archive unpacked while it is read, forwards only, and within the bounds."""

    def __init__(self, path: str) -> None:
        self._packed = os.path.getsize(path)
        self._file = _unpacked(path)
        self._at = 0
        self._allowed = MAX_HEADERS
        self.last = b""
        """What was read last."""

    def allow(self, size: int) -> None:
        """Let so many bytes be read from here on."""
        self._allowed = size

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> None:
        if position < self._at:
            raise ArchiveError("the archive is damaged; what follows is not read")
        while self._at < position and self._take(min(_CHUNK, position - self._at)):
            pass

    def read(self, size: int) -> bytes:
        if size > self._allowed:
            raise ArchiveError("a header in the archive is too long; what follows is not read")
        self._allowed -= size
        self.last = self._take(size)
        return self.last

    def finish(self) -> None:
        """Go to the end, where checksums are."""
        while self._take(_CHUNK):
            pass

    def _take(self, size: int) -> bytes:
        found = self._file.read(size)
        self._at += len(found)
        _bound(self._at, self._packed)
        return found

    def close(self) -> None:
        self._file.close()


def _unpacked(path: str) -> BinaryIO | io.BufferedReader:
    with open(path, "rb") as file:
        begin = file.read(6)
    if begin.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.open(path))
    if begin.startswith(b"BZh"):
        return cast(BinaryIO, bz2.open(path))
    if begin == b"\xfd7zXZ\0":
        return io.BufferedReader(_Unxz(path), _CHUNK)
    return open(path, "rb")


class _Unxz(io.RawIOBase):
    """What Python's ``lzma.open`` does, with a bound on memory: an archive says itself how much it needs."""

    def __init__(self, path: str) -> None:
        self._file = io.FileIO(path)
        self._left = b""
        self._begin()

    def _begin(self) -> None:
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)
        self._fed = False

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        found = b""
        while not found:
            if self._decoder.eof:  # another stream may follow, after padding
                self._left = self._decoder.unused_data.lstrip(b"\0")
                self._begin()
            packed = b""
            if self._decoder.needs_input:
                packed = self._left or self._file.read(_CHUNK)
                self._left = b""
                if not packed and not self._fed:
                    return 0
                if not packed:
                    raise EOFError
                self._fed = True
            found = self._decoder.decompress(packed, len(into))
        into[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._file.close()
        super().close()


def _bound(unpacked: int, packed: int) -> None:
    if unpacked > MAX_UNPACKED:
        raise ArchiveError(f"the archive unpacks to more than {MAX_UNPACKED // 1024**3} GiB")
    if unpacked > HARMLESS and unpacked > MAX_RATIO * packed:
        raise ArchiveError(f"the archive unpacks to more than {MAX_RATIO} times its size")


def _why(error: Exception, kind: str) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, lzma.LZMAError) and "emory" in str(error):
        return f"unpacking it needs more than {XZ_MEMORY // 1024**2} MiB of memory"
    if isinstance(error, EOFError) or "unexpected end" in str(error):
        return "the archive is cut off; what follows is not read"
    return f"it is no {kind} archive, or damaged"
