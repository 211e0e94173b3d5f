"""What a backup says of itself, and reading one that is a folder or a tar file."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

import orjson

from chartbridge.commands.backups.places import DATABASE, BackupError

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK = 1024 * 1024
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class File:
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """``files`` are all files of the backup but this one, by their path in it."""

    version: str
    made_at: str
    revision: str
    files: dict[str, File]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files.values())

    def encoded(self) -> bytes:
        files = {name: {"size": f.size, "sha256": f.sha256} for name, f in sorted(self.files.items())}
        head = {"format": FORMAT, "chartbridge": self.version, "madeAt": self.made_at}
        return orjson.dumps({**head, "schema": self.revision, "files": files}, option=orjson.OPT_INDENT_2)

    @classmethod
    def decoded(cls, raw: bytes) -> Manifest:
        """Raises BackupError."""
        try:
            told = orjson.loads(raw)
            if told["format"] != FORMAT:
                raise BackupError(f"the backup has the format {told['format']}, this program reads {FORMAT}")
            files = {name: File(int(f["size"]), str(f["sha256"])) for name, f in told["files"].items()}
            found = cls(str(told["chartbridge"]), str(told["madeAt"]), str(told["schema"]), files)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BackupError(f"{MANIFEST} cannot be read: this is no backup, or a damaged one") from None
        if DATABASE not in files or not all(map(_is_plain, files)):
            raise BackupError(f"{MANIFEST} does not list what a backup has")
        return found


class Backup(Protocol):
    """An opened backup."""

    def names(self) -> list[str]:
        """Paths of all files in it."""

    def open(self, name: str) -> IO[bytes]:
        """Raises KeyError or OSError when there is none."""


@contextmanager
def opened(path: Path) -> Iterator[Backup]:
    """Raises BackupError where nothing of a backup is there."""
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        with tarfile.open(path, "r:") as archive:
            yield _Tar(archive)
    except (tarfile.TarError, OSError) as error:
        raise BackupError(f"{path} cannot be read as a backup ({type(error).__name__})") from None


def verify(backup: Backup) -> Manifest:
    """The manifest, once every byte was compared with it. Raises BackupError, which names what differs."""
    try:
        with backup.open(MANIFEST) as file:
            manifest = Manifest.decoded(file.read())
    except (KeyError, OSError):
        raise BackupError(
            f"there is no {MANIFEST}: this is no backup, or one that was not finished"
        ) from None
    there = set(backup.names()) - {MANIFEST}
    wrong = [f"{name} is surplus" for name in sorted(there - manifest.files.keys())]
    for name, listed in manifest.files.items():
        if name not in there:
            wrong.append(f"{name} is missing")
        elif digest(backup, name) != listed:
            wrong.append(f"{name} has other bytes")
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise BackupError(f"the backup is not what it was: {'; '.join(wrong[:_SHOWN])}{more}")
    return manifest


def digest(backup: Backup, name: str) -> File:
    with backup.open(name) as source:
        return copied(source, None)


def copied(source: IO[bytes], target: IO[bytes] | None) -> File:
    """Size and SHA-256 of what was read, and written to ``target``."""
    hashed, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        hashed.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return File(size, hashed.hexdigest())


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        return [p.relative_to(self._folder).as_posix() for p in self._folder.rglob("*") if not p.is_dir()]

    def open(self, name: str) -> IO[bytes]:
        return (self._folder / name).open("rb")


class _Tar:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._members = {m.name: m for m in archive.getmembers() if not m.isdir()}

    def names(self) -> list[str]:
        return list(self._members)

    def open(self, name: str) -> IO[bytes]:
        found = self._archive.extractfile(self._members[name])
        if found is None:
            raise KeyError(name)
        return found


def _is_plain(name: str) -> bool:
    """Whether a path stays in its folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and path.as_posix() == name
