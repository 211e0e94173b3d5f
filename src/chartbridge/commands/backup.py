"""Backups of an embedded installation."""

from __future__ import annotations

import os
from pathlib import Path

from chartbridge.commands.backups.making import make
from chartbridge.commands.backups.manifest import Manifest, opened, verify
from chartbridge.commands.backups.places import BackupError, Places
from chartbridge.commands.backups.restoring import restore
from chartbridge.commands.console import fail, talk
from chartbridge.config import Settings


def create(settings: Settings, target: Path) -> None:
    """Write a backup and say what is in it, and what is not."""
    os.umask(0o077)  # it holds all that the installation holds
    try:
        places = Places.of(settings)
        manifest = make(places, target)
    except BackupError as error:
        fail(str(error))
    talk.print(f"{target}: {_told(manifest)}")
    if places.secret is None:
        talk.print("not in it: the secret key, which CHARTBRIDGE_SECRET_KEY sets")
    if places.terminology is None:
        talk.print(f"not in it: the terminology in {settings.resolved_terminology_dir}")


def check(path: Path) -> None:
    """Compare every byte with the manifest."""
    try:
        with opened(path) as backup:
            manifest = verify(backup)
    except BackupError as error:
        fail(str(error))
    talk.print(f"{path} is whole: {_told(manifest)}")


def put_back(settings: Settings, path: Path) -> None:
    """Check a backup and write it to where the settings say."""
    os.umask(0o077)
    try:
        places = Places.of(settings)
        manifest = restore(path, places)
    except BackupError as error:
        fail(str(error))
    talk.print(f"restored to {places.data_dir}: {_told(manifest)}")
    for part in sorted({name.partition("/")[0] for name in manifest.files} - places.by_name().keys()):
        talk.print(f"left out, because the settings name another: {part}")
    talk.print("start it with `chartbridge serve`; jobs that were under way continue")


def _told(manifest: Manifest) -> str:
    return (
        f"{len(manifest.files)} files, {manifest.size:,} bytes, made {manifest.made_at} "
        f"by version {manifest.version}, schema {manifest.revision}"
    )
