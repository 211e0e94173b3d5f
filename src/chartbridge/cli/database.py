"""The database."""

from __future__ import annotations

from typing import Annotated

import typer

from chartbridge.cli.options import DataDir, settings_with
from chartbridge.commands.console import talk

cli = typer.Typer(no_args_is_help=True, help="Look after the database.")


@cli.command("upgrade")
def db_upgrade(
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is missing; ends with 1 when anything is.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Bring the database to the present schema; nothing happens when it is current."""
    if check:
        from chartbridge.commands import database

        if not database.is_ready(settings_with(data_dir=data_dir)):
            raise typer.Exit(1)
        return
    from chartbridge.commands import opening

    opening.open_platform(settings_with(data_dir=data_dir)).close()
    talk.print("the database is current")


@cli.command("status")
def db_status(data_dir: DataDir = None) -> None:
    """Print the schema's revision, pending migrations, and the versions that jobs were begun with."""
    from chartbridge.commands import database

    database.show(settings_with(data_dir=data_dir))


@cli.command("take-new-jobs")
def db_take_new_jobs(data_dir: DataDir = None) -> None:
    """Have workers of this program's version take the new jobs, after going back to it from a newer one."""
    from chartbridge.commands import database

    database.take_new_jobs(settings_with(data_dir=data_dir))
