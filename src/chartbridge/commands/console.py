"""Where commands talk: stderr, so that stdout holds results alone."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console

talk = Console(stderr=True, highlight=False)


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong and what to do, and end."""
    talk.print(f"[bold red]error:[/] {message}", soft_wrap=True)
    raise typer.Exit(code)


results = Console(highlight=False)
