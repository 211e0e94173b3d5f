"""Releases of code systems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chartbridge.cli.options import DataDir, settings_with

cli = typer.Typer(no_args_is_help=True, help="Import code systems and look at what is held of them.")


@cli.command("import")
def terminology_import(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Releases: each a folder, a zip archive or a file.", metavar="PATH...", exists=True
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(help="rxnorm, loinc, snomed, ndc, cvx, mvx, nppes or hcpcs; told by the files' names."),
    ] = None,
    released: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="When it was published, where the files do not tell.")
    ] = "",
    hierarchy: Annotated[bool, typer.Option("--hierarchy", help="Keep SNOMED CT's is-a relations.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take in a release older than the loaded one.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Import full releases of code systems, each as a whole or not at all.

    Ends with 1 when one of them was refused.
    """
    from chartbridge.commands import terminology
    from chartbridge.terminology.releases.reading import Options

    options = Options(released, hierarchy)
    if not terminology.bring_in(settings_with(data_dir=data_dir), paths, kind, options, is_forced=force):
        raise typer.Exit(1)


@cli.command("status")
def terminology_status(
    with_all: Annotated[
        bool, typer.Option("--all", help="Show each code system of a source of many.")
    ] = False,
    notices: Annotated[
        bool, typer.Option("--notices", help="Print each source's licence and notice.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show the code systems and maps that are loaded."""
    from chartbridge.commands import terminology

    settings = settings_with(data_dir=data_dir)
    terminology.show(settings, with_all=with_all, with_notices=notices, as_json=as_json)


@cli.command("lookup")
def terminology_lookup(
    system: Annotated[str, typer.Argument(help="URI, OID or name of the code system.")],
    code: Annotated[str, typer.Argument(help="The code.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print what is known of a code. Ends with 1 when that is nothing."""
    from chartbridge.commands import terminology

    if not terminology.look_up(settings_with(data_dir=data_dir), system, code, as_json=as_json):
        raise typer.Exit(1)


@cli.command("drop")
def terminology_drop(
    kind: Annotated[str, typer.Argument(help="Kind of the release, as for import.")], data_dir: DataDir = None
) -> None:
    """Drop an imported release; what came with Chartbridge of its code systems is used again."""
    from chartbridge.commands import terminology

    terminology.drop(settings_with(data_dir=data_dir), kind)
