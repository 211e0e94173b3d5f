"""The command line. Declares commands; what they do stands in :mod:`chartbridge.commands`.

Each command imports what it needs when it runs, so that ``convert`` or ``--help`` do not wait for the
server's libraries.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chartbridge import __version__
from chartbridge.commands.console import fail, talk

if TYPE_CHECKING:
    from chartbridge.config import Settings

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Gather a patient's records from health networks into one FHIR chart.\n\n"
    "Settings are CHARTBRIDGE_* variables; without any, data lies in ./data.",
)
keys_cli = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
db_cli = typer.Typer(no_args_is_help=True, help="Look after the database.")
cli.add_typer(keys_cli, name="keys")
cli.add_typer(db_cli, name="db")

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the embedded database and objects.")
]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to bind; 8080 unless set.")]


def _settings(**overrides: Any) -> Settings:
    """Settings with what the command line says; a clear error for what cannot be used."""
    from pydantic import ValidationError

    from chartbridge.config import Settings

    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"CHARTBRIDGE_{str(first['loc'][0]).upper()}: {first['msg']}")


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

    settings = _settings(host=host, port=port, data_dir=data_dir, worker_id=worker_id)
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

    running.work(_settings(data_dir=data_dir), worker_id)


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


@keys_cli.command("create")
def keys_create(
    env: Annotated[str, typer.Option(help="sandbox or production.")],
    account: Annotated[str, typer.Option(help="Account name; made when it is new.")] = "default",
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, alone, on stdout. It cannot be shown again."""
    from chartbridge.commands import keys

    keys.create(_settings(data_dir=data_dir), env, account)


@keys_cli.command("list")
def keys_list(data_dir: DataDir = None) -> None:
    """List keys without their secrets, newest first."""
    from chartbridge.commands import keys

    keys.show(_settings(data_dir=data_dir))


@keys_cli.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, or the whole key.")], data_dir: DataDir = None
) -> None:
    """Refuse a key from now on."""
    from chartbridge.commands import keys

    keys.revoke(_settings(data_dir=data_dir), key_id)


@db_cli.command("upgrade")
def db_upgrade(data_dir: DataDir = None) -> None:
    """Bring the database to the present schema; nothing happens when it is current."""
    from chartbridge.commands import running

    running.open_platform(_settings(data_dir=data_dir)).close()
    talk.print("the database is current")


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

    demo.run(_settings(data_dir=data_dir, port=port))
