"""Other systems that keep an account's patients' ids."""

from __future__ import annotations

from typing import Annotated

import typer

from chartbridge.cli.options import DataDir, Env, OfAccount, settings_with

cli = typer.Typer(no_args_is_help=True, help="Say which other systems an account keeps its patients' ids of.")


IntegrationSource = Annotated[str, typer.Argument(help="elation or healthie.")]


@cli.command("enable")
def integrations_enable(
    source: IntegrationSource,
    env: Env,
    account: OfAccount = "default",
    data_dir: DataDir = None,
) -> None:
    """Let the account link its patients to that system."""
    from chartbridge.commands import integrations

    integrations.enable(settings_with(data_dir=data_dir), env, account, source)


@cli.command("disable")
def integrations_disable(
    source: IntegrationSource,
    env: Env,
    account: OfAccount = "default",
    data_dir: DataDir = None,
) -> None:
    """Link no more patients to that system; ids that were kept stay."""
    from chartbridge.commands import integrations

    integrations.disable(settings_with(data_dir=data_dir), env, account, source)


@cli.command("list")
def integrations_list(env: Env, account: OfAccount = "default", data_dir: DataDir = None) -> None:
    """List the systems that the account has enabled."""
    from chartbridge.commands import integrations

    integrations.show(settings_with(data_dir=data_dir), env, account)
