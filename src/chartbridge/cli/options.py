"""Options that several commands share, and the settings that they change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chartbridge.commands.console import fail

if TYPE_CHECKING:
    from chartbridge.config import Settings

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the embedded database and objects.")
]
AccountName = Annotated[str, typer.Argument(help="Name of the account.")]
Env = Annotated[str, typer.Option(help="sandbox or production.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to bind; 8080 unless set.")]
OfAccount = Annotated[str, typer.Option("--account", help="Account name.")]


def settings_with(**overrides: Any) -> Settings:
    """Settings with what the command line says; a clear error for what cannot be used."""
    from pydantic import ValidationError

    from chartbridge.config import Settings

    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"CHARTBRIDGE_{str(first['loc'][0]).upper()}: {first['msg']}")
