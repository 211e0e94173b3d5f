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
integrations_cli = typer.Typer(
    no_args_is_help=True, help="Say which other systems an account keeps its patients' ids of."
)
accounts_cli = typer.Typer(no_args_is_help=True, help="Set what an account may do.")
cli.add_typer(keys_cli, name="keys")
cli.add_typer(accounts_cli, name="accounts")
cli.add_typer(integrations_cli, name="integrations")
cli.add_typer(db_cli, name="db")
directory_cli = typer.Typer(no_args_is_help=True, help="Fill and look at the directory of the networks.")
cli.add_typer(directory_cli, name="directory")

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the embedded database and objects.")
]
AccountName = Annotated[str, typer.Argument(help="Name of the account.")]
Env = Annotated[str, typer.Option(help="sandbox or production.")]
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
    read_only: Annotated[bool, typer.Option("--read-only", help="A key that changes nothing.")] = False,
    expires: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day of the key, in UTC.")
    ] = None,
    expires_in: Annotated[
        int | None, typer.Option(min=1, max=3650, metavar="DAYS", help="Days until the key ends.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, alone, on stdout. It cannot be shown again."""
    from chartbridge.commands import keys

    keys.create(
        _settings(data_dir=data_dir),
        env,
        account,
        read_only=read_only,
        expires=expires,
        expires_in_days=expires_in,
    )


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


IntegrationSource = Annotated[str, typer.Argument(help="elation or healthie.")]
IntegrationEnv = Annotated[str, typer.Option("--env", help="sandbox or production.")]
IntegrationAccount = Annotated[str, typer.Option("--account", help="Account name.")]


@integrations_cli.command("enable")
def integrations_enable(
    source: IntegrationSource,
    env: IntegrationEnv,
    account: IntegrationAccount = "default",
    data_dir: DataDir = None,
) -> None:
    """Let the account link its patients to that system."""
    from chartbridge.commands import integrations

    integrations.enable(_settings(data_dir=data_dir), env, account, source)


@integrations_cli.command("disable")
def integrations_disable(
    source: IntegrationSource,
    env: IntegrationEnv,
    account: IntegrationAccount = "default",
    data_dir: DataDir = None,
) -> None:
    """Link no more patients to that system; ids that were kept stay."""
    from chartbridge.commands import integrations

    integrations.disable(_settings(data_dir=data_dir), env, account, source)


@integrations_cli.command("list")
def integrations_list(
    env: IntegrationEnv, account: IntegrationAccount = "default", data_dir: DataDir = None
) -> None:
    """List the systems that the account has enabled."""
    from chartbridge.commands import integrations

    integrations.show(_settings(data_dir=data_dir), env, account)


@accounts_cli.command("limit")
def accounts_limit(
    account: AccountName,
    env: Env,
    operation: Annotated[str, typer.Argument(help="Name of the operation, as `accounts limits` shows it.")],
    per_minute: Annotated[int, typer.Argument(min=0, max=1_000_000, help="Calls a minute.")],
    data_dir: DataDir = None,
) -> None:
    """Set how often an account may call an operation; holds from the next call on."""
    from chartbridge.commands import accounts

    accounts.set_limit(_settings(data_dir=data_dir), account, env, operation, per_minute)


@accounts_cli.command("unlimit")
def accounts_unlimit(
    account: AccountName,
    env: Env,
    operation: Annotated[str, typer.Argument(help="Name of the operation.")],
    data_dir: DataDir = None,
) -> None:
    """Have the usual limit hold again."""
    from chartbridge.commands import accounts

    accounts.unset_limit(_settings(data_dir=data_dir), account, env, operation)


@accounts_cli.command("limits")
def accounts_limits(account: AccountName, env: Env, data_dir: DataDir = None) -> None:
    """List the limits that hold for an account."""
    from chartbridge.commands import accounts

    accounts.show_limits(_settings(data_dir=data_dir), account, env)


@accounts_cli.command("set")
def accounts_set(
    account: AccountName,
    env: Env,
    document_url_pages: Annotated[
        bool,
        typer.Option(
            "--document-url-pages/--no-document-url-pages", help="Send bulk download URLs in pages."
        ),
    ],
    data_dir: DataDir = None,
) -> None:
    """Turn a switch of an account."""
    from chartbridge.commands import accounts

    accounts.set_document_url_pages(_settings(data_dir=data_dir), account, env, document_url_pages)


@db_cli.command("upgrade")
def db_upgrade(data_dir: DataDir = None) -> None:
    """Bring the database to the present schema; nothing happens when it is current."""
    from chartbridge.commands import running

    running.open_platform(_settings(data_dir=data_dir)).close()
    talk.print("the database is current")


@directory_cli.command("import")
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

    if not directory.bring_in(_settings(data_dir=data_dir), files, env, network):
        raise typer.Exit(1)


@directory_cli.command("list")
def directory_list(
    env: Annotated[str, typer.Option(help="sandbox or production.")],
    text: Annotated[str | None, typer.Option("--filter", help="Words of name, address, OID or NPI.")] = None,
    count: Annotated[int, typer.Option(min=1, max=500, help="How many to show.")] = 50,
    data_dir: DataDir = None,
) -> None:
    """List entries, those entered last first."""
    from chartbridge.commands import directory

    directory.show(_settings(data_dir=data_dir), env, text, count)


@directory_cli.command("count")
def directory_count(data_dir: DataDir = None) -> None:
    """Count the entries by environment and network."""
    from chartbridge.commands import directory

    directory.count(_settings(data_dir=data_dir))


@directory_cli.command("clear")
def directory_clear(
    env: Annotated[str, typer.Option(help="sandbox or production.")],
    network: Annotated[str | None, typer.Option(help="Only that network's entries.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Delete entries. The sandbox's sample comes back when its directory is empty."""
    from chartbridge.commands import directory

    directory.clear(_settings(data_dir=data_dir), env, network, is_sure=yes)


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
