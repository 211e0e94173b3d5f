"""Backups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chartbridge.cli.options import DataDir, settings_with

cli = typer.Typer(no_args_is_help=True, help="Back up an embedded installation, and restore it.")

Place = Annotated[Path, typer.Argument(help="Folder of the backup, or file whose name ends in .tar.")]


@cli.command("create")
def backup_create(place: Place, data_dir: DataDir = None) -> None:
    """Copy database, objects and secret key, while the server runs. Nothing is written over."""
    from chartbridge.commands import backup

    backup.create(settings_with(data_dir=data_dir), place)


@cli.command("verify")
def backup_verify(place: Place) -> None:
    """Compare every file of a backup with its list. Ends with 1 when anything differs."""
    from chartbridge.commands import backup

    backup.check(place)


@cli.command("restore")
def backup_restore(place: Place, data_dir: DataDir = None) -> None:
    """Check a backup and put it into an empty data folder."""
    from chartbridge.commands import backup

    backup.put_back(settings_with(data_dir=data_dir), place)
