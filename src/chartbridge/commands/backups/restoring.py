"""Putting a backup back into an installation that has nothing yet."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from chartbridge.commands.backups.manifest import Backup, Manifest, copied, opened, verify
from chartbridge.commands.backups.places import DATABASE, OBJECTS, SECRET, TERMINOLOGY, BackupError, Places
from chartbridge.db.migrate import known_revisions


def restore(path: Path, places: Places) -> Manifest:
    """Write what the backup holds to the installation's places, all of which must be empty.

    Everything is checked first and written beside its place; the database comes last, so that an
    installation whose restoration broke off has none, and can be restored anew. Raises BackupError.
    """
    with opened(path) as backup:
        manifest = verify(backup)
        if manifest.revision not in known_revisions():
            raise BackupError(
                f"the backup was made by version {manifest.version}, which is newer than this one: "
                "install that version, or one after it"
            )
        _refuse_what_is_there(places)
        try:
            _put_back(backup, manifest, places)
        except OSError as error:
            raise BackupError(f"it could not be written: {error.strerror or type(error).__name__}") from None
    return manifest


def _put_back(backup: Backup, manifest: Manifest, places: Places) -> None:
    drafts: dict[str, Path] = {}
    for part, place in places.by_name().items():
        names = [name for name in manifest.files if name == part or name.startswith(f"{part}/")]
        if names:
            drafts[part] = _draft(place)
            _remove(drafts[part])
            for name in names:
                _extract(backup, manifest, name, drafts[part] / name.removeprefix(part).lstrip("/"))
    os.sync()
    for part, draft in drafts.items():
        draft.rename(places.by_name()[part])
    os.sync()


def _extract(backup: Backup, manifest: Manifest, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with backup.open(name) as source, target.open("wb") as written:
        found = copied(source, written)
    if found != manifest.files[name]:
        raise BackupError(f"the backup changed while it was read: {name}")


def _refuse_what_is_there(places: Places) -> None:
    parts = places.by_name()
    drafts = {_draft(place) for place in parts.values()}
    folders = [path for name, path in parts.items() if name in (OBJECTS, TERMINOLOGY)]
    files = [path for name, path in parts.items() if name in (DATABASE, SECRET)]
    for folder in (places.data_dir, *folders):
        if folder.exists() and any(found not in drafts | set(folders) for found in folder.iterdir()):
            raise BackupError(f"{folder} is not empty; restore into an empty folder")
    for file in files:
        if file.exists():
            raise BackupError(f"{file} is there already; restore into an empty folder")


def _draft(place: Path) -> Path:
    return place.with_name(f".{place.name}.restoring")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
