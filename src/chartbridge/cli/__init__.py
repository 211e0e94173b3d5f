"""The command line. Declares commands; what they do stands in :mod:`chartbridge.commands`.

Each command imports what it needs when it runs, so that ``convert`` or ``--help`` do not wait for the
server's libraries.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chartbridge import __version__
from chartbridge.cli import (
    accounts,
    backup,
    batch,
    database,
    directory,
    integrations,
    jobs,
    keys,
    links,
    terminology,
)
from chartbridge.cli.options import DataDir, Port, settings_with

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Gather a patient's records from health networks into one FHIR chart.\n\n"
    "Settings are CHARTBRIDGE_* variables; without any, data lies in ./data.",
)
cli.command("batch")(batch.batch)
cli.add_typer(keys.cli, name="keys")
cli.add_typer(accounts.cli, name="accounts")
cli.add_typer(integrations.cli, name="integrations")
cli.add_typer(links.cli, name="links")
cli.add_typer(jobs.cli, name="jobs")
cli.add_typer(database.cli, name="db")
cli.add_typer(backup.cli, name="backup")
cli.add_typer(directory.cli, name="directory")
cli.add_typer(terminology.cli, name="terminology")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@cli.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Chartbridge."""


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind; loopback unless set.")] = None,
    port: Port = None,
    data_dir: DataDir = None,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Run a worker in this process.")
    ] = True,
    worker_id: Annotated[str | None, typer.Option(help="Stable name of that worker.")] = None,
) -> None:
    """Run the API, and a worker beside it. The database is made or upgraded first."""
    from chartbridge.commands import running

    settings = settings_with(host=host, port=port, data_dir=data_dir, worker_id=worker_id)
    running.serve(settings, with_worker=worker)


@cli.command()
def worker(
    worker_id: Annotated[
        str, typer.Option("--id", help="Stable name; a restart under it continues what was left.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Run a worker alone, beside API processes on the same database."""
    from chartbridge.commands import running

    running.work(settings_with(data_dir=data_dir), worker_id)


@cli.command()
def convert(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="C-CDA documents; folders, zip and tar archives of them; - for stdin.", metavar="PATH..."
        ),
    ],
    patient_id: Annotated[
        str | None, typer.Option(help="Id for the Patient; made from each document unless given.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for one .json a document; stdout unless given.")
    ] = None,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help="Write resources, one a line: with --out one .ndjson a type.")
    ] = False,
    report: Annotated[
        bool,
        typer.Option(
            "--report",
            help="Show what became of every statement, and write it to report.json in the folder of --out, "
            "or else to ./chartbridge-report.json.",
        ),
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes that convert.")] = 1,
) -> None:
    """Convert C-CDA documents to FHIR R4 bundles, offline.

    Without --out bundles go to stdout, one a line. Ends with 1 when a document could not be converted.
    """
    from chartbridge.commands import converting

    if patient_id is not None and not (patient_id.strip() and patient_id.isprintable()):
        raise typer.BadParameter("is empty, or no text", param_hint="--patient-id")
    if paths.count("-") > 1:
        raise typer.BadParameter("stdin (-) can be read once", param_hint="PATH...")
    options = converting.Options(patient_id, out, ndjson=ndjson, report=report)
    if not converting.run(paths, options, jobs):
        raise typer.Exit(1)


@cli.command("doctor")
def doctor_command() -> None:
    """Check settings, database, object store and the rest, and say what to fix."""
    from chartbridge.commands import doctor

    if not doctor.report(doctor.examine()):
        raise typer.Exit(1)


@cli.command("demo")
def demo_command(data_dir: DataDir = None, port: Port = None) -> None:
    """Start the platform, make Jane Smith's chart end to end, print what arrived, and stop."""
    from chartbridge.commands import demo

    demo.run(settings_with(data_dir=data_dir, port=port))
