"""As whom networks know the patients."""

from __future__ import annotations

from typing import Annotated

import typer

from chartbridge.cli.options import DataDir, Env, OfAccount, settings_with

cli = typer.Typer(no_args_is_help=True, help="Decide as whom networks know the patients.")


LinkId = Annotated[str, typer.Argument(help="The link's id, as `links list` shows it.")]
DecidedBy = Annotated[str | None, typer.Option("--by", help="Who decides; the system's user unless given.")]


@cli.command("list")
def links_list(
    env: Env,
    account: OfAccount = "default",
    patient: Annotated[str | None, typer.Option(help="Id of the patient.")] = None,
    status: Annotated[str | None, typer.Option(help="linked, review, refused, accepted or undone.")] = None,
    data_dir: DataDir = None,
) -> None:
    """List the patients of networks that were compared with the account's, with the reasons."""
    from chartbridge.commands import links

    links.show(settings_with(data_dir=data_dir), env, account, patient, status)


@cli.command("undo")
def links_undo(
    link_id: LinkId,
    env: Env,
    account: OfAccount = "default",
    by: DecidedBy = None,
    data_dir: DataDir = None,
) -> None:
    """Take everything that came through a link out of the chart, and take in no more."""
    from chartbridge.commands import links

    links.undo(settings_with(data_dir=data_dir), env, account, link_id, by)


@cli.command("accept")
def links_accept(
    link_id: LinkId,
    env: Env,
    account: OfAccount = "default",
    by: DecidedBy = None,
    data_dir: DataDir = None,
) -> None:
    """Say that the network's patient is ours, whatever the comparison says."""
    from chartbridge.commands import links

    links.accept(settings_with(data_dir=data_dir), env, account, link_id, by)
