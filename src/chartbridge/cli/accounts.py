"""What an account may do."""

from __future__ import annotations

from typing import Annotated

import typer

from chartbridge.cli.options import AccountName, DataDir, Env, settings_with

cli = typer.Typer(no_args_is_help=True, help="Set what an account may do.")


@cli.command("limit")
def accounts_limit(
    account: AccountName,
    env: Env,
    operation: Annotated[str, typer.Argument(help="Name of the operation, as `accounts limits` shows it.")],
    per_minute: Annotated[int, typer.Argument(min=0, max=1_000_000, help="Calls a minute.")],
    data_dir: DataDir = None,
) -> None:
    """Set how often an account may call an operation; holds from the next call on."""
    from chartbridge.commands import accounts

    accounts.set_limit(settings_with(data_dir=data_dir), account, env, operation, per_minute)


@cli.command("unlimit")
def accounts_unlimit(
    account: AccountName,
    env: Env,
    operation: Annotated[str, typer.Argument(help="Name of the operation.")],
    data_dir: DataDir = None,
) -> None:
    """Have the usual limit hold again."""
    from chartbridge.commands import accounts

    accounts.unset_limit(settings_with(data_dir=data_dir), account, env, operation)


@cli.command("limits")
def accounts_limits(account: AccountName, env: Env, data_dir: DataDir = None) -> None:
    """List the limits that hold for an account."""
    from chartbridge.commands import accounts

    accounts.show_limits(settings_with(data_dir=data_dir), account, env)


@cli.command("set")
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

    accounts.set_document_url_pages(settings_with(data_dir=data_dir), account, env, document_url_pages)
