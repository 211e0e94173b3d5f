"""The directory of the networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chartbridge.cli.options import DataDir, settings_with

cli = typer.Typer(no_args_is_help=True, help="Fill and look at the directory of the networks.")


@cli.command("import")
def directory_import(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="FHIR Bundles, NDJSON, or NPPES's CSV; each may be gzip-compressed.",
            metavar="FILE...",
            exists=True,
            dir_okay=False,
        ),
    ],
    env: Annotated[str, typer.Option(help="sandbox or production.")],
    network: Annotated[str, typer.Option(help="COMMONWELL, CAREQUALITY or EHEX.")],
    data_dir: DataDir = None,
) -> None:
    """Enter the organizations of files; those that are there already are updated.

    Ends with 1 when a file could not be read or nothing could be used.
    """
    from chartbridge.commands import directory

    if not directory.bring_in(settings_with(data_dir=data_dir), files, env, network):
        raise typer.Exit(1)


@cli.command("list")
def directory_list(
    env: Annotated[str, typer.Option(help="sandbox or production.")],
    text: Annotated[str | None, typer.Option("--filter", help="Words of name, address, OID or NPI.")] = None,
    count: Annotated[int, typer.Option(min=1, max=500, help="How many to show.")] = 50,
    data_dir: DataDir = None,
) -> None:
    """List entries, those entered last first."""
    from chartbridge.commands import directory

    directory.show(settings_with(data_dir=data_dir), env, text, count)


@cli.command("count")
def directory_count(data_dir: DataDir = None) -> None:
    """Count the entries by environment and network."""
    from chartbridge.commands import directory

    directory.count(settings_with(data_dir=data_dir))


@cli.command("clear")
def directory_clear(
    env: Annotated[str, typer.Option(help="sandbox or production.")],
    network: Annotated[str | None, typer.Option(help="Only that network's entries.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Delete entries. The sandbox's sample comes back when its directory is empty."""
    from chartbridge.commands import directory

    directory.clear(settings_with(data_dir=data_dir), env, network, is_sure=yes)
