"""API keys."""

from __future__ import annotations

from typing import Annotated

import typer

from chartbridge.cli.options import DataDir, settings_with

cli = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")


@cli.command("create")
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
        settings_with(data_dir=data_dir),
        env,
        account,
        read_only=read_only,
        expires=expires,
        expires_in_days=expires_in,
    )


@cli.command("list")
def keys_list(data_dir: DataDir = None) -> None:
    """List keys without their secrets, newest first."""
    from chartbridge.commands import keys

    keys.show(settings_with(data_dir=data_dir))


@cli.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, or the whole key.")], data_dir: DataDir = None
) -> None:
    """Refuse a key from now on."""
    from chartbridge.commands import keys

    keys.revoke(settings_with(data_dir=data_dir), key_id)
