"""Making a backup while the installation runs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from chartbridge import __version__
from chartbridge.commands.backups.manifest import MANIFEST, File, Manifest, copied
from chartbridge.commands.backups.places import DATABASE, OBJECTS, SECRET, TERMINOLOGY, BackupError, Places

_Seen = tuple[int, int, int]


def make(places: Places, target: Path) -> Manifest:
    """Write a backup to ``target``: a tar file where its name ends in ``.tar``, otherwise a folder.

    Objects are copied before the database, and those that came meanwhile after it: so the copy holds each
    object that the database names, also one that is replaced while this runs. Raises BackupError.
    """
    target = target.absolute()
    if target.exists() or target.is_symlink():
        raise BackupError(f"{target} is there already; give the backup another name")
    if not places.database.is_file():
        raise BackupError(f"there is no database at {places.database}")
    if places.objects in target.parents:
        raise BackupError(f"{target} lies among the objects; choose a place outside")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.partial-{os.getpid()}")
    try:
        draft.mkdir()
        manifest = _filled(places, draft)
        if target.suffix == ".tar":
            _pack(draft, target)
        else:
            os.sync()
            draft.rename(target)
    except OSError as error:
        raise BackupError(
            f"the backup could not be written: {error.strerror or type(error).__name__}"
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _filled(places: Places, folder: Path) -> Manifest:
    objects = _Objects(places.objects, folder)
    objects.take()
    revision = _copy_database(places.database, folder / DATABASE)
    objects.take()
    files = dict(objects.files)
    if places.secret is not None and places.secret.exists():
        files[SECRET] = _copy(places.secret, folder / SECRET)
    if places.terminology is not None and places.terminology.exists():
        for path in _editions(places.terminology):
            name = f"{TERMINOLOGY}/{path.relative_to(places.terminology).as_posix()}"
            files[name] = _copy(path, folder / name)
    with (folder / DATABASE).open("rb") as file:
        files[DATABASE] = copied(file, None)
    manifest = Manifest(__version__, datetime.now(UTC).isoformat(timespec="seconds"), revision, files)
    (folder / MANIFEST).write_bytes(manifest.encoded())
    return manifest


class _Objects:
    """The folder of objects; ``take`` copies what is not copied yet, or is another file by now."""

    def __init__(self, source: Path, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._seen: dict[str, _Seen] = {}
        self.files: dict[str, File] = {}

    def take(self) -> None:
        for path in _below(self._source):
            name = f"{OBJECTS}/{path.relative_to(self._source).as_posix()}"
            try:
                status = path.stat()
                seen = (status.st_ino, status.st_mtime_ns, status.st_size)
                if self._seen.get(name) == seen:
                    continue
                self.files[name] = _copy(path, self._folder / name)
            except FileNotFoundError:
                continue  # deleted meanwhile
            self._seen[name] = seen


def _below(folder: Path) -> Iterator[Path]:
    """Files of the store; one whose name has a ``#`` is still being written."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names if "#" not in name)


def _editions(folder: Path) -> list[Path]:
    """Imported editions and which one is in use; the one that comes with the program is made again."""
    return [
        path
        for path in _below(folder)
        if not path.name.startswith((".", "default-")) and path.suffix in (".sqlite", "")
    ]


def _copy(source: Path, target: Path) -> File:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, target.open("wb") as written:
        return copied(read, written)


def _copy_database(source: Path, target: Path) -> str:
    """Copy the database at one moment, without keeping anybody from writing; its schema's revision."""
    try:
        with closing(sqlite3.connect(source, timeout=30)) as read, closing(sqlite3.connect(target)) as copy:
            read.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            state = copy.execute("PRAGMA integrity_check").fetchone()[0]
            found = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"the database cannot be copied ({type(error).__name__})") from None
    if state != "ok" or found is None:
        raise BackupError("the database is damaged; restore an earlier backup")
    return str(found[0])


def _pack(folder: Path, target: Path) -> None:
    draft = folder.with_name(f"{folder.name}.tar")
    try:
        with draft.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as archive:
                for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                    archive.add(path, path.relative_to(folder).as_posix())
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, target)  # fails where somebody else made one of that name meanwhile
    finally:
        draft.unlink(missing_ok=True)
