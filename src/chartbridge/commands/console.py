"""Where commands talk: stderr, so that stdout holds results alone."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape

talk = Console(stderr=True, highlight=False)


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong and what to do, and end."""
    talk.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(code)


results = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
"""Tables for programs to read are never wrapped."""
